"""Reading: a whole account at Stripe Billing, before anything is decided about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from payments.rail.billing_values import (
    TheirCoupon,
    TheirCustomer,
    TheirDiscount,
    TheirPrice,
    TheirSubscription,
)
from payments.rail.invoice_values import TheirInvoice
from payments.rail.opening import Rail

Watch = Callable[[str, int], object]
"""Told what is read, and how much of it so far."""

GONE = "Its customer was deleted at Stripe."

_Read = TypeVar("_Read")


@dataclass(slots=True)
class Theirs:
    """Everything that runs there."""

    customers: Mapping[str, TheirCustomer]
    subscriptions: Mapping[str, Sequence[TheirSubscription]]
    """By customer."""

    prices: Mapping[str, TheirPrice]
    """Those that a subscription has which is not over."""

    invoices: Mapping[str, Sequence[TheirInvoice]]
    """The open ones, by customer."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """How many subscriptions that are not over have each price."""


async def read(rail: Rail, over: frozenset[str], watch: Watch) -> Theirs:
    """Everything that runs there, a page at a time; subscriptions in a status that is `over` are kept out."""
    customers = {each.id: each async for each in _watched(rail.billing.customers(), "customers", watch)}
    coupons = {each.id: each async for each in _watched(rail.billing.coupons(), "coupons", watch)}
    subscriptions: dict[str, list[TheirSubscription]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    async for each in _watched(rail.billing.subscriptions(), "subscriptions", watch):
        whole = replace(each, items=tuple(await rail.billing.items(each.id))) if each.more_items else each
        subscriptions[each.customer].append(_told(whole, coupons))
        if each.status not in over:
            for price in {item.price for item in whole.items}:
                counts[price] += 1
    invoices: dict[str, list[TheirInvoice]] = defaultdict(list)
    async for invoice in _watched(rail.invoices.open(), "open invoices", watch):
        invoices[invoice.customer].append(invoice)
    told = {name: _customer(customer, coupons) for name, customer in customers.items()}
    return Theirs(told, subscriptions, await _prices(rail, counts, watch), invoices, counts)


async def _prices(rail: Rail, used: Mapping[str, int], watch: Watch) -> dict[str, TheirPrice]:
    """The prices that are in use, each of which Stripe lists, or tells when it is asked for it alone."""
    listed = {each.id: each async for each in _watched(rail.billing.prices(), "prices", watch) if each.id in used}
    return {price: listed.get(price) or await rail.billing.price(price) for price in sorted(used)}


async def _watched(found: AsyncIterator[_Read], what: str, watch: Watch) -> AsyncIterator[_Read]:
    count = 0
    async for each in found:
        count += 1
        watch(what, count)
        yield each


def _told(theirs: TheirSubscription, coupons: Mapping[str, TheirCoupon]) -> TheirSubscription:
    """A subscription whose discounts say all that their coupons do."""
    items = tuple(replace(item, discounts=_known(item.discounts, coupons)) for item in theirs.items)
    return replace(theirs, items=items, discounts=_known(theirs.discounts, coupons))


def _customer(theirs: TheirCustomer, coupons: Mapping[str, TheirCoupon]) -> TheirCustomer:
    return replace(theirs, discount=_known((theirs.discount,), coupons)[0]) if theirs.discount else theirs


def _known(discounts: Sequence[TheirDiscount], coupons: Mapping[str, TheirCoupon]) -> tuple[TheirDiscount, ...]:
    return tuple(replace(each, coupon=coupons.get(each.coupon.id, each.coupon)) for each in discounts)
