"""What is sold, to whom, and what was billed for it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import SQLModel

from billing.catalog import Audience
from billing.entitlements import EntitlementKind
from billing.pricing import Model
from kernel.rows import document, instant, key, text, whole, word
from kernel.time import Interval


class SubscriptionState(StrEnum):
    """Where a subscription is in its life."""

    TRIALING = "trialing"
    """Free at first."""

    ACTIVE = "active"
    """Paid, or about to be."""

    PAST_DUE = "past_due"
    """An invoice is unpaid past its date."""

    PAUSED = "paused"
    """Kept, not billed and not used."""

    CANCELED = "canceled"
    """Ended."""


class InvoiceState(StrEnum):
    """Where an invoice is in its life."""

    DRAFT = "draft"
    """Not final, without a number."""

    OPEN = "open"
    """Final, and to be paid."""

    PAID = "paid"
    """Paid in full."""

    VOID = "void"
    """Taken back."""

    UNCOLLECTIBLE = "uncollectible"
    """Given up."""


class Plan(SQLModel, table=True):
    """What people buy. Names and descriptions are by locale: {"en": "Pro", "de": "Pro"}."""

    id: int = key()
    key: str = text()
    audience: Audience = word(Audience)
    name: dict[str, Any] = document()
    description: dict[str, Any] = document()
    position: int = 0
    created_at: datetime = instant()
    archived_at: datetime | None = instant(optional=True)


class PlanVersion(SQLModel, table=True):
    """One edition of a plan; subscriptions stay on theirs."""

    __tablename__ = "plan_version"

    id: int = key()
    plan_id: int = whole()
    number: int = 1
    trial_days: int = 0
    seats: dict[str, Any] | None = document(optional=True)
    """The rules of a plan sold per seat; null for one that isn't."""

    created_at: datetime = instant()


class Price(SQLModel, table=True):
    """One immutable amount rule of a plan version."""

    id: int = key()
    plan_id: int = whole()
    plan_version_id: int = whole()
    key: str = text()
    currency: str = text()
    interval: Interval = word(Interval)
    model: Model = word(Model)
    amount_minor: int = whole()
    """The amount a price list shows first: flat, or of the first unit, rounded to minor units."""

    rule: dict[str, Any] = document()
    """Everything pricing needs to compute an amount from a quantity."""

    meter: str | None = text(optional=True)
    created_at: datetime = instant()


class Entitlement(SQLModel, table=True):
    """What a plan version lets a holder do."""

    id: int = key()
    plan_version_id: int = whole()
    feature: str = text()
    kind: EntitlementKind = word(EntitlementKind)
    amount: int | None = whole(optional=True)
    """The limit; null means without limit. For a flag 1 or 0."""

    text: str | None = text(optional=True)


class Subscription(SQLModel, table=True):
    """An account's running agreement."""

    account_id: int = key()
    id: int = key()
    plan_id: int = whole()
    plan_version_id: int = whole()
    state: SubscriptionState = word(SubscriptionState)
    currency: str = text()
    interval: Interval = word(Interval)
    anchor: datetime = instant()
    time_zone: str = text(default="UTC")
    period_start: datetime = instant()
    period_end: datetime = instant()
    trial_end: datetime | None = instant(optional=True)
    cancel_at: datetime | None = instant(optional=True)
    cancel_reason: str | None = text(optional=True)
    ended_at: datetime | None = instant(optional=True)
    created_at: datetime = instant()


class SubscriptionItem(SQLModel, table=True):
    """One price times a quantity."""

    __tablename__ = "subscription_item"

    account_id: int = key()
    id: int = key()
    subscription_id: int = whole()
    plan_id: int = whole()
    price_id: int = whole()
    quantity: int = whole(default=1)
    created_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)


class Invoice(SQLModel, table=True):
    """What an account is asked to pay."""

    account_id: int = key()
    id: int = key()
    subscription_id: int | None = whole(optional=True)
    number: str | None = text(optional=True)
    state: InvoiceState = word(InvoiceState)
    currency: str = text()
    subtotal_minor: int = whole(default=0)
    tax_minor: int = whole(default=0)
    total_minor: int = whole(default=0)
    paid_minor: int = whole(default=0)
    period_start: datetime = instant()
    period_end: datetime = instant()
    created_at: datetime = instant()
    issued_at: datetime | None = instant(optional=True)
    due_at: datetime | None = instant(optional=True)
    paid_at: datetime | None = instant(optional=True)


class LineItem(SQLModel, table=True):
    """One line of an invoice."""

    __tablename__ = "line_item"

    account_id: int = key()
    id: int = key()
    invoice_id: int = whole()
    position: int = 0
    description: str = text()
    plan_id: int | None = whole(optional=True)
    price_id: int | None = whole(optional=True)
    quantity: int = whole(default=1)
    currency: str = text()
    amount_minor: int = whole()
    tax_minor: int = whole(default=0)
    period_start: datetime = instant()
    period_end: datetime = instant()
