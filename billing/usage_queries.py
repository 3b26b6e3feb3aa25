"""What we ask about usage: who counts what, what was recorded, and what it comes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import asyncpg

from billing.metered import Stretch
from billing.metering import Meter, Taken
from billing.periods import Cycle
from billing.rating import Aggregation
from kernel.time import Anchor, Interval, Period
from kernel.work import Work

_MICROSECOND = timedelta(microseconds=1)


Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
"""Runs a statement with its values: a unit of work's `fetch`, or a connection's."""


@dataclass(frozen=True, slots=True)
class Known:
    """A meter and its number."""

    id: int
    meter: Meter


@dataclass(frozen=True, slots=True)
class Reading:
    """What a stretch came to: the quantity, how many reports, and the first and the last of them."""

    quantity: Fraction
    events: int
    first: datetime | None
    last: datetime | None


NOTHING = Reading(Fraction(0), 0, None, None)

Asked = tuple[int, int, Stretch]
"""An account, a subscription, and a stretch of one of its items."""


async def meters(fetch: Fetch) -> dict[str, Known]:
    """Every meter there is, by key."""
    rows = await fetch("select id, key, aggregation, value, distinct_value, group_by from meter")
    return {row["key"]: Known(row["id"], _meter(row)) for row in rows}


async def make_months(work: Work, first: datetime, last: datetime) -> int:
    """Have partitions for a span ready; how many were made."""
    return int((await work.fetch("select usage_months($1, $2) as made", first, last))[0]["made"])


async def metered(work: Work, account_id: int, since: datetime) -> list[asyncpg.Record]:
    """The metered items of an account but for those off before an instant: subscription, item, meter, since, until."""
    return await work.fetch(_METERED, account_id, since)


async def cycles(work: Work, account_id: int) -> dict[int, list[Cycle]]:
    """The cycles of an account's subscriptions, by subscription, the earliest first."""
    rows = await work.fetch(_CYCLES, account_id)
    found: dict[int, list[Cycle]] = {}
    for row in rows:
        cycle = Cycle(row["since"], Anchor(row["anchor"], row["time_zone"]), Interval(row["interval"]), row["count"])
        known = found.setdefault(row["subscription_id"], [])
        # Of two cycles that begin at one instant, the later one counts.
        known[:] = [*(one for one in known if one.since < cycle.since), cycle]
    return found


async def record(
    work: Work, account_id: int, batch_id: int, taken: Sequence[tuple[tuple[int, datetime, str], Taken]]
) -> list[asyncpg.Record]:
    """Write what was not written before; meter, instant and key of what is new.

    Two batches that share keys take turns at the first they share, for both go in order of the index.
    """
    rows = sorted(taken, key=lambda pair: pair[0])
    places, ones = [place for place, _ in rows], [one for _, one in rows]
    return await work.fetch(
        _RECORD,
        account_id,
        batch_id,
        *(list(column) for column in zip(*places, strict=True)),
        [one.holding.subscription_id for one in ones],
        [one.quantity for one in ones],
        [one.subject for one in ones],
        [one.properties for one in ones],
    )


async def recorded(
    work: Work, account_id: int, asked: Sequence[tuple[int, datetime, str]]
) -> dict[tuple[int, datetime, str], asyncpg.Record]:
    """What stands under these meters, instants and keys."""
    rows = await work.fetch(
        "select e.meter_id, e.at, e.key, e.quantity, e.subject, e.subscription_id, e.properties::text as properties"
        " from usage_event e join unnest($2::integer[], $3::timestamptz[], $4::text[]) as t(meter_id, at, key)"
        " using (meter_id, at, key) where e.account_id = $1",
        account_id,
        *(list(column) for column in zip(*asked, strict=True)),
    )
    return {(row["meter_id"], row["at"], row["key"]): row for row in rows}


async def add_batch(
    work: Work,
    account_id: int,
    batch_id: int,
    *,
    span: tuple[datetime, datetime],
    events: int,
    reason: str | None = None,
) -> None:
    """Write that reports came together."""
    await work.execute(
        "insert into usage_batch (account_id, id, recorded_at, events, first_at, last_at, reason)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        account_id,
        batch_id,
        work.now,
        events,
        *span,
        reason,
    )


async def add_void(work: Work, batch_id: int, account_id: int, row: asyncpg.Record, key: str) -> bool:
    """Write the record that takes another back, unless there is one."""
    written = await work.execute(
        "insert into usage_event (account_id, meter_id, at, key, subscription_id, batch_id, quantity, subject, voids)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, true) on conflict do nothing",
        account_id,
        row["meter_id"],
        row["at"],
        key,
        row["subscription_id"],
        batch_id,
        -row["quantity"],
        row["subject"],
    )
    return bool(written)


async def readings(
    fetch: Fetch, asked: Sequence[Asked], known: Mapping[str, Known], seen: str | None = None
) -> tuple[list[Reading], str]:
    """What each stretch came to, in order, and the snapshot that saw it; with `seen`, what that one saw.

    One statement for all meters that add up. Where others are asked too, theirs are told to see the same.
    """
    kinds: dict[str, list[tuple[int, Asked]]] = {_ADDED: [], _CHOSEN: [], _LEVEL: []}
    ways = {key: kinds[_statement(each.meter.aggregation)] for key, each in known.items()}
    for place, one in enumerate(asked):
        ways[_key(one[2])].append((place, one))
    found = [NOTHING] * len(asked)
    for sql, places in kinds.items():
        for row in await _fetched(fetch, sql, places, known, seen):
            place, seen = row["place"], row["seen"]
            stretch = asked[place][2]
            found[place] = _reading(row, known[_key(stretch)].meter.aggregation, stretch)
        if seen is None and len(places) < len(asked):
            seen = await snapshot(fetch)
    return found, seen or await snapshot(fetch)


async def snapshot(fetch: Fetch) -> str:
    """Which transactions are done now, as PostgreSQL writes it."""
    return str((await fetch("select pg_current_snapshot()::text as seen"))[0]["seen"])


async def limits(work: Work, price_ids: Sequence[int]) -> dict[int, int]:
    """The most that plans allow of what their metered prices count, by price: an entitlement named like the meter."""
    rows = await work.fetch(
        "select r.id, e.amount from price r join entitlement e on e.plan_version_id = r.plan_version_id"
        " and e.feature = r.meter and e.kind = 'limit' and e.amount is not null where r.id = any($1::bigint[])",
        list(price_ids),
    )
    return {row["id"]: row["amount"] for row in rows}


async def touched(work: Work, account_id: int, batch_id: int) -> list[int]:
    """The subscriptions that a batch has reports of."""
    rows = await work.fetch(
        "select distinct e.subscription_id from usage_batch b join usage_event e on e.account_id = b.account_id"
        " and e.at between b.first_at and b.last_at and e.batch_id = b.id where b.account_id = $1 and b.id = $2",
        account_id,
        batch_id,
    )
    return sorted(row["subscription_id"] for row in rows)


async def alert(work: Work, account_id: int, subscription_id: int, stretch: Stretch, percent: int) -> bool:
    """Remember that something was told of a stretch; False if it had been."""
    written = await work.execute(
        "insert into usage_alert (account_id, item_id, period_start, percent, subscription_id, told_at)"
        " values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        account_id,
        int(stretch.item.key),
        stretch.span.start,
        percent,
        subscription_id,
        work.now,
    )
    return bool(written)


async def listed(
    work: Work, account_id: int, meter: str, span: Period, page: tuple[int, tuple[datetime, str] | None]
) -> list[asyncpg.Record]:
    """So many reports of a meter in a span, in order of the index, from a place on."""
    size, after = page
    place, key = after or (span.start, "")
    return await work.fetch(
        "select m.key as meter, e.at, e.key, e.quantity, e.voids, b.recorded_at, e.properties::text as properties"
        " from meter m join usage_event e on e.meter_id = m.id"
        " join usage_batch b on b.account_id = e.account_id and b.id = e.batch_id"
        " where e.account_id = $1 and m.key = $2 and e.at >= $3 and e.at < $4 and (e.at, e.key) > ($5, $6)"
        " order by e.at, e.key limit $7",
        account_id,
        meter,
        span.start,
        span.end,
        place,
        key,
        size,
    )


async def _fetched(
    fetch: Fetch, sql: str, places: Sequence[tuple[int, Asked]], known: Mapping[str, Known], seen: str | None
) -> list[asyncpg.Record]:
    rows = [
        (place, account, subscription, known[_key(stretch)].id, part.start, part.end)
        for place, (account, subscription, stretch) in places
        for part in stretch.counted
    ]
    if not rows:
        return []
    columns = [list(column) for column in zip(*rows, strict=True)]
    # The same bounds once more, as constants, let PostgreSQL pass over the months that can't matter.
    return await fetch(sql, *columns, min(columns[4]), max(columns[5]), seen)


def _statement(aggregation: Aggregation) -> str:
    if aggregation is Aggregation.WEIGHTED:
        return _LEVEL
    return _ADDED if aggregation in {Aggregation.SUM, Aggregation.COUNT} else _CHOSEN


def _reading(row: asyncpg.Record, aggregation: Aggregation, stretch: Stretch) -> Reading:
    match aggregation:
        case Aggregation.COUNT:
            quantity = Fraction(row["events"])
        case Aggregation.WEIGHTED:
            length = Fraction(stretch.span.length // _MICROSECOND, 1_000_000)
            quantity = _exact(row["weighted"]) / length
        case _:
            quantity = _exact(row[f"{aggregation}_of"])
    return Reading(quantity, row["events"], row["first_at"], row["last_at"])


def _exact(number: Decimal | int | None) -> Fraction:
    return Fraction(number or 0)


def _key(stretch: Stretch) -> str:
    assert stretch.item.price.meter is not None, "a metered item's price has a meter"
    return stretch.item.price.meter


def _meter(row: asyncpg.Record) -> Meter:
    return Meter(
        row["key"], Aggregation(row["aggregation"]), row["value"], row["distinct_value"], tuple(row["group_by"])
    )


_METERED = """
    select i.subscription_id, i.id as item_id, r.meter, i.created_at as since,
           least(i.ended_at, s.ended_at, s.cancel_at) as until
    from subscription_item i
    join price r on r.id = i.price_id and r.meter is not null
    join subscription s on s.account_id = i.account_id and s.id = i.subscription_id
    where i.account_id = $1 and coalesce(least(i.ended_at, s.ended_at, s.cancel_at), 'infinity') > $2
    order by i.created_at, i.id
"""
_RECORD = """
    insert into usage_event (account_id, batch_id, meter_id, at, key, subscription_id, quantity, subject, properties)
    select $1, $2, t.meter_id, t.at, t.key, t.subscription_id, t.quantity, t.subject, t.properties::jsonb
    from unnest($3::integer[], $4::timestamptz[], $5::text[], $6::bigint[], $7::numeric[], $8::text[], $9::text[])
        as t(meter_id, at, key, subscription_id, quantity, subject, properties)
    on conflict do nothing returning meter_id, at, key
"""
_CYCLES = """
    select subscription_id, since, anchor, time_zone, interval, count from subscription_cycle
    where account_id = $1 order by since, id
"""
_ASKED = """
    with asked as (
        select * from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::integer[],
                             $5::timestamptz[], $6::timestamptz[])
            as t(place, account_id, subscription_id, meter_id, start, stop)
    )
"""
_SEEN = """($9::text is null or exists (
              select from usage_batch b where b.account_id = {row}.account_id and b.id = {row}.batch_id
              and pg_visible_in_snapshot(b.recorded_in, $9::text::pg_snapshot)))"""
_EVENTS = f"""
        from usage_event e
        where e.account_id = a.account_id and e.meter_id = a.meter_id and e.at >= a.start and e.at < a.stop
          and e.subscription_id = a.subscription_id and e.at >= $7 and e.at < $8
          and {_SEEN.format(row="e")}
"""
_ADDED = f"""
    {_ASKED}
    select a.place, sum(t.sum_of) as sum_of, sum(t.events)::bigint as events, min(t.first_at) as first_at,
           max(t.last_at) as last_at, coalesce($9::text, pg_current_snapshot()::text) as seen
    from asked a cross join lateral (
        select sum(e.quantity) as sum_of, count(*) - 2 * count(*) filter (where e.voids) as events,
               min(e.at) as first_at, max(e.at) as last_at
        {_EVENTS}
    ) t group by a.place
"""  # noqa: S608 - constant words
_CHOSEN = f"""
    {_ASKED}
    select a.place, max(t.quantity) as max_of, count(distinct t.subject) as unique_of,
           (array_agg(t.quantity order by t.at desc, t.key desc))[1] as last_of,
           count(*) as events, min(t.at) as first_at, max(t.at) as last_at,
           coalesce($9::text, pg_current_snapshot()::text) as seen
    from asked a cross join lateral (
        select e.at, e.key, e.quantity, e.subject
        {_EVENTS}
          and not e.voids and not exists (
              select from usage_event v
              where v.account_id = e.account_id and v.meter_id = e.meter_id and v.at = e.at and v.key = '~' || e.key
                and {_SEEN.format(row="v")})
    ) t group by a.place
"""  # noqa: S608 - constant words
_LEVEL = f"""
    {_ASKED}
    select a.place, sum(o.level * extract(epoch from a.stop - a.start) + coalesce(t.risen, 0)) as weighted,
           sum(t.events)::bigint as events, min(t.first_at) as first_at, max(t.last_at) as last_at,
           coalesce($9::text, pg_current_snapshot()::text) as seen
    from asked a cross join lateral (
        select coalesce(sum(e.quantity), 0) as level from usage_event e
        where e.account_id = a.account_id and e.meter_id = a.meter_id and e.at < a.start
          and e.subscription_id = a.subscription_id and {_SEEN.format(row="e")}
    ) o cross join lateral (
        select sum(e.quantity * extract(epoch from a.stop - e.at)) as risen,
               count(*) - 2 * count(*) filter (where e.voids) as events, min(e.at) as first_at, max(e.at) as last_at
        {_EVENTS}
    ) t group by a.place
"""  # noqa: S608 - constant words
