"""Requests for seats."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from billing.subscriptions import SeatsNotOffered, SubscriptionOver
from resolvers import requesting as resolve
from resolvers.graph import Column, holders
from schema.base import Node, Word, face, one, value, words
from schema.changes import mutation
from schema.seats import cost
from seats import tables
from seats.overage import OverageLimitReached
from seats.requesting import AlreadyRequested, NoSeatsOfPlan, RequestSettled, RequestState
from seats.seating import AlreadySeated, PoolClosed, PoolExhausted

words(RequestState, "Where a request for a seat is in its life.", name="SeatRequestState")


@face(tables.SeatRequest, "request", visible=holders(Permission.SEE_SEATS, own="person_id"))
class SeatRequest(Node):
    """Somebody wants a seat, and an admin decides."""

    state: RequestState
    """Whether somebody has decided, and what."""

    email: str
    """For whom: their address."""

    note: str | None
    """What it is for, as whoever asked wrote it."""

    created_at: datetime
    """When it was asked for."""

    expires_at: datetime
    """When it runs out if nobody decides."""

    settled_at: datetime | None
    """When it was decided, taken back or ran out."""

    reason: str | None
    """Why it was declined, or why there was nothing to decide any more."""

    person = one("Person", by="person_id")
    """For whom, if they are a member."""

    asked_by = one("Person", by="asked_by")
    """Who asked: themselves, or whoever found the pool full; null for a program or a directory."""

    settled_by = one("Person", by="settled_by")
    """Who decided, if you may see them."""

    plan = one("Plan", by="plan_id", required=True)
    """What the seat would give."""

    pool = one("LicensePool", by="pool_id")
    """Of which pool, if you may see it."""

    seat = one("Seat", by="assignment_id")
    """The seat that was given."""

    workspace = one("Workspace", by="account_id")
    """Where; null once you may not see it any more."""


@value(resolve.SeatRequestApproved)
class SeatRequestApproved:
    """What came of approving a request."""

    request = one("SeatRequest", by="request_id", required=True)
    """The request."""

    seat = one("Seat", by="seat_id", required=True)
    """The seat."""

    bought: int
    """How many seats were bought for it."""

    cost = Word(Column("cost_minor"), "Money | None", resolve=cost)
    """What is asked for the seat that was bought, with tax; null when none was."""

    invoice = one("Invoice", by="invoice_id")
    """What was billed for it at once, if you may see it."""

    collected_at: datetime | None
    """When it is billed at the latest, if not at once."""


_NOT_GIVEN = [PoolExhausted, PoolClosed, AlreadySeated, OverageLimitReached, SubscriptionOver, SeatsNotOffered]


@strawberry.type
class RequestMutation:
    """The life of a request for a seat."""

    request_seat = mutation(
        resolve.request_seat, "SeatRequest", refusals=[NoSeatsOfPlan, AlreadySeated, AlreadyRequested]
    )
    withdraw_seat_request = mutation(resolve.withdraw_seat_request, "SeatRequest", refusals=[RequestSettled])
    approve_seat_request = mutation(
        resolve.approve_seat_request, "SeatRequestApproved", refusals=[RequestSettled, *_NOT_GIVEN]
    )
    decline_seat_request = mutation(resolve.decline_seat_request, "SeatRequest", refusals=[RequestSettled])
