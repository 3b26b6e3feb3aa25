"""Invoices of one month, with their lines and payments, as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from billing import catalog_rows
from billing.catalog import ListPrice
from billing.tax import Rate, taxed
from gateway import numbering
from gateway.scaling.traits import MONTHS, Calendar, Standing, Traits
from kernel.money import Money
from kernel.time import Interval, Period

MOST = 6
"""How many numbers an invoice needs at most: its own, three lines and two payments."""

TERMS = timedelta(days=30)
"""When a workspace pays; a person pays at once."""

_DEBIT_TAKES = timedelta(days=5)
_DAY = timedelta(days=1)
_EXTRA = {"USD": 500, "EUR": 500, "GBP": 400, "JPY": 750}
_CREDIT = {"USD": -100, "EUR": -100, "GBP": -80, "JPY": -150}

Row = tuple[Any, ...]


class Offer(NamedTuple):
    """What a plan is sold at: the numbers of its rows, its name, and the price."""

    plan_id: int
    version_id: int
    price_id: int
    name: str
    price: ListPrice


Shelf = Mapping[tuple[str, Interval, str], Offer]
"""By plan, interval and currency."""


def offers(rows: catalog_rows.Shelf) -> Shelf:
    """What each plan is sold at now, by its own price."""
    newest = {key: rows.versions[key, number].id for key, number in sorted(rows.versions)}
    found = {}
    for plan in rows.plans.values():
        for row in rows.prices:
            if row.meter is None and row.plan_version_id == newest[plan.key]:
                price = catalog_rows.price_of(row)
                found[plan.key, row.interval, row.currency] = Offer(
                    plan.id, row.plan_version_id, row.id, plan.name["en"], price
                )
    return found


class Payer(NamedTuple):
    """The numbers of an account's rows that invoices name."""

    account_id: int
    subscription_id: int
    method_id: int


class _Line(NamedTuple):
    description: str
    amount: int
    quantity: int
    offer: Offer | None
    tax: int = 0


@dataclass(slots=True)
class Invoices:
    """Invoices of accounts in the order of time, each with the next number of its year."""

    calendar: Calendar
    shelf: Shelf
    new_id: Callable[[], int]
    lasts: dict[int, int]
    """How far the series of each year has come."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {"invoice": [], "line_item": [], "payment": []})

    def bill(self, traits: Traits, payer: Payer, month: int) -> None:
        """The invoice of an account in a month, if it has one."""
        offer = self.shelf[traits.plan, traits.interval, traits.home.currency]
        if offer.price.rule.free or not self._begins(traits, month):
            return
        lines = list(_lines(traits, offer, month))
        amounts = tuple(line.amount for line in lines)
        taxes = tax_on(amounts, traits.home.currency, traits.home.tax)
        total = sum(amounts) + sum(taxes)
        invoice_id, period = self.new_id(), self.calendar.period(traits, month)
        paid_at = self._pay(traits, payer, invoice_id, month, total)
        issued = period.start
        self.lasts[issued.year] += 1
        self.rows["invoice"].append(
            (
                *(payer.account_id, invoice_id, payer.subscription_id),
                numbering.number(issued.year, self.lasts[issued.year]),
                "paid" if paid_at else "open",
                traits.home.currency,
                *(sum(amounts), sum(taxes), total, total if paid_at else 0),
                *(period.start, period.end, issued, issued),
                issued + TERMS if traits.is_workspace else issued,
                paid_at,
            )
        )
        for place, (line, tax) in enumerate(zip(lines, taxes, strict=True), 1):
            numbers = (payer.account_id, self.new_id(), invoice_id, place)
            self.rows["line_item"].append(
                (*numbers, *_line_columns(line._replace(tax=tax), traits.home.currency, period))
            )

    def _begins(self, traits: Traits, month: int) -> bool:
        """Whether a period of the account begins in a month."""
        if traits.interval is Interval.YEAR:
            return month == traits.began
        return traits.began <= month <= self.calendar.newest(traits)

    def _pay(self, traits: Traits, payer: Payer, invoice_id: int, month: int, total: int) -> datetime | None:
        """The payments of an invoice so far; when it was paid, if it was."""

        def attempt(state: str, at: datetime, settled: datetime | None, decline_code: str | None = None) -> None:
            about = (invoice_id, payer.method_id, state, traits.home.currency, total, decline_code)
            self.rows["payment"].append((payer.account_id, self.new_id(), *about, at, settled))

        now = self.calendar.now
        at = self.calendar.start(traits, month) + (TERMS if traits.is_workspace else timedelta(0))
        if at > now:
            return None
        if traits.standing is Standing.LATE and month == self.calendar.newest(traits):
            attempt("failed", at, at, "insufficient_funds")
            return None
        if (traits.dice >> month) % 32 == 0 and at + _DAY <= now:
            attempt("failed", at, at, "do_not_honor")
            at += _DAY
        settled = at + _DEBIT_TAKES if traits.method == "sepa_debit" else at
        if settled > now:
            attempt("processing", at, None)
            return None
        attempt("succeeded", at, settled)
        return settled


def _lines(traits: Traits, offer: Offer, month: int) -> Iterator[_Line]:
    """What the account buys, now and then something on top, and seldom a credit."""
    quantity = traits.seats or 1
    says = f"{offer.name}, {quantity} seats" if traits.seats else offer.name
    yield _Line(says, cost(offer.price, quantity), quantity, offer)
    dice = traits.dice >> (MONTHS + 2 * month)
    if dice % 4 == 0:
        runs = 1 + dice % 3
        yield _Line(f"Additional research, {25 * runs} runs", runs * _EXTRA[traits.home.currency], runs, None)
    if dice % 13 == 0:
        yield _Line("Credit for an interruption", _CREDIT[traits.home.currency], 1, None)


def _line_columns(line: _Line, currency: str, period: Period) -> Row:
    plan = (line.offer.plan_id, line.offer.price_id) if line.offer else (None, None)
    return (line.description, *plan, line.quantity, currency, line.amount, line.tax, period.start, period.end)


@lru_cache(maxsize=4_096)
def cost(price: ListPrice, quantity: int) -> int:
    """What a quantity costs for a whole period, in minor units."""
    return price.amount(quantity).minor


@lru_cache(maxsize=65_536)
def tax_on(amounts: tuple[int, ...], currency: str, percent: str) -> tuple[int, ...]:
    """The tax on each line of an invoice, in minor units."""
    (group,) = taxed([(Money(amount, currency), Rate(Fraction(percent))) for amount in amounts])
    return tuple(part.minor for part in group.parts)
