"""Copying: an open invoice of Stripe Billing as lines of ours, exactly as it is printed there, or the reason why not.

It is the same document, so nothing on it is computed: amounts, discounts and taxes are
what Stripe says, and must sum to what it asks for. Values in, values out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing.pricing import TIMES
from billing.seller import seller
from billing.tax import REVERSE_CHARGE
from kernel.errors import InvalidInput
from kernel.money import Money, exponent, total
from kernel.time import Period
from payments.rail.invoice_values import TheirInvoice, TheirLine

UNDER_WAY = {"processing", "requires_capture"}
"""Statuses of a payment that may still go through by itself."""


class NotCopied(Exception):  # noqa: N818 - an outcome
    """Why an invoice stays where it is, in one sentence."""


@dataclass(frozen=True, slots=True)
class CopiedLine:
    """One line as it is printed: before discounts, with the taxes that are inside its price."""

    description: str
    amount: Money
    quantity: int
    formula: str
    period: Period
    discounts: tuple[tuple[str, Money], ...]
    tax: Money
    percent: Fraction
    """The rates of all its taxes together."""

    inclusive: bool

    @property
    def discount(self) -> Money:
        """What all discounts took off."""
        return total((amount for _, amount in self.discounts), self.amount.currency)

    @property
    def asked(self) -> Money:
        """What it adds to the total."""
        net = self.amount - self.discount
        return net if self.inclusive else net + self.tax


@dataclass(frozen=True, slots=True)
class Copied:
    """An invoice as it is printed, whose lines sum to it."""

    lines: Sequence[CopiedLine]
    settled: Money
    """What was settled there before: paid, or taken from the customer's balance."""

    notes: tuple[str, ...]
    """What has to be printed about taxes that are not charged."""


def copied(theirs: TheirInvoice) -> Copied:
    """An invoice as lines of ours. Raises NotCopied."""
    _check_currency(theirs)
    _check_owed(theirs)
    lines = [_line(place, each, theirs) for place, each in enumerate(theirs.lines, 1)]
    asked = total((each.asked for each in lines), theirs.currency)
    if asked != theirs.total:
        raise NotCopied(f"Its lines come to {asked.text}, and it asks for {theirs.total.text}: collect it at Stripe.")
    if any(each.intent_status in UNDER_WAY for each in theirs.payments if each.status == "open"):
        raise NotCopied("A payment of it is on its way at Stripe: import again when that is through.")
    reverse = theirs.buyer.reverse_charge or any(
        tax.reason == "reverse_charge" for line in theirs.lines for tax in line.taxes
    )
    return Copied(lines, theirs.total - theirs.remaining, (REVERSE_CHARGE,) if reverse else ())


def _check_currency(theirs: TheirInvoice) -> None:
    try:
        exponent(theirs.currency)
    except InvalidInput:
        raise NotCopied(f"It is in {theirs.currency}, which is no currency here: collect it at Stripe.") from None
    if any(line.amount.currency != theirs.currency for line in theirs.lines):
        raise NotCopied("Its lines are in several currencies: collect it at Stripe.")


def _check_owed(theirs: TheirInvoice) -> None:
    if theirs.status != "open":
        raise NotCopied(f"It is {theirs.status} at Stripe by now.")
    if theirs.remaining.minor <= 0:
        raise NotCopied("Nothing remains to be paid on it: Stripe closes it.")
    if theirs.credited.minor:
        raise NotCopied(f"A credit note took {theirs.credited.text} off it at Stripe: collect it there.")
    if theirs.owed_before.minor > 0:
        raise NotCopied(f"It asks for {theirs.owed_before.text} of the customer's balance, too: collect it at Stripe.")
    if theirs.shipping.minor:
        raise NotCopied("It bills shipping, which ours don't: collect it at Stripe.")
    if theirs.remaining > theirs.total:
        raise NotCopied(f"It asks for more than its total of {theirs.total.text}: collect it at Stripe.")
    prefix, _, rest = theirs.number.partition("-")
    if prefix == seller().prefix and rest.replace("-", "").isdigit():
        raise NotCopied("Its number could be one of ours: collect it at Stripe.")


def _line(place: int, theirs: TheirLine, of: TheirInvoice) -> CopiedLine:
    quantity = 1 if theirs.quantity is None else theirs.quantity
    return CopiedLine(
        description=" ".join(theirs.description.split()) or f"Line {place}",
        amount=theirs.amount,
        quantity=quantity,
        formula=_formula(theirs, quantity),
        period=theirs.period,
        discounts=theirs.discounts,
        tax=total((tax.amount for tax in theirs.taxes), of.currency),
        percent=_percent(theirs, of),
        inclusive=_inclusive(theirs),
    )


def _inclusive(theirs: TheirLine) -> bool:
    ways = {tax.inclusive for tax in theirs.taxes}
    if len(ways) > 1:
        raise NotCopied("It has a line with one tax in its price and another on top: collect it at Stripe.")
    return ways == {True}


def _percent(theirs: TheirLine, of: TheirInvoice) -> Fraction:
    percent = Fraction(0)
    for tax in theirs.taxes:
        known = of.rates.get(tax.rate or "")
        if known is None and tax.amount.minor:
            raise NotCopied("Stripe doesn't tell the rate of a tax on it: collect it at Stripe.")
        percent += known.percent if known and (tax.amount.minor or not theirs.amount.minor) else 0
    return percent


def _formula(theirs: TheirLine, quantity: int) -> str:
    """How the amount follows from a price, where it does."""
    if theirs.unit is None or theirs.unit.denominator != 1 or theirs.unit * quantity != theirs.amount.minor:
        return theirs.amount.text
    unit = Money(int(theirs.unit), theirs.amount.currency)
    return f"{quantity} {TIMES} {unit.text}" if quantity != 1 else unit.text
