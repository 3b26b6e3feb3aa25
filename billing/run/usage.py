"""Usage in a billing run: what plain subscriptions have used, a chunk at a time.

Only those whose prices are sold together with meters are looked at. What was used
before the period that ends was billed with it; it is told again only where something
was reported late, and then such a subscription is given to the timeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import asyncpg

from billing import metered, usage_queries
from billing.agreement import Agreement
from billing.catalog import ListPrice
from billing.metered import MeteredItem, Stretch
from billing.periods import Cycle
from billing.usage_queries import Asked, Reading
from billing.using import Stated, used
from kernel.time import Anchor, Interval


def cycle(due: asyncpg.Record) -> Cycle:
    """The cycle that a subscription is in."""
    return Cycle(due["since"], Anchor(due["anchor"], due["time_zone"]), Interval(due["interval"]), due["count"])


async def plainly(
    connection: asyncpg.Connection, rows: Sequence[asyncpg.Record], prices: Mapping[int, ListPrice]
) -> dict[int, Stated | None]:
    """The usage that ends with the period, by subscription; None where more than that has to be looked at."""
    meters = [number for number, price in prices.items() if price.meter]
    if not meters or not rows:
        return {}
    items = await _items(connection, rows, prices, meters)
    stretches = list(_stretches(rows, items))
    if not stretches:
        return dict.fromkeys(items)
    known = await usage_queries.meters(connection.fetch)
    found, seen = await usage_queries.readings(connection.fetch, stretches, known)
    starts = {row["subscription_id"]: row["period_start"] for row in rows}
    late = await _late(connection, [pair for pair in zip(stretches, found, strict=True) if _is_old(pair[0], starts)])
    told: dict[int, Stated | None] = {number: Stated((), seen) for number in items}
    for (_, number, stretch), reading in zip(stretches, found, strict=True):
        before = told[number]
        if before and stretch.span.start == starts[number]:
            told[number] = Stated((*before.usage, used(stretch, reading)), seen)
    known_whole = {row["subscription_id"] for row in rows if _is_whole(row, items.get(row["subscription_id"], ()))}
    return {number: stated if number in known_whole - late else None for number, stated in told.items()}


async def _items(
    connection: asyncpg.Connection,
    rows: Sequence[asyncpg.Record],
    prices: Mapping[int, ListPrice],
    meters: Sequence[int],
) -> dict[int, list[MeteredItem]]:
    keys = ([row["account_id"] for row in rows], [row["subscription_id"] for row in rows])
    items: dict[int, list[MeteredItem]] = {}
    for row in await connection.fetch(_ITEMS, *keys, meters):
        item = MeteredItem(str(row["id"]), prices[row["price_id"]], row["created_at"], row["ended_at"])
        items.setdefault(row["subscription_id"], []).append(item)
    return items


def _stretches(rows: Iterable[asyncpg.Record], items: Mapping[int, Sequence[MeteredItem]]) -> Iterator[Asked]:
    for row in rows:
        mine = items.get(row["subscription_id"])
        if mine and row["plain"]:
            for stretch in metered.over(Agreement((cycle(row),)), mine, row["due_at"]):
                yield row["account_id"], row["subscription_id"], stretch


def _is_whole(row: asyncpg.Record, items: Sequence[MeteredItem]) -> bool:
    """Whether no item is older than the cycle, so that none has a stretch before it."""
    return bool(row["plain"]) and all(item.since >= row["since"] for item in items)


def _is_old(asked: Asked, starts: Mapping[int, object]) -> bool:
    return asked[2].span.start != starts[asked[1]]


async def _late(connection: asyncpg.Connection, old: Sequence[tuple[Asked, Reading]]) -> set[int]:
    """The subscriptions for which other quantities stand now than were billed last for stretches before."""
    if not old:
        return set()
    rows = await connection.fetch(
        _BILLED,
        [account for (account, _, _), _ in old],
        [number for (_, number, _), _ in old],
        [int(stretch.item.key) for (_, _, stretch), _ in old],
        [stretch.span.start for (_, _, stretch), _ in old],
    )
    billed = {(row["item_id"], row["period_start"]): Fraction(row["quantity"]) for row in rows}
    return {number for (_, number, stretch), reading in old if _other(stretch, reading, billed)}


def _other(stretch: Stretch, reading: Reading, billed: Mapping[tuple[int, object], Fraction]) -> bool:
    return reading.quantity != billed.get((int(stretch.item.key), stretch.span.start), 0)


_ITEMS = """
    select i.subscription_id, i.id, i.price_id, i.created_at, i.ended_at
    from unnest($1::bigint[], $2::bigint[]) as d(account_id, subscription_id)
    join subscription_item i on (i.account_id, i.subscription_id) = (d.account_id, d.subscription_id)
    where i.quantity = 0 and i.price_id = any($3::bigint[]) order by i.subscription_id, i.id
"""
_BILLED = """
    select distinct on (i.subscription_id, i.item_id, i.period_start)
           i.item_id, i.period_start, i.facts ->> 'quantity' as quantity
    from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[])
         as d(account_id, subscription_id, item_id, start)
    join line_item i on (i.account_id, i.subscription_id) = (d.account_id, d.subscription_id)
         and i.item_id = d.item_id and i.period_start = d.start and i.kind = 'usage' and i.billed_period <= d.start
         and i.billed_period >= d.start - interval '366 days'
    order by i.subscription_id, i.item_id, i.period_start, i.id desc
"""
