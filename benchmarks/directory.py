"""A directory's full sync, measured: everybody made over SCIM, read, found, put into a group, and told again.

    python benchmarks/directory.py                          10,000 users
    python benchmarks/directory.py --users 300 --users 1500 one after the other, to see what grows with the directory

Users are made one request each, as Okta and Entra do, four at a time, in a pool that has
seats for nine in ten; then every page of 100 is read, each tenth user is found by name,
all are put into a group, 100 a request, whose rule gives a seat, and each tenth is switched
off. At last the worker does what follows. The application is called in this process, without
a network and without a client that would count; fsync and synchronous_commit are on.
Goal: 10,000 users in 5 minutes on 2 cores, with at most 15 ms of CPU a user.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter, process_time
from typing import Any

import alone  # noqa: F401 - `seats` is a package here
import asyncpg
import orjson
import structlog
from starlette.types import ASGIApp, Message, Scope

from auth import bearers
from auth.directories import tokens
from benchmarks.graph.measuring import cpu_of_postgres
from gateway.app import build
from gateway.settings import Settings
from gateway.worker import Worker
from kernel import database, postgres

AT_ONCE = 4
PAGE = 100
GOAL_SECONDS = 300

FILL = """
insert into person (id, email, email_verified, name, locale, time_zone, epoch, created_at)
values (1, 'owner@sync.example.com', true, 'Owner', 'en', 'UTC', 0, now());
insert into account (id, kind, name, email, currency, country, locale, time_zone, created_at)
values (2, 'workspace', 'Sync', 'b@sync.example.com', 'USD', 'US', 'en', 'UTC', now());
insert into workspace (id, name, sso_enforced, created_at) values (2, 'Sync', false, now());
insert into member (account_id, id, person_id, role, state, joined_at) values (2, 3, 1, 'owner', 'active', now());
insert into workspace_domain (account_id, id, name, behavior, token, created_by, created_at, verified_at, checked_at)
values (2, 4, 'sync.example.com', 'none', 't', 1, now(), now(), now());
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
insert into directory (account_id, id, name, pool_id, created_by, created_at) values (2, 8, 'Sync', 7, 1, now());
select setval('id_block', 100);
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds on the wall, and of CPU: this process's, and PostgreSQL's."""

    wall: float = 0.0
    ours: float = 0.0
    postgres: float = 0.0

    @property
    def cpu(self) -> float:
        return self.ours + self.postgres

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall + other.wall, self.ours + other.ours, self.postgres + other.postgres)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.ours - other.ours, self.postgres - other.postgres)

    def each(self, count: int) -> str:
        """Milliseconds of CPU of one of so many."""
        return f"{self.cpu / count * 1e3:7.2f} ms ({self.ours / count * 1e3:.2f} + {self.postgres / count * 1e3:.2f})"


Ask = tuple[str, str, Any]
"""A method, a path and a body."""


@dataclass(slots=True)
class Syncing:
    """A directory that talks to the application."""

    app: ASGIApp
    token: str
    postmaster: int
    spent: Spent = field(default_factory=Spent)
    waits: list[float] = field(default_factory=list)

    def now(self) -> Spent:
        """What was spent so far."""
        return Spent(perf_counter(), process_time(), cpu_of_postgres(self.postmaster))

    async def say(self, method: str, path: str, body: Any = None) -> Any:
        """One request."""
        begun, said = perf_counter(), b"" if body is None else orjson.dumps(body)
        status, answer = await _answer(self.app, _scope(method, path, self.token, len(said)), said)
        self.waits.append(perf_counter() - begun)
        assert status < 300, answer
        return orjson.loads(answer) if answer else None

    async def all(self, what: str, asked: Sequence[Ask]) -> list[Any]:
        """Every request, a few at a time, and what all of them cost."""
        answers: list[Any] = [None] * len(asked)
        turns = iter(range(len(asked)))
        tenth = max(len(asked) // 10, 1)

        async def one_after_the_other() -> None:
            for place in turns:
                answers[place] = await self.say(*asked[place])
                if (place + 1) % tenth == 0:
                    print(f"{what:10} {place + 1:>7,} of {len(asked):,}", end="\r", flush=True)

        async def together() -> None:
            await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

        self.waits = []
        await self.costs(what, len(asked), together)
        return answers

    async def costs(self, what: str, count: int, act: Callable[[], Awaitable[None]]) -> None:
        """Do something, and print what it cost."""
        before = self.now()
        await act()
        spent = self.now() - before
        self.spent += spent
        slow = f"p99 {sorted(self.waits)[int(len(self.waits) * 0.99) - 1] * 1e3:5.0f} ms" if self.waits else ""
        rate = f"{spent.wall:8.1f} s {count / spent.wall:8.0f}/s"
        print(f"{what:10} {count:>7,} {rate}  CPU each {spent.each(count)} {slow}")


def _scope(method: str, path: str, token: str, length: int) -> Scope:
    path, _, query = path.partition("?")
    told = {"host": "sync.test", "authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    told |= {"content-length": str(length), "accept": "application/scim+json", "user-agent": "benchmark"}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": f"/scim/v2{path}",
        "raw_path": f"/scim/v2{path}".encode(),
        "query_string": query.replace(" ", "%20").replace('"', "%22").encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
        "server": ("sync.test", 80),
        "client": ("127.0.0.1", 40_000),
    }


async def _answer(app: ASGIApp, scope: Scope, asked: bytes) -> tuple[int, bytes]:
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": asked, "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(part.get("body", b"") for part in said[1:])


def told(number: int) -> dict[str, Any]:
    """Somebody new, as Entra tells of them."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": f"user{number}@sync.example.com",
        "externalId": f"ext-{number}",
        "displayName": f"User {number}",
        "name": {"givenName": "User", "familyName": str(number)},
        "emails": [{"type": "work", "primary": True, "value": f"user{number}@sync.example.com"}],
        "active": True,
    }


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """A PATCH."""
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}


OFF = patch({"op": "Replace", "path": "active", "value": "False"})
EVERYBODY = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Everybody"}


def into(group: str, users: Sequence[Any]) -> Ask:
    """Put users into a group."""
    members = [{"value": user["id"]} for user in users]
    return "PATCH", f"/Groups/{group}", patch({"op": "Add", "path": "members", "value": members})


async def sync(url: str, home: Path, users: int) -> Spent:
    """The whole of it, on one database."""
    minted = bearers.issue(tokens.PREFIX)
    async with database.connected(url) as owner:
        await owner.execute(FILL.replace("$seats", str(users * 9 // 10)))
        await owner.execute(
            "insert into directory_token (account_id, id, directory_id, hash, created_by, created_at)"
            " values (2, 9, 8, $1, 1, now())",
            minted.digest,
        )
    settings = Settings.model_validate({"SEATGRAPH_ENV": "test", "SEATGRAPH_SECRET": "x" * 40})
    app = build(settings, url, None, working=False)
    postmaster = int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    async with app.router.lifespan_context(app):
        directory = Syncing(app, minted.text, postmaster)
        made = await directory.all("made", [("POST", "/Users", told(number)) for number in range(users)])
        starts = range(1, users + 1, PAGE)
        await directory.all("read", [("GET", f"/Users?startIndex={start}&count={PAGE}", None) for start in starts])
        named = [f'/Users?filter=userName eq "{told(number)["userName"]}"' for number in range(0, users, 10)]
        await directory.all("found", [("GET", path, None) for path in named])
        group = (await directory.say("POST", "/Groups", EVERYBODY))["id"]
        async with database.connected(url) as owner:
            await owner.execute(
                "insert into group_rule (account_id, id, group_id, pool_id, priority, created_by, created_at)"
                " select 2, 10, id, 7, 0, 1, now() from directory_group"
            )
        await directory.all("grouped", [into(group, made[start - 1 : start - 1 + PAGE]) for start in starts])
        await directory.all("off", [("PATCH", f"/Users/{made[number]['id']}", OFF) for number in range(0, users, 10)])
        door = app.state.door
        worker = Worker(url, door.engine, door.clock, door.blocks)
        directory.waits = []
        await directory.costs("followed", users, lambda: _followed(worker))
    async with database.connected(url) as owner:
        await check(owner)
    print(f"{users:,} users took {directory.spent.wall:,.1f} s, and each {directory.spent.each(users).strip()} of CPU.")
    return directory.spent


async def _followed(worker: Worker) -> None:
    while await worker.turn():
        pass


async def check(owner: asyncpg.Connection) -> None:
    """Insist that nobody sits whom nobody pays for, and that nobody waits beside a free seat."""
    row = await owner.fetchrow(
        "select purchased, assigned, (select count(*) from assignment where state = 'active') as active,"
        " (select count(*) from assignment where state = 'waitlisted') as waiting from license_pool"
    )
    print(f"bought {row['purchased']:,}, taken {row['assigned']:,} = {row['active']:,}, waiting {row['waiting']:,}")
    assert row["assigned"] == row["active"] <= row["purchased"]
    assert row["waiting"] == 0 or row["active"] == row["purchased"]


def verdict(users: int, spent: Spent) -> str:
    """What it comes to beside the goals."""
    each = spent.cpu / users * 1e3
    said = f"{each:.1f} ms of CPU a user; 10,000 users {'took' if users == 10_000 else 'would take'}"
    return f"{said} {spent.wall / users * 10_000:,.0f} s (goal {GOAL_SECONDS})"


async def main() -> None:
    """A server of its own, measured and removed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--users", type=int, action="append")
    sizes = asked.parse_args().users or [10_000]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    home = Path(mkdtemp(prefix="seatgraph-benchmark-"))
    server = postgres.started(home)
    said = []
    try:
        for users in sizes:
            name = f"sync_{len(said)}"
            await database.create(server, name)
            url = database.within(server, name)
            await database.migrate(url)
            said.append(verdict(users, await sync(url, home, users)))
    finally:
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)
    print("\n".join(said))


if __name__ == "__main__":
    asyncio.run(main())
