"""What is sold, to whom, and what was billed for it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, DateTime, FetchedValue, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from billing import ledger
from billing.dunning import Course
from billing.policies import PolicyKind
from billing.proration import Proration
from billing.reconciliation import DiscrepancyKind, DiscrepancyState, DiscrepancySubject
from billing.states import (
    ApprovalKind,
    ChangeKind,
    ChangeState,
    Collection,
    CreditDestination,
    DunningState,
    InvoiceKind,
    InvoiceState,
    LineKind,
    SubscriptionState,
)
from kernel.rows import WordType, document, instant, key, text, texts, whole, word
from kernel.time import Interval


class Subscription(SQLModel, table=True):
    """An account's running agreement."""

    account_id: int = key()
    id: int = key()
    plan_id: int = whole()
    plan_version_id: int = whole()
    state: SubscriptionState = word(SubscriptionState)
    currency: str = text()
    interval: Interval = word(Interval)
    anchor: datetime = instant()
    time_zone: str = text(default="UTC")
    period_start: datetime = instant()
    period_end: datetime = instant()
    trial_end: datetime | None = instant(optional=True)
    cancel_at: datetime | None = instant(optional=True)
    cancel_reason: str | None = text(optional=True)
    ended_at: datetime | None = instant(optional=True)
    created_at: datetime = instant()
    limit_minor: int | None = whole(optional=True)
    """The most that one invoice of it may ask for, by contract; null for no limit."""


class SubscriptionItem(SQLModel, table=True):
    """One price times a quantity."""

    __tablename__ = "subscription_item"

    account_id: int = key()
    id: int = key()
    subscription_id: int = whole()
    plan_id: int = whole()
    price_id: int = whole()
    quantity: int = whole(default=1)
    created_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)


class Invoice(SQLModel, table=True):
    """What an account is asked to pay."""

    account_id: int = key()
    id: int = key()
    subscription_id: int | None = whole(optional=True)
    number: str | None = text(optional=True)
    state: InvoiceState = word(InvoiceState)
    currency: str = text()
    subtotal_minor: int = whole(default=0)
    tax_minor: int = whole(default=0)
    total_minor: int = whole(default=0)
    paid_minor: int = whole(default=0)
    period_start: datetime = instant()
    period_end: datetime = instant()
    created_at: datetime = instant()
    issued_at: datetime | None = instant(optional=True)
    due_at: datetime | None = instant(optional=True)
    paid_at: datetime | None = instant(optional=True)
    kind: InvoiceKind = word(InvoiceKind, InvoiceKind.SUBSCRIPTION)
    collection: Collection = word(Collection, Collection.CHARGE_AUTOMATICALLY)
    net_days: int = 0
    po_number: str | None = text(optional=True)
    finalize_at: datetime | None = instant(optional=True)
    """When a draft becomes final by itself."""

    credited_minor: int = whole(default=0)
    """What credit notes took off it."""

    credit_minor: int = whole(default=0)
    """What of the customer's credit was used for it."""

    tax_notes: list[str] = texts()
    billed_to: dict[str, Any] = document(default={})
    """Name, address and VAT id as they were when it became final."""

    held: str | None = text(optional=True)
    """Why a person has to look at it first; null for one that looks right."""

    locale: str = text(default="en")
    returned_minor: int = whole(default=0)
    """What of the credit notes went back to the customer, as credit or as a refund, for it had been settled."""

    known: dict[str, Any] = Field(
        default={}, sa_type=JSONB, nullable=False, sa_column_kwargs={"info": {"secret": True}}
    )
    """By subscription, the facts it was billed from, for those that change later: see
    `billing.knowledge`. No audit record repeats it."""


class InvoiceDunning(SQLModel, table=True):
    """What follows an unpaid invoice, under the invoice's own number."""

    __tablename__ = "invoice_dunning"

    account_id: int = key()
    id: int = key()
    state: DunningState = word(DunningState, DunningState.RUNNING)
    course: Course = word(Course)
    schedule: str = text()
    time_zone: str = text(default="UTC")
    started_at: datetime = instant()
    """From when on its steps are counted."""

    ahead: list[Any] = document(default=[])
    """The steps to come: [{"at", "kind"}, ...], the next one first."""

    next_at: datetime | None = instant(optional=True)
    """When the worker takes the next step, or a pause ends."""

    paused_at: datetime | None = instant(optional=True)
    pause_reason: str | None = text(optional=True)
    reminders: int = 0
    """How often the customer was reminded."""

    access_taken_at: datetime | None = instant(optional=True)
    subscriptions: list[int] = Field(default_factory=list, sa_type=ARRAY(BigInteger), nullable=False)
    """What the invoice bills, and gives no access while that is taken."""

    declined_method_id: int | None = whole(optional=True)
    decline_code: str | None = text(optional=True)
    decline_reason: str | None = text(optional=True)
    declined_at: datetime | None = instant(optional=True)
    settled_at: datetime | None = instant(optional=True)


class PolicyShown(SQLModel, table=True):
    """Terms that a customer was shown before they bought a subscription."""

    __tablename__ = "policy_shown"

    account_id: int = key()
    id: int = key()
    subscription_id: int = whole()
    kind: PolicyKind = word(PolicyKind)
    title: str = text()
    version: str = text()
    wording: str = text(default="")
    url: str | None = text(optional=True)
    shown_at: datetime = instant()
    person_id: int | None = whole(optional=True)
    ip: str = text(default="")
    device: str = text(default="")


class LineItem(SQLModel, table=True):
    """One line of an invoice."""

    __tablename__ = "line_item"

    account_id: int = key()
    id: int = key()
    invoice_id: int = whole()
    position: int = 0
    description: str = text()
    plan_id: int | None = whole(optional=True)
    price_id: int | None = whole(optional=True)
    quantity: int = whole(default=1)
    currency: str = text()
    amount_minor: int = whole()
    """Before discounts and exclusive tax."""

    tax_minor: int = whole(default=0)
    period_start: datetime = instant()
    period_end: datetime = instant()
    kind: LineKind = word(LineKind, LineKind.CHARGE)
    subscription_id: int | None = whole(optional=True)
    item_id: int | None = whole(optional=True)
    above: int | None = whole(optional=True)
    """The quantity that other lines bill already, beneath this one."""

    billed_period: datetime | None = instant(optional=True)
    """When the billing period it belongs to begins."""

    discount_minor: int = whole(default=0)
    discounts: list[Any] = document(default=[])
    """What each discount took off: [[key, minor], ...] in the order they were taken."""

    formula: str = text(default="")
    proration: Proration = word(Proration, Proration.SECOND)
    reverses: int | None = whole(optional=True)
    """The charge whose recorded amount it moves."""

    adjusted_minor: int = whole(default=0)
    """What credit notes gave back on it."""

    tax_percent: str = text(default="0")
    tax_category: str = text(default="standard")
    tax_inclusive: bool = False
    facts: dict[str, Any] = document(default={})
    """What it came from; for seats, which people sat there and for which spans."""


class ItemStep(SQLModel, table=True):
    """From an instant on, an item is so many of a price; of no price, it is off."""

    __tablename__ = "item_step"

    account_id: int = key()
    id: int = key()
    subscription_id: int = whole()
    item_id: int = whole()
    at: datetime = instant()
    price_id: int | None = whole(optional=True)
    quantity: int = whole(default=1)


class SubscriptionCycle(SQLModel, table=True):
    """From an instant on, periods hang from an anchor."""

    __tablename__ = "subscription_cycle"

    account_id: int = key()
    id: int = key()
    subscription_id: int = whole()
    since: datetime = instant()
    anchor: datetime = Field(sa_type=DateTime(timezone=False))
    """A wall-clock time of the zone."""

    time_zone: str = text()
    interval: Interval = word(Interval)
    count: int = 1


class SubscriptionPause(SQLModel, table=True):
    """A time in which nothing is charged."""

    __tablename__ = "subscription_pause"

    account_id: int = key()
    id: int = key()
    subscription_id: int = whole()
    starts_at: datetime = instant()
    ends_at: datetime | None = instant(optional=True)
    reason: str | None = text(optional=True)


class SubscriptionDiscount(SQLModel, table=True):
    """A percentage or a fixed amount off a subscription."""

    __tablename__ = "subscription_discount"

    account_id: int = key()
    id: int = key()
    subscription_id: int = whole()
    key: str = text()
    name: str = text()
    percent: str | None = text(optional=True)
    """A decimal number as text, for it is exact."""

    fixed_minor: int | None = whole(optional=True)
    currency: str | None = text(optional=True)
    periods: int | None = None
    since: datetime = instant()
    until: datetime | None = instant(optional=True)
    price_ids: list[int] | None = Field(default=None, sa_type=ARRAY(BigInteger), nullable=True)
    coupon_id: int | None = whole(optional=True)
    promotion_code_id: int | None = whole(optional=True)


class ScheduledChange(SQLModel, table=True):
    """What was asked for and takes effect later."""

    __tablename__ = "scheduled_change"

    account_id: int = key()
    id: int = key()
    subscription_id: int = whole()
    kind: ChangeKind = word(ChangeKind)
    item_id: int | None = whole(optional=True)
    price_id: int | None = whole(optional=True)
    quantity: int | None = whole(optional=True)
    day: int | None = None
    due_at: datetime = instant()
    state: ChangeState = word(ChangeState)
    reason: str | None = text(optional=True)
    created_at: datetime = instant()
    settled_at: datetime | None = instant(optional=True)
    announced_at: datetime | None = instant(optional=True)
    """When whoever looks after a pool was last told that it makes the pool smaller than what is taken."""


ENDED = "ended"
"""Why the clock of a subscription that is over stands still."""


class SubscriptionClock(SQLModel, table=True):
    """When a subscription is next billed: narrow, and locked first by whoever bills."""

    __tablename__ = "subscription_clock"

    account_id: int = key()
    subscription_id: int = key()
    due_at: datetime = instant()
    held: str | None = text(optional=True)
    """Why it is not billed until a person has looked."""

    unbilled_since: datetime | None = instant(optional=True)
    """Since when something is owed that no invoice asks for yet; null when nothing is."""


class CreditNote(SQLModel, table=True):
    """What an invoice gives back."""

    __tablename__ = "credit_note"

    account_id: int = key()
    id: int = key()
    invoice_id: int = whole()
    number: str = text()
    reason: str = text()
    destination: CreditDestination = word(CreditDestination)
    currency: str = text()
    subtotal_minor: int = whole()
    tax_minor: int = whole()
    total_minor: int = whole()
    returned_minor: int = whole(default=0)
    """What of it had been settled and went to its destination; the rest came off what was still owed."""

    issued_at: datetime = instant()


class CreditNoteLine(SQLModel, table=True):
    """What one line of an invoice gives back."""

    __tablename__ = "credit_note_line"

    account_id: int = key()
    id: int = key()
    credit_note_id: int = whole()
    line_item_id: int = whole()
    currency: str = text()
    amount_minor: int = whole()
    """In the terms of the line's own amount: before an exclusive tax, with an inclusive one."""

    tax_minor: int = whole()


class CreditApproval(SQLModel, table=True):
    """A second person's consent to something that is given away, exactly as it was asked for, once."""

    __tablename__ = "credit_approval"

    account_id: int = key()
    id: int = key()
    kind: ApprovalKind = word(ApprovalKind)
    invoice_id: int | None = whole(optional=True)
    destination: CreditDestination | None = Field(default=None, sa_type=WordType(CreditDestination), nullable=True)
    currency: str = text()
    amount_minor: int = whole()
    reason: str = text()
    requested_by: int = whole()
    requested_at: datetime = instant()
    approved_by: int | None = whole(optional=True)
    approved_at: datetime | None = instant(optional=True)
    used_at: datetime | None = instant(optional=True)


class NumberSeries(SQLModel, table=True):
    """The last number given in a series without gaps."""

    __tablename__ = "number_series"

    entity: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(primary_key=True, sa_type=Text)
    year: int = Field(primary_key=True)
    last: int = whole()


class TaxRate(SQLModel, table=True):
    """What a country takes on a category of goods, from an instant on."""

    __tablename__ = "tax_rate"

    country: str = Field(primary_key=True, sa_type=Text)
    category: str = Field(primary_key=True, sa_type=Text)
    since: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    percent: str = text()
    inclusive: bool = False


class LedgerEntry(SQLModel, table=True):
    """One thing that happened to money."""

    __tablename__ = "ledger_entry"

    account_id: int = key()
    id: int = key()
    at: datetime = instant()
    kind: str = text()
    subject: str = text()
    subject_id: int = whole()
    reverses: int | None = whole(optional=True)
    day: date | None = None
    """The local day whose books it closes; null for one that counts on the day of its instant."""

    written: int | None = Field(
        default=None, sa_type=BigInteger, nullable=True, sa_column_kwargs={"server_default": FetchedValue()}
    )
    """The transaction that wrote it, as PostgreSQL counts them."""


class LedgerTransfer(SQLModel, table=True):
    """An amount above zero that moves from the credited account to the debited one."""

    __tablename__ = "ledger_transfer"

    account_id: int = key()
    id: int = key()
    entry_id: int = whole()
    debit: ledger.Account = word(ledger.Account)
    credit: ledger.Account = word(ledger.Account)
    currency: str = text()
    amount_minor: int = whole()


class ImportedObject(SQLModel, table=True):
    """Something of Stripe Billing that came over, once, and what it is here."""

    __tablename__ = "imported_object"

    account_id: int = key()
    rail_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = text()
    """`customer`, `credit`, `subscription` or `invoice`."""

    ours: int = whole()
    """The number of the account, the entry in the ledger, the subscription or the invoice."""

    imported_at: datetime = instant()


class Discrepancy(SQLModel, table=True):
    """A difference between what we say and what the rail says, until it is mended or somebody has dealt with it."""

    id: int = key()
    reconciliation_id: int = whole()
    """Which comparison found it."""

    kind: DiscrepancyKind = word(DiscrepancyKind)
    subject: DiscrepancySubject = word(DiscrepancySubject)
    reference: str = text()
    """The rail's id of what it is about, or our number of it."""

    account_id: int | None = whole(optional=True)
    payment_id: int | None = whole(optional=True)
    currency: str = text()
    risk_minor: int = whole()
    here: str = text()
    there: str = text()
    state: DiscrepancyState = word(DiscrepancyState, DiscrepancyState.OPEN)
    found_at: datetime = instant()
    seen_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)
    resolved_by: int | None = whole(optional=True)
    resolution: str | None = text(optional=True)
