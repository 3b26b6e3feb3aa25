"""The books: ledger entries as rows, written beside what they are about."""

from __future__ import annotations

from billing import ledger
from billing.tables import LedgerEntry, LedgerTransfer
from kernel.work import Work


def book(
    work: Work, account_id: int, kind: str, entry: ledger.Entry, *, subject: str, subject_id: int
) -> LedgerEntry | None:
    """Write an entry and its transfers; one without transfers moved nothing and is not written."""
    if not entry:
        return None
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
    return written


async def booked(work: Work, account_id: int, kind: str, subject: str, subject_id: int) -> bool:
    """Whether there is an entry of this kind about this already."""
    rows = await work.fetch(
        "select from ledger_entry where account_id = $1 and kind = $2 and subject = $3 and subject_id = $4 limit 1",
        account_id,
        kind,
        subject,
        subject_id,
    )
    return bool(rows)


async def balance(work: Work, account_id: int, currency: str, of: ledger.Account) -> int:
    """The debits less the credits of one ledger account, in minor units of a currency, for one customer."""
    rows = await work.fetch(
        "select coalesce(sum(case when debit = $3 then amount_minor else -amount_minor end), 0)::bigint as minor"
        " from ledger_transfer where account_id = $1 and currency = $2 and (credit = $3 or debit = $3)",
        account_id,
        currency,
        of.value,
    )
    return int(rows[0]["minor"])


async def credit(work: Work, account_id: int, currency: str) -> int:
    """The customer's credit in minor units of a currency: what the ledger says we owe them."""
    return -await balance(work, account_id, currency, ledger.Account.CUSTOMER_CREDIT)


async def credit_to_use(work: Work, account_id: int, currency: str) -> int:
    """The customer's credit, which nobody else uses until this transaction ends."""
    if work.adds(LedgerTransfer):
        await work.write()
    if not await credit(work, account_id, currency):
        return 0
    await work.fetch("select pg_advisory_xact_lock(hashtextextended('customer credit', $1))", account_id)
    return await credit(work, account_id, currency)
