"""License pools and seats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from billing import disclosures, queries, subscriptions
from kernel import ids
from resolvers.info import Context, Info
from resolvers.policies import POLICIES, PoliciesShownInput, shown
from seats import bulk, operations
from seats.seating import BulkOutcome, Outcome, SeatSource
from seats.tables import Assignment, LicensePool

WHY = "Why, for the audit log: up to 1,000 characters."


@dataclass(frozen=True, slots=True)
class ListSeated:
    """What came of a list of addresses."""

    pool_id: int
    outcomes: list[Outcome]

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
    pool = await operations.create_pool(work, account, ids.decode("price", price), seats, name, code=code)
    bought = await queries.subscription(work, pool.account_id, pool.subscription_id)
    await disclosures.keep(work, bought, shown(policies), info.context.actor.person_id)
    return pool


async def assign_seat(
    info: Info,
    pool: Annotated[ID, "Which pool pays."],
    email: Annotated[str, "Who shall sit: a member's verified address, or where an invitation goes."],
) -> Assignment:
    """Give a person a seat. A member's is theirs at once; anybody else is invited, and it waits for seven days."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
    return await operations.assign(info.context.work, found.account_id, found.id, email, _source(info.context))


async def assign_seats(
    info: Info,
    pool: Annotated[ID, "Which pool pays."],
    emails: Annotated[list[str], "Who shall sit: up to 10,000 addresses, seated in this order until the pool is full."],
) -> ListSeated:
    """Seat a whole list. Every address has its own outcome, and one that can't be seated doesn't stop the others."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
    return ListSeated(found.id, await bulk.assign_all(info.context.work, found.account_id, found.id, emails))


async def release_seat(
    info: Info, seat: Annotated[ID, "Which seat."], reason: Annotated[str | None, WHY] = None
) -> Assignment:
    """Free a seat, finally. The person stays a member; seating them again is a new assignment."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    return await operations.release(info.context.work, found.account_id, found.id, reason)


async def transfer_seat(
    info: Info, seat: Annotated[ID, "Which seat."], email: Annotated[str, "Who sits there from now on."]
) -> Assignment:
    """Give a seat to another person. The pool holds as many as before, and the new seat is the answer."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    return await operations.transfer(info.context.work, found.account_id, found.id, email)


async def suspend_seat(info: Info, seat: Annotated[ID, "Which seat."]) -> Assignment:
    """Keep a seat and let nobody use it, for a leave of absence or a doubt."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    return await operations.suspend(info.context.work, found.account_id, found.id)


async def resume_seat(info: Info, seat: Annotated[ID, "Which seat."]) -> Assignment:
    """Let a suspended seat be used again."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    return await operations.resume(info.context.work, found.account_id, found.id)


def _source(context: Context) -> SeatSource:
    return SeatSource.MANUAL if context.actor.key_id is None else SeatSource.KEY
