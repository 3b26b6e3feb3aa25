"""Seats, measured: a race for a pool beside bare updates of the same table, and a workspace of 10,000.

    python benchmarks/seats.py
    python benchmarks/seats.py --tries 500 --people 1000

Thirty-two clients assign, release and hand on seats of one pool of 50 and change how many there
are, 2,000 times. Each try is what the graph does for it, below HTTP: the law of seating, rows, an
audit record in its chain and the outbox, in a transaction of its own; 40 changes of the number of
seats are billed too. There is a connection for each, and they take turns as in a process of the
product. Beside it, right before and after, as many connections do the same mix in bare
statements, `update license_pool … where` there is room, each committed: nobody is seated, and
nothing is told. Both have warmed up with another pool, before and after tables were analyzed, as
tables are that aren't empty any more. Then 10,000 members are seated with one call, and pages of
100 of their seats are asked for over HTTP, in this process and without a network. fsync and
synchronous_commit are on.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import shutil
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from tempfile import mkdtemp
from time import perf_counter

import alone  # noqa: F401 - `seats` is a package here
import asyncpg
import httpx2
import structlog
import uvloop

from auth import keys
from auth import queries as people
from auth.policy import ROLES, Actor, ActorKind, Role, sees
from gateway.app import build
from gateway.settings import Settings
from kernel import database, ids, postgres
from kernel.audit import Origin
from kernel.errors import Problem
from kernel.id_blocks import IdBlocks
from kernel.work import Work
from seats import bulk, buying, operations, pools
from seats.seating import BulkOutcome, SeatSource

CONNECTIONS = 32
SEATS, LESS, MORE = 50, 45, 55
WARMING = 25
"""How many tries of another pool each connection makes before."""

MIX = {"assign": 55, "release": 33, "transfer": 10, "resize": 2}
"""How often each is tried, of a hundred."""

ACCOUNT, OWNER, PRICE = 2, 1, 2
FIRST = 1_000
"""The number of the first member."""

FILL = """
insert into account (id, kind, name, email, currency, country, locale, time_zone, created_at)
values (2, 'workspace', 'Acme', 'b@acme.example', 'USD', 'US', 'en', 'UTC', now());
insert into workspace (id, name, sso_enforced, created_at) values (2, 'Acme', false, now());
insert into person (id, email, email_verified, name, locale, time_zone, epoch, created_at)
select n, case n when 1 then 'owner' else 'p' || n end || '@acme.example', true, 'P', 'en', 'UTC', 0, now()
from (select 1 as n union all select generate_series($first, $first + $people - 1)) t;
insert into member (account_id, id, person_id, role, state, joined_at)
select 2, 1000000 + id, id, case id when 1 then 'owner' else 'member' end, 'active', now() from person;
insert into plan values (1, 'team', 'workspace', '{"en": "Team"}', '{}', 1, now());
insert into plan_version values (1, 1, 1, 0, '{"minimum": 1, "maximum": null}', now());
insert into price (id, plan_id, plan_version_id, key, currency, interval, model, amount_minor, rule, created_at)
values (2, 1, 1, 'seats', 'USD', 'month', 'per_unit', 4000,
        '{"model": "per_unit", "amount": "4000", "count": 1, "proration": "second", "timing": "advance",
          "decrease": "now"}', now());
select setval('id_block', 5000);
vacuum analyze;
"""

PAGE = """
query($id: ID!, $word: String!, $after: String) { workspace(id: $id) {
  seats(first: 100, after: $after, filter: {state: [ACTIVE], search: $word}) {
    edges { node { id email state since person { id name } plan { key } } } pageInfo { hasNextPage endCursor } } } }
"""


@dataclass(slots=True)
class Race:
    """What came of a race, and how long each try took, in seconds."""

    wall: float = 0.0
    waits: list[float] = field(default_factory=list)
    came: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        return len(self.waits) / self.wall

    def told(self, what: str) -> str:
        p99 = quantiles(self.waits, n=100, method="inclusive")[98] * 1e3
        return f"{what:24} {len(self.waits):>6,} tries {self.rate:>8,.0f}/s  p99 {p99:>6.0f} ms"


Try = Callable[[int, str], Awaitable[str]]
"""One try of a kind by the racer of this number; what came of it."""


async def race(kinds: Sequence[str], attempt: Try) -> Race:
    """All tries, by as many racers as there are connections, each taking the next one."""
    result, left = Race(), deque(kinds)

    async def run(racer: int) -> None:
        while left:
            kind, began = left.popleft(), perf_counter()
            came = await attempt(racer, kind)
            result.waits.append(perf_counter() - began)
            result.came[f"{kind} {came}"] += 1

    began = perf_counter()
    await asyncio.gather(*(run(racer) for racer in range(CONNECTIONS)))
    result.wall = perf_counter() - began
    return result


# The product


@dataclass(slots=True)
class Workspace:
    """A workspace with members, whose owner acts over so many connections."""

    url: str
    people: int
    rng: random.Random
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    blocks: IdBlocks = field(default_factory=IdBlocks)
    held: list[int] = field(default_factory=list)
    """Seats that were taken and, as far as anybody knows, are not released."""

    seen: Mapping[str, str] = field(
        default_factory=lambda: sees(Actor(ActorKind.PERSON, OWNER, grants={ACCOUNT: ROLES[Role.OWNER]}))
    )
    """What row-level security is told of the owner, who was recognized before."""

    async def act(self, engine: database.AsyncEngine, does: Callable[[Work], Awaitable[object]]) -> str:
        work = Work(engine, self.now, ids=self.blocks, sees=self.seen, origin=Origin("person", OWNER))
        try:
            async with work.transaction():
                await work.bind(ACCOUNT)
                await does(work)
        except Problem as problem:
            return type(problem).__name__
        finally:
            await work.close()
        return "done"

    async def pool(self, engine: database.AsyncEngine, seats: int) -> int:
        """A pool with so many seats, bought."""
        bought: list[int] = []

        async def buy(work: Work) -> None:
            account = await people.account(work, ACCOUNT)
            bought.append((await pools.create_pool(work, account, PRICE, seats, "Seats")).id)

        assert await self.act(engine, buy) == "done"
        return bought[0]

    def racing(self, engine: database.AsyncEngine, pool: int) -> Try:
        """What each kind of try does to the pool."""

        async def attempt(_: int, kind: str) -> str:
            taken: list[int] = []
            came = await self.act(engine, self._doing(kind, pool, taken))
            if came == "done":
                # Others know of a seat once it is there.
                self.held += taken
            return came

        return attempt

    def _doing(self, kind: str, pool: int, taken: list[int]) -> Callable[[Work], Awaitable[None]]:
        email, seats = f"p{FIRST + self.rng.randrange(self.people)}@acme.example", self.rng.randrange(LESS, MORE)
        left = self.held.pop(self.rng.randrange(len(self.held))) if kind in {"release", "transfer"} and self.held else 0

        async def does(work: Work) -> None:
            if kind == "resize":
                await buying.resize(work, await people.account(work, ACCOUNT), pool, seats, None)
            elif kind == "release" and left:
                await operations.release(work, ACCOUNT, left, None)
            elif kind == "transfer" and left:
                taken.append((await operations.transfer(work, ACCOUNT, left, email)).id)
            else:
                taken.append((await operations.assign(work, ACCOUNT, pool, email, SeatSource.MANUAL)).id)

        return does


# The floor


def bare(connections: Sequence[asyncpg.Connection], pool: int, rng: random.Random) -> Try:
    """The same in one bare statement each, which commits by itself: the counter, and nothing around it."""
    of = "where account_id = 2 and id = $1"
    sql = {
        "assign": f"update license_pool set assigned = assigned + 1 {of} and assigned < purchased",
        "release": f"update license_pool set assigned = assigned - 1 {of} and assigned > 0",
        "transfer": f"update license_pool set assigned = assigned {of}",
        "resize": f"update license_pool set purchased = $2 {of} and assigned <= $2",
    }

    async def attempt(racer: int, kind: str) -> str:
        more = [rng.randrange(LESS, MORE)] if kind == "resize" else []
        told = await connections[racer].execute(sql[kind], pool, *more)
        return "done" if told.endswith("1") else "refused"

    return attempt


# Measuring


async def races(url: str, engine: database.AsyncEngine, workspace: Workspace, tries: int) -> None:
    """Filling a pool, and everything at once, each between two rounds of bare updates."""
    rng = random.Random(1)
    mixed = rng.choices(list(MIX), list(MIX.values()), k=tries)
    # Connections of a running server have made their plans: a statement's are made in its first few rounds.
    warm = await workspace.pool(engine, SEATS)
    before = rng.choices(list(MIX), list(MIX.values()), k=WARMING * CONNECTIONS)
    await race(before, workspace.racing(engine, warm))
    async with database.connected(url) as owner:
        # As autovacuum does within a minute; plans of tables that were empty until now are made anew.
        await owner.execute("vacuum analyze")
    await race(before, workspace.racing(engine, warm))
    for what, kinds in (("assign alone", ["assign"] * tries), ("all at once", mixed)):
        floor_pool, pool = await workspace.pool(engine, SEATS), await workspace.pool(engine, SEATS)
        workspace.held.clear()
        connections = [await database.connect(url) for _ in range(CONNECTIONS)]
        await race(before, bare(connections, warm, rng))
        floors = [await race(kinds, bare(connections, floor_pool, rng))]
        ours = await race(kinds, workspace.racing(engine, pool))
        floors.append(await race(kinds, bare(connections, floor_pool, rng)))
        await connections[0].execute("update license_pool set assigned = 0 where id = $1", floor_pool)
        for connection in connections:
            await connection.close()
        floor = Race(sum(one.wall for one in floors), [wait for one in floors for wait in one.waits])
        print(ours.told(what), dict(sorted(ours.came.items())))
        print(floor.told("  bare updates"))
        print(f"  of the bare updates' speed: {ours.rate / floor.rate:.2f} (goal 0.33)")
        await filled(url, engine, workspace, pool)


async def filled(url: str, engine: database.AsyncEngine, workspace: Workspace, pool: int) -> None:
    """Whether the pool can be filled to its last seat, and never beyond it."""
    await race(["assign"] * 4 * SEATS, workspace.racing(engine, pool))
    async with database.connected(url) as owner:
        row = await owner.fetchrow(
            "select p.purchased, p.assigned, (select count(*) from assignment a where a.pool_id = p.id"
            " and a.state in ('invited', 'active', 'suspended')) as sit from license_pool p where p.id = $1",
            pool,
        )
    print(f"  then filled: {row['assigned']} of {row['purchased']} taken, {row['sit']} sit")
    assert row["assigned"] == row["purchased"] == row["sit"]


async def seated(engine: database.AsyncEngine, workspace: Workspace) -> int:
    """One call that seats all members, and one that asks as many strangers to come; the members' pool."""
    count = workspace.people
    pool, other = await workspace.pool(engine, count), await workspace.pool(engine, count)
    for what, into, emails in (
        ("members", pool, [f"p{FIRST + n}@acme.example" for n in range(count)]),
        ("strangers", other, [f"s{n}@acme.example" for n in range(count)]),
    ):
        outcomes: list[BulkOutcome] = []

        async def seat(work: Work, into: int = into, emails: list[str] = emails, told: list = outcomes) -> None:
            told += [one.outcome for one in await bulk.assign_all(work, ACCOUNT, into, emails)]

        began = perf_counter()
        assert await workspace.act(engine, seat) == "done"
        print(f"{count:,} {what} seated with one call: {perf_counter() - began:.1f} s (goal 10)")
        assert set(outcomes) <= {BulkOutcome.ASSIGNED, BulkOutcome.INVITED}
    return pool


async def pages(url: str, pages_asked: int) -> None:
    """Filtered pages of a workspace's seats, over HTTP."""
    # One client asks for more than anybody may in so short a time.
    plenty = {"SEATGRAPH_BUDGET": 10**9, "SEATGRAPH_BUDGET_RESTORED": 10**9}
    settings = Settings.model_validate({"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": "x" * 40} | plenty)
    app = build(settings, url, None, working=False)
    minted = keys.mint(ids.encode("key", 9))
    async with database.connected(url) as owner:
        await owner.execute(
            "insert into service_key (account_id, id, name, scopes, created_by, created_at, expires_at, hash)"
            " values (2, 9, 'Reader', '{seats:read}', 1, now(), $2, $1)",
            minted.digest,
            datetime.now(UTC) + timedelta(days=1),
        )
        await owner.execute("vacuum analyze")
    transport, waits = httpx2.ASGITransport(app=app), []
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://seats.test", timeout=60) as client,
    ):
        for number in range(pages_asked + 20):
            word, after = str(number % 10), None
            asked = {"query": PAGE, "variables": {"id": ids.encode("workspace", ACCOUNT), "word": word, "after": after}}
            began = perf_counter()
            reply = await client.post("/graphql", json=asked, headers={"authorization": f"Bearer {minted.text}"})
            waits.append(perf_counter() - began)
            assert "data" in reply.json(), reply.text
            found = reply.json()["data"]["workspace"]["seats"]["edges"]
            assert found
            assert all(word in edge["node"]["email"] for edge in found)
    hundredths = quantiles(waits[20:], n=100, method="inclusive")
    median, p99 = hundredths[49] * 1e3, hundredths[98] * 1e3
    print(f"a filtered page of 100 seats: median {median:.0f} ms, p99 {p99:.0f} (goal 50)")


async def main() -> None:
    """A server of its own, measured and removed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--tries", type=int, default=2_000)
    asked.add_argument("--people", type=int, default=10_000)
    told = asked.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    home = Path(mkdtemp(prefix="seatgraph-benchmark-"))
    server = postgres.started(home)
    try:
        await database.create(server, "seats")
        url = database.within(server, "seats")
        await database.migrate(url)
        async with database.connected(url) as owner:
            for statement in FILL.replace("$people", str(told.people)).replace("$first", str(FIRST)).split(";\n"):
                if statement.strip():
                    await owner.execute(statement)
        engine = database.engine(url, pool_size=CONNECTIONS)
        workspace = Workspace(url, told.people, random.Random(1))
        await races(url, engine, workspace, told.tries)
        async with database.connected(url) as owner:
            # As autovacuum does within a minute: races leave thousands of dead versions of a few rows behind.
            await owner.execute("vacuum analyze")
        await seated(engine, workspace)
        await engine.dispose()
        await pages(url, 200)
    finally:
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    uvloop.run(main())
