"""Pricing: what a quantity costs for one whole period.

Every price model is a ladder of tiers read in one of two ways: step by step
(graduated), or all at the step the quantity reaches (volume). Flat, per unit,
package and percentage are ladders with a single step. Amounts are exact
fractions of minor units, so a unit may cost less than the smallest coin; they
are rounded once, when they become a line that a person reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing.proration import Proration
from kernel.money import Money, exponent, rounded
from kernel.time import Interval

Quantity = int | Decimal | Fraction
"""Seats are whole numbers; usage may be any exact number."""

NOTHING = Fraction(0)

TIMES = "\N{MULTIPLICATION SIGN}"
MINUS = "\N{MINUS SIGN}"

_LONGEST = 20


class Model(StrEnum):
    """How a quantity becomes an amount."""

    FLAT = "flat"
    """One amount, whatever the quantity."""

    PER_UNIT = "per_unit"
    """Each unit costs the same."""

    GRADUATED = "graduated"
    """Each unit costs what its own tier says; a tier's flat fee is due once a unit falls into it."""

    VOLUME = "volume"
    """All units cost what the tier of the whole quantity says, plus that tier's flat fee."""

    PACKAGE = "package"
    """Units are sold in packages; a begun package is a whole one."""

    PERCENTAGE = "percentage"
    """A share of an amount, which is the quantity in minor units."""


class Timing(StrEnum):
    """When a period is billed."""

    ADVANCE = "advance"
    ARREARS = "arrears"


class Decrease(StrEnum):
    """When a smaller quantity takes effect on the bill."""

    AT_RENEWAL = "at_renewal"
    """What is paid can be used until the period ends; nothing is given back before."""

    NOW = "now"
    """The unused rest is credited at once."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of the ladder: units up to and including `up_to` cost `unit` each, or per block of `size`."""

    up_to: Fraction | None = None
    unit: Fraction = NOTHING
    flat: Fraction = NOTHING
    size: Fraction | None = None

    def blocks(self, units: Fraction) -> Fraction:
        """How many times `unit` is due for this many units."""
        if not self.size:
            return units
        begun = -(-units.numerator * self.size.denominator // (units.denominator * self.size.numerator))
        return Fraction(begun)


@dataclass(frozen=True, slots=True)
class Part:
    """What one tier adds to an amount, for so many units."""

    tier: Tier
    units: Fraction

    @property
    def amount(self) -> Fraction:
        """Exact minor units, with the tier's flat fee."""
        tier = self.tier
        if not tier.unit:
            return tier.flat
        amount = tier.unit * tier.blocks(self.units)
        return amount + tier.flat if tier.flat else amount


@dataclass(frozen=True, slots=True)
class PriceRule:
    """How a quantity becomes an amount of minor units, before any proration, discount or tax.

    The last tier has no end. The first `included` units are free. `minimum` and
    `maximum` bound the whole amount of a period. `price_rules.read` makes one
    from a plain mapping.
    """

    model: Model
    tiers: tuple[Tier, ...]
    included: Fraction = NOTHING
    minimum: Fraction | None = None
    maximum: Fraction | None = None

    @property
    def free(self) -> bool:
        """Whether no quantity whatever costs anything."""
        return not self.minimum and not any(tier.unit or tier.flat for tier in self.tiers)

    def parts(self, quantity: Quantity) -> list[Part]:
        """What each tier adds. A negative quantity counts as none; none still owes the first flat fee."""
        units = exact(quantity)
        if self.included:
            units -= self.included
        if units.numerator < 0:
            units = NOTHING
        if self.model is Model.VOLUME:
            return [Part(next(tier for tier in self.tiers if tier.up_to is None or units <= tier.up_to), units)]
        return list(_climbed(self.tiers, units))

    def cost(self, quantity: Quantity) -> Fraction:
        """The exact amount of a whole period in minor units, within the minimum and maximum."""
        return self.bounded(_summed(self.parts(quantity)))

    def bounded(self, amount: Fraction) -> Fraction:
        """An amount within the minimum and maximum."""
        if self.minimum is not None:
            amount = max(amount, self.minimum)
        return amount if self.maximum is None else min(amount, self.maximum)


@dataclass(frozen=True, slots=True)
class Price:
    """One immutable amount rule of a plan version, in one currency, per so many intervals.

    The key names it among all prices of all plans: two prices with one key are the same price.
    """

    key: str
    currency: str
    rule: PriceRule
    interval: Interval = Interval.MONTH
    count: int = 1
    proration: Proration = Proration.SECOND
    timing: Timing = Timing.ADVANCE
    decrease: Decrease = Decrease.AT_RENEWAL

    def cost(self, quantity: Quantity, above: Quantity | None = None) -> Fraction:
        """The exact cost of a whole period; where `above` is billed already, the difference of totals."""
        cost = self.rule.cost(quantity)
        return cost if above is None else cost - self.rule.cost(above)

    def amount(self, quantity: Quantity) -> Money:
        """What a whole period costs, rounded once."""
        return Money(rounded(self.cost(quantity)), self.currency)

    def formula(self, quantity: Quantity, above: Quantity | None = None) -> str:
        """The computation of the cost in major units, as a person checks it: 10 times 10.00 + 4 times 8.00."""
        if above is not None:
            return f"({self.formula(quantity)}) {MINUS} ({self.formula(above)})"
        return self.told(quantity)[1]

    def told(self, quantity: Quantity) -> tuple[Money, str]:
        """The amount and the formula, of one look at the ladder."""
        digits = exponent(self.currency)
        parts = self.rule.parts(quantity)
        unbounded = _summed(parts)
        cost = self.rule.bounded(unbounded)
        text = " + ".join([_term(part, digits) for part in parts])
        # A bound that changes nothing gives the very amount back, and comparing fractions is slow.
        if cost is not unbounded:
            text += f", {'at least' if cost > unbounded else 'at most'} {_major(cost, digits)}"
        return Money(rounded(cost), self.currency), text


def exact(quantity: Quantity) -> Fraction:
    """The quantity as a fraction, which nearly always it is already."""
    return quantity if isinstance(quantity, Fraction) else Fraction(quantity)


def plain(number: Quantity, digits: int = 0) -> str:
    """The number as a decimal with at least so many digits, exact to the twentieth: "0.0002", "10.00"."""
    top, bottom = number.as_integer_ratio()
    return _decimal(top, bottom, digits) if digits or bottom != 1 else str(top)


def _major(minor: Fraction, digits: int) -> str:
    """Minor units as a decimal of major ones."""
    return _decimal(minor.numerator, minor.denominator * 10**digits, digits)


def _decimal(number: int, bottom: int, digits: int) -> str:
    top = abs(number) * 10**digits
    while digits < _LONGEST and top % bottom:
        digits, top = digits + 1, top * 10
    # Half away from zero, in whole numbers.
    whole, rest = divmod((2 * top + bottom) // (2 * bottom), 10**digits)
    return ("-" if number < 0 else "") + (f"{whole}.{rest:0{digits}}" if digits else f"{whole}")


def _summed(parts: Sequence[Part]) -> Fraction:
    # Most ladders have one step, and adding fractions is slow.
    first, *others = [part.amount for part in parts]
    return sum(others, first) if others else first


def _climbed(tiers: tuple[Tier, ...], units: Fraction) -> Iterator[Part]:
    floor = NOTHING
    for place, tier in enumerate(tiers):
        if place and units <= floor:
            return
        top = units if tier.up_to is None else min(units, tier.up_to)
        yield Part(tier, top - floor if place else top)
        floor = top


def _term(part: Part, digits: int) -> str:
    """One tier's part of a formula, in major units."""
    flat = _major(part.tier.flat, digits) if part.tier.flat else ""
    if flat and not part.tier.unit:
        return flat
    times = f"{plain(part.tier.blocks(part.units))} {TIMES} {_major(part.tier.unit, digits)}"
    return f"{times} + {flat}" if flat else times
