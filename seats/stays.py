"""Stays: what a person's time in a seat has cost.

What is billed for seats is billed for places, and a person sat in one of them for
part of the time: their share of a line is that part of all the time the line bills.
So what a pool cost is what its people cost, and what its empty places did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from kernel.money import Money
from kernel.time import Period
from seats.occupancy import Places, Sitting, Spell, sat_in

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Billed:
    """What a line asks for places, after discounts and before tax; below zero when it gives something back."""

    places: Places
    amount: Money


def cost(number: int, billed: Sequence[tuple[Billed, Sequence[Spell]]]) -> Money | None:
    """What an assignment has cost, by the lines that billed its pool and who sat in each; None if there are none."""
    if not billed:
        return None
    (currency,) = {line.amount.currency for line, _ in billed}
    return Money(1, currency).times(sum((_share(number, line, spells) for line, spells in billed), Fraction(0)))


def sat(billed: Billed, sittings: Sequence[Sitting], until: datetime) -> list[Spell]:
    """Who sat in the places of a line until an instant."""
    places = billed.places
    if until <= places.span.start:
        return []
    return sat_in(Places(places.above, places.upto, Period(places.span.start, min(places.span.end, until))), sittings)


def _share(number: int, billed: Billed, spells: Sequence[Spell]) -> Fraction:
    """An assignment's exact part of what a line asks for, in minor units."""
    mine = sum((spell.span.length for spell in spells if spell.number == number), timedelta(0))
    whole = billed.places.span.length * billed.places.count
    return Fraction(billed.amount.minor * (mine // _TICK), whole // _TICK)
