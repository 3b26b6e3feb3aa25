"""Stripe Billing, for whoever comes from it: everything that runs there is read, and a subscription is ended there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from payments.rail.billing_values import (
    TheirCoupon,
    TheirCustomer,
    TheirItem,
    TheirPrice,
    TheirSubscription,
)
from payments.rail.line import Line
from payments.rail.patience import every, patiently
from payments.rail.values import Method

_DISCOUNTS = "data.discounts.source.coupon"


@dataclass(frozen=True, slots=True)
class Billing:
    """Stripe Billing, over one line. Reading gives way to interactive calls, and has patience."""

    line: Line

    async def customers(self) -> AsyncIterator[TheirCustomer]:
        """Every customer that was not deleted."""
        expand = ["data.tax_ids", "data.invoice_credit_balance", "data.discount.source.coupon"]
        async for body in every(self.line, "customers.list", self.line.v1.customers.list_async, {"expand": expand}):
            yield TheirCustomer.from_body(body)

    async def subscriptions(self) -> AsyncIterator[TheirSubscription]:
        """Every subscription, those that have ended included: Stripe leaves them out unless it is asked."""
        given = {"status": "all", "expand": [_DISCOUNTS, "data.items.data.discounts", "data.schedule"]}
        async for body in every(self.line, "subscriptions.list", self.line.v1.subscriptions.list_async, given):
            yield TheirSubscription.from_body(body)

    async def items(self, subscription: str) -> list[TheirItem]:
        """Every item of a subscription, of which Stripe tells only the first few with it."""
        given = {"subscription": subscription, "expand": [_DISCOUNTS]}
        found = every(self.line, "subscription_items.list", self.line.v1.subscription_items.list_async, given)
        return [TheirItem.from_body(body) async for body in found]

    async def coupons(self) -> AsyncIterator[TheirCoupon]:
        """Every coupon that was not deleted, with the products it is limited to, which no discount tells."""
        given = {"expand": ["data.applies_to"]}
        async for body in every(self.line, "coupons.list", self.line.v1.coupons.list_async, given):
            yield TheirCoupon.from_body(body)

    async def prices(self) -> AsyncIterator[TheirPrice]:
        """Every price, those no longer sold included, with the tiers that Stripe leaves out unless it is asked."""
        expand = ["data.tiers", "data.product"]
        async for body in every(self.line, "prices.list", self.line.v1.prices.list_async, {"expand": expand}):
            yield TheirPrice.from_body(body)

    async def price(self, price: str) -> TheirPrice:
        """One price, as those that were made with a subscription are in no list. Raises RailError."""
        given: Any = {"expand": ["tiers", "product"]}
        body = await patiently(
            self.line, "prices.retrieve", lambda options: self.line.v1.prices.retrieve_async(price, given, options)
        )
        return TheirPrice.from_body(body)

    async def methods(self, customer: str) -> list[Method]:
        """The payment methods of a customer. Raises RailError."""
        service = self.line.v1.customers.payment_methods

        async def listed(given: Any, options: Any) -> Any:
            return await service.list_async(customer, given, options)

        return [Method.from_body(body) async for body in every(self.line, "customers.payment_methods.list", listed, {})]

    async def end(self, subscription: str, ours: str, *, key: str) -> TheirSubscription:
        """Have a subscription end there when its period does, and say which one of ours goes on. Raises RailError.

        It is told as it then is: another period may have begun since it was read.
        """
        given: Any = {"cancel_at_period_end": True, "metadata": {"gw_subscription": ours}}
        service = self.line.v1.subscriptions
        told = await self.line.call(
            "subscriptions.update",
            lambda options: service.update_async(subscription, given, options),
            key=key,
            urgent=False,
        )
        return TheirSubscription.from_body(told)
