"""Requests for seats: asked by members, decided by whoever gives seats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from kernel import ids
from kernel.errors import Forbidden, InvalidInput
from resolvers.info import Info
from resolvers.seats import cost_of, source_of
from seats import asking, deciding, growing
from seats.tables import SeatRequest


@dataclass(frozen=True, slots=True)
class SeatRequestApproved:
    """What came of approving a request: the seat, and what it cost if it had to be bought."""

    request_id: int
    seat_id: int
    bought: int = 0
    cost_minor: int | None = None
    currency: str | None = None
    invoice_id: int | None = None
    collected_at: datetime | None = None


async def request_seat(
    info: Info,
    workspace: Annotated[ID, "Of which workspace."],
    plan: Annotated[ID, "What the seat shall give."],
    note: Annotated[str | None, "What it is for, for whoever decides: up to 1,000 characters."] = None,
) -> SeatRequest:
    """Ask for a seat of a workspace you are a member of. Whoever gives seats there is told, and has fourteen days."""
    context = info.context
    person_id, account_id = context.person(), ids.decode("workspace", workspace)
    await people.membership(context.work, account_id, person_id)
    context.actor.require(Permission.SEE_ACCOUNT, account_id)
    if context.actor.broke_glass:
        raise Forbidden("You broke the glass: you may change how people sign in, and nothing else.")
    await context.own(account_id)
    if context.actor.email is None:
        raise InvalidInput("Prove first that your address is yours: a seat is given to an address.")
    number = ids.decode("plan", plan)
    return await asking.ask(context.work, account_id, number, (person_id, context.actor.email), note)


async def withdraw_seat_request(info: Info, request: Annotated[ID, "Which of your requests."]) -> SeatRequest:
    """Take back what you have asked for, before anybody decides."""
    context = info.context
    person_id = context.person()
    found = await context.found("request", request)
    if found.person_id != person_id:
        raise Forbidden("Only whoever shall sit takes a request back. Decline it instead.")
    await context.own(found.account_id)
    return await deciding.withdraw(context.work, found.account_id, found.id)


async def approve_seat_request(
    info: Info,
    request: Annotated[ID, "Which request."],
    buy: Annotated[bool, "Whether a seat is bought if the pool is full, if you may buy."] = False,
) -> SeatRequestApproved:
    """Give whoever a seat was requested for that seat. Where the pool is full, it is bought if you say so."""
    context, work = info.context, info.context.work
    found = await context.permitted(Permission.ASSIGN_SEATS, "request", request)
    account_id = found.account_id
    growth = await growing.allowed(work, account_id, found.pool_id)
    if buy and not growth:
        context.actor.require(Permission.BUY, account_id)
        growth = await growing.by_hand(work, account_id, found.pool_id)
    row, seat = await deciding.approve(work, account_id, found.id, source_of(context), growth)
    cost = cost_of(growth.bought) if growth and growth.bought else {}
    return SeatRequestApproved(row.id, seat.id, **cost)


async def decline_seat_request(
    info: Info,
    request: Annotated[ID, "Which request."],
    reason: Annotated[str, "Why, for whoever asked: up to 1,000 characters."],
) -> SeatRequest:
    """Say no to a request. Whoever asked is told why."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "request", request)
    return await deciding.decline(info.context.work, found.account_id, found.id, reason)
