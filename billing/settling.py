"""Settling: what refunds and disputes came to where they are settled, in the books once it is known.

A payment's own exchange is booked with its fee. What goes back later goes at the rate
of its day, in the currency that the rail settles in; until that is told, the books have
it in the payer's currency.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from billing import books, ledger, reconciliation_queries
from kernel.money import Money
from kernel.work import Work


async def settle(work: Work, account_ids: Sequence[int]) -> None:
    """Book what these accounts' refunds and disputes came to; the same again books nothing. Opens transactions."""
    rows = await reconciliation_queries.exchanges(work, account_ids)
    await work.rest()
    for row in rows:
        async with work.transaction():
            await work.bind(row["account_id"])
            await _settle(work, row)


async def _settle(work: Work, row: asyncpg.Record) -> None:
    account_id, subject, number = row["account_id"], row["subject"], row["subject_id"]
    # Two who settle the same account take turns, for each books what is missing.
    await work.fetch("select pg_advisory_xact_lock(hashtextextended('settling', $1))", account_id)
    if row["currency"] != row["settled_in"]:
        booked = await reconciliation_queries.cash_about(work, account_id, "exchanged", subject, number)
        amount = Money(row["minor"] + booked.get(row["currency"], 0), row["currency"])
        into = Money(row["settled_minor"] - booked.get(row["settled_in"], 0), row["settled_in"])
        books.book(work, account_id, "exchanged", ledger.exchanged(amount, into), subject=subject, subject_id=number)
    if subject == "refund" and row["fee_minor"]:
        kept = await reconciliation_queries.cash_about(work, account_id, "fee_charged", subject, number)
        fee = Money(row["fee_minor"] + kept.get(row["settled_in"], 0), row["settled_in"])
        books.book(work, account_id, "fee_charged", ledger.fee_charged(fee), subject=subject, subject_id=number)
    await work.flush()
