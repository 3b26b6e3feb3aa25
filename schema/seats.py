"""License pools and the seats in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from auth.policy import Permission
from billing.coupons import CodeNotAccepted
from billing.subscriptions import PlanNotOffered, SeatsNotOffered, SubscriptionOver
from kernel.money import Money
from resolvers import previewing
from resolvers import seats as resolve
from resolvers.graph import Column, holders
from schema.base import Node, Word, computed, face, one, value, words
from schema.changes import mutation
from schema.lists import containing, page
from seats import seating, tables
from seats.buying import Quote
from seats.overage import Overage, OverageLimitReached
from seats.requesting import AlreadyRequested
from seats.seating import AlreadySeated, BulkOutcome, PoolClosed, PoolExhausted, SeatNotHeld, SeatSource, SeatState

words(SeatState, "Where an assignment is in its life.")
words(SeatSource, "Which way somebody came to their seat.")
words(BulkOutcome, "What can come of one address of a list.")
words(Overage, "What becomes of whoever wants a seat of a full pool.", name="OveragePolicy")


def cost(row: Any, _info: Any) -> Money | None:
    """What is asked for seats that were bought; None when none were."""
    return None if row.currency is None else Money(row.cost_minor, row.currency)


@face(tables.LicensePool, "pool", visible=holders(Permission.SEE_COUNTS))
class LicensePool(Node):
    """The seats one subscription item paid for."""

    name: str
    """What people call it."""

    purchased: int
    """How many seats were bought."""

    assigned: int
    """How many are taken: invited, active or suspended."""

    set_apart: int
    """How many are set apart for seat groups, and not taken."""

    available = computed("greatest({row}.purchased - {row}.assigned - {row}.set_apart, 0)", "int")
    """How many are free for everybody."""

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

    seat_groups = page(
        "SeatGroup",
        by="pool_id",
        name="PoolGroups",
        where="{row}.removed_at is null",
        filters={"search": containing("name", "Only where the name contains this.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was made.")},
    )
    """The parts its seats are divided into."""


@face(tables.Assignment, "seat", visible=holders(Permission.SEE_SEATS, own="person_id", group="seat_group_id"))
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

    kept_until: datetime | None
    """Until when it is kept for its holder, whom a directory has deactivated; null for anybody who is here."""

    released_at: datetime | None
    """When it was released."""

    release_reason: str | None
    """Why it was released."""

    protected_at: datetime | None
    """Since when it is kept from being released by itself; null for a seat that is not."""

    reclaim_at: datetime | None
    """When it is taken back because nobody uses it, as its holder was told; null where they were not."""

    person = one("Person", by="person_id")
    """Who holds it; null until they accept."""

    plan = one("Plan", by="plan_id", required=True)
    """What it gives them."""

    pool = one("LicensePool", by="pool_id")
    """What it was bought with, if you may see that."""

    seat_group = one("SeatGroup", by="seat_group_id")
    """The seat group it is of, if it is of one and you may see that."""

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

    request = one("SeatRequest", by="request_id")
    """The request for one, where an admin decides."""


@value(resolve.ListSeated)
class ListSeated:
    """What came of a list of addresses."""

    seated: int
    """How many of them got a seat."""

    outcomes: list[SeatOutcome]
    """What came of each, in the order they were given."""

    pool = one("LicensePool", by="pool_id", required=True)
    """The pool afterwards."""

    bought: int
    """How many seats were bought for them, because the pool was full and the workspace buys then."""

    cost = Word(Column("cost_minor"), "Money | None", resolve=cost)
    """What is asked for the seats that were bought, with tax; null when none were."""

    invoice = one("Invoice", by="invoice_id")
    """What was billed for them at once, if you may see it."""

    collected_at: datetime | None
    """When they are billed at the latest, if not at once."""


@value(resolve.SeatBought)
class SeatBought:
    """A seat that was bought for whoever got it, because the pool was full and the workspace buys then."""

    seat = one("Seat", by="seat_id", required=True)
    """The seat they got."""

    bought: int
    """How many seats were bought."""

    cost = Word(Column("cost_minor"), "Money", resolve=cost)
    """What is asked for it, with tax, for the rest of the period."""

    invoice = one("Invoice", by="invoice_id")
    """What was billed for it at once, if you may see it."""

    collected_at: datetime | None
    """When it is billed at the latest, if not at once."""


@value(resolve.MovedSeat)
class MovedSeat:
    """The seat of another pool that somebody has instead of theirs."""

    seat = one("Seat", by="seat_id", required=True)
    """The new seat, in the state that the old one was in."""


@value(resolve.SeatsMoved)
class SeatsMoved:
    """What came of moving seats to another pool."""

    pool = one("LicensePool", by="pool_id", required=True)
    """The pool they are of now."""

    moved: list[MovedSeat]
    """The new seats, in the order in which the old ones were given."""


@value(previewing.AssignPreview)
class AssignPreview:
    """What seating people would come to, if it were done now."""

    seated = Word(Column("seating"), "int", resolve=lambda row, _: row.seating.seated)
    """How many of them would get a seat."""

    bought = Word(Column("seating"), "int", resolve=lambda row, _: row.seating.bought)
    """How many seats would be bought for them."""

    cost = Word(Column("seating"), "Money | None", resolve=lambda row, _: row.seating.cost)
    """What would be asked for those, with tax, for the rest of the period; null when none would be bought."""

    collected_at = Word(Column("seating"), "datetime | None", resolve=lambda row, _: _collected(row.seating.quote))
    """When they would be billed at the latest, if not at once."""

    invoice = Word(Column("invoice"), "InvoicePreview | None", resolve=lambda row, _: row.invoice)
    """The very document that would be made for them now, if you may see it."""


def _collected(quote: Quote | None) -> datetime | None:
    return quote.collected_at if quote else None


_NOT_SOLD = [OverageLimitReached, SubscriptionOver, SeatsNotOffered]
"""Why a full pool buys no more."""


@strawberry.type
class SeatMutation:
    """The life of a pool and its seats."""

    create_license_pool = mutation(
        resolve.create_license_pool, "LicensePool", refusals=[PlanNotOffered, SeatsNotOffered, CodeNotAccepted]
    )
    assign_seat = mutation(
        resolve.assign_seat,
        "Seat",
        "SeatBought",
        "SeatRequest",
        refusals=[PoolExhausted, PoolClosed, AlreadySeated, AlreadyRequested, *_NOT_SOLD],
    )
    assign_seats = mutation(resolve.assign_seats, "ListSeated", refusals=[PoolClosed, *_NOT_SOLD[1:]])
    change_overage = mutation(resolve.change_overage, "Workspace")
    release_seat = mutation(resolve.release_seat, "Seat", refusals=[SeatNotHeld])
    transfer_seat = mutation(resolve.transfer_seat, "Seat", refusals=[SeatNotHeld, AlreadySeated])
    move_seats = mutation(
        resolve.move_seats, "SeatsMoved", refusals=[SeatNotHeld, AlreadySeated, PoolClosed, PoolExhausted]
    )
    suspend_seat = mutation(resolve.suspend_seat, "Seat", refusals=[SeatNotHeld])
    resume_seat = mutation(resolve.resume_seat, "Seat", refusals=[SeatNotHeld])
