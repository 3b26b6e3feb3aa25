"""Subscriptions, invoices, payment methods and payments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from auth.policy import Permission
from billing import states, tables
from billing.coupons import CodeNotAccepted
from billing.invoices import remaining
from billing.policies import PolicyKind
from billing.states import InvoiceState, LineKind, SubscriptionState
from billing.subscriptions import AlreadySubscribed, CancelAt, PlanNotOffered, SubscriptionOver
from kernel.links import Download as Downloads
from kernel.money import Money
from kernel.time import Interval
from resolvers import billing as resolve
from resolvers import holding, metering, papers
from resolvers.graph import Amount, Column, Computed, holders
from schema import occupancy
from schema.base import Node, Word, computed, face, many, money, one, value, words
from schema.changes import mutation
from schema.discounts import TAKEN_OFF, taken_off
from schema.dunning import invoice_dunning
from schema.scalars import Long

words(SubscriptionState, "Where a subscription is in its life.")
words(InvoiceState, "Where an invoice is in its life.")
words(CancelAt, "When a cancellation takes effect.")
words(PolicyKind, "What terms are about.")


@face(tables.PolicyShown, None, visible=holders(Permission.SEE_BILLING))
class PolicyShown:
    """Terms that a customer was shown before they bought."""

    kind: PolicyKind
    """What they are about."""

    title: str
    """What they are called."""

    version: str
    """Which edition."""

    wording: str
    """Their words, as far as they were given."""

    url: str | None
    """Where they could be read."""

    shown_at: datetime
    """When."""


HELD = (
    "(select c.held from subscription_clock c"
    " where (c.account_id, c.subscription_id) = ({row}.account_id, {row}.id) and not starts_with(c.held, 'ended'))"
)


def _limit(row: Any, _info: Any) -> Money | None:
    return None if row.limit_minor is None else Money(row.limit_minor, row.currency)


@face(tables.Subscription, "sub", visible=holders(Permission.SEE_BILLING))
class Subscription(Node):
    """An account's running agreement."""

    state: SubscriptionState
    """Where it is in its life."""

    currency: str
    """The currency it is billed in."""

    interval: Interval
    """How often it is billed."""

    period_start: datetime
    """When the period that runs now began."""

    period_end: datetime
    """When it ends, and the next one is billed."""

    trial_end: datetime | None
    """When the trial ends, or ended."""

    cancel_at: datetime | None
    """When it will end, or ended."""

    cancel_reason: str | None
    """Why, in the customer's words."""

    ended_at: datetime | None
    """When it ended."""

    created_at: datetime
    """When it was made."""

    limit = Word(Amount("limit_minor"), "Money | None", resolve=_limit, compiled=Amount("limit_minor"))
    """The most that one invoice may ask for, by contract, tax included; null for no limit."""

    held = computed(HELD, "str | None")
    """Why nothing more is billed until a person of our staff has looked at it; null for one that is billed."""

    held_invoices = Word(Column("id"), "list[Invoice]", resolve=holding.held_invoices, needs=("account_id",))
    """The drafts that wait for that person, those included that bill other subscriptions too."""

    account = one("Account", by="account_id", required=True)
    """Who pays."""

    policies_shown = many("PolicyShown", by="subscription_id")
    """Which terms were shown before it was bought."""

    payment_method = one(
        "PaymentMethod",
        by="payment_method_id",
        sql="select c.payment_method_id from payment_choice c where c.account_id = {row}.account_id"
        " and c.subscription_id = {row}.id",
    )
    """What it alone is charged by; null where it is what the account is charged by."""

    plan = one("Plan", by="plan_id", required=True)
    """What was bought."""

    version = one("PlanVersion", by="plan_version_id", required=True)
    """The edition that was bought; it stays."""

    scheduled_changes = many("ScheduledChange", by="subscription_id", order="due_at", where="{row}.state = 'pending'")
    """What waits to take effect, the earliest first."""

    discounts = many("Discount", by="subscription_id")
    """What is taken off it, in the order it was granted."""

    usage = Word(Column("id"), "list[MeterUsage]", resolve=metering.running)
    """What its meters have counted in the period that runs, and what that costs so far."""

    items = many("SubscriptionItem", by="subscription_id")
    """The prices it is made of, and how many of each."""


@face(tables.SubscriptionItem, "item", visible=holders(Permission.SEE_BILLING))
class SubscriptionItem(Node):
    """One price times a quantity."""

    quantity: Long
    """How many."""

    created_at: datetime
    """From when on."""

    ended_at: datetime | None
    """Until when."""

    price = one("Price", by="price_id", required=True)
    """Of what."""

    subscription = one("Subscription", by="subscription_id", required=True)
    """What it belongs to."""


@value(Downloads)
class Download:
    """A PDF file. Whoever has its address can read it, without a bearer, until it expires."""

    url: str
    """Its address; where it begins with a slash, it is on the host of the graph."""

    expires_at: datetime
    """Until when the address works. Ask again for another one."""


_REMAINING = "{row}.total_minor - {row}.credit_minor - {row}.paid_minor - ({row}.credited_minor - {row}.returned_minor)"
_OVERDUE = "{row}.state = 'open' and {row}.due_at is not null and {row}.due_at < {now}"


def _overdue(row: Any, info: Any) -> bool:
    return row.state == InvoiceState.OPEN and row.due_at is not None and row.due_at < info.context.work.now


@face(tables.Invoice, "inv", visible=holders(Permission.SEE_INVOICES))
class Invoice(Node):
    """What an account is asked to pay."""

    number: str | None
    """Its number in the series; a draft has none."""

    held: str | None
    """Why a person of our staff has to look at it before it becomes final; null for one that looks right."""

    state: InvoiceState
    """Where it is in its life."""

    currency: str
    """The one currency it is in."""

    subtotal = money("subtotal_minor")
    """The sum of its line items."""

    tax = money("tax_minor")
    """The taxes on it."""

    total = money("total_minor")
    """What is asked for: subtotal and tax."""

    paid = money("paid_minor")
    """What has been paid of it."""

    credit = money("credit_minor")
    """What of the customer's credit was used for it; below zero, what it added to that."""

    credited = money("credited_minor")
    """What credit notes gave back."""

    remaining = Word(
        Column("total_minor"),
        "Money",
        resolve=lambda row, _: remaining(row),
        compiled=Amount("remaining", sql=_REMAINING),
        needs=("paid_minor", "credit_minor", "credited_minor", "returned_minor", "currency"),
    )
    """What is still owed while it is open."""

    kind = Word(
        Column("kind"), "InvoiceKind", resolve=lambda row, _: states.InvoiceKind(row.kind), compiled=Column("kind")
    )
    """What it came from."""

    collection = Word(
        Column("collection"),
        "Collection",
        resolve=lambda row, _: states.Collection(row.collection),
        compiled=Column("collection"),
    )
    """How it is paid."""

    net_days: int
    """Days from its number to when it is due."""

    po_number: str | None
    """The customer's purchase order, printed on it."""

    finalize_at: datetime | None
    """When a draft becomes final by itself; null for one that waits for a person."""

    tax_notes: list[str]
    """What has to be printed about taxes that are not charged."""

    overdue = Word(Column("due_at"), "bool", resolve=_overdue, compiled=Computed(_OVERDUE))
    """Whether it is open past its due date."""

    period_start: datetime
    """The start of the span it is for."""

    period_end: datetime
    """The end of that span."""

    created_at: datetime
    """When it was made."""

    issued_at: datetime | None
    """When it got its number."""

    due_at: datetime | None
    """When it should be paid."""

    paid_at: datetime | None
    """When it was paid in full."""

    pdf = Word(Column("id"), "Download", resolve=papers.invoice_pdf, needs=("account_id",))
    """The invoice on paper, in the customer's language; a draft says so."""

    receipt = Word(Column("state"), "Download | None", resolve=papers.receipt_pdf, needs=("id", "account_id"))
    """The receipt on paper; null until the invoice is paid."""

    account = one("Account", by="account_id", required=True)
    """Who shall pay."""

    subscription = one("Subscription", by="subscription_id")
    """What it bills, if you may see that."""

    line_items = many("LineItem", by="invoice_id", order="position")
    """What it is made of; after discounts they sum to the subtotal, but for taxes inside their prices."""

    credit_notes = many("CreditNote", by="invoice_id")
    """What it gave back."""

    payments = many("Payment", by="invoice_id")
    """What was paid for it, and tried, if you may see that."""

    dunning = invoice_dunning
    """What follows it while it is unpaid, if you may see that; null where nothing does."""

    refunds = many("Refund", by="invoice_id")
    """What of that went back, or shall, if you may see that."""


@face(tables.LineItem, None, visible=holders(Permission.SEE_INVOICES))
class LineItem:
    """One line of an invoice."""

    position: int
    """Its place, counted from 1."""

    description: str
    """What it is for."""

    kind: LineKind
    """Whether it bills or gives back."""

    quantity: Long
    """How many."""

    amount = money("amount_minor")
    """What it costs, before discounts and tax."""

    discount = money("discount_minor")
    """What discounts took off it."""

    discounts = Word(Computed(TAKEN_OFF), "list[LineDiscount]", resolve=taken_off, needs=("currency",))
    """Each of them, in the order they were taken."""

    formula: str
    """How the amount is computed, to check by hand."""

    tax = money("tax_minor")
    """The tax on it."""

    period_start: datetime
    """The start of the span it is for."""

    period_end: datetime
    """The end of that span."""

    price = one("Price", by="price_id")
    """The price it was computed from."""

    seats = occupancy.line_seats
    """Who sat in the seats it bills; null for a line that bills none."""


@strawberry.type
class BillingMutation:
    """The life of a subscription."""

    subscribe = mutation(
        resolve.subscribe, "Subscription", refusals=[PlanNotOffered, AlreadySubscribed, CodeNotAccepted]
    )
    cancel_subscription = mutation(resolve.cancel_subscription, "Subscription", refusals=[SubscriptionOver])
