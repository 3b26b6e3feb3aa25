"""Charging: what happens to a payment intent between its confirmation and the end of its try.

A card answers at once, or asks the payer to authenticate. A debit is processed for
days. A refusal is returned, not raised: only a request can be answered with it.
"""

from __future__ import annotations

from payments.sandbox import charges, mandates, methods
from payments.sandbox.books import Books
from payments.sandbox.declines import BANK_DECLINES, DECLINES
from payments.sandbox.instruments import Instrument
from payments.sandbox.objects import Body, bare, hidden
from payments.sandbox.refusals import Refused, declined


async def attempt(books: Books, intent: Body, method: Body, given: Body) -> Refused | None:
    """Try to charge a method for an intent; the refusal, if the bank says no."""
    instrument = methods.instrument_of(method)
    mandate = await mandates.ensured(books, method, given)
    hidden(intent)["mandate"] = mandate["id"] if mandate else None
    intent["payment_method"] = method["id"]
    intent["last_payment_error"] = intent["next_action"] = None
    if must_authenticate(instrument, method, off_session=bool(given.get("off_session"))):
        if given.get("off_session") or given.get("error_on_requires_action"):
            return _fail(books, intent, method, "authentication_required")
        challenge(books, intent, given.get("return_url"))
        books.emit("payment_intent.requires_action", intent)
        return None
    return _pay(books, intent, method, authenticated=False)


def must_authenticate(instrument: Instrument, method: Body, *, off_session: bool) -> bool:
    """Whether the payer's bank wants to see the payer."""
    match instrument.authentication:
        case "always":
            return True
        case "unless set up":
            return not (off_session and hidden(method).get("set_up"))
        case "on session":
            return not off_session
    return False


def challenge(books: Books, intent: Body, return_url: str | None) -> None:
    """Send the payer to the bank: a page of the sandbox with two buttons."""
    url = f"{books.caller.base}/_sandbox/3ds/{intent['id']}?client_secret={intent['client_secret']}"
    intent["status"] = "requires_action"
    if return_url:
        redirect = {"return_url": return_url, "url": url}
        intent["next_action"] = {"redirect_to_url": redirect, "type": "redirect_to_url"}
    else:
        sdk = {"source": f"src_{books.ids.text()}", "stripe_js": url, "type": "three_d_secure_redirect"}
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


async def authenticated(books: Books, intent: Body, *, passed: bool) -> None:
    """The payer came back from the bank."""
    method = await books.one("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if passed:
        _pay(books, intent, method, authenticated=True)
        return
    error = {
        "code": "payment_intent_authentication_failure",
        "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again.",
        "type": "invalid_request_error",
    }
    _reopen(books, intent, method, error)


async def settle_debit(books: Books, id: str) -> None:
    """The bank's answer to a debit, days later."""
    intent = await books.one("payment_intent", id)
    if intent["status"] != "processing":
        return
    method = await books.one("payment_method", intent["payment_method"])
    charge = await books.one("charge", intent["latest_charge"])
    instrument = methods.instrument_of(method)
    if not instrument.declines:
        _succeed(books, intent, method, charge)
        return
    if instrument.declines == "debit_not_authorized" and hidden(intent).get("mandate"):
        mandates.revoke(books, await books.one("mandate", hidden(intent)["mandate"]))
    _fail(books, intent, method, instrument.declines, charge)


async def expire_authorization(books: Books, id: str) -> None:
    """Nobody captured: the hold on the payer's money ends."""
    intent = await books.one("payment_intent", id)
    if intent["status"] == "requires_capture":
        await release(books, intent, "automatic", "charge.expired")


async def release(books: Books, intent: Body, reason: str | None, event: str) -> None:
    """Cancel an intent, and give back what a charge of it holds."""
    if intent["latest_charge"] and intent["status"] in ("requires_capture", "processing"):
        charge = await books.one("charge", intent["latest_charge"])
        if intent["status"] == "processing":
            charge["status"] = "failed"
            event = "charge.failed"
        else:
            charge["amount_refunded"], charge["refunded"] = charge["amount"], True
        books.emit(event, charge)
    intent["status"], intent["next_action"] = "canceled", None
    intent["amount_capturable"] = 0
    intent["canceled_at"], intent["cancellation_reason"] = books.now, reason
    books.emit("payment_intent.canceled", intent)


def _pay(books: Books, intent: Body, method: Body, *, authenticated: bool) -> Refused | None:
    instrument = methods.instrument_of(method)
    if instrument.type == "card" and instrument.declines:
        return _fail(books, intent, method, instrument.declines)
    charge = charges.made(books, intent, method, hidden(intent).get("mandate"), authenticated=authenticated)
    if instrument.type == "card":
        _succeed(books, intent, method, charge)
    else:
        _debit(books, intent, instrument, charge)
    return None


def _debit(books: Books, intent: Body, instrument: Instrument, charge: Body) -> None:
    intent["status"] = "processing"
    delays = books.delays
    slow = {"sepa_debit": delays.sepa_slow if instrument.slow else delays.sepa, "us_bank_account": delays.ach}
    if instrument.settles:
        books.later(slow[instrument.type], "settle_debit", id=intent["id"])
    books.emit("charge.pending", charge)
    books.emit("payment_intent.processing", intent)


def _succeed(books: Books, intent: Body, method: Body, charge: Body) -> None:
    charges.approve(charge, methods.instrument_of(method))
    _save(books, intent, method)
    if intent["capture_method"] == "manual":
        intent["status"], intent["amount_capturable"] = "requires_capture", intent["amount"]
        books.later(books.delays.authorization, "expire_authorization", id=intent["id"])
        books.emit("charge.succeeded", charge)
        books.emit("payment_intent.amount_capturable_updated", intent)
        return
    late = intent["capture_method"] == "automatic_async" and method["type"] == "card"
    charges.capture(books, charge, charge["amount"], method, late=late)
    intent["status"], intent["amount_received"] = "succeeded", intent["amount"]
    books.emit("charge.succeeded", charge)
    books.emit("payment_intent.succeeded", intent)


def _save(books: Books, intent: Body, method: Body) -> None:
    """Keep the method for later payments if that was asked for; otherwise it is used up."""
    if intent["setup_future_usage"] and intent["customer"] and not method["customer"]:
        methods.put(books, method, intent["customer"])
    if intent["setup_future_usage"] == "off_session":
        hidden(method)["set_up"] = True
    if not method["customer"]:
        hidden(method)["spent"] = True


def _fail(books: Books, intent: Body, method: Body, decline: str, charge: Body | None = None) -> Refused:
    """Record a failed charge, and reopen the intent. Gives the error a request is answered with."""
    charge = charge or charges.made(books, intent, method, hidden(intent).get("mandate"), authenticated=False)
    instrument = methods.instrument_of(method)
    charges.fail(charge, instrument, decline)
    books.emit("charge.failed", charge)
    why = (DECLINES if instrument.type == "card" else BANK_DECLINES)[decline]
    refused = (
        methods.refusal(decline, charge=charge["id"])
        if instrument.type == "card"
        else declined(why.message, why.code, decline_code=why.decline_code, charge=charge["id"])
    )
    _reopen(books, intent, method, refused.error)
    refused.error |= {"payment_intent": bare(intent), "payment_method": bare(method)}
    return refused


def _reopen(books: Books, intent: Body, method: Body, error: Body) -> None:
    intent["status"], intent["payment_method"] = "requires_payment_method", None
    intent["last_payment_error"] = error | {"payment_method": bare(method)}
    books.emit("payment_intent.payment_failed", intent)
