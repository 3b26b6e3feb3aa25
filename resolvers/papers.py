"""Papers: where the PDF of an invoice, its receipt or a credit note is, for whoever sees the row."""

from __future__ import annotations

from typing import Any

from billing.states import InvoiceState
from kernel import ids, links
from kernel.links import Download


def invoice_pdf(row: Any, info: Any) -> Download:
    """The address of the invoice."""
    return _download("invoices", "inv", row, info)


def receipt_pdf(row: Any, info: Any) -> Download | None:
    """The address of the receipt, once the invoice is paid."""
    return _download("receipts", "inv", row, info) if row.state == InvoiceState.PAID else None


def credit_note_pdf(row: Any, info: Any) -> Download:
    """The address of the credit note."""
    return _download("credit-notes", "cn", row, info)


def _download(folder: str, prefix: str, row: Any, info: Any) -> Download:
    return links.download(f"/{folder}/{ids.encode(prefix, row.id)}.pdf", row.account_id, info.context.work.now)
