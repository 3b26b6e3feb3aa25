"""How the audit log tells of a record: public ids for numbers, and nothing that says nothing to people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from kernel import ids
from kernel.errors import InvalidInput
from resolvers.graph import BY_PREFIX


class AuditOutcome(StrEnum):
    """Whether somebody did what they were about to do."""

    DONE = "done"
    """It happened."""

    REFUSED = "refused"
    """It was refused, or it failed."""


REFUSED = ("refused", "failed")
"""What actions end in of which nothing came."""

OUTCOME = f"case when split_part({{column}}, '.', 2) in {REFUSED} then 'refused' else 'done' end"
"""The outcome of a record, as SQL says it; `{column}` is its action."""

SUBJECT = "{column} = split_part({value}, ':', 1) and r.subject_id = split_part({value}, ':', 2)::bigint"
"""Whether a record is about what `subject_named` says."""

_PREFIXES = {
    "subscription": "sub",
    "invoice": "inv",
    "credit_note": "cn",
    "payment": "pay",
    "payment_method": "pm",
}
_SUBJECTS = {prefix: subject for subject, prefix in _PREFIXES.items()}
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
    "seat_group_id": "seatgroup",
    "seat_import_id": "seatimport",
    "key_id": "key",
    "member_id": "member",
    "appointed_by": "person",
    "plan_id": "plan",
    "plan_version_id": "version",
    "price_id": "price",
    "subscription_id": "sub",
    "subscription_item_id": "item",
    "item_id": "item",
    "connection_id": "sso",
    "login_id": "login",
    "tested_by": "person",
    "staff_id": "person",
}
_OURS = {
    *("person_key", "known"),
    *("seen", "request", "requested_at", "created_times", "replaces", "next_at", "looks"),
}
"""What says nothing to people: how we tell persons apart, what an invoice was made from, how a payment is pursued."""


def subject(kind: str, number: int) -> str:
    """The public id of what a record is about; its kind alone where nobody can look it up."""
    prefix = _PREFIXES.get(kind, kind)
    return ids.encode(prefix, number) if prefix in BY_PREFIX else kind


def subject_named(text: str) -> str:
    """What a public id names, as records keep it: "seat:17". Raises InvalidInput."""
    prefix = text.partition("_")[0]
    if prefix not in BY_PREFIX:
        raise InvalidInput("That is not an id of something here.")
    return f"{_SUBJECTS.get(prefix, prefix)}:{ids.decode(prefix, text)}"


def told(kind: str, columns: str | Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The columns of a record, as they are read from PostgreSQL, as people read them."""
    found = json.loads(columns) if isinstance(columns, str) else columns
    if found is None:
        return None
    return {name: _public(kind, name, value) for name, value in found.items() if name not in _OURS}


def _public(kind: str, name: str, value: Any) -> Any:
    # A number of ours would tell how many there are; outside it is an id like any other.
    prefix = _PREFIXES.get(kind, kind) if name == "id" else _REFERENCES.get(name)
    return ids.encode(prefix, value) if prefix and isinstance(value, int) else value
