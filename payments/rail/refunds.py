"""Refunds at the rail: asked for, looked at, and found again by our reference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kernel.money import Money
from payments.rail.currencies import received, sent
from payments.rail.line import Line
from payments.rail.values import Body, instant, named

_PAGE, _PAGES = 100, 5
_STATUSES = frozenset({"pending", "requires_action", "succeeded", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to a payer."""

    id: str
    status: str
    """pending, requires_action, succeeded, failed or canceled."""

    amount: Money
    charge: str | None = None
    intent: str | None = None
    transaction: str | None = None
    """The balance transaction with which it left."""

    returned_by: str | None = None
    """The one with which it came back, where it failed."""

    failure: str | None = None
    cause: str | None = None
    """duplicate, fraudulent, requested_by_customer, or a word of the rail's own."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None

    @classmethod
    def from_body(cls, body: Body) -> Refund:
        """Read Stripe's `refund`."""
        return cls(
            id=body["id"],
            status=_status(body["status"] or "succeeded"),
            amount=received(body["amount"], body["currency"]),
            charge=named(body.get("charge")),
            intent=named(body.get("payment_intent")),
            transaction=named(body.get("balance_transaction")),
            returned_by=named(body.get("failure_balance_transaction")),
            failure=body.get("failure_reason"),
            cause=body.get("reason"),
            metadata=dict(body.get("metadata") or {}),
            created=instant(body.get("created")),
        )


def _status(told: str) -> str:
    """A status that we know; with any other the money is taken to be on its way, and looked at again."""
    return told if told in _STATUSES else "pending"


def body_of(intent: str, amount: Money, metadata: Mapping[str, str], cause: str | None) -> dict[str, Any]:
    """What `create` sends: keep it, for a retry has to send the very same. Raises AmountNotChargeable."""
    given: dict[str, Any] = {"payment_intent": intent, "amount": sent(amount), "metadata": dict(metadata)}
    return given | ({"reason": cause} if cause else {})


@dataclass(frozen=True, slots=True)
class Refunds:
    """Refunds, over one line."""

    line: Line

    async def create(self, body: Body, *, key: str, urgent: bool) -> Refund:
        """Give money back; this moves money. Raises RailError."""
        given: Any = dict(body)
        service = self.line.v1.refunds
        told = await self.line.call(
            "refunds.create", lambda options: service.create_async(given, options), key=key, urgent=urgent
        )
        return Refund.from_body(told)

    async def look(self, refund: str, *, urgent: bool) -> Refund:
        """A refund as it is now. Raises RailError."""
        service = self.line.v1.refunds
        told = await self.line.call(
            "refunds.retrieve", lambda options: service.retrieve_async(refund, {}, options), urgent=urgent
        )
        return Refund.from_body(told)

    async def of_intent(self, intent: str, *, urgent: bool) -> AsyncIterator[Refund]:
        """The refunds of a payment intent, the newest first. Raises RailError."""
        given: dict[str, Any] = {"payment_intent": intent, "limit": _PAGE}
        service = self.line.v1.refunds
        for _ in range(_PAGES):
            asked: Any = dict(given)
            told = await self.line.call(
                "refunds.list",
                lambda options, asked=asked: service.list_async(asked, options),  # type: ignore[misc] # a default binds it
                urgent=urgent,
            )
            for body in told["data"]:
                yield Refund.from_body(body)
            if not told["has_more"]:
                return
            given["starting_after"] = told["data"][-1]["id"]
