"""What we ask about the catalog."""

from __future__ import annotations

import json

from sqlmodel import select

from billing import catalog_rows, dunning_rows, usage_queries
from billing.catalog_rows import Shelf
from billing.catalog_tables import Entitlement, Plan, PlanVersion, Price
from billing.dunning import Schedule
from billing.metering import Meter
from kernel.work import Work

Holders = dict[tuple[str, int | None], int]
"""How many subscriptions run, by plan key and version number; under None those of every version, each once."""


async def wait_for_turn(work: Work) -> None:
    """Let nobody else change the catalog until this transaction ends."""
    await work.execute("select pg_advisory_xact_lock(hashtext('catalog'))")


async def shelf(work: Work) -> Shelf:
    """All rows of the catalog."""
    return catalog_rows.shelf(
        await work.all(select(Plan)),
        await work.all(select(PlanVersion)),
        await work.all(select(Price)),
        await work.all(select(Entitlement)),
    )


async def meters(work: Work) -> tuple[Meter, ...]:
    """Every meter, in order of their keys."""
    return tuple(known.meter for _, known in sorted((await usage_queries.meters(work.fetch)).items()))


async def add_meter(work: Work, meter: Meter) -> int:
    """Write a new meter; its number."""
    rows = await work.fetch(
        "insert into meter (key, aggregation, value, distinct_value, group_by)"
        " values ($1, $2, $3, $4, $5) returning id",
        meter.key,
        meter.aggregation.value,
        meter.value,
        meter.distinct,
        list(meter.group_by),
    )
    return int(rows[0]["id"])


async def schedules(work: Work) -> tuple[Schedule, ...]:
    """Every dunning schedule that was written, in order of their keys."""
    rows = await work.fetch("select key, rule from dunning_schedule order by key")
    return tuple(dunning_rows.read(row["key"], row["rule"]) for row in rows)


async def write_schedule(work: Work, schedule: Schedule) -> int:
    """Write a dunning schedule, over one of this name; its number."""
    rows = await work.fetch(
        "insert into dunning_schedule (key, rule) values ($1, $2)"
        " on conflict (key) do update set rule = excluded.rule returning id",
        schedule.key,
        json.dumps(dunning_rows.write(schedule)),
    )
    return int(rows[0]["id"])


async def count_the_rest(work: Work) -> None:
    """Let meters that only prices name sum quantities."""
    await work.execute(
        "insert into meter (key, aggregation) select distinct meter, 'sum' from price where meter is not null"
        " on conflict do nothing"
    )


async def holders(work: Work) -> Holders:
    """How many running subscriptions hold each plan and version, by themselves or with one of their items."""
    rows = await work.fetch(
        "select plan.key, version.number, count(distinct held.id)"
        " from (select id, plan_version_id from subscription where ended_at is null"
        "       union select item.subscription_id, price.plan_version_id"
        "       from subscription_item item join price on price.id = item.price_id"
        "       where item.ended_at is null) held"
        " join plan_version version on version.id = held.plan_version_id"
        " join plan on plan.id = version.plan_id"
        " group by grouping sets ((plan.key), (plan.key, version.number))"
    )
    return {(row["key"], row["number"]): row["count"] for row in rows}
