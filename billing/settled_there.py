"""Settled there: what somebody paid at Stripe on an invoice that had come over, and what is closed there after it.

Money that Stripe Billing took counts in the books of before, as all it ever took: so
much less was brought along. What was paid there and here is the customer's credit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing import events, invoice_queries, invoices, ledger
from billing.receiving import OWED
from billing.states import InvoiceState
from billing.tables import Invoice
from kernel.money import Money
from kernel.work import Work
from payments import rail_invoices
from payments.states import ClosedAs

_CLOSED = {
    InvoiceState.PAID: ClosedAs.PAID,
    InvoiceState.VOID: ClosedAs.VOID,
    InvoiceState.UNCOLLECTIBLE: ClosedAs.UNCOLLECTIBLE,
}


async def close(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Have an invoice that came over become at Stripe what it is here; nothing for one that was issued here."""
    invoice = await invoice_queries.locked(work, account_id, told["invoice"])
    if invoice.state in _CLOSED:
        await rail_invoices.close(work, account_id, invoice.id, _CLOSED[invoice.state])


async def book(work: Work, account_id: int, invoice_id: int) -> None:
    """Book what was paid at Stripe since it was last booked; the same again books nothing."""
    invoice = await invoice_queries.locked(work, account_id, invoice_id)
    row = await rail_invoices.known(work, account_id, invoice_id)
    assert row, "it came over"
    paid = Money(row.paid_minor - row.booked_minor, invoice.currency)
    applied = min(paid, invoices.remaining(invoice)) if invoice.state in OWED else Money(0, invoice.currency)
    _book(work, invoice, applied, paid - applied)
    row.booked_minor = row.paid_minor
    row.settled_minor += applied.minor
    invoice.paid_minor += applied.minor
    await work.flush()
    if applied:
        kind = events.InvoicePaid if invoices.settle_if_paid(work, invoice) else events.InvoicePartPaid
        await work.flush()
        work.emit(kind(account_id, invoice.id), invoice)


def _book(work: Work, invoice: Invoice, applied: Money, over: Money) -> None:
    if invoice.state is InvoiceState.UNCOLLECTIBLE:
        invoices.book(work, invoice, "write_off_reversed", ledger.reversal(ledger.written_off(applied)))
    invoices.book(work, invoice, "paid_there", ledger.reversal(ledger.receivable_brought(applied)))
    invoices.book(work, invoice, "credit_brought", ledger.credit_brought(over))
