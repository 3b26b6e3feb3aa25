"""A timeline: where a person sat in a workspace, from when to when, and what each stay has cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.money import Money
from kernel.time import Period
from kernel.work import Work
from seats import sitting_queries, stays, timeline_queries
from seats.occupancy import Places, Sitting, Spell
from seats.seating import SeatState
from seats.sitting_queries import Asked
from seats.stays import Billed


@dataclass(frozen=True, slots=True)
class Stay:
    """A person in a seat, for a span of time; until nothing while it lasts."""

    seat_id: int
    pool_id: int
    state: SeatState
    since: datetime
    until: datetime | None
    reason: str | None
    cost: Money | None
    """What it has cost until now, before tax; None where nothing was billed that the reader may see."""


async def of_person(work: Work, account_id: int, person_id: int) -> list[Stay]:
    """Where a person sat, the latest stay first."""
    rows = await timeline_queries.stays(work, account_id, person_id)
    lines = await _lines(work, account_id, [row for row in rows if row["item_id"] is not None])
    return [
        Stay(
            row["id"],
            row["pool_id"],
            SeatState(row["state"]),
            row["since"],
            row["released_at"],
            row["release_reason"],
            stays.cost(row["id"], _during(row, lines.get(row["item_id"], ()), work.now)),
        )
        for row in rows
    ]


Line = tuple[Billed, Sequence[Spell]]


def _during(row: Any, lines: Sequence[Line], now: datetime) -> list[Line]:
    """The lines that bill some of a stay."""
    until = row["released_at"] or now
    return [line for line in lines if line[0].places.span.start < until and line[0].places.span.end > row["since"]]


async def _lines(work: Work, account_id: int, rows: Sequence[Any]) -> Mapping[int, Sequence[Line]]:
    """What was billed of these stays' pools, by item, and who sat there; lines of one span are asked for once."""
    if not rows:
        return {}
    items = sorted({row["item_id"] for row in rows})
    since = min(row["since"] for row in rows)
    found = await timeline_queries.billed(work, account_id, items, since, work.now)
    asked = {
        line: Asked(account_id, line["item_id"], Period(line["period_start"], line["period_end"])) for line in found
    }
    known = list(dict.fromkeys(asked.values()))
    sitters = dict(zip(known, await sitting_queries.sitters(work, known), strict=True)) if known else {}
    lines: dict[int, list[Line]] = defaultdict(list)
    for line in found:
        billed = Billed(
            Places(line["above"], line["quantity"], asked[line].span),
            Money(line["minor"], line["currency"]),
        )
        sittings = [Sitting(one.seat_id, one.since, one.until) for one in sitters[asked[line]] or ()]
        lines[line["item_id"]].append((billed, stays.sat(billed, sittings, work.now)))
    return lines
