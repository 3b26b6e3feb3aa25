"""Invoices of one month, with their lines and payments, as rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from billing import catalog_rows, invoices, ledger
from billing.catalog import ListPrice
from billing.ledger import Entry, Sums
from billing.seller import seller
from billing.tax import Rate, taxed
from gateway.scaling.traits import MONTHS, Calendar, Standing, Traits
from kernel.money import Money
from kernel.time import Interval, Period

MOST = 11
"""How many numbers an invoice needs at most: its own, three lines, two payments, two entries of three transfers."""

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
    item_id: int
    method_id: int


class _Line(NamedTuple):
    description: str
    amount: int
    quantity: int
    offer: Offer | None


@dataclass(slots=True)
class Invoices:
    """Invoices of accounts in the order of time, each with the next number of its year."""

    calendar: Calendar
    shelf: Shelf
    new_id: Callable[[], int]
    lasts: dict[int, int]
    """How far the series of each year has come."""

    rows: dict[str, list[Row]] = field(default_factory=dict)

    def bill(self, traits: Traits, payer: Payer, month: int) -> None:
        """The invoice of an account in a month, if it has one."""
        offer = self.shelf[traits.plan, traits.interval, traits.home.currency]
        if offer.price.rule.free or not self._begins(traits, month):
            return
        home, lines, period = traits.home, list(_lines(traits, offer, month)), self.calendar.period(traits, month)
        amounts, rate = tuple(line.amount for line in lines), rate_at(home.country, period.start.date())
        taxes = tax_on(amounts, home.currency, rate)
        sums = _summed(sum(amounts), sum(taxes), home.currency, rate)
        invoice_id, total = self.new_id(), sums.total.minor
        paid_at = self._pay(traits, payer, invoice_id, month, total)
        issued = period.start
        self.lasts[issued.year] += 1
        self._add(
            "invoice",
            *(payer.account_id, invoice_id, payer.subscription_id),
            invoices.number(seller().prefix, issued.year, self.lasts[issued.year]),
            "paid" if paid_at else "open",
            home.currency,
            *(sums.deferred.minor, sums.tax.minor, total, total if paid_at else 0),
            *(period.start, period.end, issued, issued),
            issued + TERMS if traits.is_workspace else issued,
            paid_at,
            *(("send_invoice", TERMS.days) if traits.is_workspace else ("charge_automatically", 0)),
            *(_billed_to(traits), home.locale, [rate.reason] if rate.reason else []),
        )
        for place, (line, tax) in enumerate(zip(lines, taxes, strict=True), 1):
            numbers = (payer.account_id, self.new_id(), invoice_id, place)
            taxed_as = (tax, str(rate.percent), rate.category, rate.inclusive)
            self._add(
                "line_item",
                *numbers,
                *_line_columns(line, home.currency, period),
                *taxed_as,
                *_follows(line, payer, period, home.currency),
            )
        self._book(payer, invoice_id, "invoice_finalized", issued, ledger.invoice_finalized(sums))
        if paid_at:
            self._book(payer, invoice_id, "payment_received", paid_at, ledger.payment_received(sums.total))

    def _add(self, table: str, *row: Any) -> None:
        self.rows.setdefault(table, []).append(row)

    def _book(self, payer: Payer, invoice_id: int, kind: str, at: datetime, entry: Entry) -> None:
        """An entry of the ledger about an invoice."""
        number = self.new_id()
        self._add("ledger_entry", payer.account_id, number, at, kind, "invoice", invoice_id)
        for debit, credit, amount in ((moved.debit, moved.credit, moved.amount) for moved in entry):
            where = (payer.account_id, self.new_id(), number)
            self._add("ledger_transfer", *where, debit.value, credit.value, amount.currency, amount.minor)

    def _begins(self, traits: Traits, month: int) -> bool:
        """Whether a period of the account begins in a month."""
        if traits.interval is Interval.YEAR:
            return month == traits.began
        return traits.began <= month <= self.calendar.newest(traits)

    def _pay(self, traits: Traits, payer: Payer, invoice_id: int, month: int, total: int) -> datetime | None:
        """The payments of an invoice so far; when it was paid, if it was."""

        def attempt(state: str, at: datetime, settled: datetime | None, decline_code: str | None = None) -> None:
            about = (invoice_id, payer.method_id, state, traits.home.currency, total, decline_code)
            self._add("payment", payer.account_id, self.new_id(), *about, at, settled)

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
    says = f"{offer.name} × {quantity}" if quantity != 1 else offer.name  # noqa: RUF001 - as price lists write it
    yield _Line(says, cost(offer.price, quantity), quantity, offer)
    dice = traits.dice >> (MONTHS + 2 * month)
    if dice % 4 == 0:
        runs = 1 + dice % 3
        yield _Line(f"Additional research, {25 * runs} runs", runs * _EXTRA[traits.home.currency], runs, None)
    if dice % 13 == 0:
        yield _Line("Credit for an interruption", _CREDIT[traits.home.currency], 1, None)


def _line_columns(line: _Line, currency: str, period: Period) -> Row:
    plan = (line.offer.plan_id, line.offer.price_id) if line.offer else (None, None)
    return (line.description, *plan, line.quantity, currency, line.amount, period.start, period.end)


@lru_cache(maxsize=4_096)
def cost(price: ListPrice, quantity: int) -> int:
    """What a quantity costs for a whole period, in minor units."""
    return price.amount(quantity).minor


def _follows(line: _Line, payer: Payer, period: Period, currency: str) -> Row:
    """Which item of the subscription a line bills, of which period and how; what is billed by hand is of none."""
    if line.offer is None:
        return ("one_off", None, None, None, Money(line.amount, currency).text, "second")
    price = line.offer.price
    return (
        "charge",
        payer.subscription_id,
        payer.item_id,
        period.start,
        formula(price, line.quantity),
        price.proration.value,
    )


def _billed_to(traits: Traits) -> str:
    who = {"name": traits.name, "email": traits.email, "address": None, "country": traits.home.country, "vat_id": None}
    return json.dumps(who)


def _summed(amount: int, tax: int, currency: str, rate: Rate) -> Sums:
    """What an invoice sums to when its period begins and nothing is delivered yet."""
    net = amount - tax if rate.inclusive else amount
    return Sums(Money(net, currency), Money(0, currency), Money(tax, currency))


@lru_cache(maxsize=4_096)
def formula(price: ListPrice, quantity: int) -> str:
    """How the cost of a quantity is computed."""
    return price.formula(quantity)


@lru_cache(maxsize=4_096)
def rate_at(country: str, day: date) -> Rate:
    """The tax where an account is."""
    return seller().rate(country, None, datetime(day.year, day.month, day.day, tzinfo=UTC))


@lru_cache(maxsize=65_536)
def tax_on(amounts: tuple[int, ...], currency: str, rate: Rate) -> tuple[int, ...]:
    """The tax on each line of an invoice, in minor units."""
    (group,) = taxed([(Money(amount, currency), rate) for amount in amounts])
    return tuple(part.minor for part in group.parts)
