"""Payment intents at the rail: made, then confirmed, looked at, given up. See LAW 29 in `payments.attempts`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from kernel.money import Money
from payments.rail.currencies import check_chargeable
from payments.rail.line import Line
from payments.rail.values import Body, Charge, Intent

_PAGE, _PAGES = 100, 5


def body_of(amount: Money, customer: str, metadata: Mapping[str, str], description: str) -> dict[str, Any]:
    """What `create` sends: keep it beside the idempotency key, for a retry has to send the very same.

    Raises AmountNotChargeable.
    """
    return {
        "amount": check_chargeable(amount),
        "currency": amount.currency.lower(),
        "customer": customer,
        "description": description,
        "metadata": dict(metadata),
        "automatic_payment_methods": {"enabled": True},
        "setup_future_usage": "off_session",
    }


@dataclass(frozen=True, slots=True)
class Intents:
    """Payment intents, over one line."""

    line: Line

    async def create(self, body: Body, *, key: str, urgent: bool) -> Intent:
        """A payment intent that charges nobody until it is confirmed. Raises RailError."""
        given: Any = dict(body)
        service = self.line.v1.payment_intents
        told = await self.line.call(
            "payment_intents.create", lambda options: service.create_async(given, options), key=key, urgent=urgent
        )
        return Intent.from_body(told)

    async def confirm(
        self,
        intent: str,
        method: str,
        *,
        key: str,
        off_session: bool,
        return_url: str | None = None,
        mandate: Mapping[str, Any] | None = None,
        urgent: bool,
    ) -> Intent:
        """Charge a payment method for an intent; this moves money. Raises RailError."""
        # Without a page to return to, whatever asks for the payer is done by Stripe's script on our client's page.
        presence = {"off_session": True} if off_session else {"use_stripe_sdk": return_url is None}
        given: Any = {"payment_method": method, **presence}
        given |= {name: value for name, value in {"return_url": return_url, "mandate_data": mandate}.items() if value}
        service = self.line.v1.payment_intents
        told = await self.line.call(
            "payment_intents.confirm",
            lambda options: service.confirm_async(intent, given, options),
            key=key,
            urgent=urgent,
        )
        return Intent.from_body(told)

    async def cancel(self, intent: str, *, key: str, urgent: bool) -> Intent:
        """Give an intent up, so that nobody can confirm it any more. Raises RailError."""
        given: Any = {"cancellation_reason": "abandoned"}
        service = self.line.v1.payment_intents
        told = await self.line.call(
            "payment_intents.cancel",
            lambda options: service.cancel_async(intent, given, options),
            key=key,
            urgent=urgent,
        )
        return Intent.from_body(told)

    async def look(self, intent: str, *, urgent: bool) -> Intent:
        """An intent as it is now. Raises RailError."""
        service = self.line.v1.payment_intents
        told = await self.line.call(
            "payment_intents.retrieve", lambda options: service.retrieve_async(intent, {}, options), urgent=urgent
        )
        return Intent.from_body(told)

    async def of_customer(self, customer: str, *, urgent: bool) -> AsyncIterator[Intent]:
        """The intents of a customer, the newest first: the last few hundred. Raises RailError."""
        given: dict[str, Any] = {"customer": customer, "limit": _PAGE}
        service = self.line.v1.payment_intents
        for _ in range(_PAGES):
            asked: Any = dict(given)
            told = await self.line.call(
                "payment_intents.list",
                lambda options, asked=asked: service.list_async(asked, options),  # type: ignore[misc] # a default binds it
                urgent=urgent,
            )
            for body in told["data"]:
                yield Intent.from_body(body)
            if not told["has_more"]:
                return
            given["starting_after"] = told["data"][-1]["id"]

    async def charge(self, charge: str, *, urgent: bool) -> Charge:
        """A charge as it is now. Raises RailError."""
        service = self.line.v1.charges
        told = await self.line.call(
            "charges.retrieve", lambda options: service.retrieve_async(charge, {}, options), urgent=urgent
        )
        return Charge.from_body(told)
