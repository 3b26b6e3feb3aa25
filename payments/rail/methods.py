"""Customers and their payment methods at the rail, and how one is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from payments.rail.line import Line
from payments.rail.pages import LONGEST
from payments.rail.values import Customer, Method, Setup

_PAGES = 5
"""So many pages of customers are looked through; a search finds those who are further back."""


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers, over one line: one for each of our accounts."""

    line: Line

    async def create(self, name: str, email: str, metadata: Mapping[str, str], *, key: str, urgent: bool) -> Customer:
        """A customer. Raises RailError."""
        given: Any = {"name": name, "email": email, "metadata": dict(metadata)}
        service = self.line.v1.customers
        told = await self.line.call(
            "customers.create", lambda options: service.create_async(given, options), key=key, urgent=urgent
        )
        return Customer.from_body(told)

    async def marked(
        self, metadata: Mapping[str, str], *, email: str, since: datetime, urgent: bool
    ) -> Customer | None:
        """A customer that bears these marks and is not deleted: among the latest, else wherever. Raises RailError."""
        given: dict[str, Any] = {"limit": LONGEST, "created": {"gte": int(since.timestamp())}}
        given |= {"email": email} if email else {}
        # A list knows what was made a moment ago, which a search finds only in some minutes.
        for _ in range(_PAGES):
            told = await self._list(given, urgent=urgent)
            for customer in map(Customer.from_body, told["data"]):
                if metadata.items() <= customer.metadata.items():
                    return customer
            if not told["has_more"]:
                break
            given["starting_after"] = told["data"][-1]["id"]
        return await self._searched(metadata, urgent=urgent)

    async def _list(self, given: Mapping[str, Any], *, urgent: bool) -> dict[str, Any]:
        asked: Any = dict(given)
        service = self.line.v1.customers
        return await self.line.call("customers.list", lambda options: service.list_async(asked, options), urgent=urgent)

    async def _searched(self, metadata: Mapping[str, str], *, urgent: bool) -> Customer | None:
        """A customer that bears these marks, if it was made some minutes ago."""
        given: Any = {"query": " AND ".join(f'metadata["{name}"]:"{value}"' for name, value in metadata.items())}
        service = self.line.v1.customers
        told = await self.line.call(
            "customers.search", lambda options: service.search_async(given, options), urgent=urgent
        )
        found = (Customer.from_body(body) for body in told["data"])
        return next((each for each in found if metadata.items() <= each.metadata.items()), None)

    async def look(self, customer: str, *, urgent: bool) -> Customer:
        """A customer as it is now; one that was deleted says so. Raises RailError."""
        service = self.line.v1.customers
        told = await self.line.call(
            "customers.retrieve", lambda options: service.retrieve_async(customer, {}, options), urgent=urgent
        )
        return Customer.from_body(told)


@dataclass(frozen=True, slots=True)
class Methods:
    """Payment methods and setups, over one line."""

    line: Line

    async def set_up(self, customer: str, metadata: Mapping[str, str], *, key: str, kinds: list[str]) -> Setup:
        """Begin to save a payment method of a customer for payments without the payer. Raises RailError."""
        given: Any = {
            "customer": customer,
            "usage": "off_session",
            "metadata": dict(metadata),
            "allowed_payment_method_types": kinds,
        }
        service = self.line.v1.setup_intents
        told = await self.line.call(
            "setup_intents.create", lambda options: service.create_async(given, options), key=key
        )
        return Setup.from_body(told)

    async def setup(self, setup: str, *, urgent: bool) -> Setup:
        """A setup as it is now. Raises RailError."""
        service = self.line.v1.setup_intents
        told = await self.line.call(
            "setup_intents.retrieve", lambda options: service.retrieve_async(setup, {}, options), urgent=urgent
        )
        return Setup.from_body(told)

    async def look(self, method: str, *, urgent: bool) -> Method:
        """A payment method as it is now. Raises RailError."""
        service = self.line.v1.payment_methods
        told = await self.line.call(
            "payment_methods.retrieve", lambda options: service.retrieve_async(method, {}, options), urgent=urgent
        )
        return Method.from_body(told)

    async def detach(self, method: str, *, key: str, urgent: bool) -> Method:
        """Let go of a payment method for good. Raises RailError."""
        service = self.line.v1.payment_methods
        told = await self.line.call(
            "payment_methods.detach",
            lambda options: service.detach_async(method, {}, options),
            key=key,
            urgent=urgent,
        )
        return Method.from_body(told)
