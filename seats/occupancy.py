"""Occupancy: who sat in the places that a line bills, and for how long.

A line bills places: the first ten, or the eleventh to the fifteenth. Whoever has sat
longest sits in the lowest place, and when somebody leaves, everybody after them moves
down one. So at every instant each person sits in one place, the places of all lines
together are those that were bought, and empty ones are the highest.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from kernel.time import Period

Rank = tuple[datetime, int]
"""What decides who sits lower: since when, and the number of the assignment."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Places:
    """The places above the first `above` ones, up to and with `upto`, during a span."""

    above: int
    upto: int
    span: Period

    @property
    def count(self) -> int:
        """How many there are."""
        return self.upto - self.above


@dataclass(frozen=True, slots=True)
class Sitting:
    """An assignment, from when it was given until it was released; None while it lasts."""

    number: int
    since: datetime
    until: datetime | None = None


class Spell(NamedTuple):
    """A time that somebody sat in places of a line."""

    span: Period
    number: int

    @property
    def seconds(self) -> int:
        """How long it was, in whole seconds."""
        return self.span.length // _SECOND


def sat_in(places: Places, sittings: Iterable[Sitting]) -> list[Spell]:
    """Who sat in the places, for which spans, in the order in which they sat down there."""
    room = _Room(places)
    for moment, leaves, rank in _moves(places.span, sittings):
        if leaves:
            room.left(rank, moment)
        else:
            room.joined(rank, moment)
    return room.over()


def most_taken(spells: Sequence[Spell]) -> int:
    """How many of the places were taken at once, when most were."""
    # Who leaves at an instant has left before anybody sits down at it.
    moves = sorted([(spell.span.start, 1) for spell in spells] + [(spell.span.end, -1) for spell in spells])
    taken = most = 0
    for _, step in moves:
        taken += step
        most = max(most, taken)
    return most


def seconds_empty(places: Places, spells: Sequence[Spell]) -> int:
    """For how many seconds places were empty, all places together."""
    taken = sum((spell.span.length for spell in spells), timedelta(0))
    return (places.span.length * places.count - taken) // _SECOND


def _moves(span: Period, sittings: Iterable[Sitting]) -> Iterator[tuple[datetime, bool, Rank]]:
    """Everybody's coming and leaving within the span, those who leave first."""
    moves = []
    for sitting in sittings:
        rank = (sitting.since, sitting.number)
        start, end = max(sitting.since, span.start), min(sitting.until or span.end, span.end)
        if start < end:
            moves.append((start, False, rank))
            if end < span.end:
                moves.append((end, True, rank))
    yield from sorted(moves, key=lambda move: (move[0], not move[1], move[2]))


@dataclass(slots=True)
class _Room:
    """Everybody who sits at a moment, lowest first, and who of them sits in the places that are asked for."""

    places: Places
    present: list[Rank] = field(default_factory=list)
    since: dict[Rank, datetime] = field(default_factory=dict)
    spells: dict[Rank, list[Period]] = field(default_factory=dict)

    def joined(self, rank: Rank, moment: datetime) -> None:
        """Somebody sits down; whoever has sat less long moves up one."""
        at = bisect_left(self.present, rank)
        insort(self.present, rank)
        self._across(at, moment, up=True)
        if self.places.above <= at < self.places.upto:
            self._comes(rank, moment)

    def left(self, rank: Rank, moment: datetime) -> None:
        """Somebody leaves; whoever has sat less long moves down one."""
        at = bisect_left(self.present, rank)
        self._across(at, moment, up=False)
        if self.places.above <= at < self.places.upto:
            self._goes(rank, moment)
        del self.present[at]

    def over(self) -> list[Spell]:
        """Everybody's spells, now that the span is over."""
        for rank in list(self.since):
            self._goes(rank, self.places.span.end)
        spells = [Spell(span, number) for (_, number), spans in self.spells.items() for span in spans if span]
        return sorted(spells, key=lambda spell: (spell.span.start, spell.number))

    def _across(self, at: int, moment: datetime, *, up: bool) -> None:
        """Let those move across the lower and the upper edge of the places who have somebody coming or leaving below.

        Of an edge, it is who sits just above it: after a coming, or before a leaving.
        """
        for edge, inward in ((self.places.above, up), (self.places.upto, not up)):
            if at < edge < len(self.present):
                move = self._comes if inward else self._goes
                move(self.present[edge], moment)

    def _comes(self, rank: Rank, moment: datetime) -> None:
        spans = self.spells.setdefault(rank, [])
        # Who went and comes at one instant has not gone.
        gone = bool(spans) and spans[-1].end == moment
        self.since[rank] = spans.pop().start if gone else moment

    def _goes(self, rank: Rank, moment: datetime) -> None:
        if rank in self.since:
            self.spells.setdefault(rank, []).append(Period(self.since.pop(rank), moment))
