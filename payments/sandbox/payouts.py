"""Payouts: every day what is available goes to the bank, itemized by balance transactions."""

from __future__ import annotations

from payments.sandbox import balance
from payments.sandbox.books import Books
from payments.sandbox.clock import DAY
from payments.sandbox.objects import Body, hidden
from payments.sandbox.pages import Question, page


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/payouts/{payout}."""
    del given
    return await books.one("payout", id)


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/payouts."""
    question = Question("payout").equal(given, "status", "destination").between(given, "created", "arrival_date")
    return await page(books, question, given, "/v1/payouts")


async def daily(books: Books) -> None:
    """Pay out what is available, and again tomorrow at midnight."""
    await start(books)
    books.later(DAY - books.now % DAY, "pay_out_daily")


async def start(books: Books) -> list[Body]:
    """One payout for each currency with a positive available balance."""
    groups: dict[str, list[str]] = {}
    for row in await books.connection.fetch(_UNPAID, books.now):
        groups.setdefault(row["currency"], []).append(row["id"])
    payouts = []
    for currency, ids in groups.items():
        moved = await books.many(ids)
        amount = sum(one["net"] for one in moved.values())
        if amount > 0:
            payouts.append(_start(books, currency, amount, list(moved.values())))
    return payouts


async def arrive(books: Books, id: str) -> None:
    """The bank has the money."""
    payout = await books.one("payout", id)
    if payout["status"] == "in_transit":
        payout["status"], payout["reconciliation_status"] = "paid", "completed"
        books.emit("payout.paid", payout)
        books.emit("payout.reconciliation_completed", payout)


async def fail(books: Books, id: str) -> Body:
    """The bank sends the money back; this can come after `paid`."""
    payout = await books.one("payout", id)
    returned = balance.move(books, "payout_failure", payout["amount"], payout["currency"], id)
    payout["status"], payout["failure_balance_transaction"] = "failed", returned["id"]
    payout["failure_code"], payout["failure_message"] = "account_closed", "The bank account has been closed."
    books.emit("payout.failed", payout)
    return payout


def _start(books: Books, currency: str, amount: int, moved: list[Body]) -> Body:
    payout = books.new(
        "payout",
        amount=amount,
        arrival_date=books.now + books.delays.payout,
        automatic=True,
        currency=currency,
        description="STRIPE PAYOUT",
        destination="ba_1SandboxBankAccountOfOurs",
        metadata={},
        method="standard",
        reconciliation_status="in_progress",
        source_type="card",
        status="in_transit",
        trace_id={"status": "pending", "value": None},
        type="bank_account",
    )
    out = balance.move(books, "payout", -amount, currency, payout["id"], description="STRIPE PAYOUT")
    payout["balance_transaction"] = out["id"]
    for one in [*moved, out]:
        hidden(one)["payout"] = payout["id"]
    books.emit("payout.created", payout)
    books.later(books.delays.payout, "arrive_payout", id=payout["id"])
    return payout


_UNPAID = """
select id, body ->> 'currency' as currency from sandbox.object
where kind = 'balance_transaction' and body #>> '{_,payout}' is null and (body ->> 'available_on')::bigint <= $1
order by created, seq for update
"""
