"""Changing subscriptions and pools."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from auth.tables import Account
from billing import changes, subscriptions
from billing.changes import ChangeAt, Wish
from billing.tables import Invoice, ScheduledChange, Subscription
from kernel import ids
from resolvers.info import Context, Info
from seats import buying

WHY = "Why, in the customer's words: up to 1,000 characters."


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change: the subscription, and the invoice it made or the change that waits."""

    subscription_id: int
    invoice_id: int | None
    change_id: int | None


@dataclass(frozen=True, slots=True)
class Resized:
    """What came of another number of seats."""

    pool_id: int
    invoice_id: int | None
    change_id: int | None
    collected_at: datetime | None


async def change_subscription(
    info: Info,
    subscription: Annotated[ID, "Which subscription."],
    item: Annotated[ID | None, "Which item; left out, the price becomes an item of its own, an add-on."] = None,
    price: Annotated[ID | None, "Its new price; its own when left out."] = None,
    quantity: Annotated[int | None, "How many; as many as now when left out."] = None,
    at: Annotated[ChangeAt, "When it takes effect."] = ChangeAt.NOW,
    reason: Annotated[str | None, WHY] = None,
) -> Changed:
    """Change an item's price or quantity, or add one. Now bills the difference; later can be withdrawn until then."""
    context, found, account = await _bought(info, subscription)
    reason = subscriptions.reason_of(reason)
    context.because(reason)
    wish = wish_of(item, price, quantity)
    await buying.check(context.work, account.id, found.id, wish)
    if at is ChangeAt.PERIOD_END:
        scheduled = await changes.schedule(context.work, account, found.id, wish, reason)
        return Changed(found.id, None, scheduled.id)
    changed, invoice = await changes.change(context.work, account, found.id, wish)
    return Changed(changed.id, _id(invoice), None)


async def drop_item(
    info: Info,
    item: Annotated[ID, "Which item: an add-on, and not what the subscription is to."],
    at: Annotated[ChangeAt, "When it goes; now only where the plan credits at once, or nothing is paid for."] = (
        ChangeAt.PERIOD_END
    ),
    reason: Annotated[str | None, WHY] = None,
) -> Changed:
    """Drop an add-on from its subscription, which goes on without it. At the end of the period can be withdrawn."""
    dropped = await info.context.permitted(Permission.BUY, "item", item)
    account = await people.account(info.context.work, dropped.account_id)
    await buying.begin_due(info.context.work, account, dropped.subscription_id)
    reason = subscriptions.reason_of(reason)
    info.context.because(reason)
    wish = Wish(dropped.id, drop=True)
    await buying.check(info.context.work, account.id, dropped.subscription_id, wish)
    if at is ChangeAt.PERIOD_END:
        scheduled = await changes.schedule(info.context.work, account, dropped.subscription_id, wish, reason)
        return Changed(dropped.subscription_id, None, scheduled.id)
    changed, invoice = await changes.change(info.context.work, account, dropped.subscription_id, wish)
    return Changed(changed.id, _id(invoice), None)


async def withdraw_change(info: Info, change: Annotated[ID, "Which scheduled change."]) -> ScheduledChange:
    """Take back a scheduled change before it takes effect."""
    found = await info.context.permitted(Permission.BUY, "change", change)
    return await changes.withdraw(info.context.work, found.account_id, found.id)


async def pause_subscription(
    info: Info, subscription: Annotated[ID, "Which subscription."], reason: Annotated[str | None, WHY] = None
) -> Subscription:
    """Charge nothing from now on. What is paid ahead becomes the customer's credit."""
    context, found, account = await _bought(info, subscription)
    return await changes.pause(context.work, account, found.id, reason)


async def resume_subscription(info: Info, subscription: Annotated[ID, "Which subscription."]) -> Changed:
    """Charge again from now on, for the rest of the period that runs."""
    context, found, account = await _bought(info, subscription)
    resumed, invoice = await changes.resume(context.work, account, found.id)
    return Changed(resumed.id, _id(invoice), None)


async def reactivate_subscription(info: Info, subscription: Annotated[ID, "Which subscription."]) -> Subscription:
    """Take a cancellation back that has not taken effect yet."""
    context, found, _ = await _bought(info, subscription)
    return await changes.reactivate(context.work, found.account_id, found.id)


async def change_billing_day(
    info: Info,
    subscription: Annotated[ID, "Which subscription, billed by the month."],
    day: Annotated[int, "The day of the month: 1 to 31; a month that lacks it is billed on its last."],
) -> Changed:
    """Bill on another day of the month. The period that runs ends now, and a share of a whole one begins."""
    context, found, account = await _bought(info, subscription)
    changed, invoice = await changes.bill_on(context.work, account, found.id, day)
    return Changed(changed.id, _id(invoice), None)


async def change_seats(
    info: Info,
    pool: Annotated[ID, "Which pool."],
    seats: Annotated[int, "How many seats it shall have: 1 to 100,000."],
    reason: Annotated[str | None, WHY] = None,
) -> Resized:
    """Have more seats at once, or fewer from the next period on. Nobody who sits is put out by fewer seats."""
    found = await info.context.permitted(Permission.BUY, "pool", pool)
    info.context.fresh_for(seats - found.purchased)
    account = await people.account(info.context.work, found.account_id)
    reason = subscriptions.reason_of(reason)
    info.context.because(reason)
    done = await buying.resize(info.context.work, account, found.id, seats, reason)
    return Resized(done.pool.id, _id(done.invoice), done.waiting.id if done.waiting else None, done.collected_at)


async def _bought(info: Info, subscription: str) -> tuple[Context, Any, Account]:
    found = await info.context.permitted(Permission.BUY, "sub", subscription)
    account = await people.account(info.context.work, found.account_id)
    await buying.begin_due(info.context.work, account, found.id)
    return info.context, found, account


def wish_of(item: str | None, price: str | None, quantity: int | None) -> Wish:
    """What a client wishes of an item. Raises InvalidInput."""
    return Wish(
        None if item is None else ids.decode("item", item),
        None if price is None else ids.decode("price", price),
        quantity,
    )


def _id(invoice: Invoice | None) -> int | None:
    return invoice.id if invoice else None
