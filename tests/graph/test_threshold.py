"""Over HTTP the threshold answers what uvicorn's own HTTP and the doors behind it would, byte for byte."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from auth.policy import Role
from gateway.quick.entrance import Entrance
from gateway.quick.threshold import Threshold
from tests.graph.test_compiled import INVOICES, PLANS, SEATS, VIEWER
from tests.graph.test_quick import JSON, LEFT, NEW, PECULIAR, asks, bearing
from tests.scenery import Scene, World

PATIENCE = 60.0
OWN = re.compile(rb"(x-request-id|date|content-length): [^\r]*\r\n")
"""Headers that belong to one response."""


@dataclass
class Wire:
    """One connection to a server, and the protocols that the server has made."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocols: list[HttpToolsProtocol] = field(default_factory=list)

    async def answer(self) -> tuple[bytes, bytes, str]:
        """The next answer: its head without what is its own, its id, and its body without what is left to spend."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)\r\n", head)
            body = await self.reader.readexactly(int(length[1])) if length else b""
        called = re.search(rb"x-request-id: ([^\r]+)\r\n", head)
        shown = b"\r\n".join(sorted(OWN.sub(b"", head).split(b"\r\n")))
        return shown, called[1] if called else b"", LEFT.sub("", body.decode())

    async def ask(self, *pieces: bytes) -> tuple[bytes, bytes, str]:
        """The answer to what is sent in these pieces."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            for _ in range(5):
                await asyncio.sleep(0)
        return await self.answer()


@asynccontextmanager
async def wired(world: World, http: type[HttpToolsProtocol] = Threshold) -> AsyncIterator[Wire]:
    """A connection to a server of its own that answers with the world's application."""
    config = uvicorn.Config(world.app, http=http, lifespan="off", log_config=None, server_header=False)
    config.load()
    state, made = ServerState(), []

    def protocol() -> HttpToolsProtocol:
        made.append(http(config=config, server_state=state, app_state={}))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        yield Wire(reader, writer, made)
        writer.close()
    finally:
        server.close()
        async with asyncio.timeout(PATIENCE):
            while state.tasks:
                await asyncio.wait(state.tasks)


def sent(body: Any, headers: dict[str, str], *, line: str = "POST /graphql HTTP/1.1") -> bytes:
    """A request as HTTP has it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"host": "127.0.0.1", **headers, "content-length": str(len(raw))}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{line}\r\n{head}\r\n".encode("latin-1") + raw


def answered(world: World) -> int:
    entrance: Entrance = world.app.state.entrance
    return entrance.answered


async def alike(world: World, *pieces: bytes) -> None:
    """Whether both say the same to it, each on a connection of its own, for the first time and for the fourth."""
    for _ in range(4):
        async with wired(world) as ours, wired(world, HttpToolsProtocol) as theirs:
            (ours_shown, _, ours_said), (shown, _, said) = await ours.ask(*pieces), await theirs.ask(*pieces)
        assert (ours_shown, ours_said) == (shown, said)


@pytest.mark.parametrize("document", [VIEWER, SEATS, INVOICES, PLANS], ids=["a", "b", "c", "d"])
async def test_what_clients_ask_most_is_answered_alike(document: str, workspace: Scene) -> None:
    names = {"Seats": {"workspace": workspace.id}, "Invoices": {"account": workspace.account}}
    variables = next((each for name, each in names.items() if name in document), {})
    asked = sent(asks(document, **variables), await bearing(workspace) | NEW)

    await alike(workspace.world, asked)
    before = answered(workspace.world)
    async with wired(workspace.world) as wire:
        shown, called, said = await wire.ask(asked)

    assert b"HTTP/1.1 200 OK" in shown
    assert said.startswith('{"data":{')
    assert len(called) == 24
    assert answered(workspace.world) == before + 1


@pytest.mark.parametrize("known", [False, True], ids=["a stranger", "somebody"])
@pytest.mark.parametrize("name", PECULIAR)
async def test_what_is_peculiar_is_answered_alike(name: str, known: bool, workspace: Scene) -> None:
    body, more = PECULIAR[name]
    headers = (await bearing(workspace) if known else JSON) | NEW | more

    await alike(workspace.world, sent(body, headers))


WAYS = {
    "an older version": ("POST /graphql HTTP/1.0", {}),
    "the last request of a connection": ("POST /graphql HTTP/1.1", {"connection": "close"}),
    "a request to be told to go on": ("POST /graphql HTTP/1.1", {"expect": "100-continue"}),
    "an upgrade": ("POST /graphql HTTP/1.1", {"connection": "upgrade", "upgrade": "h2c"}),
    "a query string": ("POST /graphql?a=b HTTP/1.1", {}),
    "an escaped path": ("POST /graph%71l HTTP/1.1", {}),
    "a path below": ("POST /graphql/ HTTP/1.1", {}),
    "a whole address": ("POST http://127.0.0.1/graphql HTTP/1.1", {}),
    "another method": ("PUT /graphql HTTP/1.1", {}),
    "no method": ("NONSENSE /graphql HTTP/1.1", {}),
    "a header twice": ("POST /graphql HTTP/1.1", {"Content-Type": "text/plain"}),
    "an id that would be two headers": ("POST /graphql HTTP/1.1", {"x-request-id": "a\tb"}),
}


@pytest.mark.parametrize("way", WAYS)
async def test_what_http_has_beside_is_answered_alike(way: str, world: World) -> None:
    line, more = WAYS[way]

    await alike(world, sent(asks(PLANS), JSON | NEW | more, line=line))


async def test_what_comes_in_pieces_is_put_together(workspace: Scene) -> None:
    asked = sent(asks(VIEWER), await bearing(workspace) | NEW)
    half = asked.index(b"\r\n\r\n") + 40

    await alike(workspace.world, asked[:20], asked[20:half], asked[half : half + 7], asked[half + 7 :])


async def test_requests_that_come_together_are_answered_in_their_order(workspace: Scene) -> None:
    headers = await bearing(workspace) | NEW
    documents = [VIEWER, PLANS, "{ nothing }", VIEWER, PLANS]
    asked = [
        sent(asks(each), (JSON | NEW if each == PLANS else headers) | {"x-request-id": f"n{place}"})
        for place, each in enumerate(documents)
    ]

    for _ in range(4):
        async with wired(workspace.world) as wire:
            first = await wire.ask(b"".join(asked))
            found = [first, *[await wire.answer() for _ in documents[1:]]]

    assert [called for _, called, _ in found] == [b"n0", b"n1", b"n2", b"n3", b"n4"]
    assert [said.startswith('{"data":{') for _, _, said in found] == [True, True, False, True, True]


async def test_whoever_asks_next_on_a_connection_is_who_they_say_they_are(workspace: Scene) -> None:
    who = [await bearing(workspace), await bearing(workspace, Role.MEMBER), JSON]
    asked = [sent(asks("{ viewer { person { email } } }"), each | NEW) for each in who]
    for each in asked:
        await alike(workspace.world, each)
    before = answered(workspace.world)

    async with wired(workspace.world) as wire:
        said = [(await wire.ask(each))[2] for each in (*asked, *asked[:2], *asked[:2])]

    owner, member = (workspace.members[each].email for each in (Role.OWNER, Role.MEMBER))
    assert [owner in each for each in said] == [True, False, False, True, False, True, False]
    assert [member in each for each in said] == [False, True, False, False, True, False, True]
    assert answered(workspace.world) == before + 6


async def test_a_client_that_leaves_in_the_middle_ends_nothing(workspace: Scene) -> None:
    asked = sent(asks(VIEWER), await bearing(workspace) | NEW)
    await alike(workspace.world, asked)

    for kept in (30, len(asked) - 5, len(asked)):
        async with wired(workspace.world) as wire:
            wire.writer.write(asked[:kept])
            wire.writer.transport.abort()

    await alike(workspace.world, asked)


async def test_what_is_half_read_when_the_server_stops_is_answered(world: World) -> None:
    asked = sent(asks(PLANS), JSON | NEW)
    await alike(world, asked)

    async with wired(world) as wire:
        wire.writer.write(asked[:-5])
        async with asyncio.timeout(PATIENCE):
            while not any(vars(each).get("_body") for each in wire.protocols):  # noqa: ASYNC110 - it is read soon
                await asyncio.sleep(0)
        wire.protocols[0].shutdown()
        shown, _, said = await wire.ask(asked[-5:])

    assert b"connection: close" in shown
    assert said.startswith('{"data":{')


async def test_a_public_answer_needs_no_request_of_uvicorns(world: World) -> None:
    asked = sent(asks(PLANS), JSON | NEW)
    await alike(world, asked)

    async with wired(world) as wire:
        _, _, said = await wire.ask(asked)

    assert said.startswith('{"data":{')
    assert wire.protocols[0].cycle is None
