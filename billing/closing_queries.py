"""What a closing asks and writes: set-wise, for many accounts and days at once."""

# ruff: noqa: S608 - everything in these statements is a constant of this file

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from billing.ledger import Account
from kernel.id_blocks import IdBlocks
from kernel.work import Work

GRACE = "1 hour"
"""How long the books of a day stay open after it: for requests and runs that began before midnight."""

MOST_DAYS = 31
"""How many days of an account are closed at once; the rest follow at the next look."""

REST = """
    select coalesce(sum(n.net - n.earned), 0)::bigint as minor, coalesce(bool_or(n.net <> n.earned), false) as ahead
    from invoice v
    join line_item l on l.account_id = v.account_id and l.invoice_id = v.id and l.kind <> 'usage'
    cross join lateral (
        select l.amount_minor - l.discount_minor - case when l.tax_inclusive then l.tax_minor else 0 end
             - case when l.adjusted_minor = 0 then 0 else (
                   select coalesce(sum(c.amount_minor - case when l.tax_inclusive then c.tax_minor else 0 end), 0)
                   from credit_note_line c
                   join credit_note k on k.account_id = c.account_id and k.id = c.credit_note_id
                   where c.account_id = l.account_id and c.line_item_id = l.id and k.issued_at < d.ends_at
               )::bigint end as net
        offset 0
    ) k
    cross join lateral (
        select k.net, revenue_earned(k.net, l.period_start, l.period_end, d.time_zone, d.day) as earned offset 0
    ) n
    where v.account_id = d.account_id and v.currency = d.currency and v.kind <> 'imported'
      and v.issued_at < d.ends_at and v.period_end > d.closed_at - interval '2 days'
      and (v.state <> 'void' or exists (
          select from ledger_entry e where e.account_id = v.account_id and e.at >= d.ends_at
          and e.kind = 'invoice_voided' and e.subject_id = v.id))
"""
"""What should be deferred at the end of a day of an account, as it was known then, and whether anything is.

`d` is the day: account_id, currency, closed_at, ends_at, day, time_zone. It is asked for each day by itself, for
a plan over many would read whole tables for every few accounts.
"""

_MOVED = "case when t.credit = 'deferred_revenue' then t.amount_minor else -t.amount_minor end"

_CLOSINGS = f"""
    with due as (
        select c.account_id, c.currency, c.closed_at, c.deferred_minor, c.seen, a.time_zone,
               (c.closed_at at time zone a.time_zone)::date as first,
               (($1::timestamptz - interval '{GRACE}') at time zone a.time_zone)::date - 1 as last
        from recognition_clock c join account a on a.id = c.account_id
        where c.due_at <= $1
        order by c.due_at limit $2
        for update of c skip locked
    ), days as materialized (
        select due.*, day::date as day, (day + interval '1 day') at time zone time_zone as ends_at
        from due, generate_series(first::timestamp, least(last, first + {MOST_DAYS - 1})::timestamp, '1 day') day
    ), sums as (
        select d.account_id, d.currency, d.time_zone, d.day, d.ends_at, k.minor as kept,
               k.ahead or d.day < d.last as ahead,
               d.deferred_minor + m.minor - k.minor as over
        from days d
        cross join lateral ({REST}) k
        cross join lateral (
            select coalesce(sum({_MOVED}), 0)::bigint as minor
            from ledger_entry e
            join ledger_transfer t on t.account_id = e.account_id and t.entry_id = e.id and t.currency = d.currency
             and 'deferred_revenue' in (t.debit, t.credit)
            where e.account_id = d.account_id and e.day is null and e.at < d.ends_at
              and e.at >= d.closed_at - interval '7 days' and (e.at >= d.closed_at or d.seen is not null
                  and not pg_visible_in_snapshot(e.written::text::xid8, d.seen::pg_snapshot))
        ) m
    )
    select account_id, currency, time_zone, day, ends_at, kept, pg_current_snapshot()::text as seen,
           over - lag(over, 1, 0::bigint) over w as earned,
           day = max(day) over (partition by account_id, currency) as newest,
           case when ahead then (day + 2)::timestamp at time zone time_zone + interval '{GRACE}' end as due_at
    from sums window w as (partition by account_id, currency order by day)
    order by account_id, currency, day
"""

_LOOK = f"""
    insert into recognition_clock (account_id, currency, closed_at, due_at)
    select v.account_id, v.currency, date_trunc('day', min(v.issued_at), a.time_zone),
           date_trunc('day', min(v.issued_at), a.time_zone) + interval '1 day {GRACE}'
    from invoice v
    join account a on a.id = v.account_id
    left join recognition_clock c on c.account_id = v.account_id and c.currency = v.currency
    where v.issued_at >= (select coalesce(max(due_at), '-infinity') - interval '4 days' from recognition_clock)
      and v.issued_at <= $1 and v.state <> 'draft' and v.kind <> 'imported'
      and (c.account_id is null or c.due_at is null and v.issued_at >= c.closed_at)
    group by v.account_id, v.currency, a.time_zone
    on conflict (account_id, currency) do update set closed_at = excluded.closed_at, due_at = excluded.due_at
    where recognition_clock.due_at is null
"""


class Closing(NamedTuple):
    """The books of one day of an account in a currency: what was earned on it, and deferred at its end."""

    account_id: int
    currency: str
    time_zone: str
    day: date
    ends_at: datetime
    kept: int
    seen: str
    earned: int
    newest: bool
    due_at: datetime | None


async def look(connection: asyncpg.Connection, now: datetime) -> None:
    """Start the clocks of accounts that were billed since the last look and have none that runs."""
    await connection.execute(_LOOK, now)


async def any_due(work: Work, now: datetime) -> bool:
    """Whether the books of any day wait to be closed."""
    return bool(await work.fetch("select from recognition_clock where due_at <= $1 limit 1", now))


async def closings(connection: asyncpg.Connection, now: datetime, most: int) -> list[Closing]:
    """The days that are over of so many accounts, which nobody else closes until this transaction ends."""
    return [Closing(*row) for row in await connection.fetch(_CLOSINGS, now, most)]


async def book(connection: asyncpg.Connection, closed: Sequence[Closing], now: datetime, blocks: IdBlocks) -> None:
    """Write what was earned on each day, one entry of one transfer."""
    earned = [each for each in closed if each.earned]
    await blocks.reserve(connection, 2 * len(earned))
    entries: list[tuple[Any, ...]] = []
    transfers: list[tuple[Any, ...]] = []
    for each in earned:
        entry = blocks.take()
        entries.append((each.account_id, entry, now, each.day, "revenue_recognized", "account", each.account_id))
        moved = (Account.DEFERRED.value, Account.REVENUE.value)
        debit, credit = moved if each.earned > 0 else reversed(moved)
        transfers.append(
            (each.account_id, blocks.take(), entry, debit, credit, each.currency, abs(each.earned)),
        )
    await connection.copy_records_to_table(
        "ledger_entry",
        records=entries,
        columns=("account_id", "id", "at", "day", "kind", "subject", "subject_id"),
    )
    await connection.copy_records_to_table(
        "ledger_transfer",
        records=transfers,
        columns=("account_id", "id", "entry_id", "debit", "credit", "currency", "amount_minor"),
    )


async def advance(connection: asyncpg.Connection, closed: Sequence[Closing]) -> None:
    """Set the clocks to the last of the days that were closed."""
    last = [each for each in closed if each.newest]
    await connection.execute(
        "update recognition_clock c set closed_at = n.ends_at, due_at = n.due_at, through = n.day,"
        " time_zone = n.time_zone, deferred_minor = n.kept, seen = n.seen"
        " from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::date[], $6::text[],"
        "  $7::bigint[], $8::text[]) as n(account_id, currency, ends_at, due_at, day, time_zone, kept, seen)"
        " where c.account_id = n.account_id and c.currency = n.currency",
        *([getattr(each, name) for each in last] for name in _ADVANCED),
    )


_ADVANCED = ("account_id", "currency", "ends_at", "due_at", "day", "time_zone", "kept", "seen")
