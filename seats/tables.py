"""License pools, who sits in them, and who was asked to."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from auth.policy import Role
from kernel.rows import instant, key, secret, text, whole, word
from seats.requesting import RequestState
from seats.seating import InvitationState, Loss, SeatSource, SeatState
from seats.suggesting import JoinRequestState


class LicensePool(SQLModel, table=True):
    """The seats one subscription item paid for."""

    __tablename__ = "license_pool"

    account_id: int = key()
    id: int = key()
    name: str = text()
    plan_id: int = whole()
    subscription_id: int = whole()
    subscription_item_id: int = whole()
    purchased: int = 0
    assigned: int = 0
    """How many seats are invited, active or suspended; changed only beside the assignment it counts."""

    set_apart: int = 0
    """How many seats its groups may take and have not taken; changed only beside what it counts."""

    created_at: datetime = instant()
    closed_at: datetime | None = instant(optional=True)


class SeatGroup(SQLModel, table=True):
    """A part of a pool's seats that is set apart for somebody."""

    __tablename__ = "seat_group"

    account_id: int = key()
    id: int = key()
    pool_id: int = whole()
    name: str = text()
    allocation: int = 0
    assigned: int = 0
    """How many of its seats are invited, active or suspended; changed only beside the assignment it counts."""

    created_at: datetime = instant()
    removed_at: datetime | None = instant(optional=True)


class GroupAdmin(SQLModel, table=True):
    """A member who gives the seats of one seat group."""

    __tablename__ = "group_admin"

    account_id: int = key()
    id: int = key()
    seat_group_id: int = whole()
    member_id: int = whole()
    person_id: int = whole()
    appointed_by: int | None = whole(optional=True)
    appointed_at: datetime = instant()
    dismissed_at: datetime | None = instant(optional=True)


class Assignment(SQLModel, table=True):
    """A person in a seat, for a span of time."""

    account_id: int = key()
    id: int = key()
    pool_id: int = whole()
    plan_id: int = whole()
    email: str = text()
    person_id: int | None = whole(optional=True)
    """Null until the invited person accepts."""

    person_key: str = text()
    """The person's number, or their address until they accept: one of them sits once in a pool."""

    state: SeatState = word(SeatState)
    source: SeatSource = word(SeatSource)
    seat_group_id: int | None = whole(optional=True)
    """The seat group whose seat it is; None for one of the rest of the pool."""

    since: datetime = instant()
    suspended_at: datetime | None = instant(optional=True)
    released_at: datetime | None = instant(optional=True)
    release_reason: str | None = text(optional=True)
    loss: Loss | None = word(Loss, optional=True)
    """Why it was lost though nobody decided about its holder; None where somebody did, whatever they gave as reason."""

    in_place_of: int | None = whole(optional=True)
    """The seat they had lost, where they were given this one for it."""

    protected_at: datetime | None = instant(optional=True)
    """Since when it is kept from being released by itself."""

    reclaim_noticed_at: datetime | None = instant(optional=True)
    """When its holder was told that it is taken back because nobody uses it."""

    reclaim_at: datetime | None = instant(optional=True)
    """When it is taken back, as its holder was told."""

    reclaim_reminded_at: datetime | None = instant(optional=True)
    """When they were told once more."""

    kept_since: datetime | None = instant(optional=True)
    """When its holder left for a while; None for anybody who is here."""

    kept_until: datetime | None = instant(optional=True)
    """Until when it is theirs if they come back."""


class Invitation(SQLModel, table=True):
    """A letter that asks somebody to join a workspace."""

    account_id: int = key()
    id: int = key()
    email: str = text()
    role: Role = word(Role)
    state: InvitationState = word(InvitationState)
    invited_by: int | None = whole(optional=True)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    answered_at: datetime | None = instant(optional=True)
    in_place_of: int | None = whole(optional=True)
    """The one that was sent before, where this one was sent anew."""

    token_hash: bytes | None = secret(optional=True)
    """Of what stands in the link of the letter; None until it has left."""


class SeatRequest(SQLModel, table=True):
    """Somebody wants a seat, and an admin decides."""

    __tablename__ = "seat_request"

    account_id: int = key()
    id: int = key()
    pool_id: int = whole()
    plan_id: int = whole()
    email: str = text()
    person_id: int | None = whole(optional=True)
    """Null for whoever is no member."""

    person_key: str = text()
    """The person's number, or their address: for one of them a seat of a pool is requested once at a time."""

    asked_by: int | None = whole(optional=True)
    note: str | None = text(optional=True)
    state: RequestState = word(RequestState)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    settled_at: datetime | None = instant(optional=True)
    settled_by: int | None = whole(optional=True)
    reason: str | None = text(optional=True)
    assignment_id: int | None = whole(optional=True)


class JoinRequest(SQLModel, table=True):
    """Somebody of a workspace's domain asks to join it, and an admin decides."""

    __tablename__ = "join_request"

    account_id: int = key()
    id: int = key()
    domain_id: int = whole()
    person_id: int = whole()
    email: str = text()
    note: str | None = text(optional=True)
    state: JoinRequestState = word(JoinRequestState)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    settled_at: datetime | None = instant(optional=True)
    settled_by: int | None = whole(optional=True)
    reason: str | None = text(optional=True)
