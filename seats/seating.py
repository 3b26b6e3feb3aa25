"""Seating: the states of a seat, what counts against a pool, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kernel.errors import Problem

INVITED_FOR = timedelta(days=7)
"""How long an invitation holds its seat."""

MOST_AT_ONCE = 10_000
"""The longest list of addresses one call may seat."""


class SeatState(StrEnum):
    """Where an assignment is in its life."""

    INVITED = "invited"
    """Waits for an invited person, for seven days; takes a place."""

    ACTIVE = "active"
    """In use; takes a place."""

    SUSPENDED = "suspended"
    """Kept and not in use; takes a place."""

    WAITLISTED = "waitlisted"
    """Wanted while the pool is full; takes no place."""

    RELEASED = "released"
    """Over, finally."""


class SeatSource(StrEnum):
    """Which way somebody came to their seat."""

    MANUAL = "manual"
    """An admin assigned it."""

    BULK = "bulk"
    """It came with a list."""

    TRANSFER = "transfer"
    """Somebody handed it on."""

    SSO = "sso"
    """The person signed in through single sign-on."""

    SCIM = "scim"
    """A directory asked for it."""

    GROUP = "group"
    """A rule for a directory's group asked for it."""

    KEY = "key"
    """A program assigned it."""


class Loss(StrEnum):
    """Why a seat was lost though nobody decided about whoever sat there, in words that are nobody's own."""

    ENDED = "subscription ended"
    """Its subscription is over."""

    RECLAIMED = "reclaimed"
    """Nobody used it."""

    DECREASED = "fewer seats"
    """Nobody pays for it any more."""


class InvitationState(StrEnum):
    """Where an invitation is in its life."""

    PENDING = "pending"
    """Waits for an answer."""

    ACCEPTED = "accepted"
    """The person came."""

    REVOKED = "revoked"
    """It was taken back."""

    EXPIRED = "expired"
    """Nobody came in seven days."""


CONSUMING = frozenset({SeatState.INVITED, SeatState.ACTIVE, SeatState.SUSPENDED})
"""The states that count against what was bought."""


@dataclass(eq=False)
class PoolExhausted(Problem):
    """Every seat the workspace pays for is taken."""

    says = "All {purchased} seats are taken. Release one, or buy more."
    purchased: int
    """How many seats the pool has."""

    set_apart: int = 0
    """How many of them are set apart for seat groups, and not taken."""

    @property
    def message(self) -> str:
        """The sentence, which tells of groups where there are some."""
        if not self.set_apart:
            return super().message
        taken = self.purchased - self.set_apart
        apart = f"{taken} of {self.purchased} are taken, and {self.set_apart} are set apart for groups"
        return f"No seat is free: {apart}. Release one, or buy more."


@dataclass(eq=False)
class PoolClosed(Problem):
    """The subscription that paid for the pool has ended."""

    says = "The subscription behind {name} has ended. Buy seats again first."
    name: str
    """The pool's name."""


@dataclass(eq=False)
class AlreadySeated(Problem):
    """The person already has a seat in this pool."""

    says = "{email} already has a seat in this pool."
    email: str
    """Whose seat it is."""


@dataclass(eq=False)
class SeatNotHeld(Problem):
    """The seat is not in a state from which this can be done."""

    says = "This seat is {state}, so this can't be done with it. {advice}"
    state: str
    """The state the seat is in."""

    advice: str
    """What to do instead."""


@dataclass(eq=False)
class AlreadyMember(Problem):
    """The person is a member of this workspace already."""

    says = "{email} is a member already. Assign a seat, or change the role, instead."
    email: str
    """Whose membership it is."""


@dataclass(eq=False)
class AlreadyInvited(Problem):
    """Somebody with this address has an invitation that is still open."""

    says = "{email} has been invited already. Revoke that invitation first, or wait for the answer."
    email: str
    """Where the open invitation went."""


@dataclass(eq=False)
class InvitationClosed(Problem):
    """The invitation was answered, taken back or has run out."""

    says = "This invitation is {state}. Ask for a new one."
    state: str
    """What became of it."""


@dataclass(eq=False)
class InvitedSomebodyElse(Problem):
    """The invitation was written to another address than the one you have proven to own."""

    says = "This invitation is for another address. Sign in with the address it was sent to."


@dataclass(eq=False)
class InvitationLinkClosed(Problem):
    """No invitation is accepted with this token: there is none, or it was accepted, taken back, or has run out."""

    says = (
        "This invitation can't be accepted: it was accepted, taken back, sent anew, or is older than seven days."
        " Use the latest letter, or ask for a new one."
    )


class BulkOutcome(StrEnum):
    """What can come of one address of a list."""

    ASSIGNED = "assigned"
    """A member, seated at once."""

    INVITED = "invited"
    """Invited, with a seat that waits."""

    ALREADY_SEATED = "already_seated"
    """Has a seat in this pool already."""

    REPEATED = "repeated"
    """Stands in the list before."""

    NOT_AN_ADDRESS = "not_an_address"
    """Is no e-mail address."""

    REQUESTED = "requested"
    """The pool was full, and their seat is requested."""

    NO_SEAT_LEFT = "no_seat_left"
    """The pool was full."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one address of a list."""

    email: str
    outcome: BulkOutcome
    seat_id: int | None
    request_id: int | None = None


def check(
    pool_name: str, purchased: int, assigned: int, *, closed: bool, email: str, held: bool, set_apart: int = 0
) -> None:
    """Refuse a seat of a closed pool, a second seat to one person, one that nobody pays for, and a group's."""
    if closed:
        raise PoolClosed(pool_name)
    if held:
        raise AlreadySeated(email)
    if assigned + set_apart >= purchased:
        raise PoolExhausted(purchased, set_apart)


_ADVICE = {
    SeatState.RELEASED: "Assign a new seat to the person.",
    SeatState.WAITLISTED: "Release another seat, or buy more, and it will be taken up.",
    SeatState.INVITED: "Wait until the invitation is accepted, or release the seat.",
    SeatState.ACTIVE: "It is in use.",
    SeatState.SUSPENDED: "Resume it first.",
}


def movable(state: SeatState, allowed: frozenset[SeatState]) -> None:
    """Refuse a move from a state it can't start from. Raises SeatNotHeld."""
    if state not in allowed:
        raise SeatNotHeld(state.value, _ADVICE[state])
