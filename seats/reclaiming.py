"""Reclaiming: when a seat is taken back that nobody has used for as long as its workspace allows.

Its holder is told two weeks before and once more three days before, and keeps the seat by
using the workspace. Seats of owners, protected ones and suspended ones are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.errors import InvalidInput
from seats.seating import SeatState
from seats.shrinking import Sitting, exempt

LEAST_DAYS, MOST_DAYS = 14, 730

NOTICE = timedelta(days=14)
"""How long before its holder is told at the least."""

REMINDER = timedelta(days=3)
"""How long before they are told once more."""

REMEMBERED = timedelta(hours=25)
"""How much later than we remember somebody may have used a workspace."""


class ReclaimStep(StrEnum):
    """What is done next about a seat that nobody uses."""

    NOTICE = "notice"
    """Its holder is told."""

    REMIND = "remind"
    """They are told once more."""

    RECLAIM = "reclaim"
    """It is taken back."""

    FORGET = "forget"
    """What they were told means nothing any more: they came back, or the seat is left alone."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What the holder of a seat was told."""

    noticed_at: datetime
    reclaim_at: datetime
    reminded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """A seat, and how long nobody has used it."""

    sitting: Sitting
    notice: Notice | None = None
    after: timedelta | None = None
    """After how long its workspace takes seats back; None where it doesn't."""

    since: datetime = field(init=False)
    """Since when nobody has used it, for all we know."""

    def __post_init__(self) -> None:
        used = self.sitting.last_used_at
        # Whoever used the workspace before has the seat since then, and not since they used it.
        since = self.sitting.since if used is None else max(self.sitting.since, used + REMEMBERED)
        object.__setattr__(self, "since", since)

    @property
    def reclaim_at(self) -> datetime | None:
        """When it is taken back, if it stays as it is and its holder was told; None where seats aren't."""
        if self.after is None:
            return None
        told = self.notice
        return max(self.since + self.after, told.reclaim_at) if told else self.since + self.after


def left_alone(idle: Idle) -> bool:
    """Whether a seat is not taken back at all."""
    return idle.after is None or exempt(idle.sitting) or idle.sitting.state is not SeatState.ACTIVE


def step(idle: Idle, now: datetime) -> ReclaimStep | None:
    """What is to be done about a seat now; None for nothing."""
    told, used = idle.notice, idle.sitting.last_used_at
    if told and (left_alone(idle) or (used is not None and used >= told.noticed_at)):
        return ReclaimStep.FORGET
    if left_alone(idle) or idle.reclaim_at is None:
        return None
    if told is None:
        return ReclaimStep.NOTICE if now >= idle.reclaim_at - NOTICE else None
    if told.reminded_at is None:
        return ReclaimStep.REMIND if now >= idle.reclaim_at - REMINDER else None
    return ReclaimStep.RECLAIM if now >= idle.reclaim_at else None


def announced(idle: Idle, now: datetime, ahead: timedelta) -> datetime:
    """When a seat is taken back of which its holder is told now: never sooner than so much later."""
    assert idle.reclaim_at is not None, "nobody is told of what doesn't come"
    return max(idle.reclaim_at, now + ahead)


def days_of(days: int | None) -> int | None:
    """After how many days seats are taken back, if they are. Raises InvalidInput."""
    if days is not None and not LEAST_DAYS <= days <= MOST_DAYS:
        raise InvalidInput(f"Seats are taken back after {LEAST_DAYS} to {MOST_DAYS} days; {days:,} were given.")
    return days
