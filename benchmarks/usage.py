"""Usage events, measured beside the floor of the same machine in the same run.

    python benchmarks/usage.py             100,000 events of 1,000 customers
    python benchmarks/usage.py --events 200000

Events are recorded in batches of 1,000, two in a hundred of them retries, as a client's
would be: judged, deduplicated, with an audit record and an outbox row for each batch. The
floor is COPY of the very same rows into the same table, from a file, and a bare insert
of them in statements of 1,000. Then a customer's month is read, one after another, and
all customers' months at once, as the billing run reads them. Each batch is a transaction
of its own; fsync and synchronous_commit are on.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from tempfile import mkdtemp
from time import perf_counter, process_time

from billing import metered, usage, usage_queries
from billing.agreement import Agreement
from billing.catalog import ListPrice
from billing.metered import MeteredItem
from billing.metering import Report
from billing.periods import anniversary
from billing.price_rules import read
from kernel import database, postgres
from kernel.id_blocks import IdBlocks
from kernel.time import Interval
from kernel.work import Work

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 31, 23, tzinfo=UTC)
CUSTOMERS = 1_000
BATCH = 1_000

FILL = f"""
insert into plan values (1, 'api', 'anyone', '{{"en": "API"}}', '{{}}', 1, now());
insert into plan_version values (1, 1, 1, 0, null, now());
insert into price (id, plan_id, plan_version_id, key, currency, interval, model, amount_minor, rule, meter, created_at)
values (2, 1, 1, 'calls', 'USD', 'month', 'per_unit', 0,
        '{{"model": "per_unit", "amount": "0.5", "count": 1, "proration": "none", "timing": "arrears",
          "decrease": "at_renewal"}}', 'calls', now());
insert into meter (key, aggregation) values ('calls', 'sum');
insert into account (id, kind, name, email, currency, country, locale, time_zone, created_at)
select n, 'workspace', 'Acme ' || n, n || '@example.test', 'USD', 'US', 'en', 'UTC', now()
from generate_series(1, {CUSTOMERS}) n;
insert into subscription (account_id, id, plan_id, plan_version_id, state, currency, interval, anchor, time_zone,
                          period_start, period_end, created_at)
select n, n, 1, 1, 'active', 'USD', 'month', '{START}', 'UTC', '{START}', '2026-04-01Z', '{START}'
from generate_series(1, {CUSTOMERS}) n;
insert into subscription_item select n, {CUSTOMERS} + n, n, 1, 2, 0, '{START}' from generate_series(1, {CUSTOMERS}) n;
insert into subscription_cycle
select n, 2 * {CUSTOMERS} + n, n, '{START}', '2026-03-01', 'UTC', 'month', 1 from generate_series(1, {CUSTOMERS}) n;
select usage_months('2026-03-01Z', '2026-04-30Z');
select setval('id_block', 100);
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the wall, and of this process."""

    wall: float
    client: float


async def ingest(url: str, batches: list[tuple[int, list[Report]]]) -> tuple[Cost, int]:
    engine, blocks = database.engine(url), IdBlocks()
    began, spent, recorded = perf_counter(), process_time(), 0
    for account, reports in batches:
        work = Work(engine, NOW, ids=blocks, sees={})
        async with work.transaction():
            await work.bind(account)
            recorded += (await usage.record(work, account, reports)).recorded
        await work.close()
    cost = Cost(perf_counter() - began, process_time() - spent)
    await engine.dispose()
    return cost, recorded


async def floor(url: str, source: Path) -> Cost:
    async with database.connected(url) as owner:
        began, spent = perf_counter(), process_time()
        await owner.copy_to_table("usage_event", source=source, format="text")
        return Cost(perf_counter() - began, process_time() - spent)


async def bare(url: str, source: Path) -> Cost:
    """The same rows in statements of a thousand, each a transaction, without any of our code."""
    async with database.connected(url) as owner:
        await owner.execute("create unlogged table rows (like usage_event)")
        await owner.copy_to_table("rows", source=source, format="text")
        batches = [row["batch_id"] for row in await owner.fetch("select distinct batch_id from rows")]
        await owner.execute("create index on rows (batch_id)")
        began, spent = perf_counter(), process_time()
        for batch in batches:
            await owner.execute("insert into usage_event select * from rows where batch_id = $1", batch)
        return Cost(perf_counter() - began, process_time() - spent)


async def reading(url: str) -> tuple[list[float], Cost]:
    price = ListPrice("2", "USD", read({"model": "per_unit", "amount": "0.5"}), meter="calls")
    agreed = Agreement((anniversary(START, Interval.MONTH),))
    asked = []
    for number in range(1, CUSTOMERS + 1):
        item = MeteredItem(str(CUSTOMERS + number), price, START)
        asked += [(number, number, stretch) for stretch in metered.running(agreed, [item], NOW)]
    async with database.connected(url) as owner:
        await owner.execute("vacuum (analyze) usage_event")
        known = await usage_queries.meters(owner.fetch)
        singles = []
        for one in random.Random(1).sample(asked, min(500, CUSTOMERS)):
            began = perf_counter()
            await usage_queries.readings(owner.fetch, [one], known)
            singles.append((perf_counter() - began) * 1000)
        began, spent = perf_counter(), process_time()
        await usage_queries.readings(owner.fetch, asked, known)
        return singles, Cost(perf_counter() - began, process_time() - spent)


def planned(count: int) -> list[tuple[int, list[Report]]]:
    """Batches, each of one customer, and two in a hundred events of them retries."""
    chance = random.Random(0)
    month = int((NOW - START).total_seconds())
    batches = []
    for place in range(count // BATCH):
        account = 1 + place % CUSTOMERS
        reports = [
            Report(f"{place}-{number}", "calls", START + timedelta(seconds=chance.randrange(month)), 1 + number % 7)
            for number in range(BATCH * 98 // 100)
        ]
        again = chance.sample(reports, BATCH - len(reports))
        batches.append((account, [*reports, *again]))
    return batches


async def compare(home: Path, server: str, count: int) -> None:
    await database.create(server, "base")
    base = database.within(server, "base")
    await database.migrate(base)
    async with database.connected(base) as owner:
        await owner.execute(FILL)
    for name in ("ours", "copied", "bare"):
        await database.create(server, name, template="base")
    batches = planned(count)
    ours, recorded = await ingest(database.within(server, "ours"), batches)
    source = home / "rows"
    async with database.connected(database.within(server, "ours")) as owner:
        await owner.copy_from_query("select * from usage_event", output=source, format="text")
        size = await owner.fetchval(
            "select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = 'usage_event'::regclass"
        )
    copied = await floor(database.within(server, "copied"), source)
    inserted = await bare(database.within(server, "bare"), source)
    print(f"{recorded:,} events of {CUSTOMERS:,} customers, {size / recorded:,.0f} bytes an event, index included")
    for name, cost in (("recordUsage", ours), ("bare insert", inserted), ("COPY", copied)):
        print(
            f"{name:12}{recorded / cost.wall:>10,.0f} events/s{cost.wall / recorded * 1e6:>8.1f} µs an event"
            f"{cost.client / recorded * 1e6:>7.1f} µs of it this process{cost.wall / copied.wall:>8.2f} of COPY"
            f"{cost.wall / inserted.wall:>8.2f} of the bare insert"
        )
    singles, everybody = await reading(database.within(server, "ours"))
    cuts = quantiles(singles, n=100)
    print(f"one customer's month: {cuts[49]:.2f} ms p50, {cuts[98]:.2f} ms p99")
    print(f"{CUSTOMERS:,} customers' months in one statement: {everybody.wall * 1000:.0f} ms")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--events", type=int, default=100_000)
    asked = told.parse_args()
    home = Path(mkdtemp(prefix="seatgraph-benchmark-"))
    server = postgres.started(home)
    try:
        asyncio.run(compare(home, server, asked.events))
    finally:
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
