"""What Finance asks about the ledger: balances at an instant, and statements of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing.ledger import Account
from kernel.errors import InvalidInput
from kernel.money import Money
from kernel.work import Work

LONGEST_STATEMENT = 2_000


@dataclass(frozen=True, slots=True)
class Balance:
    """What moved into and out of a ledger account."""

    account: Account
    debits: Money
    credits: Money

    @property
    def balance(self) -> Money:
        """Debits less credits."""
        return self.debits - self.credits


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One thing that changed what a customer owes."""

    at: datetime
    kind: str
    number: str | None
    """Of the invoice it is about."""

    amount: Money
    balance: Money
    """What they owe after it; below zero, what they have to their credit."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a customer owed, what changed it, and what they owe."""

    opening: Money
    lines: list[StatementLine]

    @property
    def closing(self) -> Money:
        """What they owe at the end."""
        return self.lines[-1].balance if self.lines else self.opening


async def trial_balance(work: Work, currency: str, at: datetime) -> list[Balance]:
    """Every ledger account in a currency, over all customers the actor sees, up to and with an instant."""
    rows = await work.fetch(
        "select account, sum(debit)::bigint as debits, sum(credit)::bigint as credits from ("
        " select t.debit as account, t.amount_minor as debit, 0 as credit from ledger_transfer t"
        "  join ledger_entry e on e.account_id = t.account_id and e.id = t.entry_id"
        "  where t.currency = $1 and e.at <= $2"
        " union all"
        " select t.credit, 0, t.amount_minor from ledger_transfer t"
        "  join ledger_entry e on e.account_id = t.account_id and e.id = t.entry_id"
        "  where t.currency = $1 and e.at <= $2) p group by account",
        currency,
        at,
    )
    known = {row["account"]: row for row in rows}
    return [
        Balance(
            account,
            Money(known[account]["debits"] if account in known else 0, currency),
            Money(known[account]["credits"] if account in known else 0, currency),
        )
        for account in Account
    ]


async def statement(work: Work, account_id: int, currency: str, since: datetime, until: datetime) -> Statement:
    """What changed what an account owes in a currency, less its credit, from `since` to before `until`.

    Raises InvalidInput for more lines than a statement has.
    """
    moved = (
        "select e.id, e.at, e.kind, v.number,"
        " sum(case when t.debit in ('receivable', 'customer_credit') then t.amount_minor else 0 end"
        "   - case when t.credit in ('receivable', 'customer_credit') then t.amount_minor else 0 end)::bigint as minor"
        " from ledger_entry e"
        " join ledger_transfer t on t.account_id = e.account_id and t.entry_id = e.id and t.currency = $2"
        " left join invoice v on e.subject = 'invoice' and v.account_id = e.account_id and v.id = e.subject_id"
        " where e.account_id = $1 and e.at < $3 group by e.id, e.at, e.kind, v.number"
    )
    before = await work.fetch(
        f"select coalesce(sum(minor), 0)::bigint as minor from ({moved}) m",  # noqa: S608 - constant words
        account_id,
        currency,
        since,
    )
    rows = await work.fetch(
        f"select * from ({moved}) m where at >= $4 and minor <> 0 order by at, id"  # noqa: S608 - constant words
        f" limit {LONGEST_STATEMENT + 1}",
        account_id,
        currency,
        until,
        since,
    )
    if len(rows) > LONGEST_STATEMENT:
        raise InvalidInput(f"A statement has at most {LONGEST_STATEMENT:,} lines. Ask for a shorter time.")
    balance = opening = Money(before[0]["minor"], currency)
    lines = []
    for row in rows:
        balance += Money(row["minor"], currency)
        lines.append(StatementLine(row["at"], row["kind"], row["number"], Money(row["minor"], currency), balance))
    return Statement(opening, lines)
