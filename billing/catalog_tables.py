"""The catalog's tables: what is sold, and for how much."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from billing.catalog import Audience
from billing.entitlements import EntitlementKind
from billing.pricing import Model
from kernel.rows import document, instant, key, text, whole, word
from kernel.time import Interval


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
    dunning: str = text(default="standard")
    """The key of the schedule that an unpaid invoice follows."""


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


class Coupon(SQLModel, table=True):
    """What a discount is, wherever it is granted: a percentage, or an amount in each currency."""

    id: int = key()
    key: str = text()
    name: dict[str, Any] = document()
    percent: str | None = text(optional=True)
    """A decimal number as text, for it is exact."""

    amounts: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    """Minor units by currency."""

    periods: int | None = None
    """For how many billing periods; null for as long as the subscription runs."""

    plans: list[str] | None = Field(default=None, sa_type=ARRAY(Text), nullable=True)
    """The keys of the plans it is limited to."""

    created_at: datetime = instant()
    archived_at: datetime | None = instant(optional=True)


class PromotionCode(SQLModel, table=True):
    """A code that grants a coupon to whoever knows it."""

    __tablename__ = "promotion_code"

    id: int = key()
    coupon_id: int = whole()
    code: str = text()
    most: int | None = None
    """How often it may be used; null for any number of times."""

    redeemed: int = 0
    first_time: bool = False
    """Whether only an account that was never billed may use it."""

    expires_at: datetime | None = instant(optional=True)
    created_at: datetime = instant()
    archived_at: datetime | None = instant(optional=True)
