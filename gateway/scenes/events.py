"""What a scene tells of changes that happen by themselves, such as a renewal, or that our staff make by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True)
class StaffAppointed(Event):
    """A person works for us."""

    subject: ClassVar[str] = "person"
    person: int


@dataclass(frozen=True)
class SubscriptionRenewed(Event):
    """The next period of a subscription began."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionPaused(Event):
    """A subscription rests, and nothing is billed."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionOverdue(Event):
    """An invoice of a subscription could not be collected so far."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class SubscriptionRestored(Event):
    """What a subscription owed was paid."""

    subject: ClassVar[str] = "subscription"
    subscription: int


@dataclass(frozen=True)
class PoolEnlarged(Event):
    """A pool has more seats."""

    subject: ClassVar[str] = "pool"
    pool: int


@dataclass(frozen=True)
class SeatWaitlisted(Event):
    """Somebody waits for a seat."""

    subject: ClassVar[str] = "seat"
    seat: int
    pool: int


@dataclass(frozen=True)
class PaymentMethodAdded(Event):
    """An account has an instrument to pay with."""

    subject: ClassVar[str] = "payment_method"
    payment_method: int


@dataclass(frozen=True)
class PaymentMethodDetached(Event):
    """An instrument is not used any more."""

    subject: ClassVar[str] = "payment_method"
    payment_method: int


@dataclass(frozen=True)
class InvoiceDrafted(Event):
    """An invoice is being written."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceIssued(Event):
    """An invoice got its number."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoicePaid(Event):
    """An invoice was paid in full."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceVoided(Event):
    """An invoice counts no more."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class InvoiceForgone(Event):
    """Nobody expects an invoice to be paid any more."""

    subject: ClassVar[str] = "invoice"
    invoice: int


@dataclass(frozen=True)
class PaymentBegun(Event):
    """A payment is on its way."""

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
