"""One-off invoices: something billed once, by hand, in the account's own terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auth.tables import Account
from billing import invoices
from billing.pricing import TIMES
from billing.seller import seller
from billing.states import InvoiceKind, LineKind
from billing.subscriptions import MOST_SEATS
from billing.tables import Invoice, LineItem
from billing.tax import apiece
from billing.terms import LONGEST_PO, MOST_NET_DAYS
from kernel.errors import InvalidInput
from kernel.money import Money, exponent, total
from kernel.time import Period
from kernel.work import Work

MOST_LINES = 1_000
LONGEST_TEXT = 500
LARGEST = 10**14
"""The largest amount of a line in minor units, so that sums stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line to bill: what for, what one costs in minor units, how many, and how it is taxed."""

    description: str
    unit_minor: int
    quantity: int = 1
    tax_category: str = "standard"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a one-off invoice will say, before it is one. Subtotal and tax sum to the total."""

    currency: str
    rows: Sequence[LineItem]
    """The lines, which belong to no invoice yet."""

    notes: Sequence[str]
    """What has to be printed about taxes that are not charged."""

    @property
    def subtotal(self) -> Money:
        """The sum of the lines before tax."""
        return total((invoices.before_tax(row) for row in self.rows), self.currency)

    @property
    def tax(self) -> Money:
        """The taxes on all lines."""
        return Money(sum(row.tax_minor for row in self.rows), self.currency)

    @property
    def total(self) -> Money:
        """What will be asked for."""
        return self.subtotal + self.tax


def drafted(account: Account, currency: str, lines: Sequence[Wanted], now: datetime, period: Period | None) -> Draft:
    """The very document that `create` writes now. Raises InvalidInput.

    Without a period they were delivered just now.
    """
    _check(currency, lines)
    rates = [seller().rate(account.country, account.vat_id, now, line.tax_category) for line in lines]
    amounts = [Money(line.unit_minor * line.quantity, currency) for line in lines]
    taxes = apiece(list(zip(amounts, rates, strict=True)), currency)
    span = period or Period(now, now)
    rows = [
        LineItem(
            account_id=account.id,
            id=0,
            invoice_id=0,
            position=place,
            description=line.description.strip(),
            quantity=line.quantity,
            currency=currency,
            amount_minor=amount.minor,
            tax_minor=tax.minor,
            period_start=span.start,
            period_end=span.end,
            kind=LineKind.ONE_OFF,
            formula=formula(Money(line.unit_minor, currency), line.quantity),
            tax_percent=str(rate.percent),
            tax_category=rate.category,
            tax_inclusive=rate.inclusive,
            facts={"unit_minor": line.unit_minor},
        )
        for place, (line, amount, rate, tax) in enumerate(zip(lines, amounts, rates, taxes, strict=True), 1)
    ]
    return Draft(currency, rows, list(dict.fromkeys(rate.reason for rate in rates if rate.reason)))


async def create(
    work: Work,
    account: Account,
    currency: str,
    lines: Sequence[Wanted],
    *,
    po_number: str | None = None,
    net_days: int | None = None,
    period: Period | None = None,
) -> Invoice:
    """Draft an invoice of these lines; nobody owes anything until it is final. Raises InvalidInput."""
    _check_terms(po_number, net_days)
    made = drafted(account, currency, lines, work.now, period)
    span = period or Period(work.now, work.now)
    invoice = invoices.started(work, account, InvoiceKind.ONE_OFF, currency, span)
    invoice.po_number = po_number or invoice.po_number
    invoice.net_days = invoice.net_days if net_days is None else net_days
    invoice.tax_notes = list(made.notes)
    await work.reserve(len(lines))
    for row in made.rows:
        row.id, row.invoice_id = work.new_id(), invoice.id
    return await invoices.write(work, invoice, made.rows)


def formula(unit: Money, quantity: int) -> str:
    """How the amount of a line is computed, in major units."""
    return f"{quantity} {TIMES} {unit.text}" if quantity != 1 else unit.text


def _check_terms(po_number: str | None, net_days: int | None) -> None:
    if net_days is not None and not 0 <= net_days <= MOST_NET_DAYS:
        raise InvalidInput(f"Net days are 0 to {MOST_NET_DAYS}.")
    if po_number and (len(po_number) > LONGEST_PO or not po_number.isprintable()):
        raise InvalidInput(f"A purchase order number is at most {LONGEST_PO} printable characters.")


def _check(currency: str, lines: Sequence[Wanted]) -> None:
    exponent(currency)
    if not 1 <= len(lines) <= MOST_LINES:
        raise InvalidInput(f"An invoice has 1 to {MOST_LINES:,} lines; {len(lines):,} were given.")
    for place, line in enumerate(lines, 1):
        if not 1 <= len(line.description.strip()) <= LONGEST_TEXT or not line.description.isprintable():
            raise InvalidInput(f"Line {place}: say what it is for, in 1 to {LONGEST_TEXT} printable characters.")
        if not 1 <= line.quantity <= MOST_SEATS:
            raise InvalidInput(f"Line {place}: a quantity is 1 to {MOST_SEATS:,}.")
        if line.unit_minor <= 0:
            raise InvalidInput(f"Line {place}: an amount is above zero. To give money back, write a credit note.")
        if line.unit_minor * line.quantity > LARGEST:
            raise InvalidInput(f"Line {place}: an amount is at most {Money(LARGEST, currency).text}.")
        if line.tax_category not in seller().categories:
            known = ", ".join(sorted(seller().categories))
            raise InvalidInput(f"Line {place}: {line.tax_category!r} is no tax category; known are {known}.")
