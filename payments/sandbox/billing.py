"""Stripe Billing, for reading: objects that control endpoints seed, so that an importer has a source."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from payments.sandbox.books import Books
from payments.sandbox.objects import INCLUDABLE, Body, assign, blank, hidden
from payments.sandbox.pages import Question, listed, page, sliced
from payments.sandbox.refusals import invalid, missing
from payments.sandbox.spec import NULLABLE

_Answer = Callable[..., Awaitable[Body]]
_PARENT = "body #>> '{{parent,subscription_details,subscription}}' = {}"
_PRICED = "body #> '{{items,data}}' @> {}::jsonb"
_ENDED = "body ->> 'status' in ('canceled', 'incomplete_expired')"
_OVER = {"canceled", "incomplete_expired"}


def retrieving(kind: str, param: str) -> _Answer:
    """GET of one object of a kind."""

    async def retrieve(books: Books, given: Body, id: str) -> Body:
        del given
        return await books.one(kind, id, param)

    return retrieve


def listing(kind: str, path: str, equal: str, between: str = "created") -> _Answer:
    """GET of a page of a kind, filtered by plain fields and ranges, and by what is special to the kind."""

    async def answer(books: Books, given: Body) -> Body:
        question = Question(kind).equal(given, *equal.split()).between(given, *between.split())
        _SPECIAL.get(kind, _nothing)(question, given)
        return await page(books, question, given, path)

    return answer


async def invoice_lines(books: Books, given: Body, id: str) -> Body:
    """GET /v1/invoices/{invoice}/lines."""
    invoice = await books.one("invoice", id, "invoice")
    return sliced(hidden(invoice).get("lines") or invoice["lines"]["data"], given, f"/v1/invoices/{id}/lines")


async def update_subscription(books: Books, given: Body, id: str) -> Body:
    """POST /v1/subscriptions/{subscription}: it ends with its period, or doesn't; nothing else is played."""
    if unplayed := given.keys() - {"cancel_at_period_end", "metadata", "expand"}:
        raise invalid(f"This sandbox doesn't play the parameter `{min(unplayed)}`.", min(unplayed))
    subscription = await books.one("subscription", id, "subscription_exposed_id")
    if subscription["status"] in _OVER:
        raise missing("subscription", id, "id", 404)
    assign(subscription, given, ("metadata",))
    if "cancel_at_period_end" in given:
        ends = given["cancel_at_period_end"]
        last = max(item["current_period_end"] for item in subscription["items"]["data"])
        subscription["cancel_at_period_end"], subscription["cancel_at"] = ends, last if ends else None
        subscription["canceled_at"] = books.now if ends else None
    books.emit_update("customer.subscription.updated", subscription)
    return subscription


async def seed(books: Books, given: dict[str, list[Body]]) -> dict[str, int]:
    """Put objects in the books as they are given, by the plural of their kind; what is missing gets a default.

    An id that is known is replaced. Nothing is emitted.
    """
    for plural, bodies in given.items():
        kind = "tax_rate" if plural == "tax_rates" else plural.removesuffix("s")
        if kind not in NULLABLE:
            raise invalid(f"Nothing called `{plural}` can be seeded.", plural)
        for body in bodies:
            if not isinstance(body.get("id"), str):
                raise invalid("Each seeded object needs an `id`.", plural)
            deleted = {"object": kind, "deleted": True, "id": body["id"]} if body.get("deleted") else None
            await _put(books, kind, deleted or _whole(books, kind, body))
    return {plural: len(bodies) for plural, bodies in given.items()}


async def _put(books: Books, kind: str, body: Body) -> None:
    for name, part in _PARTS.get(kind, {}).items():
        members = body[name] if isinstance(body.get(name), list) else body.get(name, {}).get("data", [])
        members = (
            [_whole(books, part, {"subscription": body["id"]} | member) for member in members] if part else members
        )
        for member in members if part else []:
            await _put(books, part, member)
        if not part:
            hidden(body)[name] = members
        url = _URLS[kind].format(id=body["id"])
        body[name] = listed(members[:10], url, more=len(members) > 10)  # noqa: PLR2004 - Stripe embeds ten
    known = await books.maybe(body["id"])
    if known is None:
        books.new(kind, **body)
    else:
        known.clear()
        known.update(body)


def _whole(books: Books, kind: str, given: Body) -> Body:
    """The body with every field that Stripe always sends; what is only sent when expanded is kept aside."""
    body = blank(kind, created=books.now) | _DEFAULTS.get(kind, {}) | given
    if kind == "subscription_item" and isinstance(body.get("price"), str):
        raise invalid("A subscription item is seeded with its whole price.", "price")
    aside = {name: body.pop(name) for name in INCLUDABLE.get(kind, set()) & given.keys()}
    if aside:
        hidden(body).update(aside)
    return body


def _nothing(question: Question, given: Body) -> None:
    del question, given


def _subscriptions(question: Question, given: Body) -> None:
    status = given.get("status")
    if status is None:
        question.must("body ->> 'status' <> 'canceled'")
    elif status == "ended":
        question.must(_ENDED)
    elif status != "all":
        question.equal(given, "status")
    if given.get("price"):
        question.must(_PRICED, [{"price": {"id": given["price"]}}])
    for param in ("automatic_tax", "current_period_end", "current_period_start", "plan", "test_clock"):
        if param in given:
            raise invalid(f"This sandbox doesn't play the filter `{param}`.", param)


def _invoices(question: Question, given: Body) -> None:
    if given.get("subscription"):
        question.must(_PARENT, given["subscription"])


def _payments(question: Question, given: Body) -> None:
    if given.get("payment"):
        question.must("body #>> '{{payment,type}}' = {}", given["payment"]["type"])
        if given["payment"].get("payment_intent"):
            question.must("body #>> '{{payment,payment_intent}}' = {}", given["payment"]["payment_intent"])


def _prices(question: Question, given: Body) -> None:
    if given.get("lookup_keys"):
        question.must("body ->> 'lookup_key' = any({})", given["lookup_keys"])
    for name, value in given.get("recurring", {}).items():
        question.must("body #>> ARRAY['recurring', {}] = {}", name, value)


def _products(question: Question, given: Body) -> None:
    if given.get("ids"):
        question.must("id = any({})", given["ids"])


def _schedules(question: Question, given: Body) -> None:
    if given.get("scheduled"):
        question.must("body ->> 'status' = 'not_started'")


_SPECIAL = {
    "invoice": _invoices,
    "invoice_payment": _payments,
    "price": _prices,
    "product": _products,
    "subscription": _subscriptions,
    "subscription_schedule": _schedules,
}
_URLS = {
    "subscription": "/v1/subscription_items?subscription={id}",
    "invoice": "/v1/invoices/{id}/lines",
    "credit_note": "/v1/credit_notes/{id}/lines",
}
_PARTS = {"subscription": {"items": "subscription_item"}, "invoice": {"lines": ""}, "credit_note": {"lines": ""}}
_AUTOMATIC_TAX: Body = {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None}
_ISSUER = {"type": "self"}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "coupon": {"duration": "once", "metadata": {}, "times_redeemed": 0, "valid": True},
    "credit_note": {
        "amount_shipping": 0,
        "discount_amount": 0,
        "discount_amounts": [],
        "lines": [],
        "metadata": {},
        "pdf": "",
        "post_payment_amount": 0,
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "refunds": [],
        "status": "issued",
        "type": "pre_payment",
    },
    "customer": {
        "balance": 0,
        "delinquent": False,
        "invoice_settings": dict.fromkeys(("custom_fields", "default_payment_method", "footer", "rendering_options")),
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    },
    "invoice": {
        "amount_overpaid": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": _AUTOMATIC_TAX,
        "collection_method": "charge_automatically",
        "default_tax_rates": [],
        "discounts": [],
        "issuer": _ISSUER,
        "lines": [],
        "metadata": {},
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
    },
    "invoice_payment": {"is_default": True, "status_transitions": {"canceled_at": None, "paid_at": None}},
    "price": {"active": True, "billing_scheme": "per_unit", "metadata": {}, "type": "recurring"},
    "product": {
        "active": True,
        "images": [],
        "marketing_features": [],
        "metadata": {},
        "type": "service",
        "updated": 0,
    },
    "subscription": {
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_mode": {"flexible": None, "type": "classic"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "collection_method": "charge_automatically",
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": _ISSUER},
        "items": [],
        "metadata": {},
    },
    "subscription_item": {"discounts": [], "metadata": {}, "plan": None, "tax_rates": []},
    "subscription_schedule": {
        "billing_mode": {"flexible": None, "type": "classic"},
        "end_behavior": "release",
        "metadata": {},
        "pause_schedules": [],
        "phases": [],
    },
    "tax_rate": {"active": True, "metadata": {}},
}
