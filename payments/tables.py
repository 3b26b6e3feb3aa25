"""How accounts pay, what they paid, and what the rail told us."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text
from sqlmodel import Field, SQLModel

from kernel.rows import WordType, document, instant, key, secret, text, texts, whole, word
from payments.disputes import DisputeOutcome, DisputeState
from payments.states import (
    AttemptOutcome,
    AttemptState,
    ClosedAs,
    MovementOwner,
    PartState,
    PaymentMethodKind,
    PaymentSource,
    PaymentState,
    ReconciliationStage,
    RefundCause,
    RefundState,
    SetupState,
)


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
    revoked_at: datetime | None = instant(optional=True)
    """When its owner's permission to debit ended at the bank."""

    wallet: str | None = text(optional=True)
    country: str | None = text(optional=True)
    fingerprint: str | None = text(optional=True)
    """The same for the same card, whoever saved it."""

    ip: str = text(default="")
    """From where it was saved."""

    device: str = text(default="")
    warned_of: str | None = text(optional=True)
    """The expiry that was told ahead of time."""


class RailCustomer(SQLModel, table=True):
    """Who an account is at the rail."""

    __tablename__ = "rail_customer"

    account_id: int = key()
    rail_id: str | None = text(optional=True)
    """None until the rail has answered."""

    made: int = 0
    """How many were asked for before, and are gone or never came to be."""

    request: dict[str, Any] | None = document(optional=True, private=True)
    """What the customer was asked for with: a retry sends the very same."""

    requested_at: datetime | None = instant(optional=True)
    """None where it is asked for anew."""

    looks: int = 0
    """How many answers in a row were none."""

    created_at: datetime = instant()


class RailInvoice(SQLModel, table=True):
    """An invoice that was issued at the rail and came over, under its number here: collected here, and closed there."""

    __tablename__ = "rail_invoice"

    account_id: int = key()
    id: int = key()
    rail_id: str = text()
    currency: str = text()
    settled_minor: int = whole()
    """What of the invoice was settled there: before it came over, or by a payment there since."""

    paid_minor: int = whole()
    """What the rail was paid for it, as it was last told."""

    booked_minor: int = whole()
    """What of that is in the books: here, or in those of before."""

    wanted: ClosedAs | None = Field(default=None, sa_type=WordType(ClosedAs), nullable=True)
    """What it shall become there; None while it is owed here."""

    closed_at: datetime | None = instant(optional=True)
    """When it became that there."""

    told: str | None = text(optional=True)
    """What somebody has to know about it at the rail, in a sentence."""

    next_at: datetime | None = instant(optional=True)
    """When the worker looks at it there; None once it is closed."""

    looks: int = 0
    """How often we have asked."""


class PaymentChoice(SQLModel, table=True):
    """What a subscription is paid with, where that is not the account's default."""

    __tablename__ = "payment_choice"

    account_id: int = key()
    subscription_id: int = key()
    payment_method_id: int | None = whole(optional=True)
    """None once that was removed: then the default is charged."""


class PaymentSetup(SQLModel, table=True):
    """A payment method that somebody is about to save."""

    __tablename__ = "payment_setup"

    account_id: int = key()
    id: int = key()
    kinds: list[str] = texts()
    state: SetupState = word(SetupState)
    makes_default: bool = True
    subscription_id: int | None = whole(optional=True)
    rail_id: str | None = text(optional=True)
    secret: bytes | None = secret(optional=True)
    """What the front end goes on with, sealed."""

    payment_method_id: int | None = whole(optional=True)
    decline_code: str | None = text(optional=True)
    ip: str = text()
    device: str = text()
    created_at: datetime = instant()
    settled_at: datetime | None = instant(optional=True)


class Payment(SQLModel, table=True):
    """One attempt chain for one invoice or several: at the rail it is one payment intent."""

    account_id: int = key()
    id: int = key()
    invoice_id: int = whole()
    """The first of the invoices it is for; its parts name them all."""

    payment_method_id: int | None = whole(optional=True)
    state: PaymentState = word(PaymentState)
    currency: str = text()
    amount_minor: int = whole()
    decline_code: str | None = text(optional=True)
    created_at: datetime = instant()
    settled_at: datetime | None = instant(optional=True)
    source: PaymentSource = word(PaymentSource, PaymentSource.RAIL)
    rail_id: str | None = text(optional=True)
    """The payment intent; committed before it is confirmed."""

    secret: bytes | None = secret(optional=True)
    """What the front end confirms it with, sealed."""

    request: dict[str, Any] | None = document(optional=True)
    """What the intent was asked for with: a retry sends the very same."""

    requested_at: datetime | None = instant(optional=True)
    created_times: int = 0
    """How many intents were looked for in vain, and asked for anew."""

    seen: dict[str, Any] = document(default={})
    """What the rail told of it: see `payments.merging`."""

    charge: str | None = text(optional=True)
    decline_reason: str | None = text(optional=True)
    advice: str | None = text(optional=True)
    off_session: bool = False
    return_url: str | None = text(optional=True)
    reference: str | None = text(optional=True)
    person_id: int | None = whole(optional=True)
    """Who paid; none where it was charged by itself."""

    ip: str = text(default="")
    device: str = text(default="")
    replaces: list[int] = Field(default_factory=list, sa_type=ARRAY(BigInteger), nullable=False)
    """Payments that have to be given up at the rail before this one is confirmed."""

    next_at: datetime | None = instant(optional=True)
    """When the worker looks after it."""

    looks: int = 0
    """How often in a row that was in vain."""

    transaction: str | None = text(optional=True)
    """The balance transaction with its fee, once it is known."""

    fee_minor: int | None = whole(optional=True)
    fee_currency: str | None = text(optional=True)
    """The currency in which it is settled."""

    settled_minor: int | None = whole(optional=True)
    """What it came to in that currency, before the fee."""

    refunded_minor: int = whole(default=0)
    disputed: bool = False


class PaymentPart(SQLModel, table=True):
    """What of a payment is for one invoice."""

    __tablename__ = "payment_part"

    account_id: int = key()
    id: int = key()
    payment_id: int = whole()
    invoice_id: int = whole()
    currency: str = text()
    amount_minor: int = whole()
    applied_minor: int = whole(default=0)
    """What of it the invoice took once it was booked; the rest became the customer's credit."""

    state: PartState = word(PartState)


class PaymentAttempt(SQLModel, table=True):
    """One try of a payment at a payment method."""

    __tablename__ = "payment_attempt"

    account_id: int = key()
    id: int = key()
    payment_id: int = whole()
    number: int = 1
    payment_method_id: int | None = whole(optional=True)
    """None where its payer named one on their page that the account didn't keep."""

    state: AttemptState = word(AttemptState, AttemptState.WAITING)
    sends: int = 0
    keys: int = 0
    """How many idempotency keys of it are used up: the rail answers them with its own failure for a day."""

    charge_before: str | None = text(optional=True)
    """The last charge of the intent before this try, by which one of this try is told."""

    outcome: AttemptOutcome | None = Field(default=None, sa_type=WordType(AttemptOutcome), nullable=True)
    charge: str | None = text(optional=True)
    decline_code: str | None = text(optional=True)
    decline_reason: str | None = text(optional=True)
    advice: str | None = text(optional=True)
    fingerprint: str | None = text(optional=True)
    brand: str = text(default="")
    created_at: datetime = instant()
    sent_at: datetime | None = instant(optional=True)
    answered_at: datetime | None = instant(optional=True)


class Refund(SQLModel, table=True):
    """What of a payment goes back to the payer, as a credit note has promised."""

    account_id: int = key()
    id: int = key()
    payment_id: int = whole()
    invoice_id: int = whole()
    credit_note_id: int | None = whole(optional=True)
    """None of one that was made at the rail itself, until Finance has written its credit note."""

    state: RefundState = word(RefundState, RefundState.RESERVED)
    currency: str = text()
    amount_minor: int = whole()
    cause: RefundCause = word(RefundCause)
    reason: str = text()
    requested_by: int | None = whole(optional=True)
    created_at: datetime = instant()
    rail_id: str | None = text(optional=True)
    request: dict[str, Any] | None = document(optional=True)
    """What the rail was asked for with: a retry sends the very same."""

    requested_at: datetime | None = instant(optional=True)
    created_times: int = 0
    """How many keys were looked after in vain until the rail had forgotten them."""

    sent_at: datetime | None = instant(optional=True)
    """When it left our balance."""

    settled_at: datetime | None = instant(optional=True)
    failure: str | None = text(optional=True)
    """Why it failed, in the rail's words."""

    booked: bool = False
    """Whether the books say that the money has left."""

    next_at: datetime | None = instant(optional=True)
    """When the worker looks after it."""

    looks: int = 0


class Dispute(SQLModel, table=True):
    """What a payer's bank asks for back of a payment."""

    account_id: int = key()
    id: int = key()
    payment_id: int = whole()
    rail_id: str = text()
    charge: str = text()
    state: DisputeState = word(DisputeState)
    seen: dict[str, Any] = document(default={})
    """When each status was last seen: see `payments.disputes`."""

    reason: str = text()
    network: str = text()
    network_code: str | None = text(optional=True)
    currency: str = text()
    amount_minor: int = whole()
    opened_at: datetime = instant()
    due_at: datetime | None = instant(optional=True)
    answer_by: datetime | None = instant(optional=True)
    """Our own deadline, two days before the bank's."""

    submitted_stage: str | None = text(optional=True)
    """At which of the bank's questions evidence was submitted last."""

    submitted_at: datetime | None = instant(optional=True)
    submitted_by: int | None = whole(optional=True)
    staged_at: datetime | None = instant(optional=True)
    accepted_at: datetime | None = instant(optional=True)
    accepted_by: int | None = whole(optional=True)
    closed_at: datetime | None = instant(optional=True)
    outcome: DisputeOutcome | None = Field(default=None, sa_type=WordType(DisputeOutcome), nullable=True)
    movements: list[Any] = document(default=[])
    """The balance transactions that moved its money, as `[id, minor, fee, currency]`."""

    withdrawn_minor: int = whole(default=0)
    reinstated_minor: int = whole(default=0)
    fee_minor: int = whole(default=0)
    fee_currency: str | None = text(optional=True)
    booked_away_minor: int = whole(default=0)
    """What the books say is with the bank, or lost."""

    booked_lost_minor: int = whole(default=0)
    """What of that the books have given up."""

    booked_fee_minor: int = whole(default=0)
    next_at: datetime | None = instant(optional=True)
    """When the worker looks at it again."""


class FraudWarning(SQLModel, table=True):
    """A bank was told that a payment is fraud, and no dispute is there yet."""

    __tablename__ = "fraud_warning"

    account_id: int = key()
    id: int = key()
    payment_id: int = whole()
    rail_id: str = text()
    charge: str = text()
    kind: str = text()
    """What the bank was told: `made_with_stolen_card`."""

    actionable: bool = True
    """Whether a refund may still avert a dispute, as far as the rail knows."""

    warned_at: datetime = instant()


class DisputeEvidence(SQLModel, table=True):
    """What was put together to answer a dispute with, each time."""

    __tablename__ = "dispute_evidence"

    account_id: int = key()
    id: int = key()
    dispute_id: int = whole()
    stage: str = text()
    texts: dict[str, Any] = document()
    compelling: dict[str, Any] | None = document(optional=True)
    """What answers Visa's rule of two earlier payments, in the rail's words."""

    lacking: str | None = text(optional=True)
    """Why that rule doesn't help."""

    files: dict[str, Any] = document(default={})
    """The rail's ids of its files, by the rail's names of their fields."""

    submit: bool = False
    made_by: int | None = whole(optional=True)
    made_at: datetime = instant()
    sent_at: datetime | None = instant(optional=True)
    refused: str | None = text(optional=True)
    """Why the rail would not take it."""

    next_at: datetime | None = instant(optional=True)
    """When the worker sends it; None once it was sent, or needn't be."""


class RailEvent(SQLModel, table=True):
    """Something the rail told us by a webhook, once."""

    __tablename__ = "rail_event"

    id: str = Field(primary_key=True, sa_type=Text)
    kind: str = text()
    at: datetime = instant()
    api_version: str | None = text(optional=True)
    live: bool = False
    body: dict[str, Any] = document()
    received_at: datetime = instant()
    next_at: datetime | None = instant(optional=True)
    """When it is applied; None once it was, or needn't be."""

    tries: int = 0
    outcome: str | None = text(optional=True)


class RailTurn(SQLModel, table=True):
    """When the next call of an operation of the rail may begin."""

    __tablename__ = "rail_turn"

    operation: str = Field(primary_key=True, sa_type=Text)
    next_at: int = whole()
    """Microseconds since 1970, by the database's clock."""


class BalanceMovement(SQLModel, table=True):
    """A balance transaction of the rail: what was moved, in the currency it was settled in."""

    __tablename__ = "balance_movement"

    rail_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = text()
    currency: str = text()
    amount_minor: int = whole()
    fee_minor: int = whole()
    net_minor: int = whole()
    source: str | None = text(optional=True)
    """The charge, refund, dispute or payout it is about."""

    exchange_rate: str | None = text(optional=True)
    """How much of this currency one unit of the payer's was worth, as decimal text."""

    created_at: datetime = instant()
    available_at: datetime | None = instant(optional=True)
    payout: str | None = text(optional=True)
    """The payout with which it went to our bank."""

    owner: MovementOwner = word(MovementOwner)
    subject: str | None = text(optional=True)
    """What of ours it is about: payment, refund or dispute; None where we have no such row."""

    account_id: int | None = whole(optional=True)
    subject_id: int | None = whole(optional=True)
    payment_id: int | None = whole(optional=True)
    """The payment that was moved, given back, or disputed."""


class RailPayout(SQLModel, table=True):
    """Money that went from the rail to our bank, and whether what it was made of adds up."""

    __tablename__ = "rail_payout"

    rail_id: str = Field(primary_key=True, sa_type=Text)
    state: str = text()
    currency: str = text()
    amount_minor: int = whole()
    automatic: bool = True
    created_at: datetime = instant()
    arrives_at: datetime | None = instant(optional=True)
    items: int | None = None
    itemized_minor: int | None = whole(optional=True)
    """What its items sum to; None until they are known."""

    itemized_at: datetime | None = instant(optional=True)


class Reconciliation(SQLModel, table=True):
    """One comparison of a span of time with what the rail says moved."""

    id: int = key()
    since: datetime = instant()
    until: datetime = instant()
    nightly: bool = False
    """Whether the worker began it by itself."""

    stage: ReconciliationStage = word(ReconciliationStage, ReconciliationStage.EVENTS)
    place: str | None = text(optional=True)
    """From where in its stage it goes on."""

    events: int = 0
    """How many events we had missed."""

    movements: int = 0
    payouts: int = 0
    payments: int = 0
    found: int = 0
    mended: int = 0
    started_at: datetime = instant()
    touched_at: datetime = instant()
    next_at: datetime | None = instant(optional=True)
    """When the worker goes on, where the rail did not answer."""

    ended_at: datetime | None = instant(optional=True)
