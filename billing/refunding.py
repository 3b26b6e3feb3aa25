"""Refunding: a credit note says what is given back, and a payment gives it back.

The note takes it off the invoice and promises the money; the refund is reserved in
the same transaction. When the rail has sent it the promise is kept in the books, and
when it comes back the promise stands again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from auth.tables import Account
from billing import books, credit_notes, invoice_queries, invoices, ledger
from billing.credit_notes import Allowed, Note, Wish
from billing.states import CreditDestination
from kernel.errors import Problem
from kernel.money import Money
from kernel.work import Work
from payments import events, refunds, return_queries
from payments import queries as paying
from payments.refunds import PaymentNotRefundable, RefundTooHigh
from payments.states import RefundCause
from payments.tables import Payment, Refund

_NOTHING = "paid nothing of what would be credited. Credit it with `createCreditNote`"


@dataclass(eq=False)
class RefundNotCredited(Problem):
    """The credit note would give back something else than the refund did."""

    says = "The refund gave back {refunded}, and this credit note gives back {credited}. Credit exactly what it gave."
    refunded: str
    """What went back."""

    credited: str
    """What of the credit note had been paid, and so would go back."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to give back: of which payment and invoice, an amount or amounts by line, or, with neither, all it can."""

    payment_id: int
    invoice_id: int
    amount: Money | None = None
    lines: Mapping[int, Money] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Returned:
    """What would be credited, and what of it would go back."""

    note: Note
    left: Money
    """What is left of the payment after it."""

    @property
    def amount(self) -> Money:
        """What would go back to the payer."""
        return self.note.returned


async def preview(work: Work, account_id: int, wanted: Wanted) -> Returned:
    """The very note and refund that `refund` would write now. Raises its refusals."""
    payment = await return_queries.payment(work, account_id, wanted.payment_id)
    await _check_for(work, payment, wanted)
    note = await credit_notes.preview(work, account_id, wanted.invoice_id, await _wish(work, payment, wanted))
    if not note.returned:
        raise PaymentNotRefundable(_NOTHING)
    await refunds.check(work, payment, note.returned)
    return Returned(note, await refunds.left(work, payment) - note.returned)


async def refund(
    work: Work,
    account: Account,
    wanted: Wanted,
    *,
    cause: RefundCause,
    reason: str,
    person_id: int | None,
    allowed: Allowed,
) -> Refund:
    """Credit an invoice and give back what was paid. Raises as `credit_notes.issue` and `refunds.reserve` do."""
    payment = await paying.payment(work, account.id, wanted.payment_id)
    await _check_for(work, payment, wanted)
    wish = await _wish(work, payment, wanted)
    note = await credit_notes.issue(work, account, wanted.invoice_id, wish, reason, allowed=allowed)
    if not note.returned_minor:
        raise PaymentNotRefundable(_NOTHING)
    return await refunds.reserve(
        work,
        payment,
        Money(note.returned_minor, note.currency),
        invoice_id=wanted.invoice_id,
        credit_note_id=note.id,
        cause=cause,
        reason=reason.strip(),
        person_id=person_id,
    )


async def credit(
    work: Work, account: Account, found: Refund, wanted: Wanted, *, reason: str, allowed: Allowed
) -> Refund:
    """Write the credit note of a refund that was made at the rail itself: of all it gave back, and of nothing else.

    Raises as `credit_notes.issue` does, PaymentNotRefundable or RefundNotCredited.
    """
    payment = await return_queries.payment(work, account.id, found.payment_id)
    await _check_for(work, payment, wanted)
    wish = await _wish_for(work, found, wanted)
    note = await credit_notes.issue(work, account, wanted.invoice_id, wish, reason, allowed=allowed)
    refund_ = await return_queries.refund(work, account.id, found.id)
    if refund_.credit_note_id is not None or refund_.state in refunds.OVER:
        raise PaymentNotRefundable("has a refund that needs no credit note. Nothing is left to do")
    if note.returned_minor != refund_.amount_minor:
        given = Money(refund_.amount_minor, refund_.currency)
        raise RefundNotCredited(given.text, Money(note.returned_minor, note.currency).text)
    refund_.credit_note_id, refund_.invoice_id, refund_.reason = note.id, wanted.invoice_id, reason.strip()
    await work.flush()
    work.emit(events.RefundCredited(account.id, refund_.id), refund_)
    return refund_


async def _wish_for(work: Work, found: Refund, wanted: Wanted) -> Wish:
    """What to credit for a refund: as it was wished, or so much that what went back is what had been paid of it."""
    if wanted.amount is not None or wanted.lines:
        return Wish(CreditDestination.REFUNDS, wanted.amount, wanted.lines or None)
    invoice = await invoice_queries.invoice(work, found.account_id, wanted.invoice_id)
    whole = invoices.remaining(invoice).minor + found.amount_minor
    return Wish(CreditDestination.REFUNDS, Money(whole, found.currency), None)


async def book(work: Work, account_id: int, refund_id: int) -> None:
    """Tell the books that a refund has left, or has come back; the same again changes nothing."""
    found = await refunds.unbooked(work, account_id, refund_id)
    if found is None:
        return
    sent, amount = found
    kind = "refund_paid" if amount.minor > 0 else "refund_returned"
    books.book(work, account_id, kind, ledger.refund_paid(amount), subject="invoice", subject_id=sent.invoice_id)
    await work.flush()


async def _check_for(work: Work, payment: Payment, wanted: Wanted) -> None:
    """Refuse a payment that was for other invoices. Raises PaymentNotRefundable."""
    parts = await paying.parts(work, payment.account_id, payment.id)
    if wanted.invoice_id not in {payment.invoice_id, *(part.invoice_id for part in parts)}:
        raise PaymentNotRefundable("was not for this invoice. Name one that it paid")


async def _wish(work: Work, payment: Payment, wanted: Wanted) -> Wish:
    """What to credit: as it was wished, or all of the invoice that this payment can give back."""
    wish = Wish(CreditDestination.REFUNDS, wanted.amount, wanted.lines or None)
    if wanted.amount is not None or wanted.lines:
        return wish
    invoice = await invoice_queries.invoice(work, payment.account_id, wanted.invoice_id)
    promised = await invoice_queries.refunded(work, payment.account_id, wanted.invoice_id)
    rest = await refunds.left(work, payment)
    back = min(rest.minor, invoice.paid_minor - promised)
    if back <= 0:
        raise RefundTooHigh(Money(0, payment.currency).text)
    creditable = invoice.total_minor - invoice.credited_minor
    whole = min(creditable, invoices.remaining(invoice).minor + back)
    return replace(wish, amount=Money(whole, payment.currency))
