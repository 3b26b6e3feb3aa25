"""Evidence: what answers a dispute, its limits, and what Visa's rules find missing in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from payments.sandbox.books import Books
from payments.sandbox.objects import Body, address
from payments.sandbox.refusals import invalid, unexpected

_FILES = [
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
]
_TEXTS = [
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
]
_LONGEST = 150_000
_LARGEST = 4_500_000
_PRIORS = 2
_CE3 = "visa_compelling_evidence_3"
_SHARED = [
    "customer_account_id",
    "customer_device_fingerprint",
    "customer_device_id",
    "customer_email_address",
    "customer_purchase_ip",
    "product_description",
]
_MAIN = (("customer_purchase_ip",), ("customer_device_fingerprint", "customer_device_id"))
_SECONDARY = (("shipping_address",), ("customer_email_address",), ("customer_account_id",))


def none() -> Body:
    """Evidence with nothing in it."""
    return dict.fromkeys(sorted([*_FILES, *_TEXTS])) | {"enhanced_evidence": {}}


def eligibility(types: Iterable[str]) -> Body:
    """What an eligible dispute still lacks before anything was given."""
    begun: Body = {
        _CE3: {"required_actions": list(_ACTIONS), "status": "requires_action"},
        "visa_compliance": {"status": "requires_fee_acknowledgement"},
    }
    return {kind: begun[kind] for kind in types}


async def add(books: Books, dispute: Body, given: Body) -> None:
    """Add evidence; "" takes a piece away. Raises Refused for a missing file or too much of anything."""
    kept = dispute["evidence"]
    for name in (*_FILES, *_TEXTS):
        if name in given:
            kept[name] = given[name] or None
    if given.get("appeal"):
        kept["appeal"] = given["appeal"]
    for kind, piece in (given.get("enhanced_evidence") or {}).items():
        kept["enhanced_evidence"][kind] = _compelling(piece) if kind == _CE3 else piece
    await _check(books, kept)
    details = dispute["evidence_details"]
    details["has_evidence"] = any(kept[name] for name in (*_FILES, *_TEXTS)) or bool(kept["enhanced_evidence"])
    _judge(details["enhanced_eligibility"], kept["enhanced_evidence"])


def check_complete(dispute: Body) -> None:
    """A compliance dispute is answered only by who accepts its fee; unqualified CE 3.0 evidence is demoted."""
    rules = dispute["evidence_details"]["enhanced_eligibility"]
    compliance = rules.get("visa_compliance")
    if compliance and compliance["status"] != "fee_acknowledged":
        raise unexpected("You must acknowledge the fee before you can submit evidence for a compliance dispute.")
    compelling = rules.get(_CE3)
    if compelling and compelling["status"] != "qualified":
        compelling["status"], compelling["required_actions"] = "not_qualified", []


async def _check(books: Books, kept: Body) -> None:
    if sum(len(kept[name] or "") for name in _TEXTS) > _LONGEST:
        raise invalid(f"The combined character count of all evidence fields is limited to {_LONGEST}.", "evidence")
    size = 0
    for name in _FILES:
        if kept[name]:
            file = await books.one("file", kept[name], f"evidence[{name}]", 400)
            size += file["size"]
            if file["purpose"] != "dispute_evidence":
                raise invalid("The file's purpose must be `dispute_evidence`.", f"evidence[{name}]")
    if size > _LARGEST:
        raise invalid("The combined size of all evidence files is limited to 4.5 MB.", "evidence")


def _compelling(piece: Body) -> Body:
    """CE 3.0 evidence with every field, as Stripe shows it."""
    own = piece.get("disputed_transaction") or {}
    disputed = _transaction(own) | {"merchandise_or_services": own.get("merchandise_or_services")}
    priors = [
        _transaction(prior) | {"charge": prior["charge"]} for prior in piece.get("prior_undisputed_transactions") or []
    ]
    return {"disputed_transaction": disputed, "prior_undisputed_transactions": priors}


def _transaction(given: Body) -> Body:
    shared = {name: given.get(name) or None for name in _SHARED}
    return shared | {"shipping_address": address(given.get("shipping_address"))}


def _judge(rules: Body, enhanced: Body) -> None:
    compliance = enhanced.get("visa_compliance", {}).get("fee_acknowledged")
    if "visa_compliance" in rules and compliance:
        rules["visa_compliance"]["status"] = "fee_acknowledged"
    if _CE3 in rules and _CE3 in enhanced:
        missing = [action for action, lacks in _ACTIONS.items() if lacks(enhanced[_CE3])]
        rules[_CE3] = {"required_actions": missing, "status": "requires_action" if missing else "qualified"}


def _unlinked(piece: Body) -> bool:
    """Whether the transactions share neither two main elements, nor a main and a secondary one."""
    everyone = [piece["disputed_transaction"], *piece["prior_undisputed_transactions"]]
    main = sum(any(_same(everyone, name) for name in names) for names in _MAIN)
    secondary = sum(any(_same(everyone, name) for name in names) for names in _SECONDARY)
    return not (main >= 2 or (main and secondary))  # noqa: PLR2004 - Visa's number


def _same(everyone: list[Body], name: str) -> bool:
    first: Any = everyone[0][name]
    return bool(first) and all(one[name] == first for one in everyone)


_ACTIONS: dict[str, Callable[[Body], bool]] = {
    "missing_customer_identifiers": _unlinked,
    "missing_disputed_transaction_description": lambda piece: not piece["disputed_transaction"]["product_description"],
    "missing_merchandise_or_services": lambda piece: not piece["disputed_transaction"]["merchandise_or_services"],
    "missing_prior_undisputed_transaction_description": lambda piece: (
        not all(prior["product_description"] for prior in piece["prior_undisputed_transactions"])
    ),
    "missing_prior_undisputed_transactions": lambda piece: len(piece["prior_undisputed_transactions"]) != _PRIORS,
}
