"""Coverage: every period that has begun was charged, and charged once.

Billing is a difference, so what should have been billed and was not, or was billed
twice, is what the timeline would bill now. Most subscriptions need no such look: one
statement tells those whose items were charged whole from period to period, without a
gap or a double. The others are computed, in sets.

What a person knows of is no gap: subscriptions that are held, with their reason, are
left out, and so are the periods of a voided invoice, and what is collected later as
long as its period runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg

from billing import timeline
from billing.catalog import ListPrice
from billing.facts import Facts, agreement, issued
from billing.lines import Kind, Line
from billing.run import queries
from billing.run.queries import Key
from billing.tables import LineItem
from kernel.audit import Breach

_CHUNK = 500
_MOMENT = timedelta(microseconds=1)


async def breaches(connection: asyncpg.Connection, *, every: bool = False) -> AsyncIterator[Breach]:
    """What was charged too little or too much, inside the connection's transaction; with `every`, all are computed."""
    prices = await queries.prices(connection)
    rows: list[asyncpg.Record] = []
    async for row in connection.cursor(_ALL if every else _DOUBTFUL, prefetch=_CHUNK):
        rows.append(row)
        if len(rows) == _CHUNK:
            for breach in await _computed(connection, rows, prices):
                yield breach
            rows.clear()
    for breach in await _computed(connection, rows, prices):
        yield breach


async def _computed(
    connection: asyncpg.Connection, rows: Sequence[asyncpg.Record], prices: Mapping[int, ListPrice]
) -> list[Breach]:
    keys: list[Key] = [(row["account_id"], row["id"]) for row in rows]
    known, void = await queries.facts(connection, keys, prices), await queries.voided(connection, keys)
    found = []
    for row in rows:
        facts, lines = known[row["id"]]
        if facts.cycles:
            taken_back = {line.billed_period for line in lines if line.invoice_id in void.get(row["id"], ())}
            standing = [line for line in lines if line.invoice_id not in void.get(row["id"], ())]
            wrong = [line for line in _difference(facts, standing, row) if line.period not in taken_back]
            found += [Breach(f"subscription {row['account_id']}/{row['id']}", _reason(line)) for line in wrong]
    return found


def _difference(facts: Facts, lines: Iterable[LineItem], row: asyncpg.Record) -> list[Line]:
    """What would be billed now, of what was to be billed before the next renewal."""
    over: datetime | None = facts.subscription.ended_at
    at = over or row["due_at"] - _MOMENT
    settled = facts.subscription.period_start if row["unbilled_since"] else None
    stands = agreement(replace(facts, paid_stays=True))
    missing = timeline.bill(stands, issued(lines), now=at)
    return [line for line in missing if settled is None or line.period < settled]


def _reason(line: Line) -> str:
    period = f"in the period from {line.period:%Y-%m-%d %H:%M} UTC"
    if line.kind is Kind.CREDIT:
        return f"{period}, {(-line.amount).text} of item {line.item} are charged too much"
    return f"{period}, {line.amount.text} of item {line.item} are not charged"


_ALL = """
    select s.account_id, s.id, c.due_at, c.unbilled_since
    from subscription s
    join subscription_clock c on (c.account_id, c.subscription_id) = (s.account_id, s.id)
    where (c.held is null or starts_with(c.held, 'ended'))
    order by s.account_id, s.id
"""
_DOUBTFUL = """
    with charged as (
        select account_id, item_id, bool_and(whole) as whole, min(period_start) as first, max(period_end) as last
        from (select account_id, item_id, period_start, period_end,
                     kind = 'charge' and above is null and billed_period = period_start and invoice.state <> 'void'
                     and coalesce(period_start = lag(period_end) over (partition by item_id order by period_start),
                                  true) as whole
              from line_item join (select account_id, id as invoice_id, state from invoice) invoice
                   using (account_id, invoice_id)
              where item_id is not null and kind <> 'usage') line
        group by account_id, item_id
    ), held as (
        select account_id, item_id, count(*) as times, min(at) as at, min(price_id) as price_id
        from item_step group by account_id, item_id
    ), plain as (
        select i.account_id, i.subscription_id as id
        from subscription_item i
        join subscription s on (s.account_id, s.id) = (i.account_id, i.subscription_id)
        left join held h on (h.account_id, h.item_id) = (i.account_id, i.id)
        left join price p on p.id = h.price_id
        left join charged g on (g.account_id, g.item_id) = (i.account_id, i.id)
        where s.ended_at is null and s.state in ('active', 'past_due')
        group by i.account_id, i.subscription_id
        having bool_and(h.item_id is null and i.quantity = 0
                        or h.times = 1 and coalesce(g.whole and g.last = s.period_end
                                                    and g.first = greatest(h.at, s.trial_end), false)
                        or h.times = 1 and g.item_id is null and p.rule ->> 'model' = 'flat'
                           and p.rule ->> 'amount' = '0')
    ), grids as (
        select account_id, subscription_id, count(*) as cycles from subscription_cycle group by 1, 2
    )
    select s.account_id, s.id, c.due_at, c.unbilled_since
    from subscription s
    join subscription_clock c on (c.account_id, c.subscription_id) = (s.account_id, s.id)
    left join plain on (plain.account_id, plain.id) = (s.account_id, s.id)
    left join grids on (grids.account_id, grids.subscription_id) = (s.account_id, s.id)
    where (c.held is null or starts_with(c.held, 'ended')) and (
        plain.id is null or grids.cycles is distinct from 1
        or exists (select from subscription_pause p where (p.account_id, p.subscription_id) = (s.account_id, s.id)))
    order by s.account_id, s.id
"""
