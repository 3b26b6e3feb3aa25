"""Payment method configurations: which methods the account offers."""

from __future__ import annotations

from payments.sandbox.books import Books
from payments.sandbox.objects import Body
from payments.sandbox.pages import Question, page

_KIND = "payment_method_configuration"
_OFFERED = ("card", "sepa_debit", "us_bank_account")


async def ensure(books: Books) -> None:
    """Make the account's default configuration, if there is none yet."""
    if not await books.where(_KIND):
        offered = {name: _method("on") for name in _OFFERED}
        books.new(_KIND, active=True, application=None, is_default=True, name="Default", parent=None, **offered)


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/payment_method_configurations/{configuration}."""
    del given
    return await books.one(_KIND, id, "configuration")


async def update(books: Books, given: Body, id: str) -> Body:
    """POST /v1/payment_method_configurations/{configuration}."""
    configuration = await books.one(_KIND, id, "configuration")
    for name, value in given.items():
        if name in ("active", "name"):
            configuration[name] = value
        elif isinstance(value, dict):
            wanted = value.get("display_preference", {}).get("preference", "none")
            configuration[name] = _method("off" if wanted == "off" else "on")
    return configuration


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/payment_method_configurations."""
    return await page(books, Question(_KIND).equal(given, "active"), given, "/v1/payment_method_configurations")


def _method(preference: str) -> Body:
    return {
        "available": preference == "on",
        "display_preference": {"overridable": None, "preference": preference, "value": preference},
    }
