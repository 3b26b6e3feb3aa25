"""License pools and the seats in them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from billing.coupons import CodeNotAccepted
from billing.subscriptions import PlanNotOffered, SeatsNotOffered
from resolvers import seats as resolve
from resolvers.graph import holders
from schema.base import Node, computed, face, one, value, words
from schema.changes import mutation
from schema.lists import page
from seats import seating, tables
from seats.seating import AlreadySeated, BulkOutcome, PoolClosed, PoolExhausted, SeatNotHeld, SeatSource, SeatState

words(SeatState, "Where an assignment is in its life.")
words(SeatSource, "Which way somebody came to their seat.")
words(BulkOutcome, "What can come of one address of a list.")


@face(tables.LicensePool, "pool", visible=holders(Permission.SEE_COUNTS))
class LicensePool(Node):
    """The seats one subscription item paid for."""

    name: str
    """What people call it."""

    purchased: int
    """How many seats were bought."""

    assigned: int
    """How many are taken: invited, active or suspended."""

    available = computed("{row}.purchased - {row}.assigned", "int")
    """How many are free."""

    created_at: datetime
    """When it was bought."""

    closed_at: datetime | None
    """When the subscription behind it ended."""

    plan = one("Plan", by="plan_id", required=True)
    """What a seat of it gives."""

    subscription = one("Subscription", by="subscription_id")
    """What pays for it, if you may see that."""

    workspace = one("Workspace", by="account_id", required=True)
    """Who bought it."""

    seats = page(
        "Seat",
        by="pool_id",
        name="PoolSeats",
        orders={"SINCE": ("since", "timestamptz", "By when it was taken.")},
    )
    """Who sits in it, and who did."""


@face(tables.Assignment, "seat", visible=holders(Permission.SEE_SEATS, own="person_id"))
class Seat(Node):
    """A paid place in a license pool, held by one person."""

    state: SeatState
    """Invited until the person accepts."""

    email: str
    """The holder's address."""

    source: SeatSource
    """Which way they came to it."""

    since: datetime
    """When it was taken."""

    suspended_at: datetime | None
    """When it was suspended."""

    released_at: datetime | None
    """When it was released."""

    release_reason: str | None
    """Why it was released."""

    person = one("Person", by="person_id")
    """Who holds it; null until they accept."""

    plan = one("Plan", by="plan_id", required=True)
    """What it gives them."""

    pool = one("LicensePool", by="pool_id")
    """What it was bought with, if you may see that."""

    workspace = one("Workspace", by="account_id")
    """Where; null once you may not see it any more."""


@value(seating.Outcome)
class SeatOutcome:
    """What came of one address of a list."""

    email: str
    """The address as it is stored, or what was given in its place."""

    outcome: BulkOutcome
    """What came of it."""

    seat = one("Seat", by="seat_id")
    """The seat they got."""


@value(resolve.ListSeated)
class ListSeated:
    """What came of a list of addresses."""

    seated: int
    """How many of them got a seat."""

    outcomes: list[SeatOutcome]
    """What came of each, in the order they were given."""

    pool = one("LicensePool", by="pool_id", required=True)
    """The pool afterwards."""


@strawberry.type
class SeatMutation:
    """The life of a pool and its seats."""

    create_license_pool = mutation(
        resolve.create_license_pool, "LicensePool", refusals=[PlanNotOffered, SeatsNotOffered, CodeNotAccepted]
    )
    assign_seat = mutation(resolve.assign_seat, "Seat", refusals=[PoolExhausted, PoolClosed, AlreadySeated])
    assign_seats = mutation(resolve.assign_seats, "ListSeated", refusals=[PoolClosed])
    release_seat = mutation(resolve.release_seat, "Seat", refusals=[SeatNotHeld])
    transfer_seat = mutation(resolve.transfer_seat, "Seat", refusals=[SeatNotHeld, AlreadySeated])
    suspend_seat = mutation(resolve.suspend_seat, "Seat", refusals=[SeatNotHeld])
    resume_seat = mutation(resolve.resume_seat, "Seat", refusals=[SeatNotHeld])
