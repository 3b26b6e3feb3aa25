"""A client who doesn't read what they asked for: nobody waits for them, and nothing is kept for them for long."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from auth.policy import Role
from gateway import exports, pipe
from kernel import audit
from tests.gateway.live.speaking import Served, begun, served, speaking
from tests.gateway.live.test_cursors import many
from tests.gateway.live.test_endings import BULKY
from tests.scenery import Scene, Somebody

LONG = 16_000
"""Characters in what a record of these tests says; no wire holds a thousand of them."""

NAME = "query($id: ID!) { workspace(id: $id) { name } }"
_NAMES = " ".join(f"{'a' * 1_150}{place}: seq" for place in range(90))
WIDE = f"query($id: ID!) {{ workspace(id: $id) {{ auditLog(first: 100) {{ nodes {{ {_NAMES} }} }} }} }}"
"""A query whose answer takes some 10 MB."""

GENEROUS = 60
"""Seconds after which something is taken never to come."""


@pytest.fixture
async def told(workspace: Scene) -> Scene:
    """A workspace whose audit log no wire holds."""
    now = await workspace.world.now()
    origin = audit.Origin(actor="person", person_id=workspace.owner.number, request_id="one")
    said = {"name": "n" * LONG}
    async with workspace.world.connection() as connection:
        entries = [
            audit.Entry(
                workspace.world.number(),
                workspace.number,
                now,
                "workspace.e",
                "workspace",
                workspace.number,
                said,
                said,
                origin,
            )
            for _ in range(1_000)
        ]
        await audit.append(connection, entries)
    return workspace


@asynccontextmanager
async def deaf(door: Served, *requests: bytes) -> AsyncIterator[socket.socket]:
    """A client who asks and reads nothing; it takes as little on the wire as it can."""
    host, _, port = door.host.partition(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (host, int(port)))
        await loop.sock_sendall(client, b"".join(requests))
        yield client


def got(scene: Scene, who: Somebody) -> bytes:
    """A request for the audit log as lines of JSON."""
    path = f"/export/audit.jsonl?{urlencode({'account': scene.account})}"
    return f"GET {path} HTTP/1.1\r\nhost: us.test\r\nauthorization: Bearer {who.bearer}\r\n\r\n".encode()


def asked(scene: Scene) -> bytes:
    """A request for an answer of some MB."""
    body = json.dumps({"query": WIDE, "variables": {"id": scene.id}}).encode()
    lines = [
        "POST /graphql HTTP/1.1",
        "host: us.test",
        f"authorization: Bearer {scene.owner.bearer}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def fetch(door: Served, scene: Scene, who: Somebody) -> httpx2.Response:
    """The audit log, read by a client who reads."""
    async with httpx2.AsyncClient(timeout=GENEROUS) as client:
        return await client.get(
            f"http://{door.host}/export/audit.jsonl",
            params={"account": scene.account, "action": "nothing.of_the_kind"},
            headers={"authorization": f"Bearer {who.bearer}"},
        )


async def until_paused(door: Served, before: set[Any], how_many: int = 1) -> list[Any]:
    """The connections since then, once more waits for each of their clients than fits the wire."""
    async with asyncio.timeout(GENEROUS):
        while True:
            found = [each for each in door.connections - before if each.flow.write_paused]
            if len(found) == how_many:
                return found
            await asyncio.sleep(0.02)


def hurry(held: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Look soon whether these clients read."""
    monkeypatch.setattr(pipe, "LOOK", 0.2)
    for each in held:
        each._look_later()


async def until_gone(door: Served, held: list[Any]) -> None:
    """Wait until the server has let go of these connections."""
    async with asyncio.timeout(GENEROUS):
        while door.connections & set(held):  # noqa: ASYNC110 - the server has nobody to tell it to
            await asyncio.sleep(0.02)


async def until_there_is_room(door: Served, scene: Scene, who: Somebody) -> int:
    """The status of an export, once it is written again."""
    async with asyncio.timeout(GENEROUS):
        while (response := await fetch(door, scene, who)).status_code in {429, 503}:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    return response.status_code


async def test_an_export_that_nobody_reads_is_left_and_holds_nothing(
    door: Served, told: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(door.connections)

    async with AsyncExitStack() as clients:
        for _ in range(exports.EACH):
            await clients.enter_async_context(deaf(door, got(told, told.owner)))
        held = await until_paused(door, before, exports.EACH)
        waiting = [each.transport.get_write_buffer_size() for each in held]
        refused = await fetch(door, told, told.owner)
        hurry(held, monkeypatch)
        await until_gone(door, held)
        status = await until_there_is_room(door, told, told.owner)

    assert max(waiting) < 4 * 500 * LONG, "no more than what was read at once is kept"
    assert (refused.status_code, status) == (429, 200)


async def test_exports_that_nobody_reads_leave_room_for_everybody_else(door: Served, told: Scene) -> None:
    others = [await told.join(Role.AUDITOR, await told.world.person(name)) for name in ("grace", "alan")]
    before = set(door.connections)

    async with AsyncExitStack() as held:
        for who in (told.owner, told.owner, others[0]):
            await held.enter_async_context(deaf(door, got(told, who)))
        await until_paused(door, before, exports.MOST)
        mine = await fetch(door, told, told.owner)
        yours = await fetch(door, told, others[1])
        async with asyncio.timeout(GENEROUS):
            answers = await asyncio.gather(*(told.world.ask(NAME, told.owner, id=told.id) for _ in range(30)))
    statuses = [await until_there_is_room(door, told, who) for who in (told.owner, others[1])]

    assert (mine.status_code, mine.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert (yours.status_code, yours.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
    assert mine.headers["retry-after"] == yours.headers["retry-after"] == "5"
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert statuses == [200, 200]


async def test_whoever_asks_again_and_again_without_reading_is_left(
    door: Served, told: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = len((await told.world.post({"query": WIDE, "variables": {"id": told.id}}, told.owner)).content)
    before = set(door.connections)

    async with deaf(door, *[asked(told)] * 8):
        (held,) = await until_paused(door, before)
        waiting = held.transport.get_write_buffer_size()
        hurry([held], monkeypatch)
        await until_gone(door, [held])

    assert one > 8_000_000
    assert waiting <= one + 64 * 1024, "a second answer waits until the first is taken"


async def test_whoever_reads_on_after_a_while_gets_it_all(door: Served, told: Scene) -> None:
    before, loop, taken = set(door.connections), asyncio.get_running_loop(), 0

    async with deaf(door, got(told, told.owner).replace(b"host", b"connection: close\r\nhost")) as client:
        await until_paused(door, before)
        async with asyncio.timeout(GENEROUS):
            while piece := await loop.sock_recv(client, 256 * 1024):
                taken += len(piece)

    assert taken > 2 * 1_000 * LONG


async def test_a_server_ends_though_nobody_reads(told: Scene) -> None:
    invoice, before = await told.invoice(), set[Any]()

    async with AsyncExitStack() as hanging, asyncio.timeout(GENEROUS):
        async with served(told.world.app) as own:
            own.server.config.timeout_graceful_shutdown = 1
            await hanging.enter_async_context(deaf(own, got(told, told.owner)))
            await hanging.enter_async_context(deaf(own, asked(told)))
            await until_paused(own, before, 2)
            speaker = await hanging.enter_async_context(speaking(own, max_queue=1, max_size=None, ping_interval=None))
            await speaker.greet(told.owner)
            await speaker.subscribe("1", BULKY, account=told.account)
            await begun(told)
            await many(told, invoice, 120)
        speaker.wire.transport.abort()
    answer = await told.world.ask(NAME, told.owner, id=told.id)

    assert answer.status == 200
