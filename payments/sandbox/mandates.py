"""Mandates: the payer's permission to debit, made when a debit is accepted."""

from __future__ import annotations

from payments.sandbox.books import Books
from payments.sandbox.objects import Body, hidden
from payments.sandbox.refusals import invalid


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/mandates/{mandate}."""
    del given
    return await books.one("mandate", id, "mandate")


async def ensured(books: Books, method: Body, given: Body) -> Body | None:
    """The mandate of a debit: the one named, a new one from `mandate_data`, or the method's own.

    None for a card. Raises Refused when a debit has none, or it is no longer active.
    """
    if method["type"] == "card":
        return None
    if given.get("mandate_data"):
        return _accepted(books, method, given["mandate_data"].get("customer_acceptance", {"type": "online"}))
    named = given.get("mandate") or hidden(method).get("mandate")
    if not named:
        kind = method["type"]
        raise invalid(
            f"A `mandate_data` is required when confirming with a {kind} that has no mandate.",
            "mandate_data",
            "parameter_missing",
        )
    mandate = await books.one("mandate", named, "mandate", 400)
    if mandate["status"] != "active":
        raise invalid(f"The mandate {named} is {mandate['status']} and can't be used.", "mandate", "mandate_invalid")
    return mandate


def revoke(books: Books, mandate: Body) -> None:
    """The payer withdrew the permission."""
    mandate["status"] = "inactive"
    books.emit_update("mandate.updated", mandate)


def _accepted(books: Books, method: Body, acceptance: Body) -> Body:
    accepted = {"accepted_at": acceptance.get("accepted_at", books.now), "type": acceptance["type"]}
    if acceptance["type"] == "online":
        online = acceptance.get("online") or {}
        accepted["online"] = {field: online.get(field) for field in ("ip_address", "user_agent")}
    else:
        accepted["offline"] = {}
    mandate_id = books.ids.of("mandate")
    details = {
        "sepa_debit": {
            "reference": mandate_id[-12:].upper(),
            "url": f"{books.caller.base}/_sandbox/objects/{mandate_id}",
        }
    }
    mandate = books.new(
        "mandate",
        id=mandate_id,
        customer_acceptance=accepted,
        multi_use={},
        payment_method=method["id"],
        payment_method_details={"type": method["type"], method["type"]: details.get(method["type"], {})},
        status="active",
        type="multi_use",
    )
    hidden(method)["mandate"] = mandate_id
    return mandate
