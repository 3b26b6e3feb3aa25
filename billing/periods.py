"""Periods: the grid on which a subscription is billed, and what moves it.

A cycle says from when, from which anchor and how often. Another interval, or
another billing day, starts another cycle: the period it cuts short is billed up
to there, and the next may begin inside a whole one, of which it is then a share.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from billing.pricing import Price
from kernel.errors import InvalidInput
from kernel.time import Anchor, Interval, Period, zone


@dataclass(frozen=True, slots=True)
class Cycle:
    """From `since` on, periods of `count` intervals hang from the anchor."""

    since: datetime
    anchor: Anchor
    interval: Interval
    count: int = 1


@dataclass(frozen=True, slots=True)
class BillingPeriod:
    """What is billed in one go: `span`, as a share of the `whole` it lies in."""

    number: int
    span: Period
    whole: Period
    zone: str


def begun(cycles: Sequence[Cycle], now: datetime, since: datetime | None = None) -> Iterator[BillingPeriod]:
    """Every billing period that began at or before `now`, and ended after `since`."""
    number = 0
    for cycle, following in zip_longest(cycles, cycles[1:]):
        end = following.since if following else None
        first, whole = _period_at(cycle, cycle.since)
        place = first
        if since and cycle.since < since:
            place, whole = _period_at(cycle, min(since, end) if end else since)
        while (start := max(whole.start, cycle.since)) <= now and (end is None or start < end):
            span = Period(start, whole.end if end is None else min(whole.end, end))
            if since is None or since < span.end:
                yield BillingPeriod(number + place - first, span, whole, cycle.anchor.zone)
            place += 1
            whole = Period(whole.end, cycle.anchor.boundary(place + 1, cycle.interval, cycle.count))
        number += place - first


def spans(cycles: Sequence[Cycle], now: datetime, since: datetime) -> Iterator[Period]:
    """The spans alone of those billing periods, which are found without counting the ones before."""
    for cycle, following in zip_longest(cycles, cycles[1:]):
        end = following.since if following else None
        if end and end <= since:
            continue
        place, whole = _period_at(cycle, max(since, cycle.since))
        while (start := max(whole.start, cycle.since)) <= now and (end is None or start < end):
            stop = whole.end if end is None else min(whole.end, end)
            if since < stop:
                yield Period(start, stop)
            place += 1
            whole = Period(whole.end, cycle.anchor.boundary(place + 1, cycle.interval, cycle.count))


def at(cycles: Sequence[Cycle], moment: datetime) -> BillingPeriod:
    """The billing period that `moment` falls into; before the first one, the first one."""
    *_, period = begun(cycles, max(moment, cycles[0].since), max(moment, cycles[0].since))
    return period


def span_at(cycles: Sequence[Cycle], moment: datetime) -> Period:
    """The span of that billing period alone, which is found without counting those before it."""
    moment = max(moment, cycles[0].since)
    place = max(place for place, cycle in enumerate(cycles) if cycle.since <= moment)
    _, whole = _period_at(cycles[place], moment)
    start, end = max(whole.start, cycles[place].since), whole.end
    return Period(start, min(end, cycles[place + 1].since) if place + 1 < len(cycles) else end)


def renewal(cycles: Sequence[Cycle], moment: datetime) -> datetime:
    """The first start of a period at or after `moment`: when a change "at renewal" takes effect."""
    span = at(cycles, moment).span
    return span.start if moment <= span.start else span.end


def anniversary(start: datetime, interval: Interval, count: int = 1, zone_name: str = "UTC") -> Cycle:
    """Periods counted from the start itself, at the same local day and time."""
    return Cycle(start, Anchor.at(start, zone_name), interval, count)


def calendar(start: datetime, interval: Interval, count: int = 1, zone_name: str = "UTC") -> Cycle:
    """Periods of the calendar: local Mondays, firsts of a month, or of January."""
    # 1 January 2001 was a Monday.
    year = 2001 if interval is Interval.WEEK else start.year
    origin = datetime(year, 1, 1)  # noqa: DTZ001 - an anchor is wall-clock time
    return Cycle(start, Anchor(origin, zone_name), interval, count)


def on_day(cycle: Cycle, since: datetime, day: int) -> Cycle:
    """The cycle with another day of the month to bill on, from `since`. Raises InvalidInput.

    Months and quarters keep their rhythm; a day that a short month lacks is its last.
    """
    step = cycle.count if cycle.interval is Interval.MONTH else 12
    local, most = cycle.anchor.local, 0
    for months in range(0, 4 * 12 * step, step):
        year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
        most = max(most, monthrange(year, month + 1)[1])
        if 1 <= day <= most:
            moved = replace(cycle.anchor, local=local.replace(year=year, month=month + 1, day=day))
            return replace(cycle, since=since, anchor=moved)
    raise InvalidInput(f"The day to bill on is 1 to {most} here; {day} was asked for.")


def cut_at(cycles: Sequence[Cycle], moment: datetime) -> bool:
    """Whether a share of a whole period begins at this very instant, because the billing day was moved at it.

    Its charge follows from the grid that it was billed on, so what another grid would charge depended on the way
    there. A second move waits for another instant.
    """
    period = at(cycles, moment)
    return period.span.start == moment != period.whole.start


def trial_end(start: datetime, days: int, zone_name: str = "UTC") -> datetime:
    """When a trial ends: at the same local time so many days after the original start.

    A longer trial of another plan counts from the same start; it is not begun anew.
    """
    return Anchor.at(start, zone_name).boundary(days, Interval.DAY)


def restarts(old: Price | None, new: Price) -> bool:
    """Whether changing the price starts a new period: another interval, or the first that costs money."""
    if old is None:
        return False
    return (old.interval, old.count) != (new.interval, new.count) or (old.rule.free and not new.rule.free)


def changed(cycles: Sequence[Cycle], moment: datetime, old: Price | None, new: Price) -> tuple[Cycle, ...]:
    """The cycles after a change of price at `moment` (LAW 10)."""
    kept = tuple(cycles)
    if not restarts(old, new):
        return kept
    return (*kept, anniversary(moment, new.interval, new.count, kept[-1].anchor.zone))


def _period_at(cycle: Cycle, moment: datetime) -> tuple[int, Period]:
    place, whole = cycle.anchor.period_at(moment, cycle.interval, cycle.count)
    if whole.start < cycle.since and _same_time(whole.start, cycle.since, cycle.anchor.zone):
        # It began when its time of day came for the second time, and is a whole one all the same.
        return place, Period(cycle.since, whole.end)
    return place, whole


def _same_time(one: datetime, other: datetime, zone_name: str) -> bool:
    """Whether two instants are one wall-clock time, which comes twice."""
    there = zone(zone_name)
    return one.astimezone(there).replace(tzinfo=None) == other.astimezone(there).replace(tzinfo=None)
