"""Previews: what a change would bill, from the rules and the facts that the change itself has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry
from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from auth.tables import Account
from billing import changes, discounting, previews
from billing.changes import ChangeAt, Wish
from billing.charging import Bill
from billing.previews import Foreseen
from billing.subscriptions import CancelAt
from kernel import ids
from kernel.errors import InvalidInput, Problem
from kernel.work import Work
from resolvers.changing import wish_of
from resolvers.info import Info
from seats import buying, foreseeing
from seats.buying import Quote

Which = Annotated[ID, strawberry.argument(description="Which subscription.")]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What somebody may see the bills of, and the account that pays."""

    work: Work
    account: Account
    row: Any

    async def shown(self, billed: Bill, **waiting: Any) -> Foreseen:
        """The bill as it would be settled, and the regular one after it."""
        least = await buying.taken(self.work, self.account.id, billed.facts.subscription.id)
        return await previews.foreseen(self.work, self.account, billed, least, **waiting)

    async def wished(self, subscription_id: int, wish: Wish, at: ChangeAt) -> Foreseen:
        """What a wish would bill now, or at the end of the period."""
        await buying.check(self.work, self.account.id, subscription_id, wish)
        if at is ChangeAt.NOW:
            return await self.shown(await changes.preview(self.work, self.account, subscription_id, wish), wish=wish)
        billed, waits = await previews.scheduling(self.work, self.account, subscription_id, wish)
        return await self.shown(billed, wish=wish, waits=waits)


@dataclass(frozen=True, slots=True)
class AssignPreview:
    """What seating people would come to."""

    seating: foreseeing.Seating
    invoice: Foreseen | None


async def preview_subscribe(
    info: Info,
    account: Annotated[ID, strawberry.argument(description="Who would pay.")],
    price: Annotated[ID, strawberry.argument(description="What would be bought.")],
    seats: Annotated[int, strawberry.argument(description="How many seats, of a plan that is sold per seat.")] = 1,
    code: Annotated[str | None, strawberry.argument(description="A promotion code.")] = None,
) -> Any:
    """What `subscribe` or `createLicensePool` would bill now."""
    async with _seen(info, "account", account) as seen:
        billed = await previews.subscribing(seen.work, seen.account, ids.decode("price", price), seats, code)
        return await seen.shown(billed)


async def preview_change(
    info: Info,
    subscription: Which,
    item: Annotated[ID | None, strawberry.argument(description="Which item; an add-on when left out.")] = None,
    price: Annotated[ID | None, strawberry.argument(description="Its new price; its own when left out.")] = None,
    quantity: Annotated[int | None, strawberry.argument(description="How many; as many when left out.")] = None,
    at: Annotated[ChangeAt, strawberry.argument(description="When it takes effect.")] = ChangeAt.NOW,
) -> Any:
    """What `changeSubscription` would bill now; at the end of the period, nothing, and `next` shows it."""
    async with _seen(info, "sub", subscription) as seen:
        return await seen.wished(seen.row.id, wish_of(item, price, quantity), at)


async def preview_drop_item(
    info: Info,
    item: Annotated[ID, strawberry.argument(description="Which item: an add-on.")],
    at: Annotated[ChangeAt, strawberry.argument(description="When it goes.")] = ChangeAt.PERIOD_END,
) -> Any:
    """What `dropItem` would give back now; at the end of the period, nothing, and `next` shows what is left."""
    async with _seen(info, "item", item) as seen:
        return await seen.wished(seen.row.subscription_id, Wish(seen.row.id, drop=True), at)


async def preview_pause(info: Info, subscription: Which) -> Any:
    """What `pauseSubscription` would give back."""
    async with _seen(info, "sub", subscription) as seen:
        return await seen.shown(await previews.pausing(seen.work, seen.account, seen.row.id))


async def preview_resume(info: Info, subscription: Which) -> Any:
    """What `resumeSubscription` would bill."""
    async with _seen(info, "sub", subscription) as seen:
        return await seen.shown(await previews.resuming(seen.work, seen.account, seen.row.id))


async def preview_cancel(
    info: Info,
    subscription: Which,
    at: Annotated[CancelAt, strawberry.argument(description="When it ends.")] = CancelAt.PERIOD_END,
    credit: Annotated[bool, strawberry.argument(description="Whether the unused paid time is given back.")] = False,
) -> Any:
    """What `cancelSubscription` would give back."""
    async with _seen(info, "sub", subscription) as seen:
        return await seen.shown(await previews.canceling(seen.work, seen.account, seen.row.id, at, credit=credit))


async def preview_reactivate(info: Info, subscription: Which) -> Any:
    """What comes after `reactivateSubscription`, which bills nothing itself."""
    async with _seen(info, "sub", subscription) as seen:
        return await seen.shown(await previews.reactivating(seen.work, seen.account, seen.row.id))


async def preview_billing_day(
    info: Info,
    subscription: Which,
    day: Annotated[int, strawberry.argument(description="The day of the month: 1 to 31.")],
) -> Any:
    """What `changeBillingDay` would bill and give back."""
    async with _seen(info, "sub", subscription) as seen:
        return await seen.shown(await previews.billing_on(seen.work, seen.account, seen.row.id, day))


async def preview_seats(
    info: Info,
    pool: Annotated[ID, strawberry.argument(description="Which pool.")],
    seats: Annotated[int, strawberry.argument(description="How many seats it shall have.")],
) -> Any:
    """What `changeSeats` would bill now; `next` shows what is collected later, and fewer seats."""
    async with _seen(info, "pool", pool) as seen:
        return await quoted(seen.work, seen.account, await buying.preview(seen.work, seen.account, seen.row.id, seats))


async def preview_assign(
    info: Info,
    pool: Annotated[ID, strawberry.argument(description="Which pool.")],
    emails: Annotated[list[str], strawberry.argument(description="Who shall sit: up to 10,000 addresses.")],
) -> Any:
    """What `assignSeat` or `assignSeats` would buy, where the pool is full and the workspace buys then."""
    context, work = info.context, info.context.work
    row = await context.found("pool", pool)
    context.actor.require(Permission.ASSIGN_SEATS, row.account_id)
    # Whoever gives seats may know what one costs, and the rest of the bill only if they see bills.
    await work.bind(row.account_id)
    try:
        account = await people.account(work, row.account_id)
        seating = await foreseeing.assigning(work, account, row.id, emails)
        if seating.quote is None or not context.actor.may(Permission.SEE_BILLING, row.account_id):
            return AssignPreview(seating, None)
        return AssignPreview(seating, await quoted(work, account, seating.quote))
    except Problem as problem:
        raise InvalidInput(problem.message) from problem
    finally:
        await work.unbind()


async def preview_discount(
    info: Info,
    subscription: Which,
    code: Annotated[str, strawberry.argument(description="A promotion code.")],
) -> Any:
    """What comes after `applyDiscount`, which bills nothing itself."""
    async with _seen(info, "sub", subscription) as seen:
        return await seen.shown(await discounting.applying(seen.work, seen.account, seen.row.id, code))


async def preview_discount_removal(
    info: Info, discount: Annotated[ID, strawberry.argument(description="Which discount.")]
) -> Any:
    """What comes after `removeDiscount`, which bills nothing itself."""
    async with _seen(info, "discount", discount) as seen:
        return await seen.shown(await discounting.removing(seen.work, seen.account.id, seen.row.id))


async def preview_renewal(info: Info, subscription: Which) -> Any:
    """The next regular invoice of a subscription; null when none is to come."""
    async with _seen(info, "sub", subscription) as seen:
        least = await buying.taken(seen.work, seen.account.id, seen.row.id)
        return await previews.renewing(seen.work, seen.account, seen.row.id, least)


async def quoted(work: Work, account: Account, quote: Quote) -> Foreseen:
    """The bill of another number of seats, as it would be settled, and the regular one after it."""
    seen = _Seen(work, account, None)
    return await seen.shown(quote.billed, wish=quote.wish, waits=quote.waits, collected_at=quote.collected_at)


@asynccontextmanager
async def _seen(info: Info, prefix: str, text: str) -> AsyncIterator[_Seen]:
    """What an id names, for whoever sees what its account is billed.

    A preview has no union of refusals: what the change would be declined for is an error in the same words.
    """
    context = info.context
    row = await context.found(prefix, text)
    account_id = row.id if prefix == "account" else row.account_id
    context.actor.require(Permission.SEE_BILLING, account_id)
    try:
        yield _Seen(context.work, await people.account(context.work, account_id), row)
    except Problem as problem:
        raise InvalidInput(problem.message) from problem
