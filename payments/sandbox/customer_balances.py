"""Customer balances: what a customer owes (positive) or has in credit (negative), and every change to it."""

from __future__ import annotations

from payments.sandbox import currencies
from payments.sandbox.books import Books
from payments.sandbox.objects import Body, assign
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import invalid


async def create(books: Books, given: Body, customer_id: str) -> Body:
    """POST /v1/customers/{customer}/balance_transactions."""
    customer = await books.one("customer", customer_id, "customer")
    currencies.check_currency(given["currency"])
    if customer["currency"] not in (None, given["currency"]):
        raise invalid(f"The customer's currency is {customer['currency']}.", "currency")
    moved = await move(books, customer, given["amount"], given["currency"])
    assign(moved, given, ("description", "metadata"))
    books.emit_update("customer.updated", customer)
    return moved


async def move(books: Books, customer: Body, amount: int, currency: str) -> Body:
    """Add to a customer's balance."""
    customer["balance"] += amount
    customer["currency"] = currency
    return books.new(
        "customer_balance_transaction",
        amount=amount,
        currency=currency,
        customer=customer["id"],
        ending_balance=customer["balance"],
        metadata={},
        type="adjustment",
    )


async def retrieve(books: Books, given: Body, customer: str, id: str) -> Body:
    """GET /v1/customers/{customer}/balance_transactions/{transaction}."""
    del given
    await books.one("customer", customer, "customer")
    return await books.one("customer_balance_transaction", id, "transaction")


async def update(books: Books, given: Body, customer: str, id: str) -> Body:
    """POST /v1/customers/{customer}/balance_transactions/{transaction}."""
    moved = await retrieve(books, {}, customer, id)
    assign(moved, given, ("description", "metadata"))
    return moved


async def listing(books: Books, given: Body, customer: str) -> Body:
    """GET /v1/customers/{customer}/balance_transactions."""
    await books.one("customer", customer, "customer")
    question = Question("customer_balance_transaction").equal(given | {"customer": customer}, "customer", "invoice")
    return await page(
        books, question.between(given, "created"), given, f"/v1/customers/{customer}/balance_transactions"
    )
