"""Crediting: what lines of an invoice can give back, and the tax that goes with it.

A line gives back at most what is left of it: what was recorded, less what credit
notes and corrections gave back before. When nothing is left of a line, nothing is
left of its tax either, to the last unit, whatever the way there. Values in, values
out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from billing.tax import Rate, credited
from kernel.errors import InvalidInput, Problem
from kernel.money import Money, total


@dataclass(eq=False)
class CreditTooHigh(Problem):
    """More was to be credited than is left."""

    says = "At most {left} {where}. {advice}"
    left: str
    """What is left, as people write it."""

    where: str
    """What of it is left, and of what."""

    advice: str
    """What to do instead."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A line as it was recorded, and what was given back on it since.

    `net` and `given` are in the terms of the line's own amount: before an exclusive
    tax, with an inclusive one. Both are after discounts.
    """

    line_id: int
    position: int
    rate: Rate
    net: Money
    tax: Money
    given: Money
    given_tax: Money

    @property
    def left(self) -> Money:
        """What the line can still give back, in its own terms."""
        return max(self.net - self.given, Money(0, self.net.currency))

    @property
    def left_tax(self) -> Money:
        """The tax that goes with all of it."""
        return max(self.tax - self.given_tax, Money(0, self.tax.currency)) if self.left else self._none

    @property
    def left_total(self) -> Money:
        """What the line can still give back, with its tax."""
        return self.left if self.rate.inclusive else self.left + self.left_tax

    @property
    def _none(self) -> Money:
        return Money(0, self.net.currency)


@dataclass(frozen=True, slots=True)
class Given:
    """What one line gives back: in its own terms, and the tax on or in it."""

    rest: Rest
    amount: Money
    tax: Money

    @property
    def before_tax(self) -> Money:
        """What it takes off the subtotal."""
        return self.amount - self.tax if self.rest.rate.inclusive else self.amount

    @property
    def total(self) -> Money:
        """What the customer gets back."""
        return self.before_tax + self.tax


@dataclass(frozen=True, slots=True)
class Counted:
    """A line of one quantity of usage, the oldest first: what it came to, its tax, and what credit notes gave back."""

    line_id: int
    net: Money
    tax: Money
    given: Money


def corrected(lines: Sequence[Counted]) -> dict[int, tuple[Money, Money]]:
    """What later lines gave back of each line of one quantity of usage, and of its tax: of the newest first."""
    currency = lines[0].net.currency
    back, tax = (
        -total((getattr(one, name) for one in lines if one.net.minor < 0), currency) for name in ("net", "tax")
    )
    taken: dict[int, Money] = {}
    for one in reversed([one for one in lines if one.net.minor > 0]):
        part = max(min(one.net - one.given, back), Money(0, currency))
        if part:
            taken[one.line_id], back = part, back - part
    taxes = tax.split([part.minor for part in taken.values()]) if taken else []
    return {number: (part, its) for (number, part), its in zip(taken.items(), taxes, strict=True)}


def by_line(rests: Sequence[Rest], amounts: Mapping[int, Money]) -> list[Given]:
    """Give back so much of each line, by its position. Raises InvalidInput, or CreditTooHigh."""
    known = {rest.position: rest for rest in rests}
    for position, amount in amounts.items():
        if position not in known:
            raise InvalidInput(f"The invoice has no line {position} that can be credited.")
        if amount.minor <= 0:
            raise InvalidInput(f"Line {position}: a credit is an amount above zero.")
        if known[position].left < amount:
            raise CreditTooHigh(known[position].left.text, f"is left of line {position}", "Credit less of it.")
    return [_of(known[position], amount) for position, amount in sorted(amounts.items())]


def by_total(rests: Sequence[Rest], amount: Money) -> list[Given]:
    """Give back an amount with its taxes, split over what is left of the lines.

    Raises InvalidInput, or CreditTooHigh.
    """
    if amount.minor <= 0:
        raise InvalidInput("A credit is an amount above zero.")
    able = [rest for rest in rests if rest.left_total.minor > 0]
    left = total((rest.left_total for rest in able), amount.currency)
    if left < amount:
        raise CreditTooHigh(left.text, "is left of the invoice's lines", "Credit less.")
    parts = amount.split([rest.left_total.minor for rest in able])
    return [_with_tax(rest, part) for rest, part in zip(able, parts, strict=True) if part]


def _of(rest: Rest, amount: Money) -> Given:
    """Give back an amount in the line's own terms, and the tax that belongs to it."""
    if amount == rest.left:
        return Given(rest, amount, rest.left_tax)
    due = _due(rest.rate, rest.net, rest.tax, rest.given + amount) - rest.given_tax
    return Given(rest, amount, _between(Money(0, amount.currency), due, rest.left_tax))


def _with_tax(rest: Rest, amount: Money) -> Given:
    """Give back an amount that holds its tax already."""
    if rest.rate.inclusive or amount == rest.left_total:
        return _of(rest, amount if rest.rate.inclusive else rest.left)
    gross = replace(rest.rate, inclusive=True)
    due = _due(gross, rest.net + rest.tax, rest.tax, rest.given + rest.given_tax + amount) - rest.given_tax
    # Before tax, less is given than is left: with nothing left there, the rest of the tax could never be given back.
    least = max(amount - rest.left + Money(1, amount.currency), Money(0, amount.currency))
    tax = _between(least, due, min(rest.left_tax, amount))
    return Given(rest, amount - tax, tax)


def _due(rate: Rate, charged: Money, tax: Money, credit: Money) -> Money:
    return credited(rate, charged, tax, before=Money(0, charged.currency), credit=credit)


def _between(least: Money, amount: Money, most: Money) -> Money:
    return max(least, min(amount, most))


def rate_of(percent: str, category: str, *, inclusive: bool) -> Rate:
    """A tax rate as a line recorded it."""
    return Rate(Fraction(percent), category, inclusive)
