"""What we ask about who sat where: one statement for any number of lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from kernel.time import Period
from kernel.work import Work
from seats.seating import SeatState


class Asked(NamedTuple):
    """The pool that an item pays for, during a span."""

    account_id: int
    item_id: int
    span: Period


@dataclass(frozen=True, slots=True)
class Sitter:
    """Somebody in a seat: their address and number, if the reader may see who sits."""

    seat_id: int
    since: datetime
    until: datetime | None
    state: SeatState
    email: str | None
    person_id: int | None


async def sitters(work: Work, asked: Sequence[Asked]) -> list[list[Sitter] | None]:
    """For each, who had a seat of the pool meanwhile; None for an item that pays for no pool that the reader sees."""
    rows = await work.fetch(
        "select * from sitters($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])",
        [one.account_id for one in asked],
        [one.item_id for one in asked],
        [one.span.start for one in asked],
        [one.span.end for one in asked],
    )
    found: list[list[Sitter] | None] = [None] * len(asked)
    for place, seat_id, since, until, state, email, person_id in rows:
        there = found[place - 1] = found[place - 1] or []
        if seat_id is not None:
            there.append(Sitter(seat_id, since, until, SeatState(state), email, person_id))
    return found
