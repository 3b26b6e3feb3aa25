"""How accounts pay, and what they paid."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from kernel.rows import instant, key, text, whole, word


class PaymentMethodKind(StrEnum):
    """What kind of instrument it is."""

    CARD = "card"
    """A card."""

    SEPA_DEBIT = "sepa_debit"
    """A debit from a bank account in the euro area."""

    LINK = "link"
    """A wallet kept by the rail."""

    BANK_TRANSFER = "bank_transfer"
    """A transfer that the payer sends."""


class PaymentState(StrEnum):
    """Where a payment is: only succeeded, failed and canceled are final."""

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


class PaymentMethod(SQLModel, table=True):
    """An instrument an account pays with. Its numbers stay at the rail."""

    __tablename__ = "payment_method"

    account_id: int = key()
    id: int = key()
    kind: PaymentMethodKind = word(PaymentMethodKind)
    brand: str = text()
    last4: str = text()
    expires_on: str | None = text(optional=True)
    """Month and year as "2027-04"; null where nothing expires."""

    is_default: bool = False
    rail_id: str = text()
    created_at: datetime = instant()
    detached_at: datetime | None = instant(optional=True)


class Payment(SQLModel, table=True):
    """One attempt chain for an invoice."""

    account_id: int = key()
    id: int = key()
    invoice_id: int = whole()
    payment_method_id: int | None = whole(optional=True)
    state: PaymentState = word(PaymentState)
    currency: str = text()
    amount_minor: int = whole()
    decline_code: str | None = text(optional=True)
    created_at: datetime = instant()
    settled_at: datetime | None = instant(optional=True)


class RailTurn(SQLModel, table=True):
    """When the next call of an operation of the rail may begin."""

    __tablename__ = "rail_turn"

    operation: str = Field(primary_key=True, sa_type=Text)
    next_at: int = whole()
    """Microseconds since 1970, by the database's clock."""
