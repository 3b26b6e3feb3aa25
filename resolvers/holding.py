"""Holding: what billing doesn't believe, and how our Finance releases it."""

from __future__ import annotations

from typing import Annotated, Any

from strawberry import ID

from auth.policy import Permission
from billing import holds
from billing.tables import Subscription
from resolvers.amounts import AmountInput
from resolvers.info import Info


async def held_invoices(row: Any, info: Info) -> Any:
    """The drafts of a subscription that wait for a person."""
    return await info.context.held_invoices(row.account_id, row.id)


async def release_subscription(
    info: Info, subscription: Annotated[ID, "Which subscription, of those that wait for a person."]
) -> Subscription:
    """Believe what was held: its draft becomes final, and the periods that were missed are billed."""
    found = await info.context.permitted(Permission.ADJUST, "sub", subscription)
    return await holds.release(info.context.work, found.account_id, found.id)


async def limit_subscription(
    info: Info,
    subscription: Annotated[ID, "Which subscription."],
    limit: Annotated[AmountInput | None, "The most one invoice may ask for, with tax; no limit if left out."] = None,
) -> Subscription:
    """Say what the contract allows: an invoice above it waits for a person."""
    found = await info.context.permitted(Permission.ADJUST, "sub", subscription)
    return await holds.limit(info.context.work, found.account_id, found.id, limit.money if limit else None)
