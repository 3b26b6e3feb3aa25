"""Stripe Billing, for whoever comes from it: everything that runs there is read, and a subscription is ended there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from payments.rail.billing_values import (
    TheirCoupon,
    TheirCustomer,
    TheirInvoice,
    TheirItem,
    TheirPrice,
    TheirSubscription,
)
from payments.rail.errors import Throttled, Unknown
from payments.rail.line import Line
from payments.rail.values import Body, Method

PAGE = 100
"""How many objects Stripe lists at once, at most."""

_PAUSES = (1, 5, 15, 30)
"""Seconds before a reading that was not answered is asked for again."""

_DISCOUNTS = "data.discounts.source.coupon"


@dataclass(frozen=True, slots=True)
class Billing:
    """Stripe Billing, over one line. Reading gives way to interactive calls, and has patience."""

    line: Line

    async def customers(self) -> AsyncIterator[TheirCustomer]:
        """Every customer that was not deleted."""
        expand = ["data.tax_ids", "data.invoice_credit_balance", "data.discount.source.coupon"]
        async for body in self._all("customers.list", self.line.v1.customers.list_async, {"expand": expand}):
            yield TheirCustomer.from_body(body)

    async def subscriptions(self) -> AsyncIterator[TheirSubscription]:
        """Every subscription, those that have ended included: Stripe leaves them out unless it is asked."""
        given = {"status": "all", "expand": [_DISCOUNTS, "data.items.data.discounts", "data.schedule"]}
        async for body in self._all("subscriptions.list", self.line.v1.subscriptions.list_async, given):
            yield TheirSubscription.from_body(body)

    async def items(self, subscription: str) -> list[TheirItem]:
        """Every item of a subscription, of which Stripe tells only the first few with it."""
        given = {"subscription": subscription, "expand": [_DISCOUNTS]}
        found = self._all("subscription_items.list", self.line.v1.subscription_items.list_async, given)
        return [TheirItem.from_body(body) async for body in found]

    async def coupons(self) -> AsyncIterator[TheirCoupon]:
        """Every coupon that was not deleted, with the products it is limited to, which no discount tells."""
        async for body in self._all("coupons.list", self.line.v1.coupons.list_async, {"expand": ["data.applies_to"]}):
            yield TheirCoupon.from_body(body)

    async def prices(self) -> AsyncIterator[TheirPrice]:
        """Every price, those no longer sold included, with the tiers that Stripe leaves out unless it is asked."""
        expand = ["data.tiers", "data.product"]
        async for body in self._all("prices.list", self.line.v1.prices.list_async, {"expand": expand}):
            yield TheirPrice.from_body(body)

    async def price(self, price: str) -> TheirPrice:
        """One price, as those that were made with a subscription are in no list. Raises RailError."""
        given: Any = {"expand": ["tiers", "product"]}
        body = await self._patiently(
            "prices.retrieve", lambda options: self.line.v1.prices.retrieve_async(price, given, options)
        )
        return TheirPrice.from_body(body)

    async def open_invoices(self) -> AsyncIterator[TheirInvoice]:
        """Every invoice on which something is owed."""
        async for body in self._all("invoices.list", self.line.v1.invoices.list_async, {"status": "open"}):
            yield TheirInvoice.from_body(body)

    async def methods(self, customer: str) -> list[Method]:
        """The payment methods of a customer. Raises RailError."""
        service = self.line.v1.customers.payment_methods

        async def listed(given: Any, options: Any) -> Any:
            return await service.list_async(customer, given, options)

        return [Method.from_body(body) async for body in self._all("customers.payment_methods.list", listed, {})]

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

    async def _all(self, operation: str, listing: Any, given: dict[str, Any]) -> AsyncIterator[Body]:
        """Every object of a list, page by page. Raises RailError."""
        after: dict[str, Any] = {}
        while True:
            asked = {**given, **after, "limit": PAGE}
            told = await self._patiently(operation, lambda options, asked=asked: listing(asked, options))
            for body in told["data"]:
                yield body
            if not told["has_more"]:
                return
            after = {"starting_after": told["data"][-1]["id"]}

    async def _patiently(self, operation: str, act: Any) -> dict[str, Any]:
        """An answer, for which we ask again where that does no harm: nothing is changed by reading."""
        for pause in _PAUSES:
            try:
                return await self.line.call(operation, act, urgent=False)
            except (Throttled, Unknown):
                await asyncio.sleep(pause)
        return await self.line.call(operation, act, urgent=False)
