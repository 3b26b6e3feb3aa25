"""What can be followed. The root is called `Live`, because a `Subscription` here is what an account has running."""

from __future__ import annotations

from datetime import datetime

from resolvers import live as resolve
from resolvers.following import Change
from resolvers.graph import Column
from schema.base import Word, value, via
from schema.weights import FOUND


@value(Change)
class InvoiceChange:
    """Something happened to an invoice."""

    cursor: str
    """Its place: give it to `after`, and you are told what has happened since."""

    event: str
    """What happened, in the words of the audit log: `invoice.paid`."""

    at: datetime
    """When."""

    invoice = Word(Column("row"), "Invoice", cost=FOUND)
    """The invoice as it is now."""


@value(Change)
class PaymentChange:
    """Something happened to a payment, or to a refund or a dispute of it."""

    cursor: str
    """Its place: give it to `after`, and you are told what has happened since."""

    event: str
    """What happened, in the words of the audit log: `payment.succeeded`."""

    at: datetime
    """When."""

    payment = Word(Column("row"), "Payment", cost=FOUND)
    """The payment as it is now."""


@value(Change)
class SubscriptionChange:
    """Something happened to a subscription, or to what is scheduled for it."""

    cursor: str
    """Its place: give it to `after`, and you are told what has happened since."""

    event: str
    """What happened, in the words of the audit log: `subscription.renewed`."""

    at: datetime
    """When."""

    subscription = Word(Column("row"), "Subscription", cost=FOUND)
    """The subscription as it is now."""


@value(Change)
class SeatChange:
    """Something happened to a seat."""

    cursor: str
    """Its place: give it to `after`, and you are told what has happened since."""

    event: str
    """What happened, in the words of the audit log: `seat.assigned`."""

    at: datetime
    """When."""

    seat = Word(Column("row"), "Seat", cost=FOUND)
    """The seat as it is now."""


@value(Change)
class AuditRecorded:
    """Something happened to an account, and its audit log says so."""

    cursor: str
    """Its place: give it to `after`, and you are told what has happened since."""

    event: str
    """What happened: `member.joined`."""

    at: datetime
    """When."""

    record = Word(Column("row"), "AuditRecord", cost=FOUND)
    """What the audit log says of it."""


@value(object)
class Live:
    """Everything that can be followed. Each change is told once to each follower, and only while they may see it."""

    invoice_changed = via(resolve.invoice_changed, "InvoiceChange")
    """An account's invoices, as they change."""

    payment_changed = via(resolve.payment_changed, "PaymentChange")
    """An account's payments, as they change."""

    subscription_changed = via(resolve.subscription_changed, "SubscriptionChange")
    """An account's subscriptions, as they change."""

    seat_changed = via(resolve.seat_changed, "SeatChange")
    """A workspace's seats, as they change."""

    audit_recorded = via(resolve.audit_recorded, "AuditRecorded")
    """An account's audit log, as it grows."""
