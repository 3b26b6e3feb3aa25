"""What follows an unpaid invoice, as its customer and our staff see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from auth.policy import Permission
from billing import tables
from billing.dunning import Course, Step, StepKind
from billing.dunning_rows import read_steps
from billing.tables import DunningState
from payments.retries import shown
from resolvers.graph import Column, holders
from schema.base import Word, face, one, value, words

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
    return charges[0] if charges and row.next_at else None


def _reason(row: Any, info: Any) -> str | None:
    """What the bank said; a customer is not told that a card counts as stolen."""
    reason: str | None = row.decline_reason
    return reason if info.context.actor.desk else shown(reason)


@face(tables.InvoiceDunning, None, visible=holders(Permission.SEE_BILLING))
class Dunning:
    """What follows an unpaid invoice, and what was last said of it."""

    state: DunningState
    """Where it is."""

    course = Word(Column("course"), "DunningCourse", resolve=lambda row, _: Course(row.course))
    """By what its steps are chosen."""

    started_at: datetime
    """From when on its steps are counted."""

    steps = Word(Column("ahead"), "list[DunningStep]", resolve=_steps)
    """What will be done, the next step first."""

    next_attempt_at = Word(Column("ahead"), "datetime | None", resolve=_next_charge, needs=("next_at",))
    """When the payment method is charged again by itself; null when it isn't."""

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
