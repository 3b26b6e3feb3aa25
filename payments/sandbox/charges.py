"""Charges: one try to move money each."""

from __future__ import annotations

from payments.sandbox import balance, methods
from payments.sandbox.books import Books
from payments.sandbox.declines import BANK_DECLINES, DECLINES
from payments.sandbox.instruments import Instrument
from payments.sandbox.objects import Body, assign, shipping
from payments.sandbox.pages import Question, page

_SCORES = {"normal": 12, "elevated": 68, "highest": 92}


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/charges/{charge}."""
    del given
    return await books.one("charge", id)


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/charges/{charge}."""
    charge = await books.one("charge", id)
    await books.named("customer", given, "customer")
    assign(charge, given, ("customer", "description", "metadata", "receipt_email"))
    if "shipping" in given:
        charge["shipping"] = shipping(given["shipping"])
    if "fraud_details" in given:
        report = given["fraud_details"]["user_report"]
        charge["fraud_details"] = {"user_report": report} if report else {}
    books.emit_update("charge.updated", charge)
    return charge


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/charges."""
    question = Question("charge").equal(given, "customer", "payment_intent").between(given, "created")
    return await page(books, question, given, "/v1/charges")


def made(books: Books, intent: Body, method: Body, mandate: str | None, *, authenticated: bool) -> Body:
    """A new charge of an intent, still pending."""
    charge = books.new(
        "charge",
        amount=intent["amount"],
        amount_captured=0,
        amount_refunded=0,
        billing_details=method["billing_details"],
        calculated_statement_descriptor="SANDBOX",
        captured=False,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        fraud_details={},
        metadata=dict(intent["metadata"]),
        paid=False,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_details(method, mandate, authenticated=authenticated),
        radar_options={},
        receipt_email=intent["receipt_email"],
        refunded=False,
        shipping=intent["shipping"],
        statement_descriptor=intent["statement_descriptor"],
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        status="pending",
    )
    charge["receipt_url"] = f"{books.caller.base}/_sandbox/objects/{charge['id']}"
    intent["latest_charge"] = charge["id"]
    return charge


def approve(charge: Body, instrument: Instrument) -> None:
    """The bank said yes; nothing is captured yet."""
    charge["status"], charge["paid"] = "succeeded", True
    charge["outcome"] = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": instrument.risk if instrument.type == "card" else "not_assessed",
        "risk_score": _SCORES[instrument.risk],
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def fail(charge: Body, instrument: Instrument, decline: str) -> None:
    """The bank, or the fraud rules, said no."""
    why = (DECLINES if instrument.type == "card" else BANK_DECLINES)[decline]
    blocked = instrument.risk == "highest"
    charge["status"], charge["paid"] = "failed", False
    charge["failure_code"] = why.code if instrument.type == "card" else why.decline_code
    charge["failure_message"] = why.message
    charge["outcome"] = {
        "advice_code": why.advice,
        "network_advice_code": None,
        "network_decline_code": why.network_code,
        "network_status": "not_sent_to_network" if blocked else "declined_by_network",
        "reason": "highest_risk_level" if blocked else why.decline_code,
        "risk_level": instrument.risk if instrument.type == "card" else "not_assessed",
        "risk_score": _SCORES[instrument.risk],
        "seller_message": "Stripe blocked this payment as too risky." if blocked else "The bank declined the payment.",
        "type": "blocked" if blocked else "issuer_declined",
    }


def capture(books: Books, charge: Body, amount: int, method: Body, *, late: bool) -> None:
    """Take the money of an approved charge. Its fee is booked now, or `late` as Stripe does by default."""
    instrument = methods.instrument_of(method)
    charge["captured"], charge["amount_captured"] = True, amount
    if late:
        books.later(books.delays.fee, "book_fee", id=charge["id"])
    else:
        balance.collect(books, charge, instrument)
    follow = books.delays.sepa_dispute if instrument.type == "sepa_debit" else books.delays.dispute
    if instrument.disputes:
        books.later(follow, "open_disputes", id=charge["id"])
    if instrument.warns:
        books.later(follow, "warn_of_fraud", id=charge["id"])


async def book_fee(books: Books, id: str) -> None:
    """The balance transaction that an `automatic_async` charge had to wait for."""
    charge = await books.one("charge", id)
    if not charge["balance_transaction"]:
        method = await books.one("payment_method", charge["payment_method"])
        balance.collect(books, charge, methods.instrument_of(method))
        books.emit_update("charge.updated", charge)


def _details(method: Body, mandate: str | None, *, authenticated: bool) -> Body:
    """What the charge remembers of the method that paid it."""
    kind = method["type"]
    own = method[kind]
    match kind:
        case "card":
            copied: tuple[str, ...] = (
                "brand",
                "country",
                "exp_month",
                "exp_year",
                "fingerprint",
                "funding",
                "last4",
                "regulated_status",
            )
            details = {field: own[field] for field in copied} | {
                "authorization_code": "123456",
                "checks": own["checks"],
                "installments": None,
                "mandate": None,
                "network": own["brand"],
                "network_token": {"used": False},
                "three_d_secure": _THREE_D_SECURE if authenticated else None,
                "wallet": None,
            }
        case "sepa_debit":
            copied = ("bank_code", "branch_code", "country", "fingerprint", "last4")
            details = {field: own[field] for field in copied} | {"mandate": mandate}
        case _:
            copied = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
            details = {field: own[field] for field in copied} | {"mandate": mandate, "payment_reference": None}
    return {"type": kind, kind: details}


_THREE_D_SECURE = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": "00000000-0000-0000-0000-000000000000",
    "version": "2.2.0",
}
