"""What happens to the catalog. It belongs to no account, so its chain is the installation's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.audit import INSTALLATION
from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class _CatalogEvent(Event):
    account_id: int = INSTALLATION


@dataclass(frozen=True, kw_only=True)
class PlanAdded(_CatalogEvent):
    """A plan is sold that was not before."""

    subject: ClassVar[str] = "plan"
    plan: int


@dataclass(frozen=True, kw_only=True)
class PlanChanged(_CatalogEvent):
    """A plan has another name, description, audience or position."""

    subject: ClassVar[str] = "plan"
    plan: int


@dataclass(frozen=True, kw_only=True)
class PlanRetired(_CatalogEvent):
    """A plan is not sold any more."""

    subject: ClassVar[str] = "plan"
    plan: int


@dataclass(frozen=True, kw_only=True)
class PlanRevived(_CatalogEvent):
    """A plan is sold again."""

    subject: ClassVar[str] = "plan"
    plan: int


@dataclass(frozen=True, kw_only=True)
class PlanVersionAdded(_CatalogEvent):
    """A plan has a new version, which new subscriptions take."""

    subject: ClassVar[str] = "version"
    version: int


@dataclass(frozen=True, kw_only=True)
class PlanVersionChanged(_CatalogEvent):
    """A version has another trial, or other bounds for seats."""

    subject: ClassVar[str] = "version"
    version: int


@dataclass(frozen=True, kw_only=True)
class PriceAdded(_CatalogEvent):
    """A version is sold in another currency, by another interval or meter."""

    subject: ClassVar[str] = "price"
    price: int


@dataclass(frozen=True, kw_only=True)
class EntitlementAdded(_CatalogEvent):
    """A version lets its holders do something more."""

    subject: ClassVar[str] = "entitlement"
    entitlement: int


@dataclass(frozen=True, kw_only=True)
class EntitlementChanged(_CatalogEvent):
    """A version opens a feature further."""

    subject: ClassVar[str] = "entitlement"
    entitlement: int


@dataclass(frozen=True, kw_only=True)
class MeterAdded(_CatalogEvent):
    """Something more is counted."""

    subject: ClassVar[str] = "meter"
    meter: int


@dataclass(frozen=True, kw_only=True)
class DunningScheduleAdded(_CatalogEvent):
    """There is another schedule for unpaid invoices."""

    subject: ClassVar[str] = "dunning_schedule"
    dunning_schedule: int


@dataclass(frozen=True, kw_only=True)
class DunningScheduleChanged(_CatalogEvent):
    """Unpaid invoices take other steps from now on."""

    subject: ClassVar[str] = "dunning_schedule"
    dunning_schedule: int


@dataclass(frozen=True, kw_only=True)
class CouponAdded(_CatalogEvent):
    """Codes grant something that they did not before."""

    subject: ClassVar[str] = "coupon"
    coupon: int


@dataclass(frozen=True, kw_only=True)
class CouponChanged(_CatalogEvent):
    """A coupon has another name, other plans, or other terms that nobody redeemed."""

    subject: ClassVar[str] = "coupon"
    coupon: int


@dataclass(frozen=True, kw_only=True)
class CouponRetired(_CatalogEvent):
    """No code grants a coupon any more."""

    subject: ClassVar[str] = "coupon"
    coupon: int


@dataclass(frozen=True, kw_only=True)
class CouponRevived(_CatalogEvent):
    """A coupon is granted again."""

    subject: ClassVar[str] = "coupon"
    coupon: int


@dataclass(frozen=True, kw_only=True)
class PromotionCodeAdded(_CatalogEvent):
    """A coupon has another code."""

    subject: ClassVar[str] = "code"
    code: int


@dataclass(frozen=True, kw_only=True)
class PromotionCodeChanged(_CatalogEvent):
    """A code may be used more or less often, by others, or for another time."""

    subject: ClassVar[str] = "code"
    code: int


@dataclass(frozen=True, kw_only=True)
class PromotionCodeRetired(_CatalogEvent):
    """A code is not accepted any more."""

    subject: ClassVar[str] = "code"
    code: int


@dataclass(frozen=True, kw_only=True)
class PromotionCodeRevived(_CatalogEvent):
    """A code is accepted again."""

    subject: ClassVar[str] = "code"
    code: int
