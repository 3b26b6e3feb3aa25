"""The states and kinds that rows of billing may have."""

from __future__ import annotations

from enum import StrEnum


class SubscriptionState(StrEnum):
    """Where a subscription is in its life."""

    TRIALING = "trialing"
    """Free at first."""

    ACTIVE = "active"
    """Paid, or about to be."""

    PAST_DUE = "past_due"
    """An invoice is unpaid past its date."""

    PAUSED = "paused"
    """Kept, not billed and not used."""

    CANCELED = "canceled"
    """Ended."""


class InvoiceState(StrEnum):
    """Where an invoice is in its life."""

    DRAFT = "draft"
    """Not final, without a number."""

    OPEN = "open"
    """Final, and to be paid."""

    PAID = "paid"
    """Paid in full."""

    VOID = "void"
    """Taken back."""

    UNCOLLECTIBLE = "uncollectible"
    """Given up."""


class InvoiceKind(StrEnum):
    """What an invoice came from."""

    SUBSCRIPTION = "subscription"
    """A subscription's periods and changes."""

    ONE_OFF = "one_off"
    """Something that was billed once, by hand."""

    IMPORTED = "imported"
    """Issued at Stripe Billing under its own number, and copied as it was printed there."""


class Collection(StrEnum):
    """How an invoice is paid."""

    CHARGE_AUTOMATICALLY = "charge_automatically"
    """The default payment method is charged."""

    SEND_INVOICE = "send_invoice"
    """It is sent, and paid by its due date."""


class LineKind(StrEnum):
    """What a line does to an account."""

    CHARGE = "charge"
    """Bills a span of an item."""

    CREDIT = "credit"
    """Gives back the part of a charge that is not used after all."""

    RESTORED = "restored"
    """Takes such a credit back, because the span is used again."""

    USAGE = "usage"
    """Bills, or corrects, a metered quantity."""

    ONE_OFF = "one_off"
    """Bills something once, by hand."""


class ChangeKind(StrEnum):
    """What a scheduled change does."""

    CHANGE = "change"
    """Another price or another quantity."""

    DROP = "drop"
    """The item is there no more."""

    PAUSE = "pause"
    """Nothing is charged from then on."""

    RESUME = "resume"
    """Charging goes on."""

    BILLING_DAY = "billing_day"
    """Another day of the month to bill on."""


class ChangeState(StrEnum):
    """What became of a scheduled change."""

    PENDING = "pending"
    """It will take effect, and can be withdrawn until then."""

    APPLIED = "applied"
    """It took effect."""

    WITHDRAWN = "withdrawn"
    """It was taken back before it took effect."""


class DunningState(StrEnum):
    """Where an unpaid invoice is in its dunning."""

    RUNNING = "running"
    """Its next step comes by itself."""

    PAUSED = "paused"
    """Our staff have stopped it for a while."""

    ENDED = "ended"
    """All steps were taken in vain."""

    SETTLED = "settled"
    """Nothing is owed any more."""


class CreditDestination(StrEnum):
    """Where the amount of a credit note goes."""

    RECEIVABLE = "receivable"
    """Off what is still owed on the invoice."""

    CUSTOMER_CREDIT = "customer_credit"
    """To the customer's credit, for invoices to come."""

    REFUNDS = "refunds"
    """Back to where it was paid from."""


class ApprovalKind(StrEnum):
    """What is given away."""

    CREDIT_NOTE = "credit_note"
    """An invoice gives something back."""

    CREDIT_GRANT = "credit_grant"
    """An account gets credit out of good will."""

    WRITE_OFF = "write_off"
    """What is owed is given up."""
