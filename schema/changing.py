"""Changes to subscriptions, what waits to be changed, and previews."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from auth.policy import Permission
from billing import documents, previews, tables
from billing.changes import BillingDayJustMoved, ChangeAt, NothingChanges, PriceNotForSubscription
from billing.dropping import NotAnAddOn, PaidUntilRenewal
from billing.states import ChangeKind, ChangeState, LineKind
from billing.subscriptions import AlreadySubscribed, PlanNotOffered, SeatsNotOffered, SubscriptionOver
from resolvers import changing as resolve
from resolvers.graph import Column, holders
from schema.base import Node, Word, face, one, value, words
from schema.changes import mutation
from schema.scalars import Long
from seats.allotting import SeatsSetApart
from seats.seating import PoolClosed

words(ChangeAt, "When a change takes effect.")
words(ChangeKind, "What a scheduled change does.")
words(ChangeState, "What became of a scheduled change.")
words(LineKind, "What a line does to an account.")


def _line(name: str) -> Any:
    return lambda row, _info: getattr(row.line, name)


@face(tables.ScheduledChange, "change", visible=holders(Permission.SEE_BILLING))
class ScheduledChange(Node):
    """What was asked for and takes effect later; it can be withdrawn until then."""

    kind: ChangeKind
    """What it does."""

    state: ChangeState
    """Whether it still waits."""

    quantity: Long | None
    """How many there will be; null for as many as there are then."""

    due_at: datetime
    """When it takes effect."""

    reason: str | None
    """Why, in the customer's words."""

    created_at: datetime
    """When it was asked for."""

    subscription = one("Subscription", by="subscription_id", required=True)
    """What it changes."""

    price = one("Price", by="price_id")
    """The price there will be; null for the one there is then."""


@value(documents.DocumentLine)
class PreviewLine:
    """One line of an invoice that is not made yet."""

    description: str
    """What it is for."""

    kind = Word(Column("line"), "LineKind", resolve=lambda row, _: LineKind(row.line.kind.value))
    """Whether it bills or gives back."""

    quantity = Word(Column("line"), "Long", resolve=_line("quantity"))
    """How many."""

    amount = Word(Column("line"), "Money", resolve=_line("amount"))
    """What it costs, before discounts and tax."""

    discount = Word(Column("line"), "Money", resolve=_line("discount"))
    """What discounts take off it."""

    tax = Word(Column("tax"), "Money", resolve=lambda row, _: row.tax)
    """The tax on it."""

    formula = Word(Column("line"), "str", resolve=_line("formula"))
    """How it is computed, to check by hand."""

    period_start = Word(Column("line"), "datetime", resolve=lambda row, _: row.line.span.start)
    """The start of the span it is for."""

    period_end = Word(Column("line"), "datetime", resolve=lambda row, _: row.line.span.end)
    """The end of that span."""


@value(previews.Foreseen)
class InvoicePreview:
    """The very document that a change would make, if it were made now. Without lines, it would make no invoice."""

    currency: str
    """The one currency it is in."""

    lines = Word(Column("lines"), "list[PreviewLine]", resolve=lambda row, _: row.lines)
    """What it is made of."""

    subtotal = Word(Column("subtotal"), "Money", resolve=lambda row, _: row.document.subtotal)
    """The sum of its lines before tax."""

    tax = Word(Column("tax"), "Money", resolve=lambda row, _: row.document.tax)
    """The taxes on it."""

    total = Word(Column("total"), "Money", resolve=lambda row, _: row.document.total)
    """What would be asked for; below zero, what would become the customer's credit."""

    credit = Word(Column("credit"), "Money", resolve=lambda row, _: row.credit)
    """What of the customer's credit would be used for it; below zero, what it would add to that."""

    due = Word(Column("due"), "Money", resolve=lambda row, _: row.due)
    """What would be left to pay."""

    made_at = Word(Column("at"), "datetime", resolve=lambda row, _: row.at)
    """When it would be made."""

    next = Word(Column("next"), "InvoicePreview | None", resolve=lambda row, _: row.next)
    """The next regular invoice, as things would then stand; null when none is to come, and for what is next itself."""


@value(resolve.Changed)
class SubscriptionChanged:
    """What came of a change: the subscription, and the invoice it made or the change that waits."""

    subscription = one("Subscription", by="subscription_id", required=True)
    """The subscription."""

    invoice = one("Invoice", by="invoice_id")
    """What was billed for it, if anything."""

    change = one("ScheduledChange", by="change_id")
    """What waits for the end of the period, if it takes effect then."""


@value(resolve.Resized)
class SeatsChanged:
    """What came of another number of seats."""

    pool = one("LicensePool", by="pool_id", required=True)
    """The pool."""

    invoice = one("Invoice", by="invoice_id")
    """What was billed for more seats, if anything."""

    change = one("ScheduledChange", by="change_id")
    """What waits for the end of the period, for fewer seats."""

    collected_at: datetime | None
    """When what they cost is billed at the latest; null when it is billed already, or costs nothing."""


_REFUSALS = [
    SubscriptionOver,
    PriceNotForSubscription,
    NothingChanges,
    PlanNotOffered,
    SeatsNotOffered,
    AlreadySubscribed,
]


@strawberry.type
class ChangingMutation:
    """What is done to a running subscription."""

    change_subscription = mutation(resolve.change_subscription, "SubscriptionChanged", refusals=_REFUSALS)
    drop_item = mutation(
        resolve.drop_item, "SubscriptionChanged", refusals=[SubscriptionOver, NotAnAddOn, PaidUntilRenewal]
    )
    withdraw_change = mutation(resolve.withdraw_change, "ScheduledChange", refusals=[SubscriptionOver])
    pause_subscription = mutation(resolve.pause_subscription, "Subscription", refusals=[SubscriptionOver])
    resume_subscription = mutation(resolve.resume_subscription, "SubscriptionChanged", refusals=[SubscriptionOver])
    reactivate_subscription = mutation(resolve.reactivate_subscription, "Subscription", refusals=[SubscriptionOver])
    change_billing_day = mutation(
        resolve.change_billing_day, "SubscriptionChanged", refusals=[SubscriptionOver, BillingDayJustMoved]
    )
    change_seats = mutation(
        resolve.change_seats,
        "SeatsChanged",
        refusals=[SubscriptionOver, NothingChanges, SeatsNotOffered, PoolClosed, SeatsSetApart],
    )
