"""What a billing run asks, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar, cast

import asyncpg
import orjson
from sqlmodel import SQLModel

from billing import catalog_rows
from billing.catalog import ListPrice
from billing.catalog_tables import Price as PriceRow
from billing.facts import Facts
from billing.pricing import Model
from billing.proration import Proration
from billing.queries import RUNNING, WAITS_FOR_OTHERS
from billing.run.chunks import Chunk, Run
from billing.states import LineKind
from billing.tables import (
    ENDED,
    ItemStep,
    LineItem,
    Subscription,
    SubscriptionCycle,
    SubscriptionDiscount,
    SubscriptionItem,
    SubscriptionPause,
)
from kernel.time import Interval

RowT = TypeVar("RowT", bound=SQLModel)

Key = tuple[int, int]
"""An account and a subscription."""


async def due(connection: asyncpg.Connection, chunk: Chunk, run: Run) -> list[asyncpg.Record]:
    """Account, subscription and instant of all clocks of a chunk that are due, locked."""
    rows: list[asyncpg.Record] = await connection.fetch(_DUE, chunk.first, chunk.last, run.until)
    return rows


async def overdue(connection: asyncpg.Connection, run: Run, most: int) -> list[asyncpg.Record]:
    """The same of up to so many clocks that nobody else is at, the longest overdue among them, locked."""
    rows = await connection.fetch(_OVERDUE, run.until, most)
    return sorted(rows, key=lambda row: (row["account_id"], row["subscription_id"]))


async def leftovers(connection: asyncpg.Connection, until: datetime) -> list[asyncpg.Record]:
    """Account, subscription and instant of those that are not the run's to bill.

    A change waits for them, or they share an invoice with others.
    """
    rows: list[asyncpg.Record] = await connection.fetch(_LEFT, until)
    return rows


async def held(connection: asyncpg.Connection, most: int) -> list[asyncpg.Record]:
    """Account, subscription and reason of up to so many that wait for a person, those that wait longest first."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "select c.account_id, c.subscription_id, c.held from subscription_clock c"
        " join subscription s on (s.account_id, s.id) = (c.account_id, c.subscription_id)"
        " where not starts_with(c.held, $2) order by c.due_at, c.subscription_id limit $1",
        most,
        ENDED,
    )
    return rows


async def read(connection: asyncpg.Connection, locked: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """What the bill of each follows from, where its last period was plain; read after the clocks were locked."""
    rows: list[asyncpg.Record] = await connection.fetch(_READ, *_columns(locked, 4))
    return rows


async def credits_of(connection: asyncpg.Connection, accounts: Iterable[int]) -> dict[tuple[int, str], int]:
    """The credit of these customers, in minor units by currency; nobody else uses it until we commit."""
    some = sorted(set(accounts))
    if not some:
        return {}
    await connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('customer credit', id)) from unnest($1::bigint[]) as t(id)", some
    )
    rows = await connection.fetch(_CREDITS, some)
    return {(row["account_id"], row["currency"]): row["owed"] for row in rows if row["owed"] > 0}


async def lines_since(connection: asyncpg.Connection, keys: Sequence[Key], since: datetime) -> dict[int, int]:
    """How many line items each subscription got on invoices made since then."""
    rows = await connection.fetch(_LINES_SINCE, *_columns(keys, 2), since)
    return {row["subscription_id"]: row["lines"] for row in rows}


async def facts(
    connection: asyncpg.Connection, keys: Sequence[Key], prices: Mapping[int, ListPrice]
) -> dict[int, tuple[Facts, list[LineItem]]]:
    """Everything that money follows from, and all that was issued, by subscription."""
    asked = _columns(keys, 2)
    again = {row["subscription_id"]: row["since"] for row in await connection.fetch(_AGAIN, *asked)}
    subscriptions = [_row(Subscription, row) for row in await connection.fetch(_SUBSCRIPTIONS, *asked)]
    items = await _of(connection, SubscriptionItem, "id", asked)
    steps = await _of(connection, ItemStep, "at, id", asked)
    cycles = await _of(connection, SubscriptionCycle, "since, id", asked)
    pauses = await _of(connection, SubscriptionPause, "starts_at", asked)
    discounts = await _of(connection, SubscriptionDiscount, "id", asked)
    lines = _grouped([_row(LineItem, row) for row in await connection.fetch(_LINES, *asked)])
    return {
        one.id: (
            Facts(
                subscription=one,
                items=[item for item in items.get(one.id, []) if not prices[item.price_id].meter],
                metered=[item for item in items.get(one.id, []) if prices[item.price_id].meter],
                steps=steps.get(one.id, []),
                cycles=cycles.get(one.id, []),
                pauses=pauses.get(one.id, []),
                discounts=discounts.get(one.id, []),
                prices=prices,
                again=again.get(one.id),
            ),
            lines.get(one.id, []),
        )
        for one in subscriptions
    }


async def voided(connection: asyncpg.Connection, keys: Sequence[Key]) -> dict[int, list[int]]:
    """The void invoices of each subscription that has some."""
    rows = await connection.fetch(_VOIDED, *_columns(keys, 2))
    return {number: [row["id"] for row in group] for number, group in groupby(rows, lambda row: row["subscription_id"])}


async def prices(connection: asyncpg.Connection) -> dict[int, ListPrice]:
    """Every price there is, by number, its key being its number as text. Prices are few, and never change."""
    rows = [_row(PriceRow, row) for row in await connection.fetch("select * from price")]
    return {row.id: replace(catalog_rows.price_of(row), key=str(row.id)) for row in rows}


async def names(connection: asyncpg.Connection, locale: str) -> dict[int, str]:
    """What each price is called on a line, in a language."""
    rows = await connection.fetch(
        "select r.id, coalesce(p.name ->> $1, p.name ->> split_part($1, '-', 1), p.name ->> 'en') as name, r.meter"
        " from price r join plan p on p.id = r.plan_id",
        locale,
    )
    return {row["id"]: f"{row['name']}: {row['meter']}" if row["meter"] else row["name"] for row in rows}


async def _of(
    connection: asyncpg.Connection, table: type[RowT], order: str, asked: Sequence[list[Any]]
) -> dict[int, list[RowT]]:
    rows = await connection.fetch(_FACTS.format(table=table.__tablename__, order=order), *asked)
    return _grouped([_row(table, row) for row in rows])


def _grouped(rows: Iterable[RowT]) -> dict[int, list[RowT]]:
    return {number: list(group) for number, group in groupby(rows, lambda row: cast("Any", row).subscription_id)}


_READERS: Mapping[str, Any] = {
    "interval": Interval,
    "model": Model,
    "proration": Proration,
    "kind": LineKind,
    "rule": orjson.loads,
    "discounts": orjson.loads,
    "facts": orjson.loads,
}
"""How a column is read that the driver gives as text."""


def _row(table: type[RowT], record: asyncpg.Record) -> RowT:
    return table(**{name: _READERS[name](value) if name in _READERS else value for name, value in record.items()})


def _columns(rows: Iterable[Any], width: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(width)]


_WAITS = """
    (exists (select from scheduled_change w
             where (w.account_id, w.subscription_id) = (c.account_id, c.subscription_id)
             and w.state = 'pending' and w.due_at <= c.due_at)
     or c.account_id in (select id from account where one_invoice))
"""
_DUE = f"""
    select c.account_id, c.subscription_id, c.due_at, c.unbilled_since is null as settled from subscription_clock c
    where c.account_id between $1 and $2 and c.due_at <= $3 and c.held is null and not {_WAITS}
    order by c.account_id, c.subscription_id for update of c
"""  # noqa: S608 - constants
_OVERDUE = f"""
    select c.account_id, c.subscription_id, c.due_at, c.unbilled_since is null as settled from subscription_clock c
    join subscription s on (s.account_id, s.id) = (c.account_id, c.subscription_id)
    where c.due_at <= $1 and c.held is null and coalesce(s.cancel_at > c.due_at, true) and not {_WAITS}
    order by c.due_at, c.subscription_id limit $2 for update of c skip locked
"""  # noqa: S608 - constants
_LEFT = f"""
    select c.account_id, c.subscription_id, c.due_at {RUNNING}
    where c.due_at <= $1 and c.held is null and coalesce(s.cancel_at > c.due_at, true) and {_WAITS}
          and not {WAITS_FOR_OTHERS}
    order by c.due_at, c.account_id, c.subscription_id
"""

# A period is plain when nothing has happened to the subscription since it began, and it was billed whole.
_READ = """
    select d.*, s.currency, s.state, s.period_start, s.limit_minor, s.ended_at,
           s.ended_at is null and s.cancel_at <= d.due_at as ends,
           y.since, y.anchor, y.time_zone, y.interval, y.count,
           f.steps, l.lines, l.minor as line_minor,
           d.settled and s.state in ('active', 'past_due') and s.cancel_at is null and s.period_end = d.due_at
           and (s.trial_end is null or s.trial_end <= s.period_start)
           and y.since <= s.period_start and f.latest <= s.period_start and l.whole is not false
           and not exists (select from subscription_pause p
                           where (p.account_id, p.subscription_id) = (d.account_id, d.subscription_id)
                           and (p.ends_at is null or p.ends_at > s.period_start))
           and not exists (select from subscription_discount p
                           where (p.account_id, p.subscription_id) = (d.account_id, d.subscription_id))
           and not exists (select from invoice v
                           where (v.account_id, v.subscription_id) = (d.account_id, d.subscription_id)
                           and v.state = 'void') as plain,
           h.seq as chained, h.hash as chain,
           exists (select from ledger_transfer t where t.account_id = d.account_id
                   and (t.debit = 'customer_credit' or t.credit = 'customer_credit')) as credited,
           a.country, a.vat_id, a.locale, a.collection, a.net_days, a.po_number, a.grace_hours,
           json_build_object('name', a.name, 'email', a.email, 'address', a.address, 'country', a.country,
                             'vat_id', a.vat_id, 'time_zone', a.time_zone)::text as billed_to
    from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::boolean[])
         with ordinality as d(account_id, subscription_id, due_at, settled, place)
    join account a on a.id = d.account_id
    left join audit_head h on h.account_id = d.account_id
    join subscription s on (s.account_id, s.id) = (d.account_id, d.subscription_id)
    left join lateral (
        select y.* from subscription_cycle y
        where (y.account_id, y.subscription_id) = (d.account_id, d.subscription_id)
        order by since desc, id desc limit 1) y on true
    cross join lateral (
        select array_agg(array[item_id, price_id, quantity]) as steps, max(at) as latest
        from (select * from item_step i
              where (i.account_id, i.subscription_id) = (d.account_id, d.subscription_id) order by at, id) i) f
    cross join lateral (
        select array_agg(array[item_id, price_id, quantity]) as lines,
               sum(amount_minor - discount_minor + case when tax_inclusive then 0 else tax_minor end)::bigint as minor,
               bool_and(kind = 'charge' and above is null and billed_period = s.period_start
                        and period_start = s.period_start and period_end = s.period_end) as whole
        from line_item i
        where (i.account_id, i.subscription_id) = (d.account_id, d.subscription_id)
        and i.billed_period >= s.period_start) l
    order by d.place
"""
_CREDITS = """
    select account_id, currency,
           sum(case when credit = 'customer_credit' then amount_minor else -amount_minor end)::bigint as owed
    from ledger_transfer
    where account_id = any($1::bigint[]) and (debit = 'customer_credit' or credit = 'customer_credit')
    group by account_id, currency
"""
_ASKED = "unnest($1::bigint[], $2::bigint[]) as d(account_id, subscription_id)"
_SUBSCRIPTIONS = (
    f"select s.* from {_ASKED} join subscription s on (s.account_id, s.id) = (d.account_id, d.subscription_id)"  # noqa: S608 - constants
)
_FACTS = (
    f"select t.* from {_ASKED} join {{table}} t using (account_id, subscription_id) order by subscription_id, {{order}}"  # noqa: S608 - constants
)
_LINES = f"""
    select i.* from {_ASKED}
    join line_item i on (i.account_id, i.subscription_id) = (d.account_id, d.subscription_id)
    join invoice v on (v.account_id, v.id) = (i.account_id, i.invoice_id)
    order by i.subscription_id, v.created_at, i.id
"""  # noqa: S608 - constants
_AGAIN = f"""
    select i.subscription_id, min(i.period_start) as since from {_ASKED}
    join line_item i on (i.account_id, i.subscription_id) = (d.account_id, d.subscription_id) and i.kind = 'usage'
    join invoice v on (v.account_id, v.id) = (i.account_id, i.invoice_id) and v.state = 'void'
    group by i.subscription_id
"""  # noqa: S608 - constants
_VOIDED = f"""
    select distinct i.subscription_id, v.id from {_ASKED}
    join line_item i on (i.account_id, i.subscription_id) = (d.account_id, d.subscription_id)
    join invoice v on (v.account_id, v.id) = (i.account_id, i.invoice_id) and v.state = 'void'
    order by i.subscription_id, v.id
"""  # noqa: S608 - constants
_LINES_SINCE = f"""
    select i.subscription_id, count(*) as lines from {_ASKED}
    join invoice v on (v.account_id, v.subscription_id) = (d.account_id, d.subscription_id)
         and coalesce(v.issued_at, v.created_at) > $3
    join line_item i on (i.account_id, i.invoice_id) = (v.account_id, v.id)
    group by i.subscription_id
"""  # noqa: S608 - constants
