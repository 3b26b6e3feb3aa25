"""Whoever asks, and the ways into the graph."""

from __future__ import annotations

from resolvers import (
    disputing,
    finance,
    identity,
    invoices,
    joining,
    metering,
    previewing,
    reclaiming,
    reconciling,
    releasing,
    restoring,
    returning,
    seat_lists,
    timeline,
    welcoming,
)
from resolvers import viewing as resolve
from resolvers.graph import Called, Given, Listed, Named
from schema.base import one, value, via
from schema.lists import among, containing, equal, page, same, since, until
from schema.weights import Weight

_SEEN = {"kind": "text", "person_id": "bigint", "account_id": "bigint", "email": "text"}


@value(resolve.Seen)
class Viewer:
    """Whoever asks: a person, or a service key."""

    kind: str
    """What kind of actor you are: person, service_key or staff."""

    person = one("Person", by="person_id")
    """You; null for a service key."""

    account = one("Account", by="account_id")
    """The account you pay with, or the one the service key speaks for."""

    plans = via(
        resolve.held_plans,
        "list[Plan]",
        Listed("Plan", "{row}.id in (select plan_id from held_versions())", "{row}.position, {row}.id"),
    )
    """What you may use now, lowest first: what you subscribed to, and what your seats give."""

    entitlements = via(resolve.held_entitlements, "list[HeldEntitlement]")
    """What you may do now: for each feature the highest of all your plans."""

    memberships = page(
        "Member",
        by="person_id",
        of="person_id",
        name="ViewerMemberships",
        where="{row}.state = 'active'",
        orders={"JOINED_AT": ("joined_at", "timestamptz", "By when you joined.")},
    )
    """The workspaces you are a member of, and what you are there."""

    seats = page(
        "Seat",
        by="person_id",
        of="person_id",
        name="ViewerSeats",
        where="{row}.state <> 'released'",
        orders={"SINCE": ("since", "timestamptz", "By when you got it.")},
    )
    """The seats you hold."""

    sessions = page(
        "Session",
        by="person_id",
        of="person_id",
        name="ViewerSessions",
        where="{row}.ended_at is null",
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when you came in.")},
    )
    """Where you are signed in."""

    invitations = page(
        "Invitation",
        by="email",
        of="email",
        kind="text",
        name="ViewerInvitations",
        where="{row}.state = 'pending'",
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was sent.")},
    )
    """Who asks you to join."""

    suggestions = via(welcoming.suggestions, "list[SuggestedWorkspace]", cost=Weight(own=2))
    """The workspaces of your domain that you may ask to join."""

    join_requests = page(
        "JoinRequest",
        by="person_id",
        of="person_id",
        name="ViewerJoinRequests",
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when you asked.")},
    )
    """Where you have asked to join."""


@value(object)
class Query:
    """Everything that can be asked."""

    viewer = via(resolve.viewer, "Viewer", Given("Viewer", resolve.seen, _SEEN))
    """Whoever asks."""

    node = via(resolve.node, "Node | None", Named(None))
    """The thing with this id; null if there is none that you may see."""

    nodes = via(resolve.nodes, "list[Node | None]", cost=Weight(own=1, each=1, sized_by=("ids",)))
    """Up to 100 things by their ids, in the order asked."""

    account = via(resolve.account, "Account | None", Named("Account"))
    """An account by its id."""

    workspace = via(resolve.workspace, "Workspace | None", Named("Workspace"))
    """A workspace by its id."""

    plans = via(
        resolve.plans,
        "list[Plan]",
        Listed("Plan", "{row}.archived_at is null", "{row}.position, {row}.id"),
        public=True,
    )
    """What is sold now, in the order of the price list."""

    plan = via(resolve.plan, "Plan | None", Called("Plan", "key", "key"), public=True)
    """A plan by its key, such as `pro`."""

    preview_subscribe = via(previewing.preview_subscribe, "InvoicePreview | None")
    """What `subscribe` or `createLicensePool` would bill now."""

    preview_change = via(previewing.preview_change, "InvoicePreview | None")
    """What `changeSubscription` would bill now; without an item, what an add-on would."""

    preview_drop_item = via(previewing.preview_drop_item, "InvoicePreview | None")
    """What `dropItem` would give back."""

    preview_pause = via(previewing.preview_pause, "InvoicePreview | None")
    """What `pauseSubscription` would give back."""

    preview_resume = via(previewing.preview_resume, "InvoicePreview | None")
    """What `resumeSubscription` would bill."""

    preview_cancel = via(previewing.preview_cancel, "InvoicePreview | None")
    """What `cancelSubscription` would give back."""

    preview_reactivate = via(previewing.preview_reactivate, "InvoicePreview | None")
    """What comes after `reactivateSubscription`, which bills nothing itself."""

    preview_billing_day = via(previewing.preview_billing_day, "InvoicePreview | None")
    """What `changeBillingDay` would bill and give back."""

    preview_seats = via(previewing.preview_seats, "InvoicePreview | None")
    """What `changeSeats` would bill now."""

    suggestion_preview = via(joining.suggestion_preview, "SuggestionPreview")
    """What joining a workspace that is suggested to you would give, and what becomes of what you pay for yourself."""

    join_preview = via(joining.join_preview, "JoinPreview")
    """What `acceptInvitation` would give you, and what becomes of what you pay for yourself."""

    preview_assign = via(previewing.preview_assign, "AssignPreview")
    """What `assignSeat` or `assignSeats` would buy."""

    seat_timeline = via(timeline.seat_timeline, "list[SeatStay]")
    """Where a member sat, the latest stay first, and what each has cost: up to 100 stays."""

    preview_reclaim = via(reclaiming.preview_reclaim, "ReclaimPreview")
    """Whose seats would be taken back because nobody uses them."""

    preview_restore = via(restoring.preview_restore, "SeatsRestored")
    """Who lost a seat with a subscription in the last 30 days, or in the last 7 for not using it, and may sit again."""

    preview_release = via(releasing.preview_release, "ReleasePreview")
    """Which seats would go if a pool had fewer than are taken."""

    preview_seat_list = via(seat_lists.preview_seat_list, "SeatList")
    """What a list would come to now, line by line; nothing of it is kept."""

    preview_discount = via(previewing.preview_discount, "InvoicePreview | None")
    """What comes after `applyDiscount`, which bills nothing itself."""

    preview_discount_removal = via(previewing.preview_discount_removal, "InvoicePreview | None")
    """What comes after `removeDiscount`, which bills nothing itself."""

    preview_renewal = via(previewing.preview_renewal, "InvoicePreview | None")
    """The next regular invoice of a subscription; null when none is to come."""

    preview_one_off_invoice = via(invoices.preview_one_off_invoice, "OneOffPreview")
    """What `createOneOffInvoice` would write now."""

    preview_credit_note = via(invoices.preview_credit_note, "CreditNotePreview")
    """What `createCreditNote` would write now."""

    preview_refund = via(returning.preview_refund, "RefundPreview")
    """What `refundPayment` would give back now."""

    explain_invoice = via(invoices.explain_invoice, "InvoiceExplanation")
    """An invoice, computed again from the facts it came from."""

    credit_balance = via(finance.credit_balance, "Money")
    """What an account has to its credit in a currency."""

    account_statement = via(finance.account_statement, "AccountStatement")
    """What an account owed, what changed it, and what it owes."""

    trial_balance = via(finance.trial_balance, "TrialBalance")
    """Every ledger account over all customers, in one currency; for our own staff."""

    dispute_figures = via(disputing.dispute_figures, "list[DisputeFigures]")
    """What became of disputes, by reason; for our own staff."""

    disputes = page(
        "Dispute",
        by=None,
        name="Disputes",
        filters={
            "account": same("account_id", "account", "Only of this account."),
            "state": among("state", "DisputeState", "Only in one of these states."),
            "reason": equal("reason", "Only for this reason."),
            "answerBefore": until("answer_by", "Only those that are to be answered before this instant."),
        },
        orders={
            "OPENED_AT": ("opened_at", "timestamptz", "By when it was opened."),
        },
    )
    """Every dispute you may see, across accounts."""

    uncredited_refunds = page(
        "Refund",
        by=None,
        name="UncreditedRefunds",
        where="{row}.credit_note_id is null and {row}.state not in ('failed', 'canceled')",
        filters={"account": same("account_id", "account", "Only of this account.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was made.")},
    )
    """Every refund you may see that was made at Stripe itself, and waits for its credit note."""

    fraud_warnings = page(
        "FraudWarning",
        by=None,
        name="FraudWarnings",
        filters={"account": same("account_id", "account", "Only of this account.")},
        orders={"WARNED_AT": ("warned_at", "timestamptz", "By when the bank was told.")},
    )
    """What banks were told of fraud before anybody disputed it; for our own staff."""

    bulk_exports = page(
        "BulkExport",
        by=None,
        name="BulkExports",
        filters={"state": among("state", "BulkExportState", "Only in one of these states.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was asked for.")},
    )
    """Lists that were taken home whole; for our own staff."""

    reconciliations = page(
        "Reconciliation",
        by=None,
        name="Reconciliations",
        orders={"STARTED_AT": ("started_at", "timestamptz", "By when it began.")},
    )
    """Every comparison with what the rail says moved; for our own staff."""

    discrepancies = page(
        "Discrepancy",
        by=None,
        name="Discrepancies",
        filters={
            "kind": among("kind", "DiscrepancyKind", "Only of these kinds."),
            "subject": among("subject", "DiscrepancySubject", "Only about these."),
            "state": among("state", "DiscrepancyState", "Only in one of these states."),
            "account": same("account_id", "account", "Only of this account."),
            "currency": equal("currency", "Only in this currency."),
            "reference": equal("reference", "Only about what is called exactly so."),
            "since": since("found_at", "Found from this instant on."),
            "until": until("found_at", "Found before this instant."),
        },
        orders={
            "FOUND_AT": ("found_at", "timestamptz", "By when it was found."),
            "RISK": ("risk_minor", "bigint", "By the money at risk, in minor units of whichever currency."),
        },
    )
    """What differs from what the rail says moved, or did; for our own staff."""

    money_at_risk = via(reconciling.money_at_risk, "list[MoneyAtRisk]")
    """What is at risk by open discrepancies, by kind and currency; for our own staff."""

    revenue_schedule = via(finance.revenue_schedule, "list[RevenueDay]")
    """What is earned on each day, and deferred at its end; for our own staff."""

    usage_events = via(metering.usage_events, "UsageEvents")
    """What was reported for an account, event by event."""

    sso_test = via(identity.sso_test, "SsoLogin | None")
    """What became of a test of an SSO connection, step by step; null if there is none that you may see."""

    accounts = page(
        "Account",
        by=None,
        name="Accounts",
        filters={
            "kind": among("kind", "AccountKind", "Only of these kinds."),
            "email": equal("email", "Only with exactly this address."),
            "search": containing("name", "Only where the name contains this."),
        },
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was opened.")},
    )
    """Every account you may see: yours, your workspaces', and all of them for staff."""

    held_subscriptions = page(
        "Subscription",
        by=None,
        name="HeldSubscriptions",
        where="exists (select from subscription_clock c where (c.account_id, c.subscription_id)"
        " = ({row}.account_id, {row}.id) and not starts_with(c.held, 'ended'))",
        filters={"account": same("account_id", "account", "Only of this account.")},
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it started.")},
    )
    """Every subscription you may see that is billed no more until a person of our staff has looked."""

    invoices = page(
        "Invoice",
        by=None,
        name="Invoices",
        filters={
            "account": same("account_id", "account", "Only of this account."),
            "state": among("state", "InvoiceState", "Only in one of these states.", usual="paid"),
            "currency": equal("currency", "Only in this currency."),
            "number": equal("number", "Only the one with this number."),
            "since": since("created_at", "Made from this instant on."),
            "until": until("created_at", "Made before this instant."),
        },
        orders={"CREATED_AT": ("created_at", "timestamptz", "By when it was made.")},
    )
    """Every invoice you may see, across accounts."""
