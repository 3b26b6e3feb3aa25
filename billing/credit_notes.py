"""Credit notes: what an invoice gives back, in part, by line, or all of it.

A credit note first takes off what is still owed on its invoice. What had been
settled already goes to the customer's credit, or waits to be refunded. A note is
previewed by the very function that writes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from auth.tables import Account
from billing import books, crediting, events, invoice_queries, invoices, ledger, recognition
from billing.crediting import CreditTooHigh, Given
from billing.invoices import InvoiceSettled
from billing.states import CreditDestination, InvoiceKind, InvoiceState
from billing.subscriptions import LONGEST_REASON
from billing.tables import CreditNote, CreditNoteLine, Invoice, LineItem
from kernel.errors import InvalidInput, Problem
from kernel.money import Money, exponent, total
from kernel.work import Work

CREDITABLE = {InvoiceState.OPEN, InvoiceState.PAID}

Allowed = Callable[[Money], Awaitable[None]]
"""Refuses to give so much away, by raising a problem."""

_INSTEAD = {
    InvoiceState.DRAFT: "Discard it, or make it final first.",
    InvoiceState.VOID: "Nothing was charged, so nothing is left to credit.",
    InvoiceState.UNCOLLECTIBLE: "It was given up, and nothing is owed on it.",
}


@dataclass(eq=False)
class OtherCurrency(Problem):
    """The amount is in another currency than what it is for."""

    says = "This is in {currency}, and the amount in {given}. Give the amount in {currency}."
    currency: str
    """The currency it is in."""

    given: str
    """The currency that was given."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to credit: an amount with its taxes, or amounts by line position, or, with neither, all that is left."""

    destination: CreditDestination
    amount: Money | None = None
    lines: Mapping[int, Money] | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A credit note before it is one. Its lines sum to it."""

    invoice: Invoice
    given: Sequence[Given]
    off: Money
    """What comes off what is still owed."""

    @property
    def currency(self) -> str:
        """The invoice's currency."""
        return self.invoice.currency

    @property
    def subtotal(self) -> Money:
        """What is given back before tax."""
        return total((given.before_tax for given in self.given), self.currency)

    @property
    def tax(self) -> Money:
        """The taxes that are given back."""
        return total((given.tax for given in self.given), self.currency)

    @property
    def total(self) -> Money:
        """What is given back."""
        return self.subtotal + self.tax

    @property
    def returned(self) -> Money:
        """What of it had been settled, and goes to the destination."""
        return self.total - self.off


async def preview(work: Work, account_id: int, invoice_id: int, wish: Wish) -> Note:
    """The very note that `issue` would write now. Raises its refusals."""
    return await _note(work, await invoice_queries.invoice(work, account_id, invoice_id), wish)


async def issue(
    work: Work, account: Account, invoice_id: int, wish: Wish, reason: str, *, allowed: Allowed | None = None
) -> CreditNote:
    """Write a credit note. Raises InvalidInput, InvoiceSettled, CreditTooHigh, OtherCurrency, or as `allowed` does."""
    if not 1 <= len(reason.strip()) <= LONGEST_REASON or "\x00" in reason:
        raise InvalidInput(f"A credit note says why, in 1 to {LONGEST_REASON:,} characters.")
    invoice = await invoice_queries.locked(work, account.id, invoice_id)
    note = await _note(work, invoice, wish)
    if allowed:
        await allowed(note.total)

    await recognition.recognize(work, account, invoice.currency)
    await _book(work, account, note, wish.destination)
    written = await _written(work, note, wish.destination, reason.strip())
    work.emit(events.CreditNoteIssued(account.id, written.id, invoice.id), written)
    if invoices.settle_if_paid(work, invoice):
        work.emit(events.InvoicePaid(account.id, invoice.id), invoice)
    await work.flush()
    return written


async def grant(work: Work, account_id: int, amount: Money) -> int:
    """Give an account credit for invoices to come, out of good will; how much it has then. Raises InvalidInput."""
    exponent(amount.currency)
    if amount.minor <= 0:
        raise InvalidInput("Credit is granted as an amount above zero.")
    granted = ledger.credit_granted(amount)
    entry = books.book(work, account_id, "credit_granted", granted, subject="account", subject_id=account_id)
    assert entry, "an amount above zero moves"
    await work.flush()
    told = {"kind": entry.kind, "transfers": [{"currency": amount.currency, "amount_minor": amount.minor}]}
    work.emit(events.CreditGranted(account_id, entry.id), after=told)
    return await books.credit(work, account_id, amount.currency)


async def _note(work: Work, invoice: Invoice, wish: Wish) -> Note:
    if invoice.state not in CREDITABLE:
        raise InvoiceSettled(invoice.state.value, _INSTEAD[invoice.state])
    for amount in [*([wish.amount] if wish.amount else []), *(wish.lines or {}).values()]:
        if amount.currency != invoice.currency:
            raise OtherCurrency(invoice.currency, amount.currency)
    rests = await invoice_queries.rests(
        work, invoice.account_id, await invoice_queries.lines(work, invoice.account_id, invoice.id)
    )
    left = Money(max(0, invoice.total_minor - invoice.credited_minor), invoice.currency)
    if wish.lines:
        if wish.amount is not None:
            raise InvalidInput("Give an amount, or amounts by line, and not both.")
        given = crediting.by_line(rests, wish.lines)
    else:
        able = min(left, total((rest.left_total for rest in rests), invoice.currency))
        if wish.amount is None and not able:
            raise CreditTooHigh(able.text, "is left to credit on this invoice", "Nothing is left to do.")
        given = crediting.by_total(rests, able if wish.amount is None else wish.amount)
    note = Note(invoice, given, Money(0, invoice.currency))
    if left < note.total:
        raise CreditTooHigh(left.text, "is left to credit on this invoice", "Credit less.")
    off = min(note.total, invoices.remaining(invoice))
    return await _sent(work, Note(invoice, given, off), wish.destination)


async def _sent(work: Work, note: Note, destination: CreditDestination) -> Note:
    """The same note, once it is sure that what was settled can go where it shall. Raises CreditTooHigh."""
    invoice, returned = note.invoice, note.returned
    if returned and destination is CreditDestination.RECEIVABLE:
        advice = "Credit less, or send the rest to the customer's credit or as a refund."
        raise CreditTooHigh(invoices.remaining(invoice).text, "is still owed on this invoice", advice)
    if destination is CreditDestination.REFUNDS:
        before = await invoice_queries.refunded(work, invoice.account_id, invoice.id)
        there = await invoice_queries.settled_there(work, invoice.account_id, invoice.id)
        payable = Money(max(0, invoice.paid_minor - there - before), invoice.currency)
        if payable < returned:
            advice = "Credit less, or send it to the customer's credit."
            raise CreditTooHigh(payable.text, "of this invoice was paid and can be refunded", advice)
    return note


async def _book(work: Work, account: Account, note: Note, destination: CreditDestination) -> None:
    rows = {row.id: row for row in await invoice_queries.lines(work, account.id, note.invoice.id)}
    taxes = await invoice_queries.credited_taxes(work, account.id, rows)
    deferred = earned = Money(0, note.currency)
    for given in note.given:
        row = rows[given.rest.line_id]
        later, done = recognition.parts(
            row, given.before_tax, work.now, account.time_zone, rest=_worth(row, taxes.get(row.id, 0))
        )
        deferred, earned = deferred + later, earned + done
    sums = ledger.Sums(deferred=deferred, earned=earned, tax=note.tax)
    entry = ledger.credit_note(sums, ledger.Account.RECEIVABLE)
    if note.invoice.kind is InvoiceKind.IMPORTED:
        entry = ledger.reversal(ledger.receivable_brought(note.total))
    if note.returned:
        # All of it comes off the invoice; what had been settled is owed to the customer instead.
        entry += (ledger.Transfer(ledger.Account.RECEIVABLE, ledger.Account(destination.value), note.returned),)
    invoices.book(work, note.invoice, "credit_note", entry)


def _worth(row: LineItem, credited_tax: int) -> Money:
    """What a line is worth before tax, after the credit notes so far."""
    given = row.adjusted_minor - (credited_tax if row.tax_inclusive else 0)
    return invoices.before_tax(row) - Money(given, row.currency)


async def _written(work: Work, note: Note, destination: CreditDestination, reason: str) -> CreditNote:
    invoice = note.invoice
    rows = {row.id: row for row in await invoice_queries.lines(work, invoice.account_id, invoice.id)}
    written = CreditNote(
        account_id=invoice.account_id,
        id=work.new_id(),
        invoice_id=invoice.id,
        number=await invoices.numbered(work, "credit_note"),
        reason=reason,
        destination=destination,
        currency=invoice.currency,
        subtotal_minor=note.subtotal.minor,
        tax_minor=note.tax.minor,
        total_minor=note.total.minor,
        returned_minor=note.returned.minor,
        issued_at=work.now,
    )
    work.add(written)
    await work.reserve(len(note.given))
    for given in note.given:
        line = CreditNoteLine(
            account_id=invoice.account_id,
            id=work.new_id(),
            credit_note_id=written.id,
            line_item_id=given.rest.line_id,
            currency=invoice.currency,
            amount_minor=given.amount.minor,
            tax_minor=given.tax.minor,
        )
        work.add(line)
        rows[given.rest.line_id].adjusted_minor += given.amount.minor
    invoice.credited_minor += note.total.minor
    invoice.returned_minor += note.returned.minor
    await work.flush()
    return written
