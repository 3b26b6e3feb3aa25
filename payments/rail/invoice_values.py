"""Invoices of Stripe Billing as values of our own: what is printed on them, and what is still to be paid there.

Amounts are in our minor units, and are as Stripe says, whether or not they sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from kernel.money import Money, total
from kernel.time import Period
from payments.rail.billing_values import TheirRate, lines_of
from payments.rail.currencies import exact, received
from payments.rail.values import Body, instant, named

INSTALLATION = "gw_installation"
"""What an invoice is marked with that is collected by an installation, and by Stripe no more."""


@dataclass(frozen=True, slots=True)
class TheirTax:
    """A tax on a line, or in it."""

    amount: Money
    rate: str | None
    """The id of its rate."""

    inclusive: bool
    reason: str
    """Why it is what it is: `standard_rated`, `reverse_charge`, `zero_rated` and so on."""

    @classmethod
    def from_body(cls, body: Body, currency: str) -> TheirTax:
        """Read one of Stripe's `taxes`."""
        return cls(
            amount=received(body["amount"], currency),
            rate=named((body.get("tax_rate_details") or {}).get("tax_rate")),
            inclusive=body["tax_behavior"] == "inclusive",
            reason=body.get("taxability_reason") or "",
        )


@dataclass(frozen=True, slots=True)
class TheirLine:
    """A line of an invoice: before discounts, and with the taxes that are inside its price."""

    id: str
    description: str
    amount: Money
    period: Period
    quantity: int | None
    unit: Fraction | None
    """What one costs, in minor units."""

    discounts: tuple[tuple[str, Money], ...] = ()
    """What each discount took off."""

    taxes: tuple[TheirTax, ...] = ()

    @classmethod
    def from_body(cls, body: Body) -> TheirLine:
        """Read Stripe's `line_item`."""
        currency = body["currency"]
        start, end = instant(body["period"]["start"]), instant(body["period"]["end"])
        assert start, "a line has a period"
        assert end, "a period ends"
        unit = (body.get("pricing") or {}).get("unit_amount_decimal")
        return cls(
            id=body["id"],
            description=body.get("description") or "",
            amount=received(body["amount"], currency),
            period=Period(start, max(start, end)),
            quantity=body.get("quantity"),
            unit=None if unit is None else exact(Fraction(str(unit)), currency),
            discounts=tuple(
                (named(each["discount"]) or "", received(each["amount"], currency))
                for each in body.get("discount_amounts") or ()
                if each["amount"]
            ),
            taxes=tuple(TheirTax.from_body(each, currency) for each in body.get("taxes") or ()),
        )


@dataclass(frozen=True, slots=True)
class TheirPayment:
    """A payment of an invoice that Stripe has begun, as its payment intent is."""

    id: str
    invoice: str
    status: str
    """open, paid or canceled."""

    kind: str
    """payment_intent or charge, which Stripe took; payment_record, which was paid past it."""

    paid: Money
    intent: str | None
    intent_status: str

    @classmethod
    def from_body(cls, body: Body) -> TheirPayment:
        """Read Stripe's `invoice_payment`, with its payment intent expanded."""
        intent = body["payment"].get("payment_intent")
        status = intent.get("status") or "" if isinstance(intent, Mapping) else ""
        paid = received(body.get("amount_paid") or 0, body["currency"])
        return cls(
            id=body["id"],
            invoice=named(body["invoice"]) or "",
            status=body["status"],
            kind=body["payment"]["type"],
            paid=paid,
            intent=named(intent),
            intent_status=status,
        )


@dataclass(frozen=True, slots=True)
class TheirBuyer:
    """Whom an invoice is addressed to."""

    name: str = ""
    email: str = ""
    address: tuple[str, ...] = ()
    country: str | None = None
    tax_ids: tuple[str, ...] = ()
    reverse_charge: bool = False

    @classmethod
    def from_body(cls, body: Body) -> TheirBuyer:
        """Read what Stripe's `invoice` keeps of its customer."""
        address: Body = body.get("customer_address") or {}
        return cls(
            name=body.get("customer_name") or "",
            email=body.get("customer_email") or "",
            address=lines_of(address),
            country=address.get("country") or None,
            tax_ids=tuple(each["value"] for each in body.get("customer_tax_ids") or () if each.get("value")),
            reverse_charge=body.get("customer_tax_exempt") == "reverse",
        )


@dataclass(frozen=True, slots=True)
class TheirInvoice:
    """An invoice as they have it. One that was listed tells no payments but those that are under way."""

    id: str
    number: str
    customer: str
    subscription: str | None
    status: str
    currency: str
    total: Money
    remaining: Money
    shipping: Money
    credited: Money
    """What credit notes took off it before it was paid."""

    owed_before: Money
    """What was owed on the customer's balance, and is asked for, too; below zero, what was in credit."""

    created: datetime
    issued: datetime
    due_at: datetime | None
    by_invoice: bool
    collects: bool
    """Whether Stripe goes on collecting it by itself."""

    buyer: TheirBuyer
    lines: tuple[TheirLine, ...] = ()
    more_lines: bool = False
    rates: Mapping[str, TheirRate] = field(default_factory=dict)
    """The tax rates of its lines, by id, as far as Stripe tells them."""

    payments: Sequence[TheirPayment] = ()
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def paid(self) -> Money:
        """What Stripe took for it, as its payments say."""
        taken = (each.paid for each in self.payments if each.status == "paid" and each.kind != "payment_record")
        return total(taken, self.currency)

    @classmethod
    def from_body(cls, body: Body) -> TheirInvoice:
        """Read Stripe's `invoice`."""
        details = (body.get("parent") or {}).get("subscription_details") or {}
        currency, created = body["currency"], instant(body["created"])
        assert created, "an invoice was made at some time"
        final = (body.get("status_transitions") or {}).get("finalized_at")
        lines = body.get("lines") or {"data": (), "has_more": False}
        return cls(
            id=body["id"],
            number=body.get("number") or body["id"],
            customer=named(body.get("customer")) or "",
            subscription=named(details.get("subscription")),
            status=body.get("status") or "",
            currency=currency.upper(),
            total=received(body["total"], currency),
            remaining=received(body["amount_remaining"], currency),
            shipping=received(body.get("amount_shipping") or 0, currency),
            credited=received(body.get("pre_payment_credit_notes_amount") or 0, currency),
            owed_before=received(body.get("starting_balance") or 0, currency),
            created=created,
            issued=instant(body.get("effective_at")) or instant(final) or created,
            due_at=instant(body.get("due_date")),
            by_invoice=body.get("collection_method") == "send_invoice",
            collects=bool(body.get("auto_advance")),
            buyer=TheirBuyer.from_body(body),
            lines=tuple(map(TheirLine.from_body, lines["data"])),
            more_lines=bool(lines["has_more"]),
            marks=dict(body.get("metadata") or {}),
        )
