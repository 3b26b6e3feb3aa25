"""Disputes, what answers them, and what came of it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from billing.approvals import SecondPersonNeeded
from payments import tables
from payments.disputes import DisputeNotAnswerable, DisputeOutcome, DisputeState, DisputeStep
from payments.evidence import EvidenceUnusable
from resolvers import disputing as resolve
from resolvers.graph import Column, holders
from schema.base import Node, Word, computed, face, many, money, one, value, words
from schema.changes import mutation
from schema.finance import staff
from schema.scalars import Money

words(DisputeState, "Where a dispute is: a question of the bank, a dispute, its review, a decision, an appeal.")
words(DisputeOutcome, "How a dispute ended for us.")
words(DisputeStep, "What may be done about a dispute.")


@face(tables.Dispute, "dispute", visible=holders(Permission.SEE_BILLING))
class Dispute(Node):
    """What a payer's bank asks for back of a payment."""

    state: DisputeState
    """Where it is."""

    reason: str
    """Why, as the bank says it: `fraudulent`."""

    network: str
    """The card's network: `visa`."""

    amount = money("amount_minor")
    """How much is disputed."""

    withdrawn = money("withdrawn_minor")
    """What was taken from us."""

    reinstated = money("reinstated_minor")
    """What of that came back."""

    opened_at: datetime
    """When it was opened."""

    due_at: datetime | None
    """The bank's deadline; null when it allows no answer."""

    answer_by: datetime | None
    """Our own deadline, two days before."""

    submitted_at: datetime | None
    """When evidence was submitted last."""

    accepted_at: datetime | None
    """When we gave in."""

    closed_at: datetime | None
    """When it was over."""

    outcome: DisputeOutcome | None
    """How it ended."""

    steps = Word(
        Column("state"),
        "list[DisputeStep]",
        resolve=resolve.steps,
        needs=("due_at", "submitted_stage", "accepted_at"),
    )
    """What may be done now."""

    payment = one("Payment", by="payment_id", required=True)
    """What is disputed."""

    account = one("Account", by="account_id", required=True)
    """Whose."""

    evidence = many("DisputeEvidence", by="dispute_id")
    """What was put together to answer it; our own staff see it."""


@face(tables.DisputeEvidence, None, visible=staff)
class DisputeEvidence:
    """What was put together to answer a dispute."""

    stage: str
    """Which question of the bank it answers: inquiry, dispute or appeal."""

    submit: bool
    """Whether it goes to the bank, or was only staged."""

    texts = Word(Column("texts"), "list[EvidenceText]", resolve=resolve.texts)
    """What it says, in the rail's fields."""

    files = Word(Column("files"), "list[str]", resolve=resolve.files)
    """Which of the rail's fields have a file: `receipt`."""

    lacking: str | None
    """Why Visa's rule of two earlier payments doesn't help; null where it does."""

    made_at: datetime
    """When it was put together."""

    sent_at: datetime | None
    """When the rail had it."""

    refused: str | None
    """Why the rail would not take it."""


@face(tables.FraudWarning, "warning", visible=staff)
class FraudWarning(Node):
    """A bank was told that a payment is fraud, and nobody has disputed it yet."""

    kind: str
    """What the bank was told: `made_with_stolen_card`."""

    warned_at: datetime
    """When."""

    refund_recommended = computed(
        "{row}.actionable and exists (select from payment p where p.account_id = {row}.account_id"
        " and p.id = {row}.payment_id and p.state = 'succeeded' and not p.disputed"
        " and p.refunded_minor < p.amount_minor)",
        "bool",
    )
    """Whether to give all of it back now: that averts a dispute, and its fee."""

    payment = one("Payment", by="payment_id", required=True)
    """What it is about."""

    account = one("Account", by="account_id", required=True)
    """Who has paid so."""


@value(resolve.Text)
class EvidenceText:
    """A text for the bank."""

    name: str
    """Which of the rail's fields it is in."""

    text: str
    """What it says."""


@value(resolve.Figures)
class DisputeFigures:
    """What became of the disputes of one reason."""

    reason: str
    """Why they were opened, as banks say it."""

    opened: int
    """How many there were."""

    open: int
    """How many are not decided."""

    won: int
    """How many were won."""

    partly_won: int
    """How many were lost, and some of the money came back."""

    lost: int
    """How many were lost."""

    averted: int
    """How many came to nothing before money was taken for good."""

    disputed: Money
    """How much was disputed."""

    withdrawn: Money
    """What was taken from us."""

    reinstated: Money
    """What came back."""

    fees: Money
    """What the rail kept for it, where that was in this currency."""

    recovered: Money
    """What came back, less the fees."""


@strawberry.type
class DisputingMutation:
    """Answering disputes."""

    stage_evidence = mutation(resolve.stage_evidence, "Dispute", refusals=[DisputeNotAnswerable, EvidenceUnusable])
    submit_evidence = mutation(resolve.submit_evidence, "Dispute", refusals=[DisputeNotAnswerable])
    accept_dispute = mutation(resolve.accept_dispute, "Dispute", refusals=[DisputeNotAnswerable, SecondPersonNeeded])
