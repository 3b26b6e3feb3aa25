"""Payment intents: from an amount, by a method, to money; one try at a time."""

from __future__ import annotations

from typing import Any

from payments.sandbox import charges, charging, currencies, methods
from payments.sandbox.books import Books
from payments.sandbox.objects import Body, assign, bare, shipping
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import Refused, invalid, unexpected
from payments.sandbox.search import search

_FIELDS = (
    "capture_method",
    "description",
    "metadata",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
)
_ONLY_WITH_CONFIRM = ("error_on_requires_action", "mandate", "mandate_data", "off_session", "return_url")
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_TYPES = {"eur": ["card", "sepa_debit"], "usd": ["card", "us_bank_account"]}


async def create(books: Books, given: Body) -> Body:
    """POST /v1/payment_intents."""
    currencies.check_charge(given["amount"], given["currency"])
    for param in _ONLY_WITH_CONFIRM:
        if param in given and not given.get("confirm"):
            raise invalid(f"`{param}` can only be given when `confirm` is true.", param)
    customer = await books.named("customer", given, "customer")
    allowed = await accepted(books, given, given["currency"])
    intent = books.new(
        "payment_intent",
        amount=given["amount"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method="automatic_async",
        confirmation_method=given.get("confirmation_method", "automatic"),
        currency=given["currency"],
        customer=customer["id"] if customer else None,
        metadata={},
        status="requires_payment_method",
        **allowed,
    )
    intent["client_secret"] = f"{intent['id']}_secret_{books.ids.text(25)}"
    await _fill(books, intent, given)
    books.emit("payment_intent.created", intent)
    if given.get("confirm"):
        await _confirm(books, intent, given)
    return intent


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/payment_intents/{intent}."""
    del given
    return await books.one("payment_intent", id, "intent")


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/payment_intents/{intent}."""
    intent = await books.one("payment_intent", id, "intent")
    moving = given.keys() - {"description", "metadata", "receipt_email"}
    if moving and intent["status"] not in _OPEN:
        raise wrong_state(intent, f"This PaymentIntent's {min(moving)} could not be updated because it has a status of")
    currency: str = (intent | given)["currency"]
    amount: int = (intent | given)["amount"]
    currencies.check_charge(amount, currency)
    customer = await books.named("customer", given, "customer")
    if customer:
        intent["customer"] = customer["id"]
    intent["amount"], intent["currency"] = amount, currency
    if given.keys() & _TYPE_PARAMS:
        intent |= await accepted(books, given, currency)
    await _fill(books, intent, given)
    return intent


async def confirm(books: Books, given: Body, id: str) -> Body:
    """POST /v1/payment_intents/{intent}/confirm."""
    intent = await books.one("payment_intent", id, "intent")
    if intent["status"] == "succeeded":
        message = (
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
        )
        raise unexpected(message, "payment_intent_unexpected_state", payment_intent=bare(intent))
    if intent["status"] not in _OPEN:
        raise wrong_state(intent, "You cannot confirm this PaymentIntent because it has a status of")
    if given.get("amount_to_confirm", intent["amount"]) != intent["amount"]:
        raise unexpected("The `amount_to_confirm` is not the amount of the PaymentIntent.", param="amount_to_confirm")
    if given.keys() & _TYPE_PARAMS:
        intent |= await accepted(books, given, intent["currency"])
    await _fill(books, intent, given)
    await _confirm(books, intent, given)
    return intent


async def capture(books: Books, given: Body, id: str) -> Body:
    """POST /v1/payment_intents/{intent}/capture."""
    intent = await books.one("payment_intent", id, "intent")
    if intent["status"] != "requires_capture":
        raise wrong_state(intent, "This PaymentIntent could not be captured because it has a status of")
    amount: int = ({"amount_to_capture": intent["amount_capturable"]} | given)["amount_to_capture"]
    if not 0 < amount <= intent["amount_capturable"]:
        raise unexpected("The amount to capture is not between 1 and the capturable amount.", param="amount_to_capture")
    if given.get("final_capture") is False:
        raise invalid("This sandbox doesn't play multicapture.", "final_capture")
    assign(intent, given, ("metadata", "statement_descriptor", "statement_descriptor_suffix"))
    charge = await books.one("charge", intent["latest_charge"])
    method = await books.one("payment_method", charge["payment_method"])
    charges.capture(books, charge, amount, method, late=False)
    intent["status"], intent["amount_capturable"], intent["amount_received"] = "succeeded", 0, amount
    books.emit("charge.captured", charge)
    books.emit("payment_intent.succeeded", intent)
    return intent


async def cancel(books: Books, given: Body, id: str) -> Body:
    """POST /v1/payment_intents/{intent}/cancel: a debit can be canceled while it is processed, if it is American."""
    intent = await books.one("payment_intent", id, "intent")
    stoppable = [*_OPEN, "requires_capture"]
    if intent["status"] == "processing":
        method = await books.one("payment_method", intent["payment_method"])
        stoppable += ["processing"] * (method["type"] == "us_bank_account")
    if intent["status"] not in stoppable:
        raise wrong_state(intent, "You cannot cancel this PaymentIntent because it has a status of")
    await _check_own(books, intent)
    await charging.release(books, intent, given.get("cancellation_reason"), "charge.refunded")
    return intent


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/payment_intents."""
    question = Question("payment_intent").equal(given, "customer").between(given, "created")
    return await page(books, question, given, "/v1/payment_intents")


async def searching(books: Books, given: Body) -> Body:
    """GET /v1/payment_intents/search."""
    return await search(books, "payment_intent", given, "/v1/payment_intents/search")


def wrong_state(intent: Body, sentence: str) -> Refused:
    """The refusal of what an intent's status doesn't allow."""
    kind = intent["object"]
    status = intent["status"]
    return unexpected(f"{sentence} {status}.", f"{kind}_unexpected_state", **{kind: bare(intent)})


async def accepted(books: Books, given: Body, currency: str | None) -> Body:
    """The fields that tell which types of payment methods an intent takes, from what a request says."""
    named = given.get("allowed_payment_method_types") or None
    automatic = given.get("automatic_payment_methods")
    if named and automatic and automatic["enabled"]:
        raise invalid(
            "You may only specify one of these parameters: automatic_payment_methods, allowed_payment_method_types.",
            "automatic_payment_methods",
        )
    (configuration,) = await books.where("payment_method_configuration")
    excluded = given.get("excluded_payment_method_types") or None
    default = _TYPES.get(currency or "", ["card"]) if currency else ["card", "sepa_debit", "us_bank_account"]
    types = [kind for kind in named or default if kind not in (excluded or [])]
    options = _OPTIONS if currency else _SETUP_OPTIONS
    redirects = (automatic or {}).get("allow_redirects", "always")
    return {
        "allowed_payment_method_types": named,
        "automatic_payment_methods": None if named else {"allow_redirects": redirects, "enabled": True},
        "excluded_payment_method_types": excluded,
        "payment_method_configuration_details": None if named else {"id": configuration["id"], "parent": None},
        "payment_method_options": {kind: dict(options.get(kind, {})) for kind in types},
        "payment_method_types": types,
    }


async def chosen(books: Books, intent: Body, given: Body) -> None:
    """Put the method that a request names on the intent, if it names one."""
    method = await methods.usable(books, given, intent["customer"])
    if method is None:
        return
    if method["type"] not in intent["payment_method_types"]:
        raise unexpected(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this intent. "
            f"It takes: {', '.join(intent['payment_method_types'])}.",
            "payment_intent_incompatible_payment_method",
            param="payment_method",
        )
    intent["payment_method"] = method["id"]
    if intent["status"] in _OPEN:
        intent["status"] = "requires_confirmation"


async def _check_own(books: Books, intent: Body) -> None:
    """Refuse to cancel the intent that Stripe itself keeps for an open invoice."""
    for payment in await books.where("invoice_payment", status="open"):
        if payment["is_default"] and payment["payment"].get("payment_intent") == intent["id"]:
            raise unexpected(
                "You cannot cancel this PaymentIntent because it is the default payment of an invoice. "
                "Void the invoice instead.",
                "payment_intent_unexpected_state",
                payment_intent=bare(intent),
            )


async def _fill(books: Books, intent: Body, given: Body) -> None:
    assign(intent, given, _FIELDS)
    if "shipping" in given:
        intent["shipping"] = shipping(given["shipping"])
    for kind, options in given.get("payment_method_options", {}).items():
        if kind in intent["payment_method_options"] and isinstance(options, dict):
            intent["payment_method_options"][kind] = intent["payment_method_options"][kind] | options
    await chosen(books, intent, given)


async def _confirm(books: Books, intent: Body, given: Body) -> None:
    if not intent["payment_method"]:
        raise unexpected(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            "payment_intent_unexpected_state",
            payment_intent=bare(intent),
        )
    redirects = (intent["automatic_payment_methods"] or {}).get("allow_redirects") == "always"
    if redirects and not given.get("return_url") and not given.get("off_session") and not given.get("use_stripe_sdk"):
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.",
            "return_url",
        )
    method = await books.one("payment_method", intent["payment_method"])
    refused = await charging.attempt(books, intent, method, given)
    if refused:
        raise refused


_TYPE_PARAMS = {"allowed_payment_method_types", "automatic_payment_methods", "excluded_payment_method_types"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "card": {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
    "sepa_debit": {},
    "us_bank_account": {"verification_method": "automatic"},
}
_SETUP_OPTIONS: dict[str, dict[str, Any]] = {
    "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
    "sepa_debit": {},
    "us_bank_account": {"verification_method": "automatic"},
}
