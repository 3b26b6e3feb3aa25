"""What our own staff decide about unpaid invoices."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated

from strawberry import ID

from auth.policy import Permission
from billing import chasing
from billing.dunning import StepKind
from billing.tables import Invoice
from payments import pursuit
from payments.tables import Payment
from resolvers.info import Info

WHICH = "Which invoice."


async def retry_payment(info: Info, invoice: Annotated[ID, WHICH]) -> Payment:
    """Charge an unpaid invoice now, without its payer, by what it is charged by. For our own staff.

    Card networks count it as they count any try, and what a bank declined for good isn't charged.
    """
    context = info.context
    found = await context.permitted(Permission.CHASE, "inv", invoice)
    rail, work = context.rail, context.work
    payment = await chasing.retry(work, found.account_id, found.id)
    context.afterwards.append(partial(pursuit.pursue, work, rail, found.account_id, payment.id, urgent=True))
    return payment


async def pause_dunning(
    info: Info,
    invoice: Annotated[ID, WHICH],
    until: Annotated[datetime, "When its steps go on by themselves: within 180 days."],
    reason: Annotated[str, "Why, for our own staff: up to 500 characters."],
) -> Invoice:
    """Let nothing follow an unpaid invoice for a while. Paused already, it is paused until then. For our own staff."""
    context = info.context
    found = await context.permitted(Permission.CHASE, "inv", invoice)
    return await chasing.pause(context.work, found.account_id, found.id, until, reason)


async def resume_dunning(info: Info, invoice: Annotated[ID, WHICH]) -> Invoice:
    """Let the steps of an unpaid invoice go on before its pause ends. For our own staff."""
    context = info.context
    found = await context.permitted(Permission.CHASE, "inv", invoice)
    return await chasing.resume(context.work, found.account_id, found.id)


async def skip_dunning_step(
    info: Info,
    invoice: Annotated[ID, WHICH],
    step: Annotated[StepKind, "What the next step does, so that no other one is passed over; not its end."],
) -> Invoice:
    """Pass over the next step after an unpaid invoice. For our own staff."""
    context = info.context
    found = await context.permitted(Permission.CHASE, "inv", invoice)
    return await chasing.skip(context.work, found.account_id, found.id, step)
