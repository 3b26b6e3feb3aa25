"""Accruals: what was bought and is billed later, collected by the month or at the end.

Nothing is kept beside the facts: a subscription's clock says since when something
is owed that no invoice asks for, and the timeline says what. So whatever makes the
next invoice of that subscription has it, and this makes one where nothing else does.
"""

from __future__ import annotations

from dataclasses import replace

from auth import queries as people
from auth.tables import Account
from billing import charging, fact_queries, queries
from billing.charging import Bill
from billing.facts import Facts
from billing.tables import Invoice, Subscription
from kernel.work import Work


async def collect(work: Work, account_id: int) -> list[Invoice]:
    """Bill what all subscriptions of an account owe, on one invoice for each currency.

    A subscription whose next period has begun is left to its renewal.
    """
    account = await people.account(work, account_id)
    bills = []
    for clock in await fact_queries.unbilled_clocks(work, account_id):
        if clock.due_at > work.now:
            subscription = await queries.subscription(work, account_id, clock.subscription_id)
            bills.append(await _bill(work, account, await fact_queries.facts(work, subscription)))
            clock.unbilled_since = None
    return await charging.settle_together(work, account, bills)


async def collect_due(work: Work, account_id: int, _about: None = None) -> None:
    """Bill what an account owes, because its month is over; doing it again bills nothing."""
    await collect(work, account_id)


async def collect_last(work: Work, subscription: Subscription) -> Invoice | None:
    """Bill what a subscription that is about to end owes."""
    account = await people.account(work, subscription.account_id)
    owed = await last(work, account, await fact_queries.facts(work, subscription))
    return await charging.settle(work, account, owed) if owed else None


async def last(work: Work, account: Account, facts: Facts) -> Bill | None:
    """What a subscription owes that is about to end: as if its period ran on, for what is bought is paid.

    Without it, seats that are collected later would cost less than those that are paid at once.
    """
    subscription = facts.subscription
    clock = await fact_queries.clock(work, account.id, subscription.id, lock=False)
    if clock.unbilled_since is None:
        return None
    end = min(subscription.cancel_at or clock.due_at, clock.due_at)
    as_if = replace(facts, subscription=Subscription(**subscription.model_dump() | {"ended_at": end}))
    return await _bill(work, account, as_if)


async def _bill(work: Work, account: Account, facts: Facts) -> Bill:
    return await charging.bill(work, account, facts, await charging.names(work, account, facts))
