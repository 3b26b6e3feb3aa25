"""Discounts: what is taken off lines, in the order the discounts were granted.

A percentage is taken off each line by itself, so that the line can be checked
alone. A fixed amount is a budget of the billing period: it is split over the
lines it meets by largest remainder, never makes one negative, and is spent once
however many changes the period sees. What a credit gives up can be spent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from billing.lines import Taken
from kernel.errors import InvalidInput
from kernel.money import Money, total

_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Discount:
    """A percentage or a fixed amount off, from `since`, for so many billing periods or forever.

    The first period is the one `since` falls into. It ends before `until`, when
    somebody took it away. `prices` are the keys it is limited to.
    """

    key: str
    since: datetime
    percent: Fraction | None = None
    fixed: Money | None = None
    periods: int | None = None
    until: datetime | None = None
    prices: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.fixed is None):
            raise InvalidInput("A discount is either a percentage or a fixed amount.")
        if self.percent is not None and not 0 < self.percent <= _WHOLE:
            raise InvalidInput("percent: must be above 0 and at most 100.")
        if self.fixed is not None and self.fixed.minor <= 0:
            raise InvalidInput("fixed: must be above zero.")
        if self.periods is not None and self.periods < 1:
            raise InvalidInput("periods: must be at least 1, or left out for a discount that lasts.")


@dataclass(frozen=True, slots=True)
class Offer:
    """A discount as it meets a batch of lines: which of them, and what is left of a fixed amount."""

    discount: Discount
    places: Sequence[int]
    spent: Money | None = None


def take(amounts: Sequence[Money], offers: Sequence[Offer]) -> list[tuple[Taken, ...]]:
    """What the offers take off each line, one after another, each off what the ones before left."""
    rest = list(amounts)
    taken: list[list[Taken]] = [[] for _ in amounts]
    for offer in offers:
        for place, part in zip(offer.places, _parts(offer, [rest[place] for place in offer.places]), strict=True):
            rest[place] -= part
            if part:
                taken[place].append(Taken(offer.discount.key, part))
    return [tuple(parts) for parts in taken]


def give_up(taken: Sequence[Taken], amount: Money) -> list[Money]:
    """The parts of `amount` that each of the discounts gives up, in proportion to what it took."""
    if not amount:
        return [amount for _ in taken]
    return amount.split([abs(part.amount.minor) for part in taken])


def _parts(offer: Offer, rest: list[Money]) -> list[Money]:
    """What one offer takes off each of its lines."""
    discount = offer.discount
    if discount.percent is not None:
        return [amount.times(discount.percent / _WHOLE) for amount in rest]
    assert discount.fixed is not None, "a discount without a percentage is a fixed amount"
    budget = discount.fixed - offer.spent if offer.spent else discount.fixed
    weights = [max(0, amount.minor) for amount in rest]
    off = min(budget, total((Money(weight, budget.currency) for weight in weights), budget.currency))
    if off.minor <= 0:
        return [Money(0, amount.currency) for amount in rest]
    return off.split(weights)
