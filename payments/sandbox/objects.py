"""Objects: the bodies that Stripe answers with, and how given parameters change them.

A body is a JSON object. What the sandbox must remember about it but Stripe would
not show lies under the key "_".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from payments.sandbox.spec import NULLABLE, REQUIRED

Body = dict[str, Any]

HIDDEN = "_"
_OFTEN = ("created", "livemode")
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")

INCLUDABLE = {
    "charge": {"level3", "refunds"},
    "coupon": {"applies_to", "currency_options"},
    "customer": {
        "cash_balance",
        "customer_account",
        "invoice_credit_balance",
        "sources",
        "subscriptions",
        "tax",
        "tax_ids",
    },
    "invoice": {"payments"},
    "price": {"currency_options", "tiers"},
}
"""Fields that an answer has only when they are expanded."""

_NEVER_NULL = {
    "balance": {"connect_reserved", "instant_available", "issuing", "refund_and_dispute_prefunding"},
    "customer": {"deleted"},
    "discount": {"deleted"},
    "event": {"account", "context"},
    "file": {"links"},
    "refund": {"failure_balance_transaction", "failure_reason", "instructions_email", "next_action"},
    "tax_id": {"deleted"},
    "webhook_endpoint": {"deleted", "secret"},
}
"""Fields that are absent, rather than null, while there is nothing to say."""


def blank(kind: str, **known: Any) -> Body:
    """An object of a kind in test mode: what is not known is null, as the specification allows."""
    absent = INCLUDABLE.get(kind, set()) | _NEVER_NULL.get(kind, set())
    nulls = {} if kind.startswith("payment_method") else dict.fromkeys(NULLABLE[kind])
    body = {field: None for field in nulls if field not in absent}
    facts = {"object": kind, "livemode": False} | known
    # Not every object tells when it was made, or in which mode.
    return body | {field: fact for field, fact in facts.items() if field not in _OFTEN or field in REQUIRED[kind]}


def bare(body: Body) -> Body:
    """The body as Stripe shows it: a copy of the object and of every hash and list within."""
    return {field: _copy(value) for field, value in body.items() if field != HIDDEN}


def hidden(body: Body) -> Body:
    """What the sandbox remembers of an object; change it in place."""
    facts: Body = body.setdefault(HIDDEN, {})
    return facts


def assign(body: Body, given: Body, fields: Iterable[str]) -> None:
    """Set the given ones of these fields; an empty string unsets, and metadata is merged key by key."""
    for field in fields:
        if field in given:
            body[field] = (
                merged(body.get(field), given[field]) if field == "metadata" else given[field] or _unset(given[field])
            )


def merged(metadata: dict[str, str] | None, given: dict[str, str] | str | None) -> dict[str, str]:
    """Metadata after an update: a key given as "" is unset, and "" for the whole unsets every key."""
    if not given:
        return {}
    everything = (metadata or {}) | dict(given)  # type: ignore[arg-type] # a str was empty and is gone
    return {key: text for key, text in everything.items() if text != ""}


def address(given: Body | str | None) -> Body | None:
    """An address with every line, null where none is given."""
    return {line: given.get(line) or None for line in ADDRESS} if isinstance(given, dict) else None


def shipping(given: Body | str | None) -> Body | None:
    """A shipping hash with every field, null where none is given."""
    if not isinstance(given, dict):
        return None
    plain = {field: given.get(field) for field in ("carrier", "name", "phone", "tracking_number")}
    return {"address": address(given["address"]), **plain}


def _unset(value: Any) -> Any:
    return None if value == "" else value


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return bare(value)
    return [_copy(member) for member in value] if isinstance(value, list) else value
