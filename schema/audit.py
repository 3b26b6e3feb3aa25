"""The audit log."""

from __future__ import annotations

from datetime import datetime

from strawberry.scalars import JSON

from auth.policy import Permission
from kernel.audit import AuditRecord as Record
from resolvers import auditing
from resolvers.auditing import AuditOutcome
from resolvers.graph import Bind, Column, Reader, holders
from schema.base import TYPES, Node, Word, computed, face, one, words

TYPES["JSON"] = JSON
words(AuditOutcome, "Whether somebody did what they were about to do.")

_BILLING = (
    "('account', 'subscription', 'change', 'pool', 'invoice', 'credit_note', 'entry',"
    " 'payment', 'payment_method', 'setup', 'refund', 'dispute')"
)


def auditable(alias: str, bind: Bind, reader: Reader) -> str:
    """What auditors see; people also see billing's records where they see billing, and what they did to seats."""
    whole = holders(Permission.SEE_AUDIT)(alias, bind, reader)
    if whole == "true" or reader.person_id is None:
        return whole
    billing = f"({alias}.subject in {_BILLING} and {holders(Permission.SEE_BILLING)(alias, bind, reader)})"
    seating = holders(Permission.SEE_SEATS)(alias, bind, reader)
    return f"({whole} or {billing} or ({alias}.person_id = {bind(reader.person_id, 'bigint')} and {seating}))"


@face(Record, "audit", visible=auditable)
class AuditRecord(Node):
    """One state change: who, what, before and after, why, from where. Nobody can edit one unseen."""

    seq: int
    """Its number in the account's chain, counted from 1."""

    at: datetime
    """When."""

    action: str
    """What happened: `seat.assigned`."""

    outcome = computed(auditing.OUTCOME.format(column="{row}.action"), "AuditOutcome")
    """Whether it happened, or was refused."""

    subject = Word(
        Column("subject"),
        "str",
        resolve=lambda row, _: auditing.subject(row.subject, row.subject_id),
        needs=("subject_id",),
    )
    """The id of what it happened to."""

    before = Word(Column("before"), "JSON | None", resolve=lambda row, _: auditing.told(row.subject, row.before))
    """What it was: the columns that changed."""

    after = Word(Column("after"), "JSON | None", resolve=lambda row, _: auditing.told(row.subject, row.after))
    """What it became; everything for something new."""

    actor: str
    """What kind of actor did it."""

    person = one("Person", by="person_id")
    """Who did it, if you may see them."""

    reason: str | None
    """Why, in the actor's words."""

    ip: str
    """From where."""

    request_id: str
    """The request, as our logs know it."""
