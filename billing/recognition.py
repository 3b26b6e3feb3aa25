"""Recognition: what is earned moves from deferred revenue to revenue, up to a day.

It is a difference too: what should still be deferred at the end of a day, less what
the books say, is booked. So it can be done at any time and again, and whoever is
about to take an invoice back does it first, to know what is deferred still. Days
that are over are closed by `billing.closing`.
"""

from __future__ import annotations

from datetime import datetime

from auth.tables import Account
from billing import books, invoice_queries, ledger, revenue
from billing.lines import Kind
from billing.proration import local_date
from billing.tables import LineItem
from kernel.money import Money, total
from kernel.time import Period
from kernel.work import Work


async def recognize(work: Work, account: Account, currency: str) -> None:
    """Bring what is earned and deferred up to today, where the account lives."""
    await work.flush()
    today = local_date(work.now, account.time_zone)
    lines = await invoice_queries.billed(work, account.id, currency, work.now, None)
    due = total((revenue.deferred(line.amount, line.span, today, account.time_zone) for line in lines), currency)
    kept = Money(await books.balance(work, account.id, currency, ledger.Account.DEFERRED), currency)
    entry = ledger.revenue_recognized(-kept - due)
    books.book(work, account.id, "revenue_recognized", entry, subject="account", subject_id=account.id)
    await work.flush()


def parts(row: LineItem, amount: Money, now: datetime, zone: str, *, rest: Money) -> tuple[Money, Money]:
    """Of `amount` that a line gives back, what is deferred still and what is earned.

    `rest` is what the line is worth before tax until then.
    """
    if is_earned(row, now):
        return Money(0, amount.currency), amount
    span, today = Period(row.period_start, row.period_end), local_date(now, zone)
    before = revenue.deferred(rest, span, today, zone)
    deferred = before - revenue.deferred(rest - amount, span, today, zone)
    return deferred, amount - deferred


def is_earned(row: LineItem, now: datetime) -> bool:
    """Whether what a line bills has been delivered: usage, and whatever is over."""
    return row.kind.value == Kind.USAGE.value or row.period_end <= now
