"""What Stripe Billing knows of its own customers, as values of our own; whatever is theirs is called so.

Amounts are in our minor units, parts of them are exact fractions, instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from kernel.money import Money
from kernel.time import Period
from payments.rail.currencies import exact, received
from payments.rail.values import Body, instant, named


@dataclass(frozen=True, slots=True)
class TheirTier:
    """Units up to and including `up_to` cost `unit` each; the last tier has no end."""

    up_to: int | None
    unit: Fraction
    flat: Fraction


@dataclass(frozen=True, slots=True)
class TheirPrice:
    """A price as they have it."""

    id: str
    name: str
    """What its product is called, and the price itself where it has a name."""

    product: str
    currency: str
    interval: str | None
    """day, week, month or year; None for what is sold once."""

    count: int
    metered: bool
    mode: str
    """per_unit, graduated or volume."""

    tiers: tuple[TheirTier, ...]
    """One where every unit costs the same; none where Stripe didn't tell them."""

    package: int | None = None
    """How many units are sold together."""

    rounds_up: bool = True
    """Whether a begun package is a whole one."""

    @classmethod
    def from_body(cls, body: Body) -> TheirPrice:
        """Read Stripe's `price`, with its product and its tiers expanded."""
        recurring = body.get("recurring") or {}
        product = body["product"]
        titles = [product.get("name") if isinstance(product, Mapping) else None, body.get("nickname")]
        package = body.get("transform_quantity") or {}
        return cls(
            id=body["id"],
            name=", ".join(title for title in titles if title) or body["id"],
            product=named(product) or "",
            currency=body["currency"].upper(),
            interval=recurring.get("interval"),
            count=recurring.get("interval_count") or 1,
            metered=recurring.get("usage_type") == "metered",
            mode=body.get("tiers_mode") or "per_unit",
            tiers=_tiers(body),
            package=package.get("divide_by"),
            rounds_up=package.get("round") != "down",
        )


@dataclass(frozen=True, slots=True)
class TheirCoupon:
    """What a discount takes off, wherever it is granted."""

    id: str
    name: str = ""
    duration: str = ""
    """forever, once or repeating; empty where Stripe told the id alone."""

    percent: Fraction | None = None
    fixed: Money | None = None
    products: tuple[str, ...] | None = None
    """The products it is limited to."""

    @classmethod
    def from_body(cls, body: Body | str) -> TheirCoupon:
        """Read Stripe's `coupon`, or the id of one."""
        if isinstance(body, str):
            return cls(body)
        limited = (body.get("applies_to") or {}).get("products")
        off, percent = body.get("amount_off"), body.get("percent_off")
        return cls(
            id=body["id"],
            name=body.get("name") or body["id"],
            duration=body.get("duration") or "",
            percent=None if percent is None else Fraction(str(percent)),
            fixed=None if off is None else received(off, body["currency"]),
            products=tuple(limited) if limited else None,
        )


@dataclass(frozen=True, slots=True)
class TheirDiscount:
    """A coupon that was redeemed."""

    id: str
    coupon: TheirCoupon
    end: datetime | None = None

    @classmethod
    def from_body(cls, body: Body) -> TheirDiscount:
        """Read Stripe's `discount`."""
        coupon = (body.get("source") or {}).get("coupon") or ""
        return cls(body["id"], TheirCoupon.from_body(coupon), instant(body.get("end")))


@dataclass(frozen=True, slots=True)
class TheirRate:
    """A tax rate that was set by hand."""

    percent: Fraction
    inclusive: bool

    @classmethod
    def from_body(cls, body: Body) -> TheirRate:
        """Read Stripe's `tax_rate`."""
        return cls(Fraction(str(body["percentage"])), bool(body["inclusive"]))


@dataclass(frozen=True, slots=True)
class TheirItem:
    """One price of a subscription, and the period it is in: since 2025 each item has its own."""

    id: str
    price: str
    product: str
    quantity: int | None
    """None where a meter counts it."""

    period: Period
    discounts: tuple[TheirDiscount, ...] = ()
    rates: tuple[TheirRate, ...] = ()

    @classmethod
    def from_body(cls, body: Body) -> TheirItem:
        """Read Stripe's `subscription_item`."""
        start, end = instant(body["current_period_start"]), instant(body["current_period_end"])
        assert start, "an item has a period"
        assert end, "a period ends"
        return cls(
            id=body["id"],
            price=body["price"]["id"],
            product=named(body["price"]["product"]) or "",
            quantity=body.get("quantity"),
            period=Period(start, end),
            discounts=_discounts(body),
            rates=tuple(map(TheirRate.from_body, body.get("tax_rates") or ())),
        )


@dataclass(frozen=True, slots=True)
class TheirSubscription:
    """A subscription as they have it."""

    id: str
    customer: str
    status: str
    currency: str
    anchor: datetime
    items: tuple[TheirItem, ...]
    started: datetime
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    ends_with_period: bool = False
    """Whether it ends there when its period does."""

    by_invoice: bool = False
    net_days: int = 0
    method: str | None = None
    """What it is paid with, where that is not the customer's default."""

    discounts: tuple[TheirDiscount, ...] = ()
    rates: tuple[TheirRate, ...] = ()
    computed_tax: bool = False
    """Whether Stripe computes its taxes."""

    flexible: bool = False
    pausing: bool = False
    """Whether its invoices are not collected for now."""

    awaits: str | None = None
    """What of it is to change by itself: "a schedule" or "an update that waits for a payment"."""

    more_items: bool = False

    @classmethod
    def from_body(cls, body: Body) -> TheirSubscription:
        """Read Stripe's `subscription`, with its discounts and its schedule expanded."""
        anchor, started = instant(body["billing_cycle_anchor"]), instant(body["start_date"])
        assert anchor, "a subscription has an anchor"
        assert started, "a subscription has a start"
        return cls(
            id=body["id"],
            customer=named(body["customer"]) or "",
            status=body["status"],
            currency=body["currency"].upper(),
            anchor=anchor,
            items=tuple(map(TheirItem.from_body, body["items"]["data"])),
            started=started,
            trial_end=instant(body.get("trial_end")),
            cancel_at=instant(body.get("cancel_at")),
            ends_with_period=bool(body.get("cancel_at_period_end")),
            by_invoice=body["collection_method"] == "send_invoice",
            net_days=body.get("days_until_due") or 0,
            method=named(body.get("default_payment_method")) or named(body.get("default_source")),
            discounts=_discounts(body),
            rates=tuple(map(TheirRate.from_body, body.get("default_tax_rates") or ())),
            computed_tax=bool((body.get("automatic_tax") or {}).get("enabled")),
            flexible=(body.get("billing_mode") or {}).get("type") == "flexible",
            pausing=bool(body.get("pause_collection")),
            awaits=_awaits(body),
            more_items=bool(body["items"].get("has_more")),
        )


@dataclass(frozen=True, slots=True)
class TheirCustomer:
    """A customer as they have it."""

    id: str
    name: str
    email: str
    country: str | None
    address: tuple[str, ...]
    locale: str | None
    balances: Sequence[Money]
    """What they owe by hand, above zero, or have in credit, below it, in each currency."""

    method: str | None = None
    vat_ids: tuple[str, ...] = ()
    discount: TheirDiscount | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_body(cls, body: Body) -> TheirCustomer:
        """Read Stripe's `customer`, with its tax ids and its credit balances expanded."""
        address = body.get("address") or {}
        settings = body.get("invoice_settings") or {}
        discount = body.get("discount")
        return cls(
            id=body["id"],
            name=body.get("name") or body.get("email") or body["id"],
            email=body.get("email") or "",
            country=address.get("country") or None,
            address=lines_of(address),
            locale=next(iter(body.get("preferred_locales") or ()), None),
            balances=_balances(body),
            method=named(settings.get("default_payment_method")) or named(body.get("default_source")),
            vat_ids=tuple(tax["value"] for tax in _vat_ids(body)),
            discount=TheirDiscount.from_body(discount) if discount else None,
            metadata=dict(body.get("metadata") or {}),
        )


def _tiers(body: Body) -> tuple[TheirTier, ...]:
    currency = body["currency"]
    if body.get("billing_scheme") == "tiered":
        return tuple(
            TheirTier(tier["up_to"], _part(tier, "unit_amount", currency), _part(tier, "flat_amount", currency))
            for tier in body.get("tiers") or ()
        )
    return (TheirTier(None, _part(body, "unit_amount", currency), Fraction(0)),)


def _part(body: Body, name: str, currency: str) -> Fraction:
    told = body.get(f"{name}_decimal")
    told = body.get(name) if told is None else told
    return exact(Fraction(str(told or 0)), currency)


def _discounts(body: Body) -> tuple[TheirDiscount, ...]:
    return tuple(TheirDiscount.from_body(one) for one in body.get("discounts") or () if isinstance(one, Mapping))


def _awaits(body: Body) -> str | None:
    if body.get("pending_update"):
        return "an update that waits for a payment"
    schedule = body.get("schedule")
    return None if not schedule or _runs_out(schedule) else "a schedule"


def _runs_out(schedule: Body | str) -> bool:
    """Whether a schedule is in its last phase, and lets the subscription go on as it is."""
    if isinstance(schedule, str) or schedule.get("end_behavior") != "release":
        return False
    phases: list[Body] = schedule.get("phases") or []
    current: Body = schedule.get("current_phase") or {}
    return len(phases) == 1 or bool(phases and current.get("end_date") == phases[-1]["end_date"])


def lines_of(address: Body) -> tuple[str, ...]:
    """The lines of a postal address, without its country."""
    town = " ".join(address[part] for part in ("postal_code", "city", "state") if address.get(part))
    streets = [address[part] for part in ("line1", "line2") if address.get(part)]
    return (*streets, *([town] if town else []))


def _balances(body: Body) -> list[Money]:
    told = body.get("invoice_credit_balance") or {}
    if body.get("balance") and body.get("currency"):
        told = {**told, body["currency"]: body["balance"]}
    return [received(minor, currency) for currency, minor in sorted(told.items()) if minor]


def _vat_ids(body: Body) -> Sequence[Body]:
    listed = (body.get("tax_ids") or {}).get("data") or ()
    return [tax for tax in listed if tax["type"] in {"eu_vat", "gb_vat", "ch_vat", "no_vat"}]
