"""Refunds: money going back, at once or after days, or failing to."""

from __future__ import annotations

from payments.sandbox import balance, disputes, methods
from payments.sandbox.books import Books
from payments.sandbox.objects import Body, assign
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import invalid, unexpected


async def create(books: Books, given: Body) -> Body:
    """POST /v1/refunds."""
    charge = await _charge(books, given)
    amount = _amount(charge, given)
    contested = [one for one in await books.where("dispute", charge=charge["id"]) if one["status"] != "prevented"]
    if any(not dispute["is_charge_refundable"] for dispute in contested):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise unexpected(message, "charge_disputed")
    method = await books.one("payment_method", charge["payment_method"])
    refund = _made(books, charge, amount, given, method)
    books.emit("refund.created", refund)
    books.emit("charge.refunded", charge)
    for dispute in contested if charge["refunded"] else []:
        disputes.withdraw(books, dispute)
    return refund


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/refunds/{refund}."""
    del given
    return await books.one("refund", id)


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/refunds/{refund}."""
    refund = await books.one("refund", id)
    assign(refund, given, ("metadata",))
    _changed(books, refund)
    return refund


async def cancel(books: Books, given: Body, id: str) -> Body:
    """POST /v1/refunds/{refund}/cancel: only one that waits for the customer."""
    del given
    refund = await books.one("refund", id)
    if refund["status"] != "requires_action":
        raise unexpected(f"You can't cancel a refund with a status of {refund['status']}.")
    refund["status"] = "canceled"
    await _take_back(books, refund)
    _changed(books, refund)
    return refund


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/refunds."""
    question = Question("refund").equal(given, "charge", "payment_intent").between(given, "created")
    return await page(books, question, given, "/v1/refunds")


async def settle(books: Books, id: str) -> None:
    """The bank's answer to a refund, days later: a pending one succeeds, a doomed one fails."""
    refund = await books.one("refund", id)
    if refund["status"] == "pending":
        refund["status"] = "succeeded"
        _changed(books, refund)
    elif refund["status"] == "succeeded":
        refund["status"], refund["failure_reason"] = "failed", "expired_or_canceled_card"
        await _take_back(books, refund)
        _changed(books, refund)
        books.emit("refund.failed", refund)


async def _charge(books: Books, given: Body) -> Body:
    if ("charge" in given) == ("payment_intent" in given):
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if "charge" in given:
        return await books.one("charge", given["charge"], "charge", 400)
    intent = await books.one("payment_intent", given["payment_intent"], "payment_intent", 400)
    if intent["status"] != "succeeded":
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise unexpected(message, "payment_intent_unexpected_state", param="payment_intent")
    return await books.one("charge", intent["latest_charge"])


def _amount(charge: Body, given: Body) -> int:
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise unexpected(f"Charge {charge['id']} has no captured funds to refund.", param="charge")
    if left == 0:
        raise unexpected(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    amount: int = given.get("amount", left)
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise unexpected(message, param="amount")
    return amount


def _made(books: Books, charge: Body, amount: int, given: Body, method: Body) -> Body:
    """The refund and its movement of money; the charge counts it."""
    instrument = methods.instrument_of(method)
    pends = instrument.refund == "pends" or instrument.type != "card"
    waits = pends and "instructions_email" in given
    refund = books.new(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details=_destination(instrument.type),
        metadata=given.get("metadata") or {},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=given.get("reason"),
        status="requires_action" if waits else "pending" if pends else "succeeded",
    )
    if "instructions_email" in given:
        refund["instructions_email"] = given["instructions_email"]
    moved = balance.move(books, "refund", -amount, charge["currency"], refund["id"], description="REFUND FOR CHARGE")
    refund["balance_transaction"] = moved["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    if (pends and not waits) or instrument.refund == "fails":
        books.later(books.delays.refund, "settle_refund", id=refund["id"])
    return refund


async def _take_back(books: Books, refund: Body) -> None:
    """The money didn't arrive, and returns to the balance."""
    moved = balance.move(books, "refund_failure", refund["amount"], refund["currency"], refund["id"])
    refund["failure_balance_transaction"] = moved["id"]
    charge = await books.one("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    books.emit_update("charge.updated", charge)


def _changed(books: Books, refund: Body) -> None:
    books.emit_update("refund.updated", refund)
    books.emit_update("charge.refund.updated", refund)


def _destination(kind: str) -> Body:
    card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    details = {"card": card, "sepa_debit": None, "us_bank_account": {"reference": None, "reference_status": None}}
    hashes = {"sepa_debit": "eu_bank_transfer", "us_bank_account": "us_bank_transfer"}
    name = hashes.get(kind, kind)
    return {name: details[kind] or {"reference": None, "reference_status": None}, "type": name}
