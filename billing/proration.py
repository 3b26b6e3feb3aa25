"""Proration: which share of a period a span of it is.

To the second, a share is exact. By day, local calendar days of the account's
zone are counted, however long daylight saving makes them: a day goes to the
last state that charges in it, so a begun day is a used day. Without proration a
begun period costs the whole, and nothing is given back. The denominator is the
whole period, even where a subscription began inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction

from kernel.time import Period, zone

_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


class Proration(StrEnum):
    """How exactly a price follows time."""

    SECOND = "second"
    DAY = "day"
    NONE = "none"


def local_date(moment: datetime, zone_name: str) -> date:
    """The calendar date at an instant, where the account lives."""
    return moment.astimezone(zone(zone_name)).date()


def local_days(span: Period, zone_name: str) -> int:
    """How many local dates the span holds; its end's date is not one of them."""
    return (local_date(span.end, zone_name) - local_date(span.start, zone_name)).days


def share(spans: Sequence[Period], whole: Period, proration: Proration, zone_name: str) -> Fraction:
    """The share of `whole` that disjoint spans within it make up, from 0 to 1."""
    if proration is Proration.NONE or not spans:
        return Fraction(1 if spans else 0)
    if proration is Proration.SECOND:
        return sum((whole.share_of(span) for span in spans), Fraction(0))
    days = local_days(whole, zone_name)
    return Fraction(sum(local_days(span, zone_name) for span in spans), days) if days else Fraction(0)


def portion(span: Period, whole: Period, proration: Proration, zone_name: str) -> str:
    """The share of `whole` as a person writes it: "445540/2678400 s", "20/31 days"; empty for all of it."""
    if proration is Proration.NONE or span == whole:
        return ""
    if proration is Proration.DAY:
        return f"{local_days(span, zone_name)}/{local_days(whole, zone_name)} days"
    ticks, unit = (_SECOND, "s") if not (span.length % _SECOND or whole.length % _SECOND) else (_MICROSECOND, "µs")
    return f"{span.length // ticks}/{whole.length // ticks} {unit}"


def settled(moment: datetime, proration: Proration, zone_name: str, *, leaving: bool) -> datetime:
    """The instant from which a change counts on the bill.

    By day a new state counts from the local midnight before it, and a state
    that is left without a successor counts until the midnight after.
    """
    if proration is not Proration.DAY:
        return moment
    midnight = _midnight(local_date(moment, zone_name), zone_name)
    if leaving and midnight < moment:
        return _midnight(local_date(moment, zone_name) + timedelta(days=1), zone_name)
    return midnight


def _midnight(day: date, zone_name: str) -> datetime:
    return datetime.combine(day, time(), zone(zone_name)).astimezone(UTC)
