"""The states and kinds that rows of payments may have."""

from __future__ import annotations

from enum import StrEnum


class PaymentMethodKind(StrEnum):
    """What kind of instrument it is."""

    CARD = "card"
    """A card, or a wallet with a card in it."""

    SEPA_DEBIT = "sepa_debit"
    """A debit from a bank account in the euro area."""

    US_BANK_ACCOUNT = "us_bank_account"
    """A debit from a bank account in the United States."""

    LINK = "link"
    """A wallet kept by the rail."""

    BANK_TRANSFER = "bank_transfer"
    """A transfer that the payer sends."""

    OTHER = "other"
    """Something else that the rail can charge."""


class PaymentState(StrEnum):
    """Where a payment is: succeeded and canceled are final; what failed may be tried again."""

    CREATED = "created"
    """Written down, not yet asked for."""

    REQUIRES_ACTION = "requires_action"
    """The payer has to confirm it."""

    PROCESSING = "processing"
    """On its way; it may take days."""

    UNKNOWN = "unknown"
    """Asked for, and the answer was lost; it will be found out."""

    SUCCEEDED = "succeeded"
    """Paid."""

    FAILED = "failed"
    """Declined."""

    CANCELED = "canceled"
    """Given up before it was paid."""


class PaymentSource(StrEnum):
    """Which way the money comes."""

    RAIL = "rail"
    """Charged through the rail."""

    BANK_TRANSFER = "bank_transfer"
    """Sent to our bank account, and written down by Finance."""

    MANUAL = "manual"
    """Some other way, such as a check, and written down by Finance."""


class PartState(StrEnum):
    """What has become of a part of a payment."""

    WAITING = "waiting"
    """Another payment of the invoice has to be given up first."""

    OPEN = "open"
    """Under way: nobody else may pay the invoice now."""

    SETTLED = "settled"
    """In the books."""

    RELEASED = "released"
    """Nothing came of it."""


class SetupState(StrEnum):
    """How far somebody is with saving a payment method."""

    CREATED = "created"
    """Written down; the rail was not asked yet."""

    OPEN = "open"
    """The front end may go on."""

    SUCCEEDED = "succeeded"
    """The payment method is saved."""

    FAILED = "failed"
    """It was declined; the front end may try another."""

    CANCELED = "canceled"
    """Given up."""


class AttemptState(StrEnum):
    """How far a try is."""

    WAITING = "waiting"
    """Written down, not sent."""

    SENT = "sent"
    """Sent, and not answered yet, or the answer was lost."""

    ANSWERED = "answered"
    """Clear."""


class AttemptOutcome(StrEnum):
    """What came of a try."""

    SUCCEEDED = "succeeded"
    """Paid."""

    PROCESSING = "processing"
    """Accepted; it may take days."""

    REQUIRES_ACTION = "requires_action"
    """The bank asks the payer."""

    DECLINED = "declined"
    """The bank, or the rail's fraud rules, said no."""

    REFUSED = "refused"
    """The rail would not ask the bank."""

    CANCELED = "canceled"
    """Given up before it was sent."""


class RefundState(StrEnum):
    """Where a refund is: even one that succeeded may fail days later, and its money comes back."""

    RESERVED = "reserved"
    """Written down, so that nothing else gives the same money back; the rail was not asked yet."""

    UNKNOWN = "unknown"
    """Asked for, and the answer was lost; it will be found out."""

    REQUIRES_ACTION = "requires_action"
    """The payer has to say where it shall go."""

    PENDING = "pending"
    """On its way; it may take days."""

    SUCCEEDED = "succeeded"
    """With the payer's bank."""

    FAILED = "failed"
    """It could not be given back; what was promised is still owed."""

    CANCELED = "canceled"
    """It was called back before it arrived; what was promised is still owed."""


class RefundCause(StrEnum):
    """Why money is given back, in the rail's words."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    """The customer asked for it."""

    DUPLICATE = "duplicate"
    """It was paid twice."""

    FRAUDULENT = "fraudulent"
    """Whoever paid was not the owner of the payment method."""


class ClosedAs(StrEnum):
    """What has become of an invoice here that was issued at the rail, so that it becomes that there, too."""

    PAID = "paid"
    """Nothing is owed on it any more."""

    VOID = "void"
    """It was taken back."""

    UNCOLLECTIBLE = "uncollectible"
    """It was given up."""


class MovementOwner(StrEnum):
    """Whose a movement of our balance is."""

    OURS = "ours"
    """It is about something that we made, or about a payment of ours."""

    OTHER = "other"
    """Another installation on the same account of the rail made what it is about, or Stripe Billing took it for an
    invoice that had come over."""

    NOBODY = "nobody"
    """Nothing says who made what it is about."""

    RAIL = "rail"
    """The rail moved it by itself: a payout, a fee, a reserve."""


class ReconciliationStage(StrEnum):
    """How far a reconciliation is."""

    EVENTS = "events"
    """What the rail has told, and we have not heard, is heard now."""

    MOVEMENTS = "movements"
    """What moved our balance is written down, and matched."""

    PAYOUTS = "payouts"
    """Payouts are taken apart."""

    PAYMENTS = "payments"
    """Payments, refunds and disputes are compared with what moved."""

    BOOKS = "books"
    """The books are compared with what moved."""

    DONE = "done"
    """All of the span was compared."""
