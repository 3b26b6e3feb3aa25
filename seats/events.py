"""What happens to pools, seats and invitations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True)
class PoolCreated(Event):
    """A workspace bought seats."""

    subject: ClassVar[str] = "pool"
    pool: int


@dataclass(frozen=True)
class PoolClosed(Event):
    """The subscription behind a pool ended; its seats were released."""

    subject: ClassVar[str] = "pool"
    pool: int


@dataclass(frozen=True)
class SeatAssigned(Event):
    """Somebody got a seat, or an invitation that holds one."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatWaitlisted(Event):
    """Somebody wants a seat of a full pool, and waits for one."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatActivated(Event):
    """Somebody who was invited, or who waited, sat down."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatReleased(Event):
    """A seat is free again."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatSuspended(Event):
    """A seat is kept and can't be used."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatKeepingChanged(Event):
    """A suspended seat is kept for whoever left, or is theirs again as it was; it is suspended before and after."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatResumed(Event):
    """A suspended seat can be used again."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class InvitationSent(Event):
    """Somebody was asked to join."""

    subject: ClassVar[str] = "invitation"
    invitation: int


@dataclass(frozen=True)
class InvitationAccepted(Event):
    """Somebody came."""

    subject: ClassVar[str] = "invitation"
    invitation: int


@dataclass(frozen=True)
class InvitationRevoked(Event):
    """An invitation was taken back."""

    subject: ClassVar[str] = "invitation"
    invitation: int


@dataclass(frozen=True)
class InvitationExpired(Event):
    """Nobody came in time; the seat that waited is free."""

    subject: ClassVar[str] = "invitation"
    invitation: int


@dataclass(frozen=True)
class PoolResized(Event):
    """A pool has more seats, or fewer."""

    subject: ClassVar[str] = "pool"
    pool: int
    grown: bool = False
    """Whether it was full, and bought them for whoever was seated."""


@dataclass(frozen=True)
class OverageChanged(Event):
    """A workspace says otherwise what becomes of whoever wants a seat of a full pool."""

    subject: ClassVar[str] = "workspace"
    workspace: int


@dataclass(frozen=True)
class DecreaseChanged(Event):
    """A workspace says otherwise what becomes of taken seats when a pool is to have fewer."""

    subject: ClassVar[str] = "workspace"
    workspace: int


@dataclass(frozen=True)
class ReclaimChanged(Event):
    """A workspace says otherwise after how many days without use seats are taken back."""

    subject: ClassVar[str] = "workspace"
    workspace: int


@dataclass(frozen=True)
class SeatReclaimAnnounced(Event):
    """The holder of a seat that nobody uses was told that it is taken back."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatReclaimForgotten(Event):
    """A seat is not taken back after all: its holder came back, or it is left alone."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class PoolDecreaseAnnounced(Event):
    """A pool is about to become smaller than what is taken of it."""

    subject: ClassVar[str] = "pool"
    pool: int


@dataclass(frozen=True)
class SeatProtected(Event):
    """A seat is not released by itself."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatUnprotected(Event):
    """A seat may be released by itself again."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatGroupCreated(Event):
    """A part of a pool's seats was set apart for a group."""

    subject: ClassVar[str] = "seatgroup"
    seatgroup: int
    pool: int


@dataclass(frozen=True)
class SeatGroupChanged(Event):
    """A seat group has another name, or more seats, or fewer."""

    subject: ClassVar[str] = "seatgroup"
    seatgroup: int
    pool: int


@dataclass(frozen=True)
class SeatGroupRemoved(Event):
    """A seat group is no more; its seats are for everybody, and whoever sat there still does."""

    subject: ClassVar[str] = "seatgroup"
    seatgroup: int
    pool: int


@dataclass(frozen=True)
class GroupAdminAppointed(Event):
    """A member gives the seats of a group from now on."""

    subject: ClassVar[str] = "groupadmin"
    groupadmin: int
    seatgroup: int


@dataclass(frozen=True)
class GroupAdminDismissed(Event):
    """A member gives the seats of a group no more."""

    subject: ClassVar[str] = "groupadmin"
    groupadmin: int
    seatgroup: int


@dataclass(frozen=True)
class SeatRegrouped(Event):
    """A seat belongs to another seat group, or to none."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class SeatRequestOpened(Event):
    """A seat was requested for somebody."""

    subject: ClassVar[str] = "request"
    request: int
    pool: int


@dataclass(frozen=True)
class SeatRequestApproved(Event):
    """Somebody got the seat that was requested for them."""

    subject: ClassVar[str] = "request"
    request: int
    pool: int


@dataclass(frozen=True)
class SeatRequestDeclined(Event):
    """An admin said no to a request for a seat."""

    subject: ClassVar[str] = "request"
    request: int
    pool: int


@dataclass(frozen=True)
class SeatRequestWithdrawn(Event):
    """A request for a seat was taken back, or there was nothing to decide any more."""

    subject: ClassVar[str] = "request"
    request: int
    pool: int


@dataclass(frozen=True)
class SeatRequestExpired(Event):
    """Nobody decided about a request for a seat in time."""

    subject: ClassVar[str] = "request"
    request: int
    pool: int


@dataclass(frozen=True)
class JoinRequestOpened(Event):
    """Somebody asks to join a workspace of their domain."""

    subject: ClassVar[str] = "joining"
    joining: int


@dataclass(frozen=True)
class JoinRequestApproved(Event):
    """An admin let somebody in who asked."""

    subject: ClassVar[str] = "joining"
    joining: int


@dataclass(frozen=True)
class JoinRequestDeclined(Event):
    """An admin said no to somebody who asked to join."""

    subject: ClassVar[str] = "joining"
    joining: int


@dataclass(frozen=True)
class JoinRequestWithdrawn(Event):
    """A request to join was taken back, or means nothing any more."""

    subject: ClassVar[str] = "joining"
    joining: int


@dataclass(frozen=True)
class JoinRequestExpired(Event):
    """Nobody decided about a request to join in time."""

    subject: ClassVar[str] = "joining"
    joining: int


@dataclass(frozen=True)
class SeatImportBrought(Event):
    """A list of people was brought and foreseen; nobody was seated."""

    subject: ClassVar[str] = "seatimport"
    seatimport: int


@dataclass(frozen=True)
class SeatImportStarted(Event):
    """A list of people is seated from now on."""

    subject: ClassVar[str] = "seatimport"
    seatimport: int


@dataclass(frozen=True)
class SeatImportStopped(Event):
    """A list of people was stopped; what was seated stays."""

    subject: ClassVar[str] = "seatimport"
    seatimport: int


@dataclass(frozen=True)
class SeatImportDone(Event):
    """Every line of a list of people has come to what it comes to."""

    subject: ClassVar[str] = "seatimport"
    seatimport: int


@dataclass(frozen=True)
class SeatImportFailed(Event):
    """A list of people can't go on; what was seated stays."""

    subject: ClassVar[str] = "seatimport"
    seatimport: int
