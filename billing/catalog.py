"""The catalog: plans, their versions, and what each version costs and allows.

A plan is what people buy. What it costs and what it lets its holder do is said
by its versions: a subscription stays on the version it was made with, and a new
one takes the newest. A price is one amount rule for one interval and currency;
it never changes, so a new amount is a new version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from billing.coupon_terms import ListedCoupon
from billing.dunning import STANDARD, Schedule
from billing.entitlements import Entitlement
from billing.localized import Localized
from billing.metering import Meter
from billing.pricing import Decrease, Model, Price, Tier, Timing, plain
from billing.proration import Proration
from kernel.errors import NotFound, Problem
from kernel.money import exponent
from kernel.time import Interval


class Audience(StrEnum):
    """Who a plan is for."""

    PERSON = "person"
    """For people."""

    WORKSPACE = "workspace"
    """For workspaces."""

    ANYONE = "anyone"
    """For both."""


@dataclass(eq=False)
class NoLongerSold(Problem):
    """The plan was taken off the price list. Who has it keeps it."""

    says = "{plan} is not sold any more."
    plan: str


@dataclass(eq=False)
class NotSold(Problem):
    """The plan has no price for this interval and currency."""

    says = "{plan} is not sold by the {interval} in {currency}."
    plan: str
    interval: Interval
    currency: str


@dataclass(frozen=True, slots=True)
class ListPrice(Price):
    """A price as the catalog lists it: an amount rule, and the meter that counts its quantity, if one does."""

    meter: str | None = None

    @property
    def says(self) -> str:
        """The rule in one line: "20.00 USD a month", "volume 40.00 to 249, then 36.00 USD a month"."""
        of = f" of {self.meter}" if self.meter else ""
        return f"{self._ladder()}{of} a {self.interval}" + "".join(f", {term}" for term in self._terms())

    def __str__(self) -> str:
        return self.says

    def _terms(self) -> Iterator[str]:
        """Whatever goes beyond the usual."""
        if self.rule.included:
            yield f"{plain(self.rule.included)} included"
        if self.rule.minimum is not None:
            yield f"at least {self._major(self.rule.minimum)}"
        if self.rule.maximum is not None:
            yield f"at most {self._major(self.rule.maximum)}"
        if self.proration is not (Proration.NONE if self.meter else Proration.SECOND):
            yield f"proration: {self.proration}"
        if self.timing is not (Timing.ARREARS if self.meter else Timing.ADVANCE):
            yield f"in {self.timing}"
        if self.decrease is not Decrease.AT_RENEWAL:
            yield f"fewer seats: {self.decrease}"

    def _ladder(self) -> str:
        first = self.rule.tiers[0]
        match self.rule.model:
            case Model.FLAT:
                return f"{self._major(first.flat)} {self.currency}"
            case Model.PER_UNIT:
                return f"{self._major(first.unit)} {self.currency} each"
            case Model.PACKAGE:
                return f"{self._major(first.unit)} {self.currency} for each {plain(first.size or 1)} begun"
            case Model.PERCENTAGE:
                return f"{plain(first.unit * 100)} percent in {self.currency}"
            case Model.GRADUATED | Model.VOLUME:
                steps = ", ".join(map(self._step, self.rule.tiers))
                return f"{self.rule.model} {steps} {self.currency}"

    def _step(self, tier: Tier) -> str:
        rate = f"{self._major(tier.flat)} + {self._major(tier.unit)}" if tier.flat else self._major(tier.unit)
        return f"then {rate}" if tier.up_to is None else f"{rate} to {plain(tier.up_to)}"

    def _major(self, minor: Fraction) -> str:
        digits = exponent(self.currency)
        return plain(minor / 10**digits, digits)


def price_key(interval: Interval, currency: str, meter: str | None = None) -> str:
    """What tells a price from its siblings in a version: "month-usd", "month-usd-output_tokens"."""
    return "-".join(filter(None, (interval, currency.lower(), meter)))


@dataclass(frozen=True, slots=True)
class Seats:
    """The rules of a version that is sold by the seat."""

    minimum: int = 1
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One edition of a plan, numbered from 1. Prices and entitlements are in order of their keys."""

    number: int
    prices: tuple[ListPrice, ...]
    entitlements: tuple[Entitlement, ...] = ()
    trial_days: int = 0
    seats: Seats | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What people buy, and every version of it, oldest first."""

    key: str
    audience: Audience
    name: Localized
    description: Localized
    versions: tuple[Version, ...]
    position: int = 0
    """Where it stands on a price list; a higher plan stands behind a lower one."""

    archived: bool = False
    """Whether it was taken off the price list. Who has it keeps it."""

    dunning: str = STANDARD.key
    """The schedule that an unpaid invoice follows."""

    @property
    def newest(self) -> Version:
        """The version that a new subscription takes."""
        return self.versions[-1]

    def version(self, number: int | None = None) -> Version:
        """The version of a number; without one the newest, if the plan is still sold.

        Raises NotFound, and NoLongerSold.
        """
        if number is None and self.archived:
            raise NoLongerSold(self.name.said_in("en"))
        return self.newest if number is None else _only([one for one in self.versions if one.number == number])


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every plan, in the order of a price list."""

    plans: tuple[Plan, ...] = ()
    meters: tuple[Meter, ...] = field(default=(), compare=False)
    """The meters that say how they count; one that only prices name sums quantities."""

    schedules: tuple[Schedule, ...] = field(default=(), compare=False)
    """What follows an unpaid invoice, where it is not the standard."""

    coupons: tuple[ListedCoupon, ...] = field(default=(), compare=False)
    """What codes grant, retired coupons included."""

    @property
    def sold(self) -> tuple[Plan, ...]:
        """The plans on the price list."""
        return tuple(plan for plan in self.plans if not plan.archived)

    def plan(self, key: str) -> Plan:
        """The plan of a key, whether sold or not. Raises NotFound."""
        return _only([plan for plan in self.plans if plan.key == key])

    def prices(
        self, plan_key: str, interval: Interval, currency: str, version: int | None = None
    ) -> tuple[ListPrice, ...]:
        """All prices that a subscription on these terms consists of: the plan's own, and those of its meters.

        Raises NotFound for an unknown plan or version, NoLongerSold without a version, and NotSold.
        """
        plan = self.plan(plan_key)
        terms = (interval, currency)
        found = tuple(one for one in plan.version(version).prices if (one.interval, one.currency) == terms)
        if not found:
            raise NotSold(plan.name.said_in("en"), interval, currency)
        return found

    def price(
        self,
        plan_key: str,
        interval: Interval,
        currency: str,
        version: int | None = None,
        *,
        meter: str | None = None,
    ) -> ListPrice:
        """The plan's own price on these terms, or that of one of its meters. Raises as `prices` does."""
        for price in self.prices(plan_key, interval, currency, version):
            if price.meter == meter:
                return price
        raise NotSold(self.plan(plan_key).name.said_in("en"), interval, currency)


def in_order(
    plans: Sequence[Plan],
    meters: Sequence[Meter] = (),
    schedules: Sequence[Schedule] = (),
    coupons: Sequence[ListedCoupon] = (),
) -> Catalog:
    """The catalog of these plans, in the order of a price list."""
    listed = tuple(sorted(plans, key=lambda plan: (plan.position, plan.key)))
    return Catalog(listed, tuple(meters), tuple(schedules), tuple(coupons))


_Found = TypeVar("_Found")


def _only(found: Sequence[_Found]) -> _Found:
    if not found:
        raise NotFound
    return found[0]
