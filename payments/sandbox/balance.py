"""The balance: every movement of money, when it becomes available, and its sum by currency."""

from __future__ import annotations

from fractions import Fraction

from payments.sandbox import currencies
from payments.sandbox.books import Books
from payments.sandbox.instruments import Instrument
from payments.sandbox.objects import Body
from payments.sandbox.pages import Question, page

CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "payout": "payout",
    "payout_failure": "payout_reversal",
}


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/balance_transactions/{id}."""
    del given
    return await books.one("balance_transaction", id)


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/balance_transactions."""
    question = Question("balance_transaction").equal(given, "type", "source", "currency").between(given, "created")
    if "payout" in given:
        await books.one("payout", given["payout"], "payout", 400)
        question.must("body #>> '{{_,payout}}' = {}", given["payout"])
    return await page(books, question, given, "/v1/balance_transactions")


async def total(books: Books, given: Body) -> Body:
    """GET /v1/balance."""
    del given
    rows = await books.connection.fetch(_SUMS, books.now)
    parts: dict[bool, list[Body]] = {True: [], False: []}
    for row in rows:
        for available in (True, False):
            amount = row["available"] if available else row["pending"]
            parts[available].append(
                {"amount": int(amount), "currency": row["currency"], "source_types": {"card": int(amount)}}
            )
    none = [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
    return {"object": "balance", "available": parts[True] or none, "pending": parts[False] or none, "livemode": False}


def move(
    books: Books,
    type: str,
    amount: int,
    currency: str,
    source: str,
    *,
    fee: int = 0,
    fee_type: str = "Stripe processing fees",
    wait: int = 0,
    category: str | None = None,
    description: str | None = None,
) -> Body:
    """Record one movement, in the currency it is settled in. `wait` seconds later it is available."""
    into, rate_text = books.settings.settlement.get(currency, (currency, ""))
    rate = Fraction(rate_text) if rate_text else None
    if rate is not None:
        amount, fee = (currencies.settled(part, currency, into, rate) for part in (amount, fee))
    detail = {"amount": fee, "application": None, "currency": into, "description": fee_type, "type": "stripe_fee"}
    return books.new(
        "balance_transaction",
        amount=amount,
        available_on=books.now + wait,
        balance_type="payments",
        currency=into,
        description=description,
        # The wire has a number here; nothing is ever computed from it.
        exchange_rate=float(rate) if rate is not None else None,
        fee=fee,
        fee_details=[detail] if fee else [],
        net=amount - fee,
        reporting_category=category or CATEGORIES[type],
        source=source,
        status="pending" if wait else "available",
        type=type,
    )


def collect(books: Books, charge: Body, instrument: Instrument) -> None:
    """Record the funds of a captured charge, and Stripe's fee."""
    debit = instrument.type != "card"
    wait = books.delays.available_debit if debit else books.delays.available
    amount = charge["amount_captured"]
    moved = move(
        books,
        "payment" if debit else "charge",
        amount,
        charge["currency"],
        charge["id"],
        fee=currencies.fee(amount, charge["currency"], instrument.type),
        wait=0 if instrument.available_at_once else wait,
        description=charge["description"],
    )
    charge["balance_transaction"] = moved["id"]


_SUMS = """
select body ->> 'currency' as currency,
       coalesce(sum((body ->> 'net')::bigint) filter (where (body ->> 'available_on')::bigint <= $1), 0) as available,
       coalesce(sum((body ->> 'net')::bigint) filter (where (body ->> 'available_on')::bigint > $1), 0) as pending
from sandbox.object where kind = 'balance_transaction' group by 1 order by 1
"""
