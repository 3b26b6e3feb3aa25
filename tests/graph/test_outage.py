"""An outage: the database goes away and comes back, and the application outlives both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from gateway.app import build
from gateway.settings import Settings
from kernel import ids
from tests.graph.asking import counted
from tests.graph.crowd import evidence
from tests.scenery import SETTINGS, Scene, World

PROMPT = 10
"""Seconds in which a client is told that the database is gone, on a busy machine."""

BLOCKED = """
    select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')
"""
"""Whether somebody waits for a lock in this database; in others of the same server somebody may at any time."""

ASSIGN = """mutation($pool: ID!, $email: String!) {
    assignSeat(input: {pool: $pool, email: $email}) { __typename ... on Seat { state } ... on Problem { message } }
}"""


@dataclass
class Wire:
    """A wire to PostgreSQL that can be cut, and mended at the same address."""

    socket: str
    port: int = 0
    server: asyncio.Server | None = None
    ends: set[asyncio.StreamWriter] = field(default_factory=set)

    async def mend(self) -> None:
        self.server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self.server
        self.server.close()
        for end in self.ends:
            end.transport.abort()
        await asyncio.sleep(0)

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self.socket)
        self.ends |= {to_client, to_server}
        await asyncio.gather(self._pass_on(client, to_server), self._pass_on(server, to_client))
        self.ends -= {to_client, to_server}

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while some := await source.read(65_536):
                target.write(some)
                await target.drain()
        target.close()


@dataclass
class Far:
    """The application at the far end of a wire."""

    wire: Wire
    client: httpx2.AsyncClient

    async def post(self, scene: Scene, query: str, **variables: Any) -> httpx2.Response:
        return await self.client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"authorization": f"Bearer {scene.owner.bearer}", "accept": "application/graphql-response+json"},
        )

    async def ready(self) -> int:
        return (await self.client.get("/readyz")).status_code


@asynccontextmanager
async def reached(world: World) -> AsyncIterator[Far]:
    """A second application on the world's database, over a wire of its own."""
    told = urlsplit(world.url)
    wire = Wire(f"{parse_qs(told.query)['host'][0]}/.s.PGSQL.5432")
    await wire.mend()
    app = build(
        Settings.model_validate(SETTINGS),
        f"postgresql://postgres@127.0.0.1:{wire.port}{told.path}",
        world.signer,
        working=False,
    )
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://far.test") as client,
    ):
        yield Far(wire, client)
        with suppress(RuntimeError):
            await wire.cut()


@pytest.fixture
async def far(world: World) -> AsyncIterator[Far]:
    async with reached(world) as found:
        yield found


def code(response: httpx2.Response) -> str:
    found: str = response.json()["errors"][0]["extensions"]["code"]
    return found


async def test_a_database_that_is_gone_is_told_at_once_and_comes_back(far: Far, workspace: Scene) -> None:
    pool = await workspace.pool(3)
    await far.post(workspace, "{ viewer { kind } }")
    before = await evidence(workspace)

    await far.wire.cut()
    start = perf_counter()
    gone = [
        await far.post(workspace, "{ viewer { kind } }"),
        await far.post(workspace, ASSIGN, pool=pool, email="ada@example.test"),
        await far.post(workspace, "{ plans { key } }"),
    ]
    took = perf_counter() - start
    unchanged = await evidence(workspace)
    await far.wire.mend()
    back = await far.post(workspace, ASSIGN, pool=pool, email="ada@example.test")

    assert [(response.status_code, code(response)) for response in gone] == [(503, "UNAVAILABLE")] * 3
    assert all(response.headers["retry-after"] == "1" for response in gone)
    assert took < PROMPT
    assert unchanged == before
    assert back.json()["data"]["assignSeat"] == {"__typename": "Seat", "state": "INVITED"}


async def test_what_was_under_way_is_undone(far: Far, workspace: Scene) -> None:
    pool = await workspace.pool(3)
    await far.post(workspace, "{ viewer { kind } }")
    before = await evidence(workspace)

    async with workspace.world.connection() as held:
        await held.execute("select from license_pool where id = $1 for update", ids.decode("pool", pool))
        waiting = asyncio.create_task(far.post(workspace, ASSIGN, pool=pool, email="ada@example.test"))
        await blocked(workspace.world)
        await far.wire.cut()
        response = await asyncio.wait_for(waiting, PROMPT)

    assert code(response) == "UNAVAILABLE"
    assert await evidence(workspace) == before
    assert await counted(workspace, pool) == (0, 0)


async def test_readiness_follows_the_database(far: Far) -> None:
    before = await far.ready()
    await far.wire.cut()
    gone = await far.ready()
    await far.wire.mend()

    assert (before, gone, await far.ready()) == (200, 503, 200)


async def blocked(world: World) -> None:
    """Wait until somebody waits for a lock."""
    for _ in range(1_000):
        if await world.value(BLOCKED):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("nobody waits")
