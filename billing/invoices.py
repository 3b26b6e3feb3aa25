"""Invoices: drafted from a document, made final with a number, voided, given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from auth.tables import Account
from billing import books, events, ledger
from billing.documents import Document
from billing.facts import columns_of
from billing.lines import Kind, Line
from billing.pricing import Timing
from billing.seller import seller
from billing.tables import Collection, Invoice, InvoiceKind, InvoiceState, LineItem
from kernel.errors import Problem
from kernel.money import Money, total
from kernel.work import Work


@dataclass(eq=False)
class InvoiceSettled(Problem):
    """The invoice is in a state from which this can't be done."""

    says = "This invoice is {state}. {advice}"
    state: str
    """The state the invoice is in."""

    advice: str
    """What to do instead."""


async def draft(work: Work, account: Account, subscription_id: int, document: Document) -> Invoice:
    """Write a document down as a draft: it has no number, and nothing is owed for it yet."""
    invoice = Invoice(
        account_id=account.id,
        id=work.new_id(),
        subscription_id=subscription_id,
        kind=InvoiceKind.SUBSCRIPTION,
        state=InvoiceState.DRAFT,
        currency=document.currency,
        subtotal_minor=document.subtotal.minor,
        tax_minor=document.tax.minor,
        total_minor=document.total.minor,
        period_start=document.period.start,
        period_end=document.period.end,
        created_at=work.now,
        finalize_at=work.now,
        collection=Collection(account.collection),
        net_days=account.net_days,
        po_number=account.po_number,
        tax_notes=list(document.notes),
        billed_to=billed_to(account),
        locale=account.locale,
    )
    work.add(invoice)
    await work.reserve(len(document.lines) * 2)
    for place, drafted in enumerate(document.lines, 1):
        work.add(
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
        )
    await work.flush()
    work.emit(events.InvoiceDrafted(account.id, invoice.id), invoice)
    return invoice


async def finalize(work: Work, invoice: Invoice, document: Document, timings: dict[int, Timing]) -> Invoice:
    """Give a draft its number, owe it, and settle it with the customer's credit. Raises InvoiceSettled."""
    if invoice.state is not InvoiceState.DRAFT:
        raise InvoiceSettled(invoice.state.value, "It has its number already.")
    sums = summed(document, timings)
    book(work, invoice, "invoice_finalized", ledger.invoice_finalized(sums))
    await work.flush()
    credit = Money(await books.credit(work, invoice.account_id, invoice.currency), invoice.currency)
    owed = Money(invoice.total_minor, invoice.currency)
    if owed.minor < 0:
        used = owed
        book(work, invoice, "credit_granted", ledger.reversal(ledger.credit_applied(-owed)))
    else:
        used = ledger.applicable_credit(owed, credit)
        if used:
            book(work, invoice, "credit_applied", ledger.credit_applied(used))
    invoice.credit_minor = used.minor
    invoice.state, invoice.issued_at = InvoiceState.OPEN, work.now
    invoice.due_at = work.now + timedelta(days=invoice.net_days)
    if invoice.credit_minor == invoice.total_minor:
        invoice.state, invoice.paid_at = InvoiceState.PAID, work.now
    invoice.number = await numbered(work, "invoice")
    await work.flush()
    work.emit(events.InvoiceFinalized(invoice.account_id, invoice.id), invoice)
    return invoice


def summed(document: Document, timings: dict[int, Timing]) -> ledger.Sums:
    """What of a document is earned already, and what is deferred: usage and arrears are delivered when billed."""
    currency = document.currency
    earned = total((line.net for line in document.lines if is_earned(line.line, timings)), currency)
    return ledger.Sums(deferred=document.subtotal - earned, earned=earned, tax=document.tax)


def is_earned(line: Line, timings: dict[int, Timing]) -> bool:
    """Whether what a line bills has been delivered when it is billed."""
    return line.kind is Kind.USAGE or timings[int(line.price)] is Timing.ARREARS


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
    return f"{prefix}-{work.now.year}-{rows[0]['last']:06}"


def billed_to(account: Account) -> dict[str, object]:
    """Whom an invoice is addressed to, kept as it was."""
    return {
        "name": account.name,
        "email": account.email,
        "address": account.address,
        "country": account.country,
        "vat_id": account.vat_id,
    }
