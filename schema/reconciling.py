"""What differs from what Stripe moved, and how far everything was compared."""

from __future__ import annotations

from datetime import datetime

import strawberry

from billing import tables
from billing.reconciliation import DiscrepancyEnded, DiscrepancyKind, DiscrepancyState, DiscrepancySubject
from payments.states import ReconciliationStage
from payments.tables import Reconciliation as Comparison
from resolvers import reconciling as resolve
from resolvers.graph import Column
from schema.base import Node, Word, face, money, one, value, words
from schema.changes import mutation
from schema.finance import staff
from schema.scalars import Money

words(DiscrepancyKind, "How what we say and what the rail says differ.")
words(DiscrepancySubject, "What a difference is about.")
words(DiscrepancyState, "What has become of a difference.")
words(ReconciliationStage, "How far a reconciliation is.")


@face(Comparison, "recon", visible=staff)
class Reconciliation(Node):
    """One comparison of a span of time with what the rail says moved."""

    since: datetime
    """From when on."""

    until: datetime
    """Up to when."""

    nightly: bool
    """Whether the worker began it by itself."""

    stage: ReconciliationStage
    """How far it is."""

    events: int
    """How many events of the rail we had missed."""

    movements: int
    """How many movements of the rail's balance it looked at."""

    payouts: int
    """How many payouts it looked at."""

    payments: int
    """How many payments it compared."""

    found: int
    """How many discrepancies were new."""

    mended: int
    """How many were mended, or had gone."""

    started_at: datetime
    """When it began."""

    ended_at: datetime | None
    """When all of the span was compared; null while something is left."""


@face(tables.Discrepancy, "discrepancy", visible=staff)
class Discrepancy(Node):
    """A difference between what we say and what the rail says, until it is mended or somebody has dealt with it."""

    kind: DiscrepancyKind
    """How they differ."""

    subject: DiscrepancySubject
    """What it is about."""

    reference: str
    """The rail's id of what it is about, or ours."""

    risk = money("risk_minor")
    """The money at risk."""

    here: str
    """What we say."""

    there: str
    """What the rail says."""

    action = Word(Column("kind"), "str", resolve=resolve.action, needs=("subject",))
    """What mends it, in a sentence."""

    state: DiscrepancyState
    """What has become of it."""

    found_at: datetime
    """When it was found."""

    seen_at: datetime
    """When it was last seen."""

    ended_at: datetime | None
    """When it was mended or resolved."""

    resolution: str | None
    """How somebody has dealt with it."""

    resolved_by = one("Person", by="resolved_by")
    """Who has."""

    account = one("Account", by="account_id")
    """Whose money it is; null where it is nobody's we know."""

    payment = one("Payment", by="payment_id")
    """The payment that it is about, or whose refund or dispute."""

    reconciliation = one("Reconciliation", by="reconciliation_id", required=True)
    """Which comparison found it."""


@value(resolve.Risk)
class MoneyAtRisk:
    """What is at risk by open discrepancies of one kind in one currency."""

    kind: DiscrepancyKind
    """How what we say and what the rail says differ."""

    count: int
    """How many there are."""

    risk: Money
    """How much is at risk by them."""


@strawberry.type
class ReconcilingMutation:
    """What our Finance does about discrepancies."""

    resolve_discrepancy = mutation(resolve.resolve_discrepancy, "Discrepancy", refusals=[DiscrepancyEnded])
