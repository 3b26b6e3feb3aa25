"""Who sat in the seats that a line of an invoice bills, and for which seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billing.states import LineKind
from kernel import pages
from kernel.errors import InvalidInput
from kernel.time import Period
from resolvers.info import Info
from seats.occupancy import Places, Sitting, Spell, most_taken, sat_in, seconds_empty
from seats.seating import SeatState
from seats.sitting_queries import Asked, Sitter

_BILLED = {LineKind.CHARGE, LineKind.CREDIT, LineKind.RESTORED}


@dataclass(frozen=True, slots=True)
class SeatTime:
    """A time that somebody sat in one of the seats of a line."""

    seat_id: int
    email: str | None
    person_id: int | None
    state: SeatState
    since: datetime
    until: datetime | None
    """None while they sit there."""

    seconds: int
    listed: str
    """The name of the list that it stands in."""

    @property
    def place(self) -> tuple[datetime, int]:
        """Where it stands in the list."""
        return self.since, self.seat_id

    @property
    def cursor(self) -> str:
        """The same, for clients."""
        return pages.write(self.listed, self.place)


@dataclass(frozen=True, slots=True)
class SeatTimes:
    """One page of a list of times."""

    rows: Sequence[SeatTime]
    total: int
    before: bool
    after: bool


@dataclass(frozen=True, slots=True)
class Occupied:
    """The seats that a line bills, and who sat there until now."""

    line_id: int
    places: Places
    spells: Sequence[Spell]
    sitters: Mapping[int, Sitter]
    over: bool
    """Whether the span of the line is over."""

    @property
    def paid(self) -> int:
        """How many seats the line bills."""
        return self.places.count

    @property
    def never_taken(self) -> int:
        """How many of them nobody ever sat in."""
        return self.paid - most_taken(self.spells)

    @property
    def seconds_taken(self) -> int:
        """For how long seats were taken, all together."""
        return sum(spell.seconds for spell in self.spells)

    @property
    def seconds_empty(self) -> int:
        """For how long seats were empty, all together."""
        return seconds_empty(self.places, self.spells)

    def page(
        self, first: int | None, after: str | None, last: int | None, before: str | None, *, descending: bool
    ) -> SeatTimes:
        """A page of who sat there. Raises InvalidInput."""
        listed = f"LineSeats:{self.line_id}:{int(descending)}"
        wanted = pages.wanted(listed, first, after, last, before)
        rows = [self._told(spell, listed) for spell in self.spells]
        place = _place(wanted.place) if wanted.place else None
        later = descending == wanted.backward
        left = [row for row in rows if place is None or (row.place > place if later else row.place < place)]
        kept = left[: wanted.size] if later else left[-wanted.size :]
        shown = kept[::-1] if descending else kept
        more, placed = len(left) > len(kept), place is not None
        if wanted.backward:
            return SeatTimes(shown, len(rows), before=more, after=placed)
        return SeatTimes(shown, len(rows), before=placed, after=more)

    def _told(self, spell: Spell, listed: str) -> SeatTime:
        sitter = self.sitters[spell.number]
        still = not self.over and spell.span.end == self.places.span.end
        return SeatTime(
            sitter.seat_id,
            sitter.email,
            sitter.person_id,
            sitter.state,
            spell.span.start,
            None if still else spell.span.end,
            spell.seconds,
            listed,
        )


async def line_seats(row: Any, info: Info) -> Occupied | None:
    """Who sat in the seats that a line bills; None for a line that bills no seats."""
    if row.item_id is None or LineKind(row.kind) not in _BILLED:
        return None
    now, whole = info.context.work.now, Period(row.period_start, row.period_end)
    sitters = await info.context.sitters(Asked(row.account_id, row.item_id, whole))
    if sitters is None:
        return None
    span = Period(whole.start, min(whole.end, max(now, whole.start)))
    places = Places(row.above or 0, row.quantity, span)
    spells = sat_in(places, [Sitting(one.seat_id, one.since, one.until) for one in sitters])
    return Occupied(row.id, places, spells, {one.seat_id: one for one in sitters}, whole.end <= now)


def _place(place: tuple[Any, ...]) -> tuple[datetime, int]:
    # We sealed it, and yet another version of us may have.
    match place:
        case (str(moment), int(number)):
            with suppress(ValueError, OverflowError):
                return pages.instant_of(moment).astimezone(UTC), number
    raise InvalidInput("That is not a cursor of ours.")
