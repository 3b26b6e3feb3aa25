"""Payment methods: made from test instruments, attached to customers, used once or saved."""

from __future__ import annotations

from typing import Any

from payments.sandbox import cards, debits
from payments.sandbox.books import Books
from payments.sandbox.declines import DECLINES
from payments.sandbox.instruments import Instrument
from payments.sandbox.objects import Body, address, assign, bare, hidden
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import Refused, declined, invalid, unexpected

INSTRUMENTS = cards.BY_TOKEN | debits.BY_TOKEN
_TOKEN_OF = {instrument: token for token, instrument in reversed(INSTRUMENTS.items())}
_PLAYED = ("card", "sepa_debit", "us_bank_account")
_SPENT = (
    "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, "
    "and may not be used again."
)
_ROUTING = "110000000"


async def create(books: Books, given: Body) -> Body:
    """POST /v1/payment_methods."""
    if "type" not in given:
        raise invalid("Missing required param: type.", "type", "parameter_missing")
    return made(books, _described(given), given)


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/payment_methods/{payment_method}."""
    del given
    return await resolved(books, id, "payment_method", 404)


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/payment_methods/{payment_method}."""
    method = await books.one("payment_method", id, "payment_method")
    if not method["customer"]:
        raise unexpected("You must save this PaymentMethod to a customer before you can update it.")
    assign(method, given, ("allow_redisplay", "metadata"))
    if "billing_details" in given:
        method["billing_details"] |= _billing(given["billing_details"], method["billing_details"])
    if method["type"] == "card":
        method["card"] |= {
            name: given["card"][name] for name in ("exp_month", "exp_year") if name in given.get("card", {})
        }
    books.emit_update("payment_method.updated", method)
    return method


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/payment_methods."""
    question = Question("payment_method").equal(given, "customer", "type", "allow_redisplay")
    if "customer" not in given:
        question.must("body ->> 'customer' is not null")
    return await page(books, question, given, "/v1/payment_methods")


async def listing_of(books: Books, given: Body, customer: str) -> Body:
    """GET /v1/customers/{customer}/payment_methods."""
    await books.one("customer", customer, "customer")
    question = Question("payment_method").equal(given | {"customer": customer}, "customer", "type", "allow_redisplay")
    return await page(books, question, given, f"/v1/customers/{customer}/payment_methods")


async def retrieve_of(books: Books, given: Body, customer: str, id: str) -> Body:
    """GET /v1/customers/{customer}/payment_methods/{payment_method}."""
    del given
    method = await books.one("payment_method", id, "payment_method")
    if method["customer"] != customer:
        raise invalid(f"No such payment_method: '{id}'", "payment_method", "resource_missing", 404)
    return method


async def attach(books: Books, given: Body, id: str) -> Body:
    """POST /v1/payment_methods/{payment_method}/attach."""
    customer = await books.named("customer", given, "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    method = await resolved(books, id, "payment_method", 404)
    instrument = instrument_of(method)
    if method["type"] == "card" and not instrument.attaches and instrument.declines:
        raise refusal(instrument.declines)
    put(books, method, customer["id"])
    return method


async def detach(books: Books, given: Body, id: str) -> Body:
    """POST /v1/payment_methods/{payment_method}/detach."""
    del given
    method = await books.one("payment_method", id, "payment_method")
    if not method["customer"]:
        raise unexpected("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = await books.maybe(method["customer"])
    method["customer"] = None
    hidden(method)["spent"] = True
    books.emit("payment_method.detached", method)
    if customer and not customer.get("deleted") and customer["invoice_settings"]["default_payment_method"] == id:
        customer["invoice_settings"]["default_payment_method"] = None
        books.emit_update("customer.updated", customer)
    return method


async def resolved(books: Books, id: str, param: str, status: int) -> Body:
    """The payment method of an id, or a new one of a test token such as `pm_card_visa`."""
    instrument = INSTRUMENTS.get(id)
    return made(books, instrument) if instrument else await books.one("payment_method", id, param, status)


async def usable(books: Books, given: Body, customer: str | None) -> Body | None:
    """The method that a request wants to pay or set up with; it must belong to the same customer."""
    if "payment_method_data" in given:
        return made(books, _described(given["payment_method_data"]), given["payment_method_data"])
    if not given.get("payment_method"):
        return None
    method = await resolved(books, given["payment_method"], "payment_method", 400)
    if method["customer"] and method["customer"] != customer:
        whose = "does not belong to the Customer you supplied" if customer else "belongs to a Customer"
        raise invalid(
            f"The provided PaymentMethod {whose}. Please include the Customer in the `customer` parameter "
            "on the PaymentIntent.",
            "payment_method",
        )
    if hidden(method).get("spent") and not method["customer"]:
        raise unexpected(_SPENT)
    return method


def made(books: Books, instrument: Instrument, given: Body | None = None, **known: Any) -> Body:
    """A new payment method that behaves like an instrument."""
    given = given or {}
    method = books.new(
        "payment_method",
        **known,
        type=instrument.type,
        allow_redisplay=given.get("allow_redisplay", "unspecified"),
        billing_details=_billing(given.get("billing_details", {}), {}),
        customer=None,
        customer_account=None,
        metadata=given.get("metadata", {}),
    )
    method[instrument.type] = _DETAILS[instrument.type](books, instrument, given.get(instrument.type, {}))
    hidden(method)["instrument"] = _TOKEN_OF[instrument]
    return method


def put(books: Books, method: Body, customer: str) -> None:
    """Save a method to a customer. Raises Refused if it is another's, or was used up."""
    if method["customer"]:
        message = "The payment method you provided has already been attached to a customer."
        raise unexpected(message, "payment_method_already_attached")
    if hidden(method).get("spent"):
        raise unexpected(_SPENT)
    method["customer"] = customer
    books.emit("payment_method.attached", method)


def instrument_of(method: Body) -> Instrument:
    """How a method behaves."""
    return INSTRUMENTS[hidden(method)["instrument"]]


def refusal(decline: str, **facts: Any) -> Refused:
    """A card's decline as the error that Stripe answers."""
    why = DECLINES[decline]
    param = {"incorrect_cvc": "cvc", "expired_card": "exp_month", "incorrect_number": "number"}.get(why.code)
    return declined(
        why.message,
        why.code,
        decline_code=why.decline_code,
        advice_code=why.advice,
        network_decline_code=why.network_code,
        param=param,
        **{name: bare(fact) if isinstance(fact, dict) else fact for name, fact in facts.items()},
    )


def _described(given: Body) -> Instrument:
    """The instrument that the hash of a payment method's type describes."""
    kind = given["type"]
    if kind not in _PLAYED:
        raise invalid(f"This sandbox doesn't play the payment method type `{kind}`.", "type")
    details = given.get(kind, {})
    match kind:
        case "card" if details.get("token"):
            return _known(cards.TOKENS, details["token"], "card[token]", f"No such token: '{details['token']}'")
        case "card":
            return _card(details)
        case "sepa_debit":
            _require_payer(given)
            return _known(
                debits.BY_NUMBER, details.get("iban", "").replace(" ", ""), "sepa_debit[iban]", "Invalid IBAN."
            )
    number = details.get("account_number", "")
    return _known(debits.BY_NUMBER, number, "us_bank_account[account_number]", "Invalid account number.")


def _known(instruments: dict[str, Instrument], number: str, param: str, message: str) -> Instrument:
    if number not in instruments:
        raise invalid(message, param, "resource_missing" if "token" in param else "parameter_invalid_string")
    return instruments[number]


def _card(details: Body) -> Instrument:
    number = details.get("number", "").replace(" ", "")
    if not number:
        raise invalid("Missing required param: card.", "card", "parameter_missing")
    if number not in cards.BY_NUMBER:
        raise refusal("test_mode_live_card" if _checks_out(number) else "incorrect_number")
    return cards.BY_NUMBER[number]


def _checks_out(number: str) -> bool:
    """Luhn's check over the digits."""
    if not number.isdecimal():
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(digit - 9 * (digit > 9) for digit in doubled) % 10 == 0  # noqa: PLR2004 - the sum of a number's two digits


def _require_payer(given: Body) -> None:
    for field in ("name", "email"):
        if not given.get("billing_details", {}).get(field):
            param = f"billing_details[{field}]"
            raise invalid(f"Missing required param: {param}.", param, "parameter_missing")


def _billing(given: Body, before: Body) -> Body:
    plain = {field: given.get(field, before.get(field)) or None for field in ("email", "name", "phone", "tax_id")}
    known = address(given["address"]) if "address" in given else before.get("address")
    return {"address": known or address({}), **plain}


def _card_details(books: Books, instrument: Instrument, given: Body) -> Body:
    unchecked = {"address_line1_check": None, "address_postal_code_check": None}
    return {
        "brand": instrument.brand,
        "checks": unchecked | {"cvc_check": "unchecked"},
        "country": instrument.country,
        "display_brand": instrument.brand,
        "exp_month": given.get("exp_month", 12),
        "exp_year": given.get("exp_year", 1970 + books.now // 31_556_952 + 3),
        "fingerprint": f"{instrument.number[-4:]}{instrument.brand:x>12.12}",
        "funding": instrument.funding,
        "generated_from": None,
        "last4": instrument.number[-4:],
        "networks": {"available": [instrument.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": bool(instrument.authentication)},
        "wallet": None,
    }


def _sepa_details(books: Books, instrument: Instrument, given: Body) -> Body:
    del books, given
    return {
        "bank_code": instrument.number[4:12],
        "branch_code": "",
        "country": instrument.country,
        "fingerprint": f"sepa{instrument.number[-12:]}",
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": instrument.number[-4:],
    }


def _account_details(books: Books, instrument: Instrument, given: Body) -> Body:
    del books
    return {
        "account_holder_type": given.get("account_holder_type", "individual"),
        "account_type": given.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": f"ach{instrument.number:0>13}",
        "last4": instrument.number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": given.get("routing_number", _ROUTING),
        "status_details": {},
    }


_DETAILS = {"card": _card_details, "sepa_debit": _sepa_details, "us_bank_account": _account_details}
