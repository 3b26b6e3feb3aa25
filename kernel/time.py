"""Time: half-open spans of aware UTC instants, and anchors that months hang from.

A period's boundaries are computed from the anchor, never from the boundary
before: 31 January, 28 February, 31 March. The anchor is a local wall-clock
moment in the account's own time zone; its boundaries are instants.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from kernel.errors import InvalidInput

_MICROSECOND = timedelta(microseconds=1)
_SHORTEST = 28
"""Days that every month has."""


class Interval(StrEnum):
    """How long a period lasts."""

    DAY = "day"
    """A day."""

    WEEK = "week"
    """Seven days."""

    MONTH = "month"
    """A month of the calendar."""

    YEAR = "year"
    """A year of the calendar."""


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The IANA time zone of this name. Raises InvalidInput."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(f"{name!r} is not an IANA time zone, such as 'Europe/Berlin'.") from None


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time that includes its start and not its end; both are aware UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        assert self.start.tzinfo is not None, "a period starts at an aware instant"
        assert self.end.tzinfo is not None, "a period ends at an aware instant"
        assert self.start <= self.end, f"a period runs forward, not {self.start} to {self.end}"

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __bool__(self) -> bool:
        return self.start < self.end

    @property
    def length(self) -> timedelta:
        """From start to end."""
        return self.end - self.start

    def left_at(self, moment: datetime) -> Fraction:
        """The share of the period still ahead at `moment`, from 1 to 0."""
        return self.share_of(Period(min(max(moment, self.start), self.end), self.end))

    def share_of(self, part: Period) -> Fraction:
        """How much of this period `part` covers, as an exact fraction."""
        covered = self.overlap(part)
        return Fraction(covered.length // _MICROSECOND, self.length // _MICROSECOND) if self else Fraction(0)

    def overlap(self, other: Period) -> Period:
        """The span both have in common; empty when they have none."""
        start = max(self.start, other.start)
        return Period(start, max(start, min(self.end, other.end)))


@dataclass(frozen=True, slots=True)
class Anchor:
    """A local moment from which all boundaries of a subscription are counted.

    `local` is a naive wall-clock time in the IANA zone `zone`.
    """

    local: datetime
    zone: str = "UTC"

    def __post_init__(self) -> None:
        assert self.local.tzinfo is None, "an anchor is a wall-clock time of its zone"

    @classmethod
    def at(cls, moment: datetime, zone_name: str = "UTC") -> Anchor:
        """The anchor that hangs from an instant; of a wall-clock time that comes twice, from the first."""
        return cls(moment.astimezone(zone(zone_name)).replace(tzinfo=None, fold=0), zone_name)

    def boundary(self, number: int, interval: Interval, count: int = 1) -> datetime:
        """The start of period `number` (0 is the anchor itself), as an aware UTC instant.

        Months and years clamp to the last day of a short month. A wall-clock time
        that a daylight-saving jump skips is read with the offset before the jump;
        one that occurs twice is the first.
        """
        steps, there = number * count, zone(self.zone)
        if interval is Interval.MONTH:
            moment = _months_on(self.local, steps, there)
            return moment if there is UTC else moment.astimezone(UTC)
        if interval is Interval.YEAR:
            return _months_on(self.local, 12 * steps, there).astimezone(UTC)
        days = 7 * steps if interval is Interval.WEEK else steps
        return (self.local + timedelta(days=days)).replace(tzinfo=there).astimezone(UTC)

    def period(self, number: int, interval: Interval, count: int = 1) -> Period:
        """Period `number` of the subscription."""
        return Period(self.boundary(number, interval, count), self.boundary(number + 1, interval, count))

    def period_at(self, moment: datetime, interval: Interval, count: int = 1) -> tuple[int, Period]:
        """The number and the span of the period that `moment` falls into."""
        number = self._near(moment, interval) // count
        start, end = self.boundary(number, interval, count), self.boundary(number + 1, interval, count)
        while end <= moment:
            number, start, end = number + 1, end, self.boundary(number + 2, interval, count)
        while start > moment:
            number, start, end = number - 1, self.boundary(number - 1, interval, count), start
        return number, Period(start, end)

    def _near(self, moment: datetime, interval: Interval) -> int:
        """About how many intervals lie between the anchor and `moment`: by the calendar, so at most one off."""
        local = moment.astimezone(zone(self.zone))
        if interval is Interval.MONTH:
            return (local.year - self.local.year) * 12 + local.month - self.local.month
        if interval is Interval.YEAR:
            return local.year - self.local.year
        days = local.toordinal() - self.local.toordinal()
        return days // 7 if interval is Interval.WEEK else days


def _months_on(local: datetime, months: int, there: tzinfo) -> datetime:
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = local.day if local.day <= _SHORTEST else min(local.day, monthrange(year, month + 1)[1])
    # Not by `replace`, which takes four times as long.
    clock = (local.hour, local.minute, local.second, local.microsecond)
    return datetime(year, month + 1, day, *clock, tzinfo=there, fold=local.fold)
