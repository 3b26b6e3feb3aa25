"""Papers: invoices, receipts and credit notes as sheets, with all that stands on them.

They are drawn from what was recorded, in the language and the time zone of their time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from auth import queries as people
from billing import invoice_queries
from billing.invoices import billed_to
from billing.paper import drawing
from billing.paper.drawing import Payment
from billing.paper.seated import NOBODY, Seated
from billing.paper.sheet import Sheet
from billing.paper.writing import Hand, hand
from billing.seller import Seller, seller
from billing.states import InvoiceState
from billing.tables import Invoice, LineItem
from kernel.errors import NotFound, TooComplex
from kernel.time import zone
from kernel.work import Work

Who = Callable[[Work, Sequence[LineItem], datetime], Awaitable[Seated]]
"""Tells who sat in the seats of lines until an instant, as far as the reader may see."""

MOST_LINES = 3_000
"""Lines of a document; it has some two hundred pages then, and takes seconds."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An invoice and its lines, and how it is written and by whom it was issued."""

    invoice: Invoice
    lines: Sequence[LineItem]
    hand: Hand
    seller: Seller


async def nobody(_work: Work, _lines: Sequence[LineItem], _at: datetime) -> Seated:
    """Nobody sits in what is no seat."""
    return NOBODY


async def invoice(work: Work, account_id: int, invoice_id: int, *, who: Who = nobody) -> Sheet:
    """An invoice, or the draft of one, with who sat there. Raises NotFound, or TooComplex."""
    found = await _found(work, account_id, invoice_id)
    seated = await who(work, found.lines, found.invoice.issued_at or work.now)
    return drawing.invoice(found.hand, found.seller, found.invoice, found.lines, seated)


async def receipt(
    work: Work, account_id: int, invoice_id: int, payments: Sequence[Payment] = (), *, who: Who = nobody
) -> Sheet:
    """The receipt for an invoice, with the payments that are known. Raises NotFound until it is paid, or TooComplex."""
    found = await _found(work, account_id, invoice_id)
    if found.invoice.state is not InvoiceState.PAID:
        raise NotFound("There is a receipt once the invoice is paid.")
    seated = await who(work, found.lines, found.invoice.issued_at or work.now)
    return drawing.receipt(found.hand, found.seller, found.invoice, found.lines, payments, seated=seated)


async def credit_note(work: Work, account_id: int, note_id: int) -> Sheet:
    """A credit note. Raises NotFound, or TooComplex."""
    note = await invoice_queries.note(work, account_id, note_id)
    found = await _found(work, account_id, note.invoice_id)
    lines = {line.id: line for line in found.lines}
    given = [(each, lines[each.line_item_id]) for each in await invoice_queries.note_lines(work, account_id, note_id)]
    return drawing.credit_note(found.hand, seller().as_of(note.issued_at), note, found.invoice, given)


async def _found(work: Work, account_id: int, invoice_id: int) -> _Found:
    account = await people.account(work, account_id)
    drawn = await invoice_queries.invoice(work, account_id, invoice_id)
    lines = await invoice_queries.lines(work, account_id, invoice_id)
    if len(lines) > MOST_LINES:
        says = (
            f"This invoice has {len(lines):,} lines, and a PDF has room for {MOST_LINES:,}. Export its lines instead."
        )
        raise TooComplex(says, limit="lines", most=MOST_LINES)
    if not drawn.billed_to:
        # What was made before addresses were kept is addressed to the account as it is.
        drawn = Invoice(**drawn.model_dump() | {"billed_to": billed_to(account)})
    written = hand(drawn.locale, zone(str(drawn.billed_to.get("time_zone") or account.time_zone)))
    return _Found(drawn, lines, written, seller().as_of(drawn.issued_at or work.now))
