"""All that a change of a subscription follows from, in one statement.

Whoever changes a subscription, or previews that, asks for all of it: the facts, what was issued, what waits,
and the catalog's rows. One after another these are a dozen and more round trips, in which others may wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from billing import catalog_rows, fact_queries
from billing.catalog import ListPrice
from billing.catalog_tables import Plan, PlanVersion, Price
from billing.facts import Facts
from billing.standing import Offer, Standing
from billing.tables import (
    ItemStep,
    LineItem,
    ScheduledChange,
    Subscription,
    SubscriptionClock,
    SubscriptionCycle,
    SubscriptionDiscount,
    SubscriptionItem,
    SubscriptionPause,
)
from kernel import rows
from kernel.errors import NotFound
from kernel.work import Work


async def standing(
    work: Work, account_id: int, number: int, *further: int, lock: bool
) -> tuple[Facts, datetime | None]:
    """The facts of a subscription with all that goes with them, and when something last happened to it.

    Its prices are those of its steps and items, and `further` ones. Lock its clock before you lock it. Raises NotFound.
    """
    await work.flush()
    sql, day = _LOCKED if lock else _UNLOCKED, work.now - timedelta(days=1)
    found = (await work.fetch(sql, account_id, number, list(further), day))[0]
    if found["subscription"] is None or found["clock"] is None:
        raise NotFound
    told = {name: orjson.loads(value) for name, value in found.items() if isinstance(value, str)}
    sold = {offer.price.id: (offer, price) for offer, price in map(_offer, found["offers"])}
    prices = {price: listed for price, (_, listed) in sold.items()}
    items = work.known(SubscriptionItem, told["items"])
    metered = [item for item in items if prices[item.price_id].meter is not None]
    (subscription,), (clock,) = (
        work.known(Subscription, [told["subscription"]]),
        work.known(SubscriptionClock, [told["clock"]]),
    )
    facts = Facts(
        subscription=subscription,
        items=[item for item in items if prices[item.price_id].meter is None],
        steps=_read(ItemStep, told["steps"]),
        cycles=work.known(SubscriptionCycle, told["cycles"]),
        pauses=work.known(SubscriptionPause, told["pauses"]),
        discounts=work.known(SubscriptionDiscount, told["discounts"]),
        prices=prices,
        metered=metered,
        meters={int(price): meters for price, meters in told["meters"].items()},
        again=(await fact_queries.again(work, metered)).get(number) if metered else None,
        standing=Standing(
            clock=clock,
            offers={price: offer for price, (offer, _) in sold.items()},
            waiting=work.known(ScheduledChange, told["waiting"]),
            issued=_read(LineItem, told["issued"]),
            void=found["void"],
            adjusted=dict(told["adjusted"]),
            lines=found["lines"],
        ),
    )
    return facts, found["changed_at"]


@lru_cache(maxsize=1024)
def _offer(told: str) -> tuple[Offer, ListPrice]:
    """An offer, and its price as the pure core takes it; nobody changes these, and the same text says the same."""
    each = orjson.loads(told)
    (price,), (version,), (plan,) = (
        _read(Price, [each["price"]]),
        _read(PlanVersion, [each["version"]]),
        _read(Plan, [each["plan"]]),
    )
    return Offer(price, version, plan), replace(catalog_rows.price_of(price), key=str(price.id))


def _read(table: type[rows.RowT], told: Iterable[dict[str, Any]]) -> list[rows.RowT]:
    return [rows.read(table, each) for each in told]


_MINE = "where (t.account_id, t.subscription_id) = ($1, $2)"
_BILLED = f"line_item t join invoice v on (v.account_id, v.id) = (t.account_id, t.invoice_id) {_MINE}"
_LISTS = ", ".join(
    f"(select coalesce(json_agg(t order by {order}), '[]') from {of})::text as {name}"  # noqa: S608 - constants
    for name, of, order in (
        ("items", f"subscription_item t {_MINE}", "t.id"),
        ("steps", f"item_step t {_MINE}", "t.at, t.id"),
        ("cycles", f"subscription_cycle t {_MINE}", "t.since, t.id"),
        ("pauses", f"subscription_pause t {_MINE}", "t.starts_at"),
        ("discounts", f"subscription_discount t {_MINE}", "t.id"),
        ("waiting", f"scheduled_change t {_MINE} and t.state = 'pending'", "t.due_at, t.id"),
        # Each process takes ids from blocks of its own, so ids alone don't tell which line is older.
        ("issued", f"{_BILLED} and v.state <> 'void'", "v.created_at, t.id"),
    )
)
_UNLOCKED = f"""
    with subscription as materialized (
        select * from subscription where (account_id, id) = ($1, $2)),
    named as (
        select t.price_id as id from item_step t {_MINE} and t.price_id is not null
        union select t.price_id from subscription_item t {_MINE}
        union select unnest($3::bigint[])),
    metering as (
        select b.id, array_agg(m.id order by m.id) as meters
        from price b
        join price m on (m.plan_version_id, m.currency, m.interval) = (b.plan_version_id, b.currency, b.interval)
            and m.meter is not null
        where b.id in (select id from named) and b.meter is null group by b.id)
    select (select to_json(t) from subscription t)::text as subscription,
        (select to_json(t) from subscription_clock t {_MINE})::text as clock,
        {_LISTS},
        array(select json_build_object('price', t, 'version', v, 'plan', p)::text
            from price t join plan_version v on v.id = t.plan_version_id join plan p on p.id = t.plan_id
            where t.id in (select id from named union select unnest(meters) from metering)) as offers,
        (select coalesce(json_object_agg(id, meters), '{{}}') from metering)::text as meters,
        array(select distinct v.id from {_BILLED} and v.state = 'void' order by v.id) as void,
        (select coalesce(json_agg(json_build_array(t.id, t.adjusted_minor) order by t.id), '[]') from line_item t
            {_MINE} and t.adjusted_minor > 0)::text as adjusted,
        (select count(*) from {_BILLED} and coalesce(v.issued_at, v.created_at) > $4) as lines,
        greatest((select max(t.at) from item_step t {_MINE}),
            (select max(greatest(t.starts_at, t.ends_at)) from subscription_pause t {_MINE}),
            (select max(t.created_at) from invoice t {_MINE})) as changed_at
"""  # noqa: S608 - constants
_LOCKED = _UNLOCKED.replace("= ($1, $2)),", "= ($1, $2) for update),", 1)
