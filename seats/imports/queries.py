"""What we ask about long lists of people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, func, select

from auth.addresses import is_address
from kernel.errors import NotFound
from kernel.work import Work
from seats.imports.rules import KEPT, OPEN, SeatImportPhase
from seats.imports.tables import SeatImport
from seats.listing import Verdict
from seats.sheets import Row

_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Begun:
    """A list that runs, as its next step finds it."""

    pool_id: int | None
    whole: bool
    judged: bool
    at_once: bool
    foreseen: dict[int, int]
    """How many seats of which pool were to be bought for it."""


@dataclass(frozen=True, slots=True)
class Behalf:
    """For whom a list is seated."""

    actor: str
    person_id: int | None
    key_id: int | None
    token: str
    reason: str | None


async def opened(work: Work, account_id: int) -> int:
    """How many lists of a workspace wait or run."""
    asked = select(func.count()).where(col(SeatImport.account_id) == account_id, col(SeatImport.state).in_(OPEN))
    return int(await work.one(asked))


async def seat_import(work: Work, account_id: int, number: int) -> SeatImport:
    """A list, locked. Raises NotFound."""
    asked = select(SeatImport).where(col(SeatImport.account_id) == account_id, col(SeatImport.id) == number)
    row: SeatImport | None = await work.one(asked.with_for_update())
    if row is None:
        raise NotFound
    return row


async def running(work: Work, most: int) -> list[tuple[int, int, Behalf]]:
    """The lists that run, those first that wait for their first step: whose, which, and for whom."""
    rows = await work.fetch(
        "select account_id, id, actor, person_id, key_id, token, reason from seat_import where state = 'running'"
        " order by judged_at nulls first, id limit $1",
        most,
    )
    return [(row["account_id"], row["id"], Behalf(*list(row)[2:])) for row in rows]


async def claim(work: Work, account_id: int, number: int) -> Begun | None:
    """A list that runs, kept from other workers until this transaction ends; None where one is at it, or it is over.

    It is not locked: whoever stops it waits for nobody.
    """
    free = await work.fetch("select pg_try_advisory_xact_lock(hashtextextended('seat_import', $1)) as free", number)
    if not free[0]["free"]:
        return None
    rows = await work.fetch(
        "select pool_id, whole, judged_at is not null as judged, at_once, purchases::text from seat_import"
        " where account_id = $1 and id = $2 and state = 'running'",
        account_id,
        number,
    )
    if not rows:
        return None
    pool_id, whole, judged, at_once, purchases = rows[0]
    return Begun(pool_id, whole, judged, at_once, {each["pool_id"]: each["bought"] for each in json.loads(purchases)})


async def reached(work: Work, account_id: int, number: int, phase: SeatImportPhase, tried: int) -> bool:
    """Write down how far a list is that runs; whether it does still."""
    return bool(
        await work.execute(
            "update seat_import set phase = $3, tried = $4 where account_id = $1 and id = $2 and state = 'running'",
            account_id,
            number,
            phase.value,
            tried,
        )
    )


async def lines(work: Work, number: int, most: int | None = None) -> list[Row]:
    """What is written in the lines that have come to nothing yet, in their order."""
    rows = await work.fetch(
        "select line, email, pool_written, role_written from seat_import_row"
        " where seat_import_id = $1 and not settled order by line limit $2",
        number,
        most,
    )
    return [Row(*row) for row in rows]


async def write(work: Work, row: SeatImport, written: Sequence[tuple[Row, Verdict]]) -> None:
    """Keep the lines of a list, with what would come of each."""
    await work.reserve(len(written))
    # Bit by bit, so that others in the process have their turn.
    for start in range(0, len(written), _BATCH):
        part = written[start : start + _BATCH]
        columns = zip(*((work.new_id(), *_told(line, verdict)) for line, verdict in part), strict=True)
        await work.execute(
            "insert into seat_import_row (account_id, seat_import_id, settled, id, line, email, pool_written,"
            " role_written, outcome, says, pool_id) select $1::bigint, $2::bigint, false, t.* from unnest("
            " $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[]) t",
            row.account_id,
            row.id,
            *map(list, columns),
        )


def _told(line: Row, verdict: Verdict) -> tuple[Any, ...]:
    # What is no address is kept whole: shortened, it might be one.
    email = verdict.email if is_address(line.email) else line.email
    return (line.line, email, line.pool, line.role, verdict.outcome.value, verdict.says, verdict.pool_id)


async def tell(work: Work, account_id: int, number: int, told: Sequence[Verdict], *, settled: bool) -> dict[str, int]:
    """Keep what comes of lines; `settled` is whether it has come. How many of them had which outcome before."""
    if not told:
        return {}
    rows = [(one.line, one.outcome.value, one.says, one.pool_id, one.seat_id, one.request_id) for one in told]
    columns = zip(*rows, strict=True)
    before = await work.fetch(
        "with before as (select outcome, count(*) as lines from seat_import_row"
        "   where seat_import_id = $2 and line = any($4::bigint[]) group by outcome),"
        " told as (update seat_import_row r set outcome = t.outcome, says = t.says, pool_id = t.pool, seat_id = t.seat,"
        "   request_id = t.request, settled = $3 from unnest($4::bigint[], $5::text[], $6::text[], $7::bigint[],"
        "   $8::bigint[], $9::bigint[]) t (line, outcome, says, pool, seat, request)"
        # Both ways, so that no plan goes through the whole list for each of these lines.
        "   where r.account_id = $1 and r.seat_import_id = $2 and r.line = t.line and r.line = any($4::bigint[]))"
        " select outcome, lines from before",
        account_id,
        number,
        settled,
        *map(list, columns),
    )
    return {row["outcome"]: row["lines"] for row in before}


async def out_of_date(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """The lists whose lines were kept as long as they are, and those that nobody started for as long."""
    rows = await work.fetch(
        "select account_id, id from seat_import where not forgotten and created_at <= $1"
        " and (state = 'ready' or ended_at <= $1) order by created_at, id limit $2",
        now - KEPT,
        most,
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def forget(work: Work, account_id: int, number: int) -> None:
    """Delete the lines of a list."""
    await work.execute("delete from seat_import_row where account_id = $1 and seat_import_id = $2", account_id, number)
