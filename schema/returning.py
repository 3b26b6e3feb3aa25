"""Refunds of payments."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from billing.approvals import SecondPersonNeeded
from billing.credit_notes import OtherCurrency
from billing.crediting import CreditTooHigh
from billing.invoices import InvoiceSettled
from billing.refunding import RefundNotCredited, Returned
from payments import tables
from payments.refunds import PaymentNotRefundable, RefundTooHigh
from payments.states import RefundCause, RefundState
from resolvers import returning as resolve
from resolvers.graph import Column, holders
from schema.base import Node, Word, face, money, one, value, words
from schema.changes import mutation
from schema.scalars import Money

words(RefundState, "Where a refund is: even one that succeeded may fail days later, and its money comes back.")
words(RefundCause, "Why money is given back, as the bank is told.")


@face(tables.Refund, "refund", visible=holders(Permission.SEE_BILLING))
class Refund(Node):
    """What of a payment goes back to the payer."""

    state: RefundState
    """Where it is."""

    amount = money("amount_minor")
    """How much."""

    cause: RefundCause
    """Why, as the bank is told."""

    reason: str
    """Why, in words."""

    failure: str | None
    """Why it failed, as the rail says it."""

    created_at: datetime
    """When it was decided."""

    sent_at: datetime | None
    """When the money left us."""

    settled_at: datetime | None
    """When it arrived, or failed."""

    payment = one("Payment", by="payment_id", required=True)
    """What is given back."""

    invoice = one("Invoice", by="invoice_id")
    """What it had paid."""

    credit_note = one("CreditNote", by="credit_note_id")
    """What has promised it; null while one that was made at Stripe itself waits for Finance to write it."""


@value(Returned)
class RefundPreview:
    """The very refund and credit note that would be written now."""

    amount: Money
    """What would go back to the payer."""

    left: Money
    """What of the payment could still go back after it."""

    credit_note = Word(Column("note"), "CreditNotePreview", resolve=lambda row, _: row.note)
    """What would be credited."""


_REFUSALS = [InvoiceSettled, CreditTooHigh, OtherCurrency, SecondPersonNeeded, PaymentNotRefundable, RefundTooHigh]


@strawberry.type
class ReturningMutation:
    """Giving back what was paid."""

    refund_payment = mutation(resolve.refund_payment, "Refund", refusals=_REFUSALS)
    credit_refund = mutation(
        resolve.credit_refund,
        "Refund",
        refusals=[
            InvoiceSettled,
            CreditTooHigh,
            OtherCurrency,
            SecondPersonNeeded,
            PaymentNotRefundable,
            RefundNotCredited,
        ],
    )
    retry_refund = mutation(resolve.retry_refund, "Refund", refusals=[PaymentNotRefundable, RefundTooHigh])
