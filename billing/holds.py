"""Holds: what billing doesn't believe waits for a person, is told aloud, and is released with a reason.

What is held is a draft without a number, and nothing more of its subscription is
billed. Released, the draft becomes final with the next turn of a worker or the next
run, which also makes up for the periods that were missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from billing import events, fact_queries, invoice_queries, queries
from billing.tables import ENDED, Subscription
from kernel.errors import InvalidInput, Problem
from kernel.money import Money
from kernel.work import Work

log = structlog.get_logger("billing")


@dataclass(eq=False)
class NothingHeld(Problem):
    """Nothing of the subscription waits for a person."""

    says = "Nothing of this subscription waits for a person, so there is nothing to release."


async def hold(work: Work, account_id: int, subscription_id: int, why: str) -> None:
    """Bill nothing more of a subscription until a person has looked, and raise the alarm."""
    clock = await fact_queries.clock(work, account_id, subscription_id, lock=True)
    before, clock.held = clock.held, why
    await work.flush()
    work.emit(events.SubscriptionHeld(account_id, subscription_id), before={"held": before}, after={"held": why})
    log.error("a subscription waits for a person", subscription=subscription_id, reason=why)


async def release(work: Work, account_id: int, subscription_id: int) -> Subscription:
    """Believe what was held: its drafts become final, and it is billed on. Raises NothingHeld."""
    clock = await fact_queries.clock(work, account_id, subscription_id, lock=True)
    if clock.held is None or clock.held.startswith(ENDED):
        raise NothingHeld
    before, clock.held = clock.held, None
    for draft in await invoice_queries.held(work, account_id, subscription_id):
        draft.held, draft.finalize_at = None, work.now
    await work.flush()
    work.emit(events.SubscriptionReleased(account_id, subscription_id), before={"held": before}, after={"held": None})
    return await queries.subscription(work, account_id, subscription_id)


async def limit(work: Work, account_id: int, subscription_id: int, most: Money | None) -> Subscription:
    """Write down the most that one invoice may ask for, by contract; None for no limit. Raises InvalidInput."""
    await queries.take_clock(work, account_id, subscription_id)
    subscription = await queries.subscription(work, account_id, subscription_id)
    if most and most.currency != subscription.currency:
        raise InvalidInput(f"This subscription is billed in {subscription.currency}, not in {most.currency}.")
    if most and most.minor <= 0:
        raise InvalidInput("A limit is above zero; leave it out for no limit.")
    subscription.limit_minor = most.minor if most else None
    await work.flush()
    work.emit(events.SubscriptionLimited(account_id, subscription_id), subscription)
    return subscription
