"""A long list of people, measured: brought to its door, foreseen, and seated by the worker to its end.

    python benchmarks/lists.py                                  100,000 people, and as many seats
    python benchmarks/lists.py --seats 10000                    the same with seats for a tenth of them
    python benchmarks/lists.py --rows 20000 --whole             in one change
    python benchmarks/lists.py --rows 2000 --letters            and the letters that follow are written

One in ten is a member, the others are invited. What a step costs is told of the first steps and of the last
ones: it must not grow with the list. The application and the worker run in this process, without a
network; fsync and synchronous_commit are on, and autovacuum is, too.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import resource
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter, process_time
from typing import Any

import alone  # noqa: F401 - `seats` is a package here
import httpx2
import structlog

from auth import keys
from benchmarks.graph.measuring import cpu_of_postgres, memory
from gateway.app import build
from gateway.settings import Settings
from gateway.worker import Worker
from kernel import database, ids, postgres

ACCOUNT, POOL = 2, 7
FEW = 10
"""How many steps are compared, the first and the last."""

FILL = """
insert into account (id, kind, name, email, currency, country, locale, time_zone, created_at)
values (2, 'workspace', 'Acme', 'b@acme.example', 'USD', 'US', 'en', 'UTC', now());
insert into workspace (id, name, sso_enforced, created_at) values (2, 'Acme', false, now());
insert into person (id, email, email_verified, name, locale, time_zone, epoch, created_at)
select n, case n when 1 then 'owner' else 'p' || n - 1000 end || '@acme.example', true, 'P', 'en', 'UTC', 0, now()
from (select 1 as n union all select generate_series(1000, $people + 999, 10)) t;
insert into member (account_id, id, person_id, role, state, joined_at)
select 2, 1000000 + id, id, case id when 1 then 'owner' else 'member' end, 'active', now() from person;
insert into plan values (1, 'team', 'workspace', '{"en": "Team"}', '{}', 1, now());
insert into plan_version values (1, 1, 1, 0, null, now());
insert into price (id, plan_id, plan_version_id, key, currency, interval, model, amount_minor, rule, created_at)
values (2, 1, 1, 'seats', 'USD', 'month', 'per_unit', 100, '{"model": "per_unit", "amount": "100"}', now());
insert into subscription (account_id, id, plan_id, plan_version_id, state, currency, interval, anchor, time_zone,
                          period_start, period_end, created_at)
values (2, 5, 1, 1, 'active', 'USD', 'month', now(), 'UTC', now(), now() + interval '1 month', now());
insert into subscription_item values (2, 6, 5, 1, 2, $seats, now());
insert into license_pool (account_id, id, name, plan_id, subscription_id, subscription_item_id, purchased, assigned,
                          created_at)
values (2, 7, 'Seats', 1, 5, 6, $seats, 0, now());
select setval('id_block', 5000);
"""

START = """
mutation($list: ID!) {
  startSeatImport(input: { seatImport: $list }) { ... on SeatImport { state } ... on Problem { message } }
}
"""
STATE = """
query($list: ID!) {
  node(id: $list) { ... on SeatImport { state phase tried lines settled failure outcomes { outcome lines } } }
}
"""


class Meter:
    """What this process and PostgreSQL have used."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster

    def read(self) -> tuple[float, float, float]:
        """The time on the wall, and seconds of CPU: this process's, and PostgreSQL's."""
        return perf_counter(), process_time(), cpu_of_postgres(self._postmaster)

    def since(self, before: tuple[float, float, float]) -> tuple[float, float, float]:
        """The same since then."""
        now = self.read()
        return now[0] - before[0], now[1] - before[1], now[2] - before[2]


def told(what: str, count: int, spent: tuple[float, float, float]) -> None:
    """Print what something cost, for each of so many."""
    wall, ours, theirs = spent
    each = f"{ours / count * 1e6:6.0f} + {theirs / count * 1e6:6.0f} µs of CPU a row"
    now, peak = memory_now(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{what:28} {count:>7,} rows {wall:8.1f} s  {each}  {now:6.0f} MB now, {peak:6.0f} at most", flush=True)


def memory_now() -> float:
    """Megabytes that this process holds."""
    return memory(int(Path("/proc/self/stat").read_text().split()[0]))


class Bringing:
    """A program with a key that brings lists."""

    def __init__(self, client: httpx2.AsyncClient, key: str) -> None:
        self._client = client
        self._said = {"authorization": f"Bearer {key}"}

    async def bring(self, rows: int, *, whole: bool) -> str:
        """A list of so many people; its id."""
        sheet = "email\n" + "".join(f"p{place}@acme.example\n" for place in range(rows))
        asked = {"workspace": ids.encode("workspace", ACCOUNT), "whole": str(whole).lower()}
        headers = self._said | {"content-type": "text/csv", "idempotency-key": "once"}
        reply = await self._client.post("/seats/lists", params=asked, content=sheet.encode(), headers=headers)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["seatImport"]["id"])

    async def ask(self, query: str, number: str) -> Any:
        """The first field of an answer."""
        asked = {"query": query, "variables": {"list": number}}
        reply = await self._client.post("/graphql", json=asked, headers=self._said)
        assert "errors" not in reply.json(), reply.text
        return next(iter(reply.json()["data"].values()))


async def seated(bringing: Bringing, worker: Worker, meter: Meter, number: str, rows: int) -> None:
    """Let the worker seat a list to its end, and tell how far it is meanwhile."""
    steps: list[tuple[float, float, float]] = []
    before, state = meter.read(), await bringing.ask(STATE, number)
    watching = asyncio.create_task(watched(bringing, number))
    while state["state"] == "RUNNING":
        begun = meter.read()
        await worker.usher(datetime.now(UTC))
        steps.append(meter.since(begun))
        state = await bringing.ask(STATE, number)
    watching.cancel()
    told("judged anew", rows, steps[0])
    told("seated to its end", rows, meter.since(before))
    if len(steps) > 3 * FEW:
        for what, part in (("first", steps[1 : FEW + 1]), ("last", steps[-FEW:])):
            wall, ours, theirs = (sum(each) / len(part) * 1e3 for each in zip(*part, strict=True))
            print(f"one of the {what} {FEW} steps: {wall:.0f} ms, CPU {ours:.0f} + {theirs:.0f} ms")
    print({name: value for name, value in state.items() if value is not None})


async def watched(bringing: Bringing, number: str) -> None:
    """Print how far a list is, as any client may ask."""
    while True:
        await asyncio.sleep(5)
        state = await bringing.ask(STATE, number)
        print(
            f"    {state['phase']}: {state['settled']:,} settled, {state['tried']:,} tried of {state['lines']:,}",
            flush=True,
        )


async def lists(url: str, postmaster: int, asked: argparse.Namespace) -> None:
    """The whole of it, on one database."""
    plenty = {"SEATGRAPH_BUDGET": 10**9, "SEATGRAPH_BUDGET_RESTORED": 10**9}
    settings = Settings.model_validate({"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": "x" * 40} | plenty)
    # From here on ids are told as this installation tells them.
    app, meter = build(settings, url, None, working=False), Meter(postmaster)
    minted = keys.mint(ids.encode("key", 9))
    async with database.connected(url) as owner:
        await owner.execute(FILL.replace("$people", str(asked.rows)).replace("$seats", str(asked.seats or asked.rows)))
        await owner.execute(
            "insert into service_key (account_id, id, name, scopes, created_by, created_at, expires_at, hash)"
            " values (2, 9, 'Program', '{seats:write}', 1, now(), $2, $1)",
            minted.digest,
            datetime.now(UTC) + timedelta(days=1),
        )
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://lists.test", timeout=120) as client,
    ):
        bringing, door = Bringing(client, minted.text), app.state.door
        begun = meter.read()
        number = await bringing.bring(asked.rows, whole=asked.whole)
        told("brought and foreseen", asked.rows, meter.since(begun))
        print(await bringing.ask(START, number))
        worker = Worker(url, door.engine, door.clock, door.blocks)
        await seated(bringing, worker, meter, number, asked.rows)
        if asked.letters:
            begun = meter.read()
            while await worker.turn():
                pass
            told("followed, letters included", asked.rows, meter.since(begun))
    async with database.connected(url) as owner:
        row = await owner.fetchrow(
            "select purchased, assigned, (select count(*) from assignment where state in ('invited', 'active')) as sit,"
            " (select count(*) from seat_import_row where seat_id is not null) as told from license_pool"
        )
    print(f"bought {row['purchased']:,}, taken {row['assigned']:,} = {row['sit']:,}, told of {row['told']:,}")
    assert row["assigned"] == row["sit"] == row["told"] == (0 if asked.whole and asked.seats else row["purchased"])


async def main() -> None:
    """A server of its own, measured and removed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--seats", type=int, help="for everybody, if left out")
    asked.add_argument("--whole", action="store_true")
    asked.add_argument("--letters", action="store_true")
    given = asked.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    home = Path(mkdtemp(prefix="seatgraph-benchmark-"))
    server = postgres.started(home)
    try:
        await database.create(server, "lists")
        url = database.within(server, "lists")
        await database.migrate(url)
        postmaster = int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        await lists(url, postmaster, given)
    finally:
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
