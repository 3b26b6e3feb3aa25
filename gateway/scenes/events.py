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
