"""What the rail tells us, as values of our own. Amounts are in our minor units; instants are aware UTC.

Each has a `from_body` that reads the plain JSON of Stripe's object, whether an
API call answered with it or a webhook brought it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kernel.money import Money
from payments.rail.currencies import received

VERSION = "2026-10-28.endive"
"""The version of Stripe's API that we speak and that our webhooks are written in."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom the rail keeps payment methods for: one of our accounts."""

    id: str
    deleted: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_body(cls, body: Body) -> Customer:
        """Read Stripe's `customer`."""
        return cls(body["id"], bool(body.get("deleted")), dict(body.get("metadata") or {}))


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a payment method said no."""

    code: str
    reason: str | None = None
    """Stripe's `decline_code`: what the bank said."""

    advice: str | None = None
    """Stripe's `advice_code`: confirm_card_data, do_not_try_again or try_again_later."""

    message: str = ""
    charge: str | None = None
    network_code: str | None = None

    @classmethod
    def from_body(cls, body: Body) -> Decline:
        """Read Stripe's `error`, `last_payment_error` or `last_setup_error`."""
        return cls(
            code=body.get("code") or body.get("type") or "unknown",
            reason=body.get("decline_code"),
            advice=body.get("advice_code"),
            message=body.get("message") or "",
            charge=named(body.get("charge")),
            network_code=body.get("network_decline_code"),
        )


@dataclass(frozen=True, slots=True)
class Method:
    """A payment method: what a person recognizes it by, never its number."""

    id: str
    kind: str
    brand: str = ""
    last4: str = ""
    expires_on: str | None = None
    """Month and year as "2027-04"; None where nothing expires."""

    wallet: str | None = None
    country: str | None = None
    fingerprint: str | None = None
    customer: str | None = None

    @classmethod
    def from_body(cls, body: Body) -> Method:
        """Read Stripe's `payment_method`."""
        kind = body["type"]
        told = body.get(kind) or {}
        year, month = told.get("exp_year"), told.get("exp_month")
        return cls(
            id=body["id"],
            kind=kind,
            brand=told.get("brand") or told.get("bank_name") or told.get("bank_code") or "",
            last4=(told.get("last4") or "")[-4:].upper(),
            expires_on=f"{year:04}-{month:02}" if year and month else None,
            wallet=(told.get("wallet") or {}).get("type"),
            country=told.get("country"),
            fingerprint=told.get("fingerprint"),
            customer=named(body.get("customer")),
        )


@dataclass(frozen=True, slots=True)
class Setup:
    """An attempt to save a payment method for payments without the payer."""

    id: str
    status: str
    client_secret: str
    customer: str | None = None
    method: str | None = None
    mandate: str | None = None
    error: Decline | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_body(cls, body: Body) -> Setup:
        """Read Stripe's `setup_intent`."""
        error = body.get("last_setup_error")
        return cls(
            id=body["id"],
            status=body["status"],
            client_secret=body.get("client_secret") or "",
            customer=named(body.get("customer")),
            method=named(body.get("payment_method")),
            mandate=named(body.get("mandate")),
            error=Decline.from_body(error) if error else None,
            metadata=dict(body.get("metadata") or {}),
        )


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment intent: one amount on its way to us, by one charge that succeeds or by none."""

    id: str
    status: str
    amount: Money
    received: Money
    client_secret: str = ""
    customer: str | None = None
    method: str | None = None
    charge: str | None = None
    """The latest charge: each try makes another."""

    error: Decline | None = None
    next_action: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None

    @classmethod
    def from_body(cls, body: Body) -> Intent:
        """Read Stripe's `payment_intent`."""
        error = body.get("last_payment_error")
        return cls(
            id=body["id"],
            status=body["status"],
            amount=received(body["amount"], body["currency"]),
            received=received(body.get("amount_received") or 0, body["currency"]),
            client_secret=body.get("client_secret") or "",
            customer=named(body.get("customer")),
            method=named(body.get("payment_method")),
            charge=named(body.get("latest_charge")),
            error=Decline.from_body(error) if error else None,
            next_action=(body.get("next_action") or {}).get("type"),
            metadata=dict(body.get("metadata") or {}),
            created=instant(body.get("created")),
        )


@dataclass(frozen=True, slots=True)
class Charge:
    """One try of a payment intent at a payment method."""

    id: str
    status: str
    """pending, succeeded or failed."""

    amount: Money
    refunded: Money
    intent: str | None = None
    customer: str | None = None
    method: str | None = None
    transaction: str | None = None
    """The balance transaction with its fee; None until Stripe has it."""

    disputed: bool = False
    failure: str | None = None
    reason: str | None = None
    """What the bank said, where it failed."""

    risk: str | None = None
    fingerprint: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None

    @classmethod
    def from_body(cls, body: Body) -> Charge:
        """Read Stripe's `charge`."""
        used = body.get("payment_method_details") or {}
        instrument = used.get(used.get("type") or "") or {}
        outcome = body.get("outcome") or {}
        return cls(
            id=body["id"],
            status=body["status"],
            amount=received(body["amount"], body["currency"]),
            refunded=received(body.get("amount_refunded") or 0, body["currency"]),
            intent=named(body.get("payment_intent")),
            customer=named(body.get("customer")),
            method=named(body.get("payment_method")),
            transaction=named(body.get("balance_transaction")),
            disputed=bool(body.get("disputed")),
            failure=body.get("failure_code"),
            reason=outcome.get("reason") if body.get("failure_code") else None,
            risk=outcome.get("risk_level"),
            fingerprint=instrument.get("fingerprint"),
            metadata=dict(body.get("metadata") or {}),
            created=instant(body.get("created")),
        )


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """A movement of our balance at Stripe, in the currency it is settled in."""

    id: str
    kind: str
    amount: Money
    fee: Money
    net: Money
    source: str | None = None
    exchange_rate: str | None = None
    """How much of this currency one unit of the payer's is worth, as decimal text."""

    created: datetime | None = None
    available_on: datetime | None = None

    @classmethod
    def from_body(cls, body: Body) -> BalanceTransaction:
        """Read Stripe's `balance_transaction`."""
        currency = body["currency"]
        rate = body.get("exchange_rate")
        return cls(
            id=body["id"],
            kind=body["type"],
            amount=received(body["amount"], currency),
            fee=received(body["fee"], currency),
            net=received(body["net"], currency),
            source=named(body.get("source")),
            exchange_rate=None if rate is None else str(rate),
            created=instant(body.get("created")),
            available_on=instant(body.get("available_on")),
        )


def named(reference: Any) -> str | None:
    """The id of a reference, whether it came as an id or as the whole object."""
    if isinstance(reference, Mapping):
        return str(reference["id"])
    return None if reference is None else str(reference)


def instant(seconds: int | None) -> datetime | None:
    """The instant of Stripe's whole seconds since 1970."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
