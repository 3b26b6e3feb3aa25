"""Discounts of subscriptions: granted by a code, and taken away."""

from __future__ import annotations

from typing import Annotated

from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from billing import discounting
from billing.tables import SubscriptionDiscount
from resolvers.info import Info


async def apply_discount(
    info: Info,
    subscription: Annotated[ID, "Which subscription."],
    code: Annotated[str, "A promotion code, in upper or lower case."],
) -> SubscriptionDiscount:
    """Use a promotion code for a subscription. It counts from the next period on; what was billed stays."""
    found = await info.context.permitted(Permission.BUY, "sub", subscription)
    account = await people.account(info.context.work, found.account_id)
    return await discounting.apply(info.context.work, account, found.id, code)


async def remove_discount(info: Info, discount: Annotated[ID, "Which discount."]) -> SubscriptionDiscount:
    """Take a discount away. What it took off stays, and its code can't be used again."""
    found = await info.context.permitted(Permission.BUY, "discount", discount)
    return await discounting.remove(info.context.work, found.account_id, found.id)
