"""Invoices: drafted from a document, made final with a number, voided, given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from auth.tables import Account
from billing import books, events, invoice_queries, ledger, recognition
from billing.documents import Document
from billing.facts import columns_of
from billing.recognition import is_earned
from billing.seller import seller
from billing.states import Collection, InvoiceKind, InvoiceState
from billing.tables import Invoice, LineItem
from kernel.errors import Problem
from kernel.money import Money, total
from kernel.time import Period
from kernel.work import Work


@dataclass(eq=False)
class InvoiceSettled(Problem):
    """The invoice is in a state from which this can't be done."""

    says = "This invoice is {state}. {advice}"
    state: str
    """The state the invoice is in."""

    advice: str
    """What to do instead."""


@dataclass(eq=False)
class InvoiceCorrected(Problem):
    """A later invoice gives back, or takes again, what this one charged."""

    says = "Lines of this invoice are corrected by {number}. Take that one back first, or write a credit note."
    number: str
    """The number of the later invoice, or "a draft"."""


async def draft(
    work: Work,
    account: Account,
    subscriptions: Sequence[int],
    document: Document,
    known: dict[str, Any],
    *,
    at: datetime,
    held: str | None = None,
) -> Invoice:
    """Write a document down as a draft: it has no number, and nothing is owed for it yet.

    `subscriptions` says which one each line bills; an invoice of several is of none.
    `known` is what it was billed from, where that may change later: see `billing.knowledge`. `at` is the
    instant as of which it bills, by which the invoices of a subscription are ordered.
    `held` says why a person has to look at it first.
    """
    invoice, rows = await _drafted(work, account, subscriptions, document, known, at=at)
    invoice.held = held
    return await write(work, invoice, rows)


async def issue(
    work: Work,
    account: Account,
    subscriptions: Sequence[int],
    document: Document,
    known: dict[str, Any],
    *,
    at: datetime,
) -> Invoice:
    """The same, made final at once: it is written once, with its number."""
    invoice, rows = await _drafted(work, account, subscriptions, document, known, at=at)
    _add(work, invoice, rows)
    return await _final(work, invoice, rows)


async def _drafted(
    work: Work,
    account: Account,
    subscriptions: Sequence[int],
    document: Document,
    known: dict[str, Any],
    *,
    at: datetime,
) -> tuple[Invoice, list[LineItem]]:
    invoice = started(work, account, InvoiceKind.SUBSCRIPTION, document.currency, document.period)
    several = len(set(subscriptions)) > 1
    invoice.subscription_id, invoice.known = None if several else subscriptions[0], known
    invoice.created_at = at
    invoice.finalize_at = work.now + timedelta(hours=account.grace_hours)
    invoice.tax_notes = list(document.notes)
    await work.reserve(len(document.lines) * 2)
    rows = [
        LineItem(
            account_id=account.id,
            id=work.new_id(),
            invoice_id=invoice.id,
            subscription_id=subscription_id,
            position=place,
            description=drafted.description,
            tax_minor=drafted.tax.minor,
            tax_percent=str(drafted.rate.percent),
            tax_category=drafted.rate.category,
            tax_inclusive=drafted.rate.inclusive,
            **columns_of(drafted.line),
        )
        for place, (subscription_id, drafted) in enumerate(zip(subscriptions, document.lines, strict=True), 1)
    ]
    return invoice, rows


def started(work: Work, account: Account, kind: InvoiceKind, currency: str, period: Period) -> Invoice:
    """A draft on the account's terms, without lines."""
    return Invoice(
        account_id=account.id,
        id=work.new_id(),
        kind=kind,
        state=InvoiceState.DRAFT,
        currency=currency,
        period_start=period.start,
        period_end=period.end,
        created_at=work.now,
        collection=Collection(account.collection),
        net_days=account.net_days,
        po_number=account.po_number,
        billed_to=billed_to(account),
        locale=account.locale,
    )


async def write(work: Work, invoice: Invoice, rows: Sequence[LineItem]) -> Invoice:
    """Write a draft and its lines, which sum to it."""
    _add(work, invoice, rows)
    await work.write()
    return invoice


def _add(work: Work, invoice: Invoice, rows: Sequence[LineItem]) -> None:
    invoice.subtotal_minor = sum(before_tax(row).minor for row in rows)
    invoice.tax_minor = sum(row.tax_minor for row in rows)
    invoice.total_minor = invoice.subtotal_minor + invoice.tax_minor
    work.add(invoice)
    for row in rows:
        work.add(row)
    work.emit(events.InvoiceDrafted(invoice.account_id, invoice.id), invoice)


async def finalize(work: Work, invoice: Invoice) -> Invoice:
    """Give a draft its number, owe it, and settle it with the customer's credit. Raises InvoiceSettled."""
    if invoice.state is not InvoiceState.DRAFT:
        raise InvoiceSettled(invoice.state.value, "Only a draft becomes final, and only once.")
    return await _final(work, invoice, await invoice_queries.lines(work, invoice.account_id, invoice.id))


async def _final(work: Work, invoice: Invoice, rows: Sequence[LineItem]) -> Invoice:
    credit = await _credit(work, invoice)
    book(work, invoice, "invoice_finalized", ledger.invoice_finalized(summed(rows, invoice, work)))
    _settle(work, invoice, credit)
    invoice.state, invoice.issued_at = InvoiceState.OPEN, work.now
    invoice.due_at = work.now + timedelta(days=invoice.net_days)
    paid = settle_if_paid(work, invoice)
    invoice.number = await numbered(work, "invoice")
    await work.write()
    work.emit(events.InvoiceFinalized(invoice.account_id, invoice.id), invoice)
    if paid:
        work.emit(events.InvoicePaid(invoice.account_id, invoice.id), invoice)
    return invoice


async def finalize_due(work: Work, account_id: int, invoice_id: int) -> None:
    """Make a draft final whose time has come, unless somebody did, discarded it, or holds it."""
    invoice = await invoice_queries.locked(work, account_id, invoice_id)
    if invoice.state is InvoiceState.DRAFT and invoice.held is None:
        await finalize(work, invoice)


async def void(work: Work, account: Account, invoice_id: int) -> Invoice:
    """Take back an invoice of which nothing was paid, or discard a draft, which never had a number.

    What it billed counts as never billed: the next bill of the subscription asks for
    it again, if it is still due. To forgive it instead, write a credit note.
    Raises InvoiceSettled, or InvoiceCorrected.
    """
    invoice = await invoice_queries.locked(work, account.id, invoice_id)
    if invoice.state not in {InvoiceState.DRAFT, InvoiceState.OPEN}:
        raise InvoiceSettled(invoice.state.value, _INSTEAD_OF_VOID[invoice.state])
    if invoice.paid_minor:
        raise InvoiceSettled("paid in part", "Write a credit note instead.")
    if number := await invoice_queries.corrected_by(work, account.id, invoice_id):
        raise InvoiceCorrected(number)
    if invoice.state is InvoiceState.OPEN:
        await _reverse(work, account, invoice)
    invoice.state, invoice.due_at, invoice.finalize_at = InvoiceState.VOID, None, None
    await work.flush()
    await invoice_queries.owe_again(work, account.id, invoice.id)
    work.emit(events.InvoiceVoided(account.id, invoice.id), invoice)
    return invoice


async def abandon(
    work: Work, account: Account, invoice_id: int, allowed: Callable[[Money], Awaitable[None]] | None = None
) -> Invoice:
    """Give up what is still owed on an invoice as a bad debt. Raises InvoiceSettled, or what `allowed` does."""
    invoice = await invoice_queries.locked(work, account.id, invoice_id)
    if invoice.state is not InvoiceState.OPEN:
        raise InvoiceSettled(invoice.state.value, "Only an open invoice can be given up.")
    if allowed:
        await allowed(remaining(invoice))
    book(work, invoice, "written_off", ledger.written_off(remaining(invoice)))
    invoice.state = InvoiceState.UNCOLLECTIBLE
    await work.flush()
    work.emit(events.InvoiceAbandoned(account.id, invoice.id), invoice)
    return invoice


def remaining(invoice: Invoice) -> Money:
    """What is still owed on an invoice: its total, less credit used, payments and what credit notes took off it."""
    given = invoice.credited_minor - invoice.returned_minor
    return Money(invoice.total_minor - invoice.credit_minor - invoice.paid_minor - given, invoice.currency)


def settle_if_paid(work: Work, invoice: Invoice) -> bool:
    """An invoice that is open, or was given up, and on which nothing is owed any more, is paid. Whether it is."""
    if invoice.state not in {InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE} or remaining(invoice):
        return False
    invoice.state, invoice.paid_at = InvoiceState.PAID, work.now
    return True


def before_tax(row: LineItem) -> Money:
    """What a line adds to the subtotal: after discounts, and without a tax that is inside the price."""
    inside = row.tax_minor if row.tax_inclusive else 0
    return Money(row.amount_minor - row.discount_minor - inside, row.currency)


def summed(rows: Sequence[LineItem], invoice: Invoice, work: Work) -> ledger.Sums:
    """What of an invoice is earned already, and what is deferred: usage and arrears are delivered when billed."""
    currency = invoice.currency
    earned = total((before_tax(row) for row in rows if is_earned(row, work.now)), currency)
    subtotal, tax = Money(invoice.subtotal_minor, currency), Money(invoice.tax_minor, currency)
    return ledger.Sums(deferred=subtotal - earned, earned=earned, tax=tax)


def book(work: Work, invoice: Invoice, kind: str, entry: ledger.Entry) -> None:
    """Write a ledger entry about an invoice."""
    books.book(work, invoice.account_id, kind, entry, subject="invoice", subject_id=invoice.id)


async def numbered(work: Work, kind: str) -> str:
    """The next number of a series, such as SG-2026-000001; call it last, for it makes others wait for the commit."""
    prefix = seller().prefix if kind == "invoice" else f"{seller().prefix}-CN"
    rows = await work.fetch(
        "insert into number_series as series (entity, kind, year, last) values ($1, $2, $3, 1)"
        " on conflict (entity, kind, year) do update set last = series.last + 1 returning last",
        seller().prefix,
        kind,
        work.now.year,
    )
    return number(prefix, work.now.year, rows[0]["last"])


def number(prefix: str, year: int, place: int) -> str:
    """The number at a place of a year's series, counted from 1."""
    return f"{prefix}-{year}-{place:06}"


def billed_to(account: Account) -> dict[str, object]:
    """Whom an invoice is addressed to, kept as it was."""
    return {
        "name": account.name,
        "email": account.email,
        "address": account.address,
        "country": account.country,
        "vat_id": account.vat_id,
        "time_zone": account.time_zone,
    }


async def _credit(work: Work, invoice: Invoice) -> Money:
    """The customer's credit, as far as the invoice may use any."""
    asks = invoice.total_minor > 0
    minor = await books.credit_to_use(work, invoice.account_id, invoice.currency) if asks else 0
    return Money(minor, invoice.currency)


def _settle(work: Work, invoice: Invoice, credit: Money) -> None:
    """Use the customer's credit for what is owed; what is owed to them becomes their credit."""
    owed = Money(invoice.total_minor, invoice.currency)
    if owed.minor < 0:
        book(work, invoice, "credit_granted", ledger.reversal(ledger.credit_applied(-owed)))
        used = owed
    else:
        used = ledger.applicable_credit(owed, credit)
        book(work, invoice, "credit_applied", ledger.credit_applied(used))
    invoice.credit_minor = used.minor


async def _reverse(work: Work, account: Account, invoice: Invoice) -> None:
    """Undo an invoice in the books: what credit notes left of it, and the use of credit for it."""
    await recognition.recognize(work, account, invoice.currency)
    rows = await invoice_queries.lines(work, account.id, invoice.id)
    taxes = await invoice_queries.credited_taxes(work, account.id, [row.id for row in rows])
    rest = _rest(rows, taxes, account, work)
    brought = invoice.kind is InvoiceKind.IMPORTED
    undone = ledger.reversal(ledger.receivable_brought(rest.total)) if brought else ledger.invoice_voided(rest)
    book(work, invoice, "invoice_voided", undone)
    if invoice.credit_minor:
        used = Money(invoice.credit_minor, invoice.currency)
        book(work, invoice, "credit_returned", ledger.reversal(ledger.credit_applied(used)))
        invoice.credit_minor = 0


def _rest(rows: Sequence[LineItem], taxes: Mapping[int, int], account: Account, work: Work) -> ledger.Sums:
    deferred = earned = tax = Money(0, rows[0].currency)
    for row in rows:
        credited = taxes.get(row.id, 0)
        given = row.adjusted_minor - (credited if row.tax_inclusive else 0)
        rest = before_tax(row) - Money(given, row.currency)
        later, done = recognition.parts(row, rest, work.now, account.time_zone, rest=rest)
        deferred, earned = deferred + later, earned + done
        tax += Money(row.tax_minor - credited, row.currency)
    return ledger.Sums(deferred=deferred, earned=earned, tax=tax)


_INSTEAD_OF_VOID = {
    InvoiceState.PAID: "Write a credit note instead.",
    InvoiceState.VOID: "Nothing is left to do.",
    InvoiceState.UNCOLLECTIBLE: "It was given up, and nothing is owed on it.",
}
