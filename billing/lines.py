"""Lines: what an invoice says, one signed amount at a time.

A line explains itself: which price and quantity, for which span, by which
formula, and what discounts took off. A credit or a restored line names the
charge whose recorded amount it moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from billing.pricing import Quantity
from billing.proration import Proration
from billing.tax import Rate
from kernel.money import Money, total
from kernel.time import Period


class Kind(StrEnum):
    """What a line does to an account."""

    CHARGE = "charge"
    """Bills a span of an item."""

    CREDIT = "credit"
    """Gives back the part of a charge that is not used after all."""

    RESTORED = "restored"
    """Takes such a credit back, because the span is used again."""

    USAGE = "usage"
    """Bills, or corrects, a metered quantity."""


class Taken(NamedTuple):
    """What one discount took off a line; negative where a credit gives it up again."""

    discount: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a quantity of usage was counted from: how many reports, and the first and the last of them."""

    events: int
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line item: `amount` before discounts, for a span of an item within a billing period.

    `period` is the instant its billing period begins. `above` is the quantity
    that other lines bill already, beneath this one: five more seats on top of
    ten are quantity 15 above 10.
    """

    kind: Kind
    item: str
    price: str
    quantity: Quantity
    above: Quantity | None
    period: datetime
    span: Period
    amount: Money
    formula: str
    proration: Proration = Proration.SECOND
    discounts: tuple[Taken, ...] = ()
    reverses: int | None = None
    evidence: Evidence | None = None

    @property
    def discount(self) -> Money:
        """What all discounts together took off."""
        return total((taken.amount for taken in self.discounts), self.amount.currency)

    @property
    def net(self) -> Money:
        """What the line adds to the invoice, before exclusive tax."""
        return self.amount - self.discount if self.discounts else self.amount


@dataclass(frozen=True, slots=True)
class Issued:
    """A line that stands on an invoice or credit note, with its id.

    `adjusted` is what other credit notes gave back on this line, as a positive
    amount: it can't be given back twice. `rate` is the tax that was taken on it.
    """

    id: int
    line: Line
    adjusted: Money | None = None
    rate: Rate | None = None


def tallied(lines: Iterable[Line]) -> dict[str, Money]:
    """What each discount took off the lines together."""
    sums: dict[str, Money] = {}
    for line in lines:
        for taken in line.discounts:
            sums[taken.discount] = sums.get(taken.discount, Money(0, taken.amount.currency)) + taken.amount
    return sums
