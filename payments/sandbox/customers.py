"""Customers, and the sessions that let a front end show their saved methods."""

from __future__ import annotations

import re

from payments.sandbox import customer_balances, methods, tax_ids
from payments.sandbox.books import Books
from payments.sandbox.objects import Body, address, assign, shipping
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import invalid
from payments.sandbox.search import search

_PLAIN = ("business_name", "description", "email", "individual_name", "invoice_prefix", "name", "next_invoice_sequence")
_FIELDS = (*_PLAIN, "metadata", "phone", "preferred_locales", "tax_exempt")
_SETTINGS = ("custom_fields", "default_payment_method", "footer", "rendering_options")
_SESSION = 30 * 60
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_LOCKED = {
    "customer_sheet": {"payment_method_allow_redisplay_filters": ["always"], "payment_method_remove": "disabled"},
    "mobile_payment_element": {
        "payment_method_allow_redisplay_filters": ["always"],
        "payment_method_redisplay": "disabled",
        "payment_method_remove": "disabled",
        "payment_method_save": "disabled",
        "payment_method_save_allow_redisplay_override": None,
    },
    "payment_element": {
        "payment_method_allow_redisplay_filters": ["always"],
        "payment_method_redisplay": "disabled",
        "payment_method_redisplay_limit": 3,
        "payment_method_remove": "disabled",
        "payment_method_save": "disabled",
        "payment_method_save_usage": None,
    },
}


async def create(books: Books, given: Body) -> Body:
    """POST /v1/customers."""
    customer = books.new(
        "customer",
        balance=0,
        delinquent=False,
        invoice_prefix=books.ids.text(8).upper(),
        invoice_settings=dict.fromkeys(_SETTINGS),
        metadata={},
        next_invoice_sequence=1,
        preferred_locales=[],
        tax_exempt="none",
    )
    await _fill(books, customer, given)
    if given.get("payment_method"):
        method = await methods.attach(books, {"customer": customer["id"]}, given["payment_method"])
        if customer["invoice_settings"]["default_payment_method"] == given["payment_method"]:
            customer["invoice_settings"]["default_payment_method"] = method["id"]
    books.emit("customer.created", customer)
    for tax_id in given.get("tax_id_data", []):
        await tax_ids.create(books, tax_id, customer["id"])
    return customer


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/customers/{customer}: a deleted one is answered as deleted."""
    del given
    found = await books.maybe(id)
    return found if found and found["object"] == "customer" else await books.one("customer", id)


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/customers/{customer}."""
    customer = await books.one("customer", id)
    await _fill(books, customer, given)
    books.emit_update("customer.updated", customer)
    return customer


async def delete(books: Books, given: Body, id: str) -> Body:
    """DELETE /v1/customers/{customer}."""
    del given
    customer = await books.one("customer", id)
    for method in await books.where("payment_method", customer=id):
        await methods.detach(books, {}, method["id"])
    books.emit("customer.deleted", customer)
    customer.clear()
    customer.update({"id": id, "object": "customer", "deleted": True})
    return customer


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/customers."""
    question = Question("customer").equal(given, "email").between(given, "created")
    return await page(books, question, given, "/v1/customers")


async def searching(books: Books, given: Body) -> Body:
    """GET /v1/customers/search."""
    return await search(books, "customer", given, "/v1/customers/search")


async def create_session(books: Books, given: Body) -> Body:
    """POST /v1/customer_sessions."""
    customer = await books.named("customer", given, "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    names = ("active_entitlements", "buy_button", "customer_portal", "pricing_table", *_LOCKED)
    components = {}
    for name in names:
        wanted = given["components"].get(name) or {"enabled": False}
        components[name] = {"enabled": wanted["enabled"]}
        if name in _LOCKED:
            features = _LOCKED[name] | wanted.get("features", {})
            components[name]["features"] = features if wanted["enabled"] else None
    return {
        "object": "customer_session",
        "client_secret": f"cuss_secret_{books.ids.text(50)}",
        "components": components,
        "created": books.now,
        "customer": customer["id"],
        "customer_account": None,
        "expires_at": books.now + _SESSION,
        "livemode": False,
    }


async def _fill(books: Books, customer: Body, given: Body) -> None:
    if given.get("email") and not _EMAIL.fullmatch(given["email"]):
        raise invalid(f"Invalid email address: {given['email']}", "email", "email_invalid")
    assign(customer, given, _FIELDS)
    customer["tax_exempt"] = customer["tax_exempt"] or "none"
    if "address" in given:
        customer["address"] = address(given["address"])
    if "shipping" in given:
        customer["shipping"] = shipping(given["shipping"])
    if "invoice_settings" in given:
        await _fill_settings(books, customer, given)
    if "balance" in given:
        await customer_balances.move(
            books, customer, given["balance"] - customer["balance"], customer["currency"] or "usd"
        )


async def _fill_settings(books: Books, customer: Body, given: Body) -> None:
    settings = given["invoice_settings"]
    default = settings.get("default_payment_method")
    if default and default != given.get("payment_method"):
        method = await books.one("payment_method", default, "invoice_settings[default_payment_method]", 400)
        if method["customer"] != customer["id"]:
            raise invalid(
                f"The customer does not have a payment method with the ID {default}. "
                "The payment method must be attached to the customer.",
                "invoice_settings[default_payment_method]",
                "resource_missing",
            )
    assign(customer["invoice_settings"], settings, _SETTINGS)
