"""The books: ledger entries as rows, written beside what they are about."""

from __future__ import annotations

from billing import ledger
from billing.tables import LedgerEntry, LedgerTransfer
from kernel.work import Work


def book(work: Work, account_id: int, kind: str, entry: ledger.Entry, *, subject: str, subject_id: int) -> None:
    """Write an entry and its transfers; one without transfers moved nothing and is not written."""
    if not entry:
        return
    written = LedgerEntry(
        account_id=account_id, id=work.new_id(), at=work.now, kind=kind, subject=subject, subject_id=subject_id
    )
    work.add(written)
    for transfer in entry:
        work.add(
            LedgerTransfer(
                account_id=account_id,
                id=work.new_id(),
                entry_id=written.id,
                debit=transfer.debit,
                credit=transfer.credit,
                currency=transfer.amount.currency,
                amount_minor=transfer.amount.minor,
            )
        )


async def credit(work: Work, account_id: int, currency: str) -> int:
    """The customer's credit in minor units of a currency: what the ledger says we owe them."""
    rows = await work.fetch(
        "select coalesce(sum(case when credit = 'customer_credit' then amount_minor else -amount_minor end), 0)::bigint"
        " as owed from ledger_transfer where account_id = $1 and currency = $2"
        " and (credit = 'customer_credit' or debit = 'customer_credit')",
        account_id,
        currency,
    )
    return int(rows[0]["owed"])
