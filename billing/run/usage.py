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
from billing.rating import Usage
from billing.usage_queries import Asked, Known, Reading
from billing.using import Stated, used
from kernel.time import Anchor, Interval


def cycle(due: asyncpg.Record) -> Cycle:
    """The cycle that a subscription is in."""
    return Cycle(due["since"], Anchor(due["anchor"], due["time_zone"]), Interval(due["interval"]), due["count"])


async def plainly(
    connection: asyncpg.Connection,
    rows: Sequence[asyncpg.Record],
    prices: Mapping[int, ListPrice],
    meters: Mapping[str, Known],
) -> dict[int, Stated | None]:
    """The usage that ends with the period, by subscription; None where more than that has to be looked at."""
    metered_prices = [number for number, price in prices.items() if price.meter]
    if not metered_prices or not rows:
        return {}
    items = await _items(connection, rows, prices, metered_prices)
    mine = [row for row in rows if row["subscription_id"] in items]
    stretches = list(_stretches(mine, items))
    if not stretches:
        return dict.fromkeys(items)
    found, seen = await usage_queries.readings(connection.fetch, stretches, meters)
    starts = {row["subscription_id"]: row["period_start"] for row in mine}
    told: dict[int, list[Usage]] = {number: [] for number in items}
    old: list[tuple[Asked, Reading]] = []
    for one, reading in zip(stretches, found, strict=True):
        _, number, stretch = one
        if stretch.span.start == starts[number]:
            told[number].append(used(stretch, reading))
        else:
            old.append((one, reading))
    late = await _late(connection, old)
    whole = {row["subscription_id"] for row in mine if _is_whole(row, items[row["subscription_id"]])} - late
    return {number: Stated(tuple(usage), seen) if number in whole else None for number, usage in told.items()}


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
        account, number = row["account_id"], row["subscription_id"]
        for stretch in metered.over(Agreement((cycle(row),)), items[number], row["due_at"]):
            yield account, number, stretch


def _is_whole(row: asyncpg.Record, items: Sequence[MeteredItem]) -> bool:
    """Whether no item is older than the cycle, so that none has a stretch before it."""
    return bool(min(item.since for item in items) >= row["since"])


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
