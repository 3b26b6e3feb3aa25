"""Early fraud warnings: a payer told the bank of fraud, and no dispute was opened yet."""

from __future__ import annotations

from payments.sandbox.books import Books
from payments.sandbox.objects import Body
from payments.sandbox.pages import Question, page

_KIND = "radar.early_fraud_warning"


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/radar/early_fraud_warnings/{early_fraud_warning}."""
    del given
    return await books.one(_KIND, id, "early_fraud_warning")


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/radar/early_fraud_warnings."""
    question = Question(_KIND).equal(given, "charge", "payment_intent").between(given, "created")
    return await page(books, question, given, "/v1/radar/early_fraud_warnings")


async def warn(books: Books, id: str) -> None:
    """The warning that a charge's test instrument brings."""
    charge = await books.one("charge", id)
    warning = books.new(
        _KIND,
        actionable=not charge["refunded"],
        charge=id,
        fraud_type="made_with_stolen_card",
        payment_intent=charge["payment_intent"],
    )
    books.emit("radar.early_fraud_warning.created", warning)
