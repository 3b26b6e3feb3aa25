"""Receiving: money comes for an invoice, in time, late, or after it was given up.

What comes for an invoice that was given up takes back so much of the bad debt, and
the invoice is paid once nothing is owed on it any more. What comes beyond what is
owed becomes the customer's credit.
"""

from __future__ import annotations

from billing import events, invoice_queries, invoices, ledger
from billing.states import InvoiceState
from billing.tables import Invoice
from kernel.money import Money
from kernel.work import Work

OWED = {InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE}


async def receive(work: Work, account_id: int, invoice_id: int, amount: Money, fee: Money | None = None) -> Invoice:
    """Book money that came for an invoice, less a fee that the rail kept; the caller has written the payment down."""
    invoice = await invoice_queries.locked(work, account_id, invoice_id)
    assert amount.currency == invoice.currency, "a payment is in its invoice's currency"
    nothing = Money(0, amount.currency)
    applied = min(amount, invoices.remaining(invoice)) if invoice.state in OWED else nothing

    if invoice.state is InvoiceState.UNCOLLECTIBLE and applied:
        invoices.book(work, invoice, "write_off_reversed", ledger.reversal(ledger.written_off(applied)))
    received = ledger.payment_received(amount, fee, overpaid=amount - applied)
    invoices.book(work, invoice, "payment_received", received)
    invoice.paid_minor += applied.minor
    await work.flush()
    if invoice.state is InvoiceState.UNCOLLECTIBLE and applied:
        work.emit(events.InvoiceRecovered(account_id, invoice.id), invoice)
    if invoices.settle_if_paid(work, invoice):
        await work.flush()
        work.emit(events.InvoicePaid(account_id, invoice.id), invoice)
    return invoice
