"""Disputing: the books follow what banks take and give back; what is lost is a bad debt."""

from __future__ import annotations

from billing import books, ledger
from kernel.money import Money
from kernel.work import Work
from payments import cases, return_queries


async def book(work: Work, account_id: int, dispute_id: int) -> None:
    """Tell the books what a dispute has moved since they were told; the same again changes nothing."""
    row, away, lost, fee = await cases.unbooked(work, account_id, dispute_id)
    payment = await return_queries.payment(work, account_id, row.payment_id)

    def write(kind: str, entry: ledger.Entry) -> None:
        books.book(work, account_id, kind, entry, subject="invoice", subject_id=payment.invoice_id)

    none = Money(0, row.currency)
    # What was given up and comes back is first in flight again.
    write("dispute_reopened", ledger.reversal(ledger.dispute_lost(max(-lost, none))))
    write("dispute_opened", ledger.dispute_opened(max(away, none)))
    write("dispute_won", ledger.dispute_won(max(-away, none)))
    write("dispute_lost", ledger.dispute_lost(max(lost, none)))
    write("dispute_fee", ledger.fee_charged(fee))
    await work.flush()
