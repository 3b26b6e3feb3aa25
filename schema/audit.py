"""The audit log."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from strawberry.scalars import JSON

from auth.policy import Permission
from kernel import ids
from kernel.audit import AuditRecord as Record
from resolvers.graph import BY_PREFIX, Bind, Column, Reader, holders
from schema.base import TYPES, Node, Word, face, one

TYPES["JSON"] = JSON

_PREFIXES = {
    "subscription": "sub",
    "invoice": "inv",
    "credit_note": "cn",
    "payment": "pay",
    "payment_method": "pm",
}
_REFERENCES = {
    "account_id": "account",
    "person_id": "person",
    "created_by": "person",
    "invited_by": "person",
    "requested_by": "person",
    "approved_by": "person",
    "invoice_id": "inv",
    "payment_id": "pay",
    "payment_method_id": "pm",
    "pool_id": "pool",
    "plan_id": "plan",
    "plan_version_id": "version",
    "price_id": "price",
    "subscription_id": "sub",
    "subscription_item_id": "item",
    "item_id": "item",
    "connection_id": "sso",
    "login_id": "login",
    "tested_by": "person",
}
_OURS = {
    *("person_key", "known"),
    *("seen", "request", "requested_at", "created_times", "replaces", "next_at", "looks"),
}
"""What says nothing to people: how we tell persons apart, what an invoice was made from, how a payment is pursued."""
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


def _subject(row: Any, _info: Any) -> str:
    prefix = _PREFIXES.get(row.subject, row.subject)
    return ids.encode(prefix, row.subject_id) if prefix in BY_PREFIX else row.subject


def _told(row: Any, columns: Any) -> Any:
    found = json.loads(columns) if isinstance(columns, str) else columns
    if found is None:
        return None
    return {name: _public(row, name, value) for name, value in found.items() if name not in _OURS}


def _public(row: Any, name: str, value: Any) -> Any:
    # A number of ours would tell how many there are; outside it is an id like any other.
    prefix = _PREFIXES.get(row.subject, row.subject) if name == "id" else _REFERENCES.get(name)
    return ids.encode(prefix, value) if prefix and isinstance(value, int) else value


@face(Record, "audit", visible=auditable)
class AuditRecord(Node):
    """One state change: who, what, before and after, why, from where. Nobody can edit one unseen."""

    seq: int
    """Its number in the account's chain, counted from 1."""

    at: datetime
    """When."""

    action: str
    """What happened: `seat.assigned`."""

    subject = Word(Column("subject"), "str", resolve=_subject, needs=("subject_id",))
    """The id of what it happened to."""

    before = Word(Column("before"), "JSON | None", resolve=lambda row, _: _told(row, row.before))
    """What it was: the columns that changed."""

    after = Word(Column("after"), "JSON | None", resolve=lambda row, _: _told(row, row.after))
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
