"""What follows an unpaid invoice, as its customer and our staff see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from auth.policy import Permission
from billing import tables
from billing.chasing import CardTriedTooOften, DunningNotChangeable
from billing.dunning import Course, Step, StepKind
from billing.dunning_rows import read_steps
from billing.paying import NothingToPay
from billing.states import DunningState
from payments.attempts import PaymentMethodUnusable, PaymentUnderWay
from payments.rail.currencies import AmountNotChargeable
from payments.retries import shown
from resolvers import chasing as resolve
from resolvers.graph import Column, holders
from schema.base import Word, face, one, value, words
from schema.changes import mutation

words(DunningState, "Where an unpaid invoice is in its dunning.")
words(Course, "Which steps an unpaid invoice takes.", name="DunningCourse")
words(StepKind, "What a step does.", name="DunningStepKind")


@value(Step)
class DunningStep:
    """Something that will be done, unless the invoice is paid before."""

    at: datetime
    """When it will be done."""

    what = Word(Column("kind"), "DunningStepKind", resolve=lambda row, _: row.kind)
    """What will be done then."""


def _steps(row: Any, _: Any) -> list[Step]:
    return read_steps(row.ahead)


def _next_charge(row: Any, _: Any) -> datetime | None:
    """When the payment method is charged again; a paused dunning charges nothing."""
    charges = [step.at for step in read_steps(row.ahead) if step.kind is StepKind.CHARGE]
    return charges[0] if charges and row.state == DunningState.RUNNING else None


def _paused_until(row: Any, _: Any) -> datetime | None:
    until: datetime | None = row.next_at
    return until if row.state == DunningState.PAUSED else None


def _pause_reason(row: Any, info: Any) -> str | None:
    reason: str | None = row.pause_reason
    return reason if info.context.actor.desk else None


def _reason(row: Any, info: Any) -> str | None:
    """What the bank said; a customer is not told that a card counts as stolen."""
    reason: str | None = row.decline_reason
    return reason if info.context.actor.desk else shown(reason)


@face(tables.InvoiceDunning, None, visible=holders(Permission.SEE_BILLING))
class Dunning:
    """What follows an unpaid invoice, and what was last said of it."""

    state: DunningState
    """Where it is."""

    course = Word(
        Column("course"), "DunningCourse", resolve=lambda row, _: Course(row.course), compiled=Column("course")
    )
    """By what its steps are chosen."""

    started_at: datetime
    """From when on its steps are counted."""

    steps = Word(Column("ahead"), "list[DunningStep]", resolve=_steps)
    """What will be done, the next step first."""

    next_attempt_at = Word(Column("ahead"), "datetime | None", resolve=_next_charge, needs=("state",))
    """When the payment method is charged again by itself; null when it isn't."""

    paused_until = Word(Column("next_at"), "datetime | None", resolve=_paused_until, needs=("state",))
    """When the steps go on by themselves, each by so much later as the pause lasts; null unless it is paused."""

    pause_reason = Word(Column("pause_reason"), "str | None", resolve=_pause_reason)
    """Why it is paused; for our own staff."""

    reminders: int
    """How often the customer was reminded."""

    access_taken_at: datetime | None
    """When access was taken; null while it is there."""

    decline_code: str | None
    """Why the last charge was declined, as the rail says it."""

    decline_reason = Word(Column("decline_reason"), "str | None", resolve=_reason)
    """What the bank said of it; some reasons are told to our own staff alone."""

    declined_at: datetime | None
    """When it was declined."""

    declined_method = one("PaymentMethod", by="declined_method_id")
    """What was declined."""

    settled_at: datetime | None
    """When nothing was owed any more."""


invoice_dunning = one("Dunning", by="id")


@strawberry.type
class DunningMutation:
    """What our own staff decide about unpaid invoices, each with a reason."""

    retry_payment = mutation(
        resolve.retry_payment,
        "Payment",
        refusals=[
            NothingToPay,
            DunningNotChangeable,
            PaymentMethodUnusable,
            CardTriedTooOften,
            PaymentUnderWay,
            AmountNotChargeable,
        ],
    )
    pause_dunning = mutation(resolve.pause_dunning, "Invoice", refusals=[DunningNotChangeable])
    resume_dunning = mutation(resolve.resume_dunning, "Invoice", refusals=[DunningNotChangeable])
    skip_dunning_step = mutation(resolve.skip_dunning_step, "Invoice", refusals=[DunningNotChangeable])
