"""What happens to payment methods and payments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True)
class SetupStarted(Event):
    """Somebody is about to save a payment method."""

    subject: ClassVar[str] = "setup"
    setup: int


@dataclass(frozen=True)
class SetupSucceeded(Event):
    """A payment method was saved."""

    subject: ClassVar[str] = "setup"
    setup: int
    payment_method: int


@dataclass(frozen=True)
class SetupFailed(Event):
    """A payment method could not be saved, or nobody finished it."""

    subject: ClassVar[str] = "setup"
    setup: int


@dataclass(frozen=True)
class PaymentMethodAdded(Event):
    """An account has an instrument to pay with."""

    subject: ClassVar[str] = "payment_method"
    payment_method: int


@dataclass(frozen=True)
class PaymentMethodChosen(Event):
    """An instrument is charged from now on: for one subscription, or wherever no other was chosen."""

    subject: ClassVar[str] = "payment_method"
    payment_method: int
    subscription: int | None = None


@dataclass(frozen=True)
class PaymentMethodUpdated(Event):
    """The bank has renewed a card: it has another date, or another number."""

    subject: ClassVar[str] = "payment_method"
    payment_method: int


@dataclass(frozen=True)
class PaymentMethodExpiring(Event):
    """An instrument that an account is charged by works for less than a month."""

    subject: ClassVar[str] = "payment_method"
    payment_method: int
    expires_on: str


@dataclass(frozen=True)
class PaymentMethodDetached(Event):
    """An instrument is not used any more."""

    subject: ClassVar[str] = "payment_method"
    payment_method: int


@dataclass(frozen=True)
class PaymentMethodRevoked(Event):
    """The owner of an instrument took the permission to debit it back, at their bank."""

    subject: ClassVar[str] = "payment_method"
    payment_method: int


@dataclass(frozen=True)
class PaymentFraudWarned(Event):
    """A bank was told that a payment is fraud: a refund may avert a dispute."""

    subject: ClassVar[str] = "payment"
    payment: int
    warning: int


@dataclass(frozen=True)
class PaymentBegun(Event):
    """A payment is on its way."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentRetried(Event):
    """A payment that was declined is tried again."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentUncertain(Event):
    """The rail's answer was lost; it is being found out."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentActionRequired(Event):
    """The payer has to confirm a payment with their bank."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentProcessing(Event):
    """A payment was accepted, and arrives in some days."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentSucceeded(Event):
    """Money arrived."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentFailed(Event):
    """A payment was declined."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentCanceled(Event):
    """A payment was given up."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentRecorded(Event):
    """Finance wrote down money that came past the rail."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class PaymentFeeKnown(Event):
    """The rail told what it kept of a payment."""

    subject: ClassVar[str] = "payment"
    payment: int


@dataclass(frozen=True)
class RefundReserved(Event):
    """Part of a payment is to go back, and nothing else gives it back meanwhile."""

    subject: ClassVar[str] = "refund"
    refund: int


@dataclass(frozen=True)
class RefundFound(Event):
    """A refund was made at the rail itself; it has no credit note yet."""

    subject: ClassVar[str] = "refund"
    refund: int


@dataclass(frozen=True)
class RefundCredited(Event):
    """The credit note of a refund was written that was made at the rail itself."""

    subject: ClassVar[str] = "refund"
    refund: int


@dataclass(frozen=True)
class RefundUncertain(Event):
    """The rail's answer to a refund was lost; it is being found out."""

    subject: ClassVar[str] = "refund"
    refund: int


@dataclass(frozen=True)
class RefundSent(Event):
    """A refund has left our balance."""

    subject: ClassVar[str] = "refund"
    refund: int


@dataclass(frozen=True)
class RefundSucceeded(Event):
    """A refund is with the payer's bank."""

    subject: ClassVar[str] = "refund"
    refund: int


@dataclass(frozen=True)
class RefundFailed(Event):
    """A refund could not be given back, even if it had succeeded before."""

    subject: ClassVar[str] = "refund"
    refund: int


@dataclass(frozen=True)
class RefundCanceled(Event):
    """A refund was called back."""

    subject: ClassVar[str] = "refund"
    refund: int


@dataclass(frozen=True)
class DisputeOpened(Event):
    """A payer's bank asks for a payment back, or what it was."""

    subject: ClassVar[str] = "dispute"
    dispute: int


@dataclass(frozen=True)
class DisputeChanged(Event):
    """A dispute is in another state, or has moved money."""

    subject: ClassVar[str] = "dispute"
    dispute: int


@dataclass(frozen=True)
class DisputeClosed(Event):
    """The bank has decided."""

    subject: ClassVar[str] = "dispute"
    dispute: int


@dataclass(frozen=True)
class DisputeEvidenceStaged(Event):
    """Evidence was put together, to be looked at before it is submitted."""

    subject: ClassVar[str] = "dispute"
    dispute: int


@dataclass(frozen=True)
class DisputeEvidenceSubmitted(Event):
    """Evidence goes to the bank, once and for good."""

    subject: ClassVar[str] = "dispute"
    dispute: int


@dataclass(frozen=True)
class DisputeAccepted(Event):
    """We give in to a dispute."""

    subject: ClassVar[str] = "dispute"
    dispute: int


@dataclass(frozen=True)
class InvoicePaidThere(Event):
    """Somebody paid an invoice at Stripe, where it was issued, after it had come over."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceClosedThere(Event):
    """An invoice that came over from Stripe, and is settled here, is closed at Stripe too."""

    subject: ClassVar[str] = "invoice"
    invoice: int
    closed_as: str
    """`paid`, `void` or `uncollectible`."""
