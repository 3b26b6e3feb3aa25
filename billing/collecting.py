"""Collecting: when seats that are bought in mid-period are billed.

They are there at once and owed at once, whatever the account chose. What differs
is which invoice asks for them: one of its own, the combined one of the month, or
that of the renewal. Whatever bills a subscription before that asks for them too,
for a bill is always the difference.

Seats that a full pool buys by itself are a risk that nobody looked at: where the pool
has become far larger than its period began, they are asked for at once.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from kernel.time import Anchor, Interval

# A calendar month begins on its first day, at midnight.
_FIRST = datetime(2001, 1, 1)  # noqa: DTZ001 - an anchor is wall-clock time


class SeatCollection(StrEnum):
    """When seats that are bought in mid-period are billed."""

    IMMEDIATELY = "immediately"
    """At once, on an invoice of their own."""

    MONTHLY = "monthly"
    """On the first of the month, those of all pools on one invoice; with the renewal, if that comes first."""

    AT_RENEWAL = "at_renewal"
    """With the renewal of their subscription."""


MOST_MORE, MOST_TIMES = 20, 2
"""So many more seats than the period began with, or so many times as many, are too many to be billed later."""


def grown_far(began_with: int, seats: int) -> bool:
    """Whether a pool of so many seats has grown far, since its period began with fewer."""
    return seats - began_with >= MOST_MORE or seats >= MOST_TIMES * began_with


def collected_at(how: SeatCollection, bought_at: datetime, renewal: datetime, zone_name: str) -> datetime:
    """When seats that are bought at an instant are billed, at the latest; `renewal` is when their period ends.

    The month begins at midnight of its first day where the account lives.
    """
    match how:
        case SeatCollection.IMMEDIATELY:
            return bought_at
        case SeatCollection.MONTHLY:
            _, month = Anchor(_FIRST, zone_name).period_at(bought_at, Interval.MONTH)
            return min(month.end, renewal)
        case SeatCollection.AT_RENEWAL:
            return renewal
