"""Subscriptions."""

from __future__ import annotations

from typing import Annotated

from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from billing import disclosures, queries, subscriptions
from billing.subscriptions import CancelAt, PlanNotOffered
from billing.tables import Subscription
from kernel import ids
from resolvers.info import Info
from resolvers.policies import POLICIES, PoliciesShownInput, shown
from seats import buying


async def subscribe(
    info: Info,
    account: Annotated[ID, "Who pays: a person's own account, or a workspace's."],
    price: Annotated[ID, "What is bought: a price names the plan, the currency and the interval."],
    code: Annotated[str | None, "A promotion code."] = None,
    policies: Annotated[PoliciesShownInput | None, POLICIES] = None,
) -> Subscription:
    """Subscribe an account to a plan. Plans sold per seat are bought with `createLicensePool`."""
    found = await info.context.permitted(Permission.BUY, "account", account)
    price_id = ids.decode("price", price)
    _, version, plan = await queries.offer(info.context.work, price_id)
    if version.seats:
        raise PlanNotOffered(plan.key, "sold per seat: use createLicensePool")
    paying = await people.account(info.context.work, found.id)
    work = info.context.work
    subscription, _ = await subscriptions.subscribe(work, paying, price_id, 1, code)
    await disclosures.keep(work, subscription, shown(policies), info.context.actor.person_id)
    return subscription


async def cancel_subscription(
    info: Info,
    subscription: Annotated[ID, "Which subscription."],
    at: Annotated[CancelAt, "When it ends."] = CancelAt.PERIOD_END,
    reason: Annotated[str | None, "Why, in the customer's words: up to 1,000 characters."] = None,
    credit: Annotated[bool, "Whether an end now gives the unused paid time back, as credit of the account."] = False,
) -> Subscription:
    """Cancel a subscription, with its period or now. Seats it paid for are released when it ends."""
    found = await info.context.permitted(Permission.BUY, "sub", subscription)
    work = info.context.work
    account = await people.account(work, found.account_id)
    return await buying.cancel(work, account, found.id, at, reason, credit=credit)
