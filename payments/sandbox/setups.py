"""Setup intents: save a method for payments without the payer."""

from __future__ import annotations

from payments.sandbox import charging, intents, mandates, methods
from payments.sandbox.books import Books
from payments.sandbox.objects import Body, assign, bare, hidden
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import Refused, invalid, unexpected

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_FIELDS = ("attach_to_self", "description", "flow_directions", "metadata")


async def create(books: Books, given: Body) -> Body:
    """POST /v1/setup_intents."""
    for param in ("mandate_data", "return_url", "single_use"):
        if param in given and not given.get("confirm"):
            raise invalid(f"`{param}` can only be given when `confirm` is true.", param)
    customer = await books.named("customer", given, "customer")
    intent = books.new(
        "setup_intent",
        customer=customer["id"] if customer else None,
        metadata={},
        status="requires_payment_method",
        usage=given.get("usage", "off_session"),
        **await intents.accepted(books, given, None),
    )
    intent["client_secret"] = f"{intent['id']}_secret_{books.ids.text(25)}"
    await _fill(books, intent, given)
    books.emit("setup_intent.created", intent)
    if given.get("confirm"):
        await _confirm(books, intent, given)
    return intent


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/setup_intents/{intent}."""
    del given
    return await books.one("setup_intent", id, "intent")


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/setup_intents/{intent}."""
    intent = await books.one("setup_intent", id, "intent")
    customer = await books.named("customer", given, "customer")
    if customer:
        intent["customer"] = customer["id"]
    await _fill(books, intent, given)
    return intent


async def confirm(books: Books, given: Body, id: str) -> Body:
    """POST /v1/setup_intents/{intent}/confirm."""
    intent = await books.one("setup_intent", id, "intent")
    if intent["status"] not in _OPEN:
        raise intents.wrong_state(intent, "You cannot confirm this SetupIntent because it has a status of")
    await _fill(books, intent, given)
    await _confirm(books, intent, given)
    return intent


async def cancel(books: Books, given: Body, id: str) -> Body:
    """POST /v1/setup_intents/{intent}/cancel."""
    intent = await books.one("setup_intent", id, "intent")
    if intent["status"] not in _OPEN:
        raise intents.wrong_state(intent, "You cannot cancel this SetupIntent because it has a status of")
    intent["status"], intent["next_action"] = "canceled", None
    intent["cancellation_reason"] = given.get("cancellation_reason")
    books.emit("setup_intent.canceled", intent)
    return intent


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/setup_intents."""
    question = Question("setup_intent").equal(given, "customer", "payment_method", "attach_to_self")
    return await page(books, question.between(given, "created"), given, "/v1/setup_intents")


async def authenticated(books: Books, intent: Body, *, passed: bool) -> None:
    """The payer came back from the bank."""
    method = await books.one("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if passed:
        _save(books, intent, method)
        return
    error = {
        "code": "setup_intent_authentication_failure",
        "message": "The latest attempt to set up the payment method has failed because authentication failed.",
        "type": "invalid_request_error",
    }
    _reopen(books, intent, method, error)


async def _fill(books: Books, intent: Body, given: Body) -> None:
    assign(intent, given, _FIELDS)
    await intents.chosen(books, intent, given)


async def _confirm(books: Books, intent: Body, given: Body) -> None:
    if not intent["payment_method"]:
        raise unexpected(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a "
            "payment method and then confirm it again.",
            "setup_intent_unexpected_state",
            setup_intent=bare(intent),
        )
    redirects = (intent["automatic_payment_methods"] or {}).get("allow_redirects") == "always"
    if redirects and not given.get("return_url") and not given.get("use_stripe_sdk"):
        raise invalid("This SetupIntent takes methods that redirect: you must provide a `return_url`.", "return_url")
    method = await books.one("payment_method", intent["payment_method"])
    instrument = methods.instrument_of(method)
    mandate = await mandates.ensured(books, method, given)
    intent["mandate"] = mandate["id"] if mandate else None
    intent["last_setup_error"] = intent["next_action"] = None
    if method["type"] == "card" and not instrument.attaches and instrument.declines:
        raise _declined(books, intent, method, instrument.declines)
    if instrument.authentication:
        charging.challenge(books, intent, given.get("return_url"))
        books.emit("setup_intent.requires_action", intent)
        return
    _save(books, intent, method)


def _save(books: Books, intent: Body, method: Body) -> None:
    intent["status"] = "succeeded"
    if intent["customer"] and not method["customer"]:
        methods.put(books, method, intent["customer"])
    hidden(method)["set_up"] = intent["usage"] == "off_session"
    books.emit("setup_intent.succeeded", intent)


def _declined(books: Books, intent: Body, method: Body, decline: str) -> Refused:
    refused = methods.refusal(decline)
    _reopen(books, intent, method, refused.error)
    refused.error |= {"setup_intent": bare(intent), "payment_method": bare(method)}
    return refused


def _reopen(books: Books, intent: Body, method: Body, error: Body) -> None:
    intent["status"], intent["payment_method"] = "requires_payment_method", None
    intent["last_setup_error"] = error | {"payment_method": bare(method)}
    books.emit("setup_intent.setup_failed", intent)
