"""The money state: one hash over what every account owes, paid and was given back.

It knows no ids, no numbers and no instants: whatever came in another order, or was
tried again in between, gives the same hash where the money is the same. A payment
is told with the invoices it is for, so that two that were swapped are not the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import asyncpg


@dataclass(frozen=True, slots=True)
class MoneyState:
    """A hash over the money of accounts, and how many of them have any."""

    hash: str
    """SHA-256 in hexadecimal."""

    accounts: int


async def money_state(connection: asyncpg.Connection, account_id: int | None = None) -> MoneyState:
    """The state of all accounts' money, or of one's, as the connection's transaction sees it."""
    whole, accounts = hashlib.sha256(), 0
    async for (digest,) in connection.cursor(_STATE, account_id, prefetch=1_000):
        whole.update(digest)
        accounts += 1
    return MoneyState(whole.hexdigest(), accounts)


_STATE = """
with balance as (
    select p.account_id,
           concat_ws(' ', 'balance', p.of, p.currency, sum(p.minor)) as line
    from (
        select account_id, debit as of, currency, amount_minor as minor from ledger_transfer
        where $1::bigint is null or account_id = $1
        union all
        select account_id, credit, currency, -amount_minor from ledger_transfer
        where $1::bigint is null or account_id = $1
    ) p
    group by p.account_id, p.of, p.currency having sum(p.minor) <> 0
), noted as (
    select account_id, invoice_id,
           string_agg(concat_ws(' ', destination, currency, total_minor, returned_minor), ', '
                      order by destination::text collate "C", total_minor, returned_minor) as told
    from credit_note where $1::bigint is null or account_id = $1 group by account_id, invoice_id
), billed as (
    select v.account_id, v.id,
           concat_ws(' ', 'invoice', v.kind, v.state, v.currency, v.subtotal_minor, v.tax_minor, v.total_minor,
                     'paid', v.paid_minor, 'credited', v.credited_minor, 'credit', v.credit_minor,
                     'returned', v.returned_minor, '(' || n.told || ')') as line
    from invoice v left join noted n on n.account_id = v.account_id and n.invoice_id = v.id
    where $1::bigint is null or v.account_id = $1
), refunded as (
    select account_id, payment_id,
           string_agg(concat_ws(' ', state, currency, amount_minor, booked), ', '
                      order by state::text collate "C", amount_minor, booked) as told
    from refund where $1::bigint is null or account_id = $1 group by account_id, payment_id
), contested as (
    select account_id, payment_id,
           string_agg(line, ', ' order by line collate "C") as told
    from (
        select account_id, payment_id,
               concat_ws(' ', state, outcome, currency, amount_minor, 'away', withdrawn_minor, reinstated_minor,
                         'fee', fee_minor, fee_currency,
                         'booked', booked_away_minor, booked_lost_minor, booked_fee_minor) as line
        from dispute where $1::bigint is null or account_id = $1
    ) d group by account_id, payment_id
), meant as (
    select t.account_id, t.payment_id,
           string_agg(concat_ws(' ', t.state, t.amount_minor, 'of', b.line), ', '
                      order by t.state::text collate "C", t.amount_minor, b.line collate "C") as told
    from payment_part t left join billed b on b.account_id = t.account_id and b.id = t.invoice_id
    where $1::bigint is null or t.account_id = $1 group by t.account_id, t.payment_id
), paid as (
    select p.account_id,
           concat_ws(' ', 'payment', p.source, p.state, p.currency, p.amount_minor, 'refunded', p.refunded_minor,
                     'disputed', p.disputed, 'settled', p.settled_minor, 'fee', p.fee_minor, p.fee_currency,
                     'for (' || coalesce(m.told, b.line) || ')', 'refunds (' || r.told || ')',
                     'disputes (' || c.told || ')') as line
    from payment p
    left join meant m on m.account_id = p.account_id and m.payment_id = p.id
    left join billed b on b.account_id = p.account_id and b.id = p.invoice_id
    left join refunded r on r.account_id = p.account_id and r.payment_id = p.id
    left join contested c on c.account_id = p.account_id and c.payment_id = p.id
    where $1::bigint is null or p.account_id = $1
), told as (
    select account_id, line from balance
    union all select account_id, line from billed
    union all select account_id, line from paid
)
select sha256(convert_to(string_agg(line, E'\\n' order by line collate "C"), 'UTF8')) as digest
from told group by account_id order by digest
"""
