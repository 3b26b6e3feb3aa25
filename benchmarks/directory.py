"""A directory's full sync, measured: everybody made over SCIM, then read page by page, then told again.

    python benchmarks/directory.py                 10,000 users
    python benchmarks/directory.py --users 1000

Users are made one request each, as Okta and Entra do, four at a time, in a pool that has
seats for nine in ten; then every page of 100 is read, then each tenth user is switched
off. The application answers in this process, without a network; fsync and
synchronous_commit are on. Goal: 10,000 users in 5 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter, process_time
from typing import Any

import alone  # noqa: F401 - `seats` is a package here
import httpx2
import structlog

from auth import bearers
from auth.directories import tokens
from gateway.app import build
from gateway.settings import Settings
from kernel import database, postgres

AT_ONCE = 4
PAGE = 100

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


class Syncing:
    """A directory that talks to the application."""

    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {token}"}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.waits: list[float] = []

    async def say(self, method: str, path: str, body: Any = None) -> Any:
        """One request, of a few at a time."""
        async with self._turn:
            begun = perf_counter()
            reply = await self._client.request(method, f"/scim/v2{path}", json=body, headers=self._headers)
            self.waits.append(perf_counter() - begun)
        assert reply.status_code < 300, reply.text
        return reply.json() if reply.content else None

    async def all(self, what: str, asked: Iterable[tuple[str, str, Any]]) -> list[Any]:
        """Every request, and how long all of them took."""
        self.waits, wall, process = [], perf_counter(), process_time()
        answers = await asyncio.gather(*(self.say(*one) for one in asked))
        wall, process = perf_counter() - wall, process_time() - process
        worst = sorted(self.waits)[int(len(self.waits) * 0.99) - 1]
        print(
            f"{what:10} {len(answers):>7,} requests {wall:8.1f} s {len(answers) / wall:8.0f}/s"
            f"  p99 {worst * 1000:6.0f} ms  this process {process:6.1f} s"
        )
        return answers


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


OFF = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "Replace", "path": "active", "value": "False"}],
}


async def sync(url: str, users: int) -> None:
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
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://sync.test", timeout=120) as client,
    ):
        directory = Syncing(client, minted.text)
        made = await directory.all("made", (("POST", "/Users", told(number)) for number in range(users)))
        starts = range(1, users + 1, PAGE)
        await directory.all("read", (("GET", f"/Users?startIndex={start}&count={PAGE}", None) for start in starts))
        await directory.all("found", (("GET", f'/Users?filter=userName eq "{told(n)["userName"]}"', None)
                                      for n in range(0, users, 10)))  # fmt: skip
        await directory.all("off", (("PATCH", f"/Users/{made[n]['id']}", OFF) for n in range(0, users, 10)))
    async with database.connected(url) as owner:
        row = await owner.fetchrow(
            "select purchased, assigned, (select count(*) from assignment where state = 'active') as active,"
            " (select count(*) from assignment where state = 'waitlisted') as waiting from license_pool"
        )
    print(f"bought {row['purchased']:,}, taken {row['assigned']:,} = {row['active']:,}, waiting {row['waiting']:,}")
    assert row["assigned"] == row["active"] <= row["purchased"]


async def main() -> None:
    """A server of its own, measured and removed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--users", type=int, default=10_000)
    users = asked.parse_args().users
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    home = Path(mkdtemp(prefix="seatgraph-benchmark-"))
    server = postgres.started(home)
    try:
        await database.create(server, "sync")
        url = database.within(server, "sync")
        await database.migrate(url)
        await sync(url, users)
    finally:
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
