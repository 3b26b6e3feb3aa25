"""Revenue: a line is earned in equal parts on each local day of its span.

What is earned up to a day is rounded once, from the whole; a day's part is the
difference of two such sums. So the parts sum to the line, and what is deferred
on any day is exactly what is still to be recognized.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

from billing.proration import local_date, local_days
from kernel.money import Money
from kernel.time import Period

_DAY = timedelta(days=1)


def recognized(amount: Money, span: Period, through: date, zone_name: str = "UTC") -> Money:
    """What is earned by the end of the local day `through`.

    A span begins to be earned on its first day, and its end's day earns nothing;
    a span within one day is earned on it.
    """
    days = max(1, local_days(span, zone_name))
    passed = (through - local_date(span.start, zone_name)).days + 1
    return amount.times(Fraction(min(max(passed, 0), days), days))


def deferred(amount: Money, span: Period, through: date, zone_name: str = "UTC") -> Money:
    """What is billed and not yet earned at the end of the local day `through`."""
    return amount - recognized(amount, span, through, zone_name)


def earned_between(amount: Money, span: Period, after: date, through: date, zone_name: str = "UTC") -> Money:
    """What is earned on the days after `after`, up to and with `through`."""
    return recognized(amount, span, through, zone_name) - recognized(amount, span, after, zone_name)


def schedule(amount: Money, span: Period, zone_name: str = "UTC") -> Iterator[tuple[date, Money]]:
    """Each local day of the span and what is earned on it."""
    day = local_date(span.start, zone_name)
    for _ in range(max(1, local_days(span, zone_name))):
        yield day, earned_between(amount, span, day - _DAY, day, zone_name)
        day += _DAY
