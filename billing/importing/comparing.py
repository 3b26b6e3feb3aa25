"""Comparing: what the next invoice of a subscription would be there and here, and the difference.

Both are made by the same timeline from the same facts: there at their prices and
with the tax rates that were set by hand, here at ours and with our taxes. What is
metered is on neither, for nobody knows it yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from billing import timeline
from billing.documents import document
from billing.facts import Facts, agreement
from billing.importing.agreeing import Agreed
from billing.importing.deciding import Wanted
from billing.lines import Issued, Line
from billing.pricing import NOTHING
from billing.tax import Rate
from kernel.money import Money, total
from payments.rail.billing_values import TheirRate


@dataclass(frozen=True, slots=True)
class Comparison:
    """The next invoice there and here, before any balance is used."""

    at: datetime
    there: Money
    here: Money
    taxed: bool
    """Whether taxes are in both; Stripe doesn't tell those that it computes itself."""

    @property
    def difference(self) -> Money:
        """How much more it is here; below zero, how much less."""
        return self.here - self.there


def compared(agreed: Agreed, wanted: Wanted, paid: Sequence[Line], ours: Rate) -> Comparison | None:
    """The next invoice at the end of the period that runs; None where none is to come.

    `paid` are the lines of that period, and `ours` is the tax rate of the account.
    """
    if wanted.ends:
        return None
    at, currency = wanted.period.end, wanted.theirs.currency
    issued = [Issued(-number, line) for number, line in enumerate(paid, 1)]
    here, there = _next(agreed.facts, issued, at), _next(agreed.there, issued, at)
    if wanted.theirs.computed_tax:
        return Comparison(at, _before_tax(there, currency), _before_tax(here, currency), taxed=False)
    theirs = _rate(wanted.items[0].item.rates or wanted.theirs.rates)
    return Comparison(at, _total(there, theirs, currency), _total(here, ours, currency), taxed=True)


def _next(facts: Facts, issued: Sequence[Issued], at: datetime) -> list[Line]:
    return timeline.bill(agreement(facts), issued, now=at)


def _before_tax(lines: Sequence[Line], currency: str) -> Money:
    return total((line.net for line in lines), currency)


def _total(lines: Sequence[Line], rate: Rate, currency: str) -> Money:
    return document([("", line, rate) for line in lines], currency).total


def _rate(rates: Sequence[TheirRate]) -> Rate:
    """Their rates as one: those of several authorities are taken side by side."""
    return Rate(sum((rate.percent for rate in rates), NOTHING), inclusive=any(rate.inclusive for rate in rates))
