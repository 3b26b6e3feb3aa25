"""Shrinking: which seats go when a pool becomes smaller than what is taken of it.

Nobody is put out unless the workspace chose so. Where it did, the seats go in one
order: those that wait for somebody, the newest first; suspended ones; those of people
who have never used the workspace; then whoever has not used it for longest. Owners and
protected seats stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from auth.policy import Role
from seats.seating import SeatState

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class DecreasePolicy(StrEnum):
    """What becomes of seats that are taken when a pool is to have fewer."""

    KEEP_PAID = "keep_paid"
    """They stay, and are billed."""

    AUTO_RELEASE = "auto_release"
    """As many as are too many are released, in a fixed order."""


class ReleaseReason(StrEnum):
    """Why a seat is among the first to go."""

    INVITED = "invited"
    """It waits for somebody who was invited; the newest first."""

    SUSPENDED = "suspended"
    """It is suspended; the longest first."""

    NEVER_USED = "never_used"
    """Its holder has never used the workspace; who has sat longest first."""

    USED_LEAST_RECENTLY = "used_least_recently"
    """Its holder has not used the workspace for longer than the others."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """A seat that is taken, with what decides when it goes."""

    seat_id: int
    state: SeatState
    since: datetime
    suspended_at: datetime | None = None
    last_used_at: datetime | None = None
    """When its holder last used the workspace, to the day."""

    role: Role | None = None
    protected: bool = False


def exempt(one: Sitting) -> bool:
    """Whether a seat never goes by itself: an owner's, or a protected one."""
    return one.protected or one.role is Role.OWNER


def reason(one: Sitting) -> ReleaseReason:
    """Among which seats this one goes."""
    if one.state is SeatState.INVITED:
        return ReleaseReason.INVITED
    if one.state is SeatState.SUSPENDED:
        return ReleaseReason.SUSPENDED
    return ReleaseReason.NEVER_USED if one.last_used_at is None else ReleaseReason.USED_LEAST_RECENTLY


def leaving(sitting: Iterable[Sitting], too_many: int) -> list[Sitting]:
    """Which seats go when there are so many too many, the first to go first."""
    going = sorted((one for one in sitting if not exempt(one)), key=_place)
    return going[: max(too_many, 0)]


def _place(one: Sitting) -> tuple[int, timedelta, int]:
    """When a seat goes: its group, its moment there, and its number where one moment is not enough."""
    group = reason(one)
    moment = {
        ReleaseReason.INVITED: one.since,
        ReleaseReason.SUSPENDED: one.suspended_at or one.since,
        ReleaseReason.NEVER_USED: one.since,
        ReleaseReason.USED_LEAST_RECENTLY: one.last_used_at or one.since,
    }[group]
    age = moment - _BEGINNING
    return list(ReleaseReason).index(group), -age if group is ReleaseReason.INVITED else age, one.seat_id
