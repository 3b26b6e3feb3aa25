"""License pools and seats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from auth.tables import Workspace
from billing import disclosures, queries, subscriptions
from kernel import ids
from resolvers.info import MANY_SEATS, Context, Info
from resolvers.policies import POLICIES, PoliciesShownInput, shown
from seats import asking, bulk, growing, moving, operations, pools
from seats.growing import Bought
from seats.overage import Overage
from seats.seating import BulkOutcome, Outcome, SeatSource
from seats.tables import Assignment, LicensePool, SeatRequest

WHY = "Why, for the audit log: up to 1,000 characters."


@dataclass(frozen=True, slots=True)
class SeatBought:
    """A seat that had to be bought for whoever was seated."""

    seat_id: int
    bought: int
    cost_minor: int
    currency: str
    invoice_id: int | None
    collected_at: datetime | None


@dataclass(frozen=True, slots=True)
class MovedSeat:
    """The seat of another pool that somebody has instead of theirs."""

    seat_id: int


@dataclass(frozen=True, slots=True)
class SeatsMoved:
    """What came of moving seats to another pool."""

    pool_id: int
    moved: list[MovedSeat]


@dataclass(frozen=True, slots=True)
class ListSeated:
    """What came of a list of addresses."""

    pool_id: int
    outcomes: list[Outcome]
    bought: int = 0
    cost_minor: int | None = None
    currency: str | None = None
    invoice_id: int | None = None
    collected_at: datetime | None = None

    @property
    def seated(self) -> int:
        """How many of them got a seat."""
        return sum(outcome.outcome in {BulkOutcome.ASSIGNED, BulkOutcome.INVITED} for outcome in self.outcomes)


async def create_license_pool(
    info: Info,
    workspace: Annotated[ID, "Who buys."],
    price: Annotated[ID, "A price of a plan that is sold per seat."],
    seats: Annotated[int, "How many seats: 1 to 100,000."],
    name: Annotated[str, "What people call the pool: 1 to 200 characters."] = "Seats",
    code: Annotated[str | None, "A promotion code."] = None,
    policies: Annotated[PoliciesShownInput | None, POLICIES] = None,
) -> LicensePool:
    """Buy seats: a subscription to a per-seat plan, and the license pool it pays for."""
    found = await info.context.permitted(Permission.BUY, "workspace", workspace)
    subscriptions.quantity_of(seats)
    info.context.fresh_for(seats)
    account = await people.account(info.context.work, found.id)
    work = info.context.work
    pool = await pools.create_pool(work, account, ids.decode("price", price), seats, name, code=code)
    bought = await queries.subscription(work, pool.account_id, pool.subscription_id)
    await disclosures.keep(work, bought, shown(policies), info.context.actor.person_id)
    return pool


async def assign_seat(
    info: Info,
    pool: Annotated[ID, "Which pool pays."],
    email: Annotated[str, "Who shall sit: a member's verified address, or where an invitation goes."],
) -> Assignment | SeatBought | SeatRequest:
    """Give a person a seat. A member's is theirs at once; anybody else is invited, and it waits for seven days.

    When the pool is full, the workspace's `overage` says what becomes of it.
    """
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
    work, source = info.context.work, source_of(info.context)
    growth = await growing.allowed(work, found.account_id, found.id)
    if await asking.asks(work, found.account_id):
        request = await asking.ask_instead(work, found.account_id, found.id, email)
        if request is not None:
            return request
    seat = await operations.assign(work, found.account_id, found.id, email, source, growth=growth)
    return seat if not growth or not growth.bought else SeatBought(seat.id, **cost_of(growth.bought))


async def assign_seats(
    info: Info,
    pool: Annotated[ID, "Which pool pays."],
    emails: Annotated[list[str], "Who shall sit: up to 10,000 addresses, seated in this order until the pool is full."],
) -> ListSeated:
    """Seat a whole list. Every address has its own outcome, and one that can't be seated doesn't stop the others."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
    work = info.context.work
    growth = await growing.allowed(work, found.account_id, found.id)
    requests = await asking.asks(work, found.account_id)
    outcomes = await bulk.assign_all(work, found.account_id, found.id, emails, growth, requests=requests)
    if not growth or not growth.bought:
        return ListSeated(found.id, outcomes)
    info.context.fresh_for(growth.bought.seats)
    return ListSeated(found.id, outcomes, **cost_of(growth.bought))


async def change_overage(
    info: Info,
    workspace: Annotated[ID, "Which workspace."],
    overage: Annotated[Overage, "What becomes of whoever wants a seat of a full pool."],
    limit: Annotated[
        int | None, "How many seats a pool grows to at most, where missing ones are bought; left out, no limit."
    ] = None,
) -> Workspace:
    """Say what becomes of whoever wants a seat of a full pool: for people, lists, single sign-on and directories."""
    found = await info.context.permitted(Permission.BUY, "workspace", workspace)
    info.context.fresh_for(MANY_SEATS if overage is Overage.BUY else 0)
    return await growing.change_policy(info.context.work, found.id, overage, limit)


async def release_seat(
    info: Info, seat: Annotated[ID, "Which seat."], reason: Annotated[str | None, WHY] = None
) -> Assignment:
    """Free a seat, finally. The person stays a member; seating them again is a new assignment."""
    found = await info.context.permitted_in_group(Permission.ASSIGN_SEATS, "seat", seat)
    return await operations.release(info.context.work, found.account_id, found.id, reason)


async def transfer_seat(
    info: Info, seat: Annotated[ID, "Which seat."], email: Annotated[str, "Who sits there from now on."]
) -> Assignment:
    """Give a seat to another person. The pool holds as many as before, and the new seat is the answer."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    return await operations.transfer(info.context.work, found.account_id, found.id, email)


async def move_seats(
    info: Info,
    seats: Annotated[list[ID], "Which seats: up to 500, of one workspace."],
    pool: Annotated[ID, "Which pool they are of from now on."],
) -> SeatsMoved:
    """Give whoever holds these seats one of another pool of the workspace instead: all of them, or nobody."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
    numbers = [ids.decode("seat", seat) for seat in seats]
    moved = await moving.move(info.context.work, found.account_id, numbers, found.id)
    return SeatsMoved(found.id, [MovedSeat(one.id) for one in moved])


async def suspend_seat(info: Info, seat: Annotated[ID, "Which seat."]) -> Assignment:
    """Keep a seat and let nobody use it, for a leave of absence or a doubt."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    return await operations.suspend(info.context.work, found.account_id, found.id)


async def resume_seat(info: Info, seat: Annotated[ID, "Which seat."]) -> Assignment:
    """Let a suspended seat be used again."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    return await operations.resume(info.context.work, found.account_id, found.id)


def cost_of(bought: Bought) -> dict[str, Any]:
    """What seats cost that were bought, as an answer tells it."""
    invoice = bought.resized.invoice
    return {
        "bought": bought.seats,
        "cost_minor": bought.cost.minor,
        "currency": bought.cost.currency,
        "invoice_id": invoice.id if invoice else None,
        "collected_at": bought.resized.collected_at,
    }


def source_of(context: Context) -> SeatSource:
    """Which way somebody comes to a seat that this actor gives."""
    return SeatSource.MANUAL if context.actor.key_id is None else SeatSource.KEY
