"""Restoring: whoever lost a seat though they did nothing sits again, while that is a short time ago.

Seats go with the subscription that paid for them, and where nobody uses them, by themselves.
Both are undone in one way: people get a new seat, in the order in which they got the old one,
as far as there is room. A seat that was suspended had a reason to be, and is left to an admin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from seats.seating import Loss, SeatSource

RESTORABLE_FOR = {Loss.ENDED: timedelta(days=30), Loss.RECLAIMED: timedelta(days=7)}
"""For how long after each of these losses people get their seats back."""

MOST_RESTORED = 10_000
"""How many people one call seats again at most."""


class RestoreOutcome(StrEnum):
    """What can come of somebody who sat, when seats are restored."""

    RESTORED = "restored"
    """They sit again, or would."""

    ALREADY_SEATED = "already_seated"
    """They have a seat of the pool already, or one in place of the seat they lost."""

    NOT_A_MEMBER = "not_a_member"
    """They are no member any more, or their address is not verified. Invite them."""

    SUSPENDED = "suspended"
    """Their seat was suspended. Assign them one if they may use it again."""

    NO_SEAT_LEFT = "no_seat_left"
    """The pool is full."""


@dataclass(frozen=True, slots=True)
class Sat:
    """A seat that somebody lost, and how they stand today."""

    seat_id: int
    person_id: int
    email: str
    """Where they are reached today."""

    source: SeatSource
    suspended: bool
    member: bool
    held: bool
    """Whether they have a seat of the pool that is to seat them, or one in place of this."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of somebody who sat, and which seat they have for it."""

    lost: Sat
    outcome: RestoreOutcome
    seat_id: int | None = None

    @property
    def email(self) -> str:
        """Who."""
        return self.lost.email

    @property
    def former_id(self) -> int:
        """Which seat they lost."""
        return self.lost.seat_id


def verdicts(sat: Iterable[Sat], room: int | None = None) -> list[Verdict]:
    """What would come of each, in their order, where so many seats are free; None for as many as it takes."""
    left = MOST_RESTORED if room is None else min(room, MOST_RESTORED)
    told = []
    for one in sat:
        verdict = Verdict(one, _alone(one))
        if verdict.outcome is RestoreOutcome.RESTORED:
            left -= 1
            verdict = verdict if left >= 0 else replace(verdict, outcome=RestoreOutcome.NO_SEAT_LEFT)
        told.append(verdict)
    return told


def _alone(one: Sat) -> RestoreOutcome:
    """What would come of somebody if there were always room."""
    if one.held:
        return RestoreOutcome.ALREADY_SEATED
    if not one.member:
        return RestoreOutcome.NOT_A_MEMBER
    return RestoreOutcome.SUSPENDED if one.suspended else RestoreOutcome.RESTORED
