"""Receipts: money that arrived, in the books, and the invoices that it paid.

Told by the events of payments, perhaps twice; each part of a payment is booked once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing import books, events, invoice_queries, ledger
from billing.invoices import remaining, settle_if_paid
from billing.ledger import Account
from billing.states import InvoiceState
from billing.tables import Invoice
from kernel.money import Money
from kernel.work import Work
from payments import attempts, queries
from payments.states import PaymentSource, PaymentState
from payments.tables import PaymentPart


async def receive(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Book a payment that succeeded, part by part, and settle what it paid."""
    parts = await queries.parts(work, account_id, told["payment"])
    # Invoices are locked before payments, as by whoever begins one.
    invoices = {
        number: await invoice_queries.locked(work, account_id, number)
        for number in sorted({part.invoice_id for part in parts})
    }
    payment = await queries.payment(work, account_id, told["payment"])
    if payment.state is not PaymentState.SUCCEEDED:
        return
    into = Account.CASH if payment.source is PaymentSource.RAIL else Account.BANK
    for part in await attempts.settle(work, account_id, payment.id):
        await _received(work, invoices[part.invoice_id], part, into)


async def keep_fee(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Book what the rail kept of a payment, and its exchange into the currency that it is settled in."""
    payment = await queries.payment(work, account_id, told["payment"])
    if payment.fee_minor is None or payment.fee_currency is None or payment.settled_minor is None:
        return
    if await books.booked(work, account_id, "fee_charged", "payment", payment.id):
        return
    amount = Money(payment.amount_minor, payment.currency)
    settled, fee = (Money(minor, payment.fee_currency) for minor in (payment.settled_minor, payment.fee_minor))
    if settled.currency != amount.currency:
        entry = ledger.exchanged(amount, settled)
        books.book(work, account_id, "exchanged", entry, subject="payment", subject_id=payment.id)
    books.book(work, account_id, "fee_charged", ledger.fee_charged(fee), subject="payment", subject_id=payment.id)
    await work.flush()


async def _received(work: Work, invoice: Invoice, part: PaymentPart, into: Account) -> None:
    """Book one part. What is paid too much, because less is owed than when it began, becomes the customer's credit."""
    amount = Money(part.amount_minor, part.currency)
    applied = _applied(invoice, amount)
    part.applied_minor = applied.minor
    entry = ledger.payment_received(amount, overpaid=amount - applied, into=into)
    if invoice.state is InvoiceState.UNCOLLECTIBLE:
        entry = (*ledger.reversal(ledger.written_off(applied)), *entry) if applied else entry
    books.book(work, invoice.account_id, "payment_received", entry, subject="payment", subject_id=part.payment_id)
    if not applied:
        await work.flush()
        return
    invoice.paid_minor += applied.minor
    if invoice.state is InvoiceState.UNCOLLECTIBLE and not remaining(invoice):
        invoice.state, invoice.paid_at = InvoiceState.PAID, work.now
        paid = True
    else:
        paid = settle_if_paid(work, invoice)
    await work.flush()
    kind = events.InvoicePaid if paid else events.InvoicePartPaid
    work.emit(kind(invoice.account_id, invoice.id), invoice)


def _applied(invoice: Invoice, amount: Money) -> Money:
    """What of an amount goes to an invoice."""
    if invoice.state not in {InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE}:
        return Money(0, amount.currency)
    return max(min(amount, remaining(invoice)), Money(0, amount.currency))
