"""Speaking: a served application, and clients that know the two protocols and nothing of ours."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway.live.feed import Feed
from gateway.serving import configured
from tests.scenery import Asker, Scene

PATIENCE = 10
"""Seconds after which nothing is taken to come any more."""

INVOICES = """
    subscription($account: ID!, $invoice: ID, $after: String) {
        invoiceChanged(account: $account, invoice: $invoice, after: $after) { cursor event invoice { id state } }
    }
"""
SEATS = """
    subscription($workspace: ID!, $seat: ID, $after: String) {
        seatChanged(workspace: $workspace, seat: $seat, after: $after) { cursor event seat { id state } }
    }
"""


@dataclass(frozen=True, slots=True)
class Served:
    """Where an application answers."""

    host: str
    server: uvicorn.Server

    @property
    def connections(self) -> set[Any]:
        """The protocols of the connections that the server holds."""
        return self.server.server_state.connections

    @property
    def socket(self) -> str:
        """Where WebSockets are opened."""
        return f"ws://{self.host}/graphql"

    @property
    def graph(self) -> str:
        """Where requests are answered."""
        return f"http://{self.host}/graphql"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[Served]:
    """An application on a port; its lifespan has begun, and is somebody else's."""
    config = configured(app)
    config.lifespan = "off"
    server = _Server(config)
    with socket.create_server(("127.0.0.1", 0)) as door:
        serving = asyncio.create_task(server._serve([door]))
        await server.answers.wait()
        yield Served("{}:{}".format(*door.getsockname()), server)
        server.should_exit = True
        await serving


@dataclass(slots=True)
class Speaker:
    """A client of graphql-transport-ws."""

    wire: ClientConnection
    heard: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def say(self, **message: Any) -> None:
        """Send a message."""
        await self.wire.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """The next message, insisting that it is text."""
        async with asyncio.timeout(PATIENCE):
            said = await self.wire.recv()
        assert isinstance(said, str)
        message: dict[str, Any] = json.loads(said)
        return message

    async def greet(self, as_: Asker = None, **payload: Any) -> Speaker:
        """Say who we are, and hear that we are welcome."""
        said = payload | ({"authorization": authorization(as_)} if as_ is not None else {})
        await self.say(type="connection_init", payload=said)
        assert await self.hear() == {"type": "connection_ack"}
        return self

    async def subscribe(self, name: str, query: str, **variables: Any) -> None:
        """Subscribe, and wait until the server has heard of it: it answers in order."""
        await self.say(id=name, type="subscribe", payload={"query": query, "variables": variables})

    async def change(self, name: str = "1") -> Any:
        """The only field of the next change of a subscription."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("next", name), message
        assert "errors" not in message["payload"], message
        (change,) = message["payload"]["data"].values()
        return change

    async def refusal(self, name: str = "1") -> tuple[str, str]:
        """The code and the sentence with which a subscription is refused."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("error", name), message
        (error,) = message["payload"]
        return error["extensions"]["code"], error["message"]

    async def closed(self) -> tuple[int, str]:
        """The code and the reason of the close, which is the next thing to come."""
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(PATIENCE):
                await self.wire.recv()
        assert closed.value.rcvd is not None, "the connection broke without a word"
        return closed.value.rcvd.code, closed.value.rcvd.reason


def speaking(door: Served, **options: Any) -> AbstractAsyncContextManager[Speaker]:
    """A WebSocket that nothing has been said on yet."""
    return speaking_at(door.socket, **options)


@asynccontextmanager
async def speaking_at(
    address: str, *, protocols: tuple[str, ...] = ("graphql-transport-ws",), **options: Any
) -> AsyncIterator[Speaker]:
    """A WebSocket to an address."""
    offered = [Subprotocol(name) for name in protocols] or None
    async with connect(address, subprotocols=offered, **options) as wire:
        yield Speaker(wire)


@asynccontextmanager
async def following(door: Served, as_: Asker, query: str, **variables: Any) -> AsyncIterator[Speaker]:
    """A WebSocket on which somebody follows something."""
    async with speaking(door) as speaker:
        await speaker.greet(as_)
        await speaker.subscribe("1", query, **variables)
        yield speaker


def authorization(as_: Asker) -> str:
    """What somebody says for an Authorization."""
    assert as_ is not None
    return f"Bearer {as_ if isinstance(as_, str) else as_.bearer}"


@dataclass(slots=True)
class Listener:
    """A client of GraphQL over SSE."""

    response: httpx2.Response
    lines: AsyncIterator[str]

    async def event(self) -> tuple[str, Any]:
        """The name and the content of the next event; comments are passed over."""
        name, content = "", ""
        async with asyncio.timeout(PATIENCE):
            async for line in self.lines:
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data:"):
                    content = line.removeprefix("data:").strip()
                elif not line and name:
                    return name, json.loads(content) if content else None
        return "", None

    async def change(self) -> Any:
        """The only field of the next change."""
        name, content = await self.event()
        assert name == "next", (name, content)
        assert "errors" not in content, content
        (change,) = content["data"].values()
        return change


def listening(door: Served, as_: Asker, query: str, **more: Any) -> AbstractAsyncContextManager[Listener]:
    """The event stream of a subscription."""
    return listening_at(door.graph, as_, query, **more)


@asynccontextmanager
async def listening_at(
    address: str,
    as_: Asker,
    query: str,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    **variables: Any,
) -> AsyncIterator[Listener]:
    """The event stream of a subscription at an address."""
    said = {"accept": "text/event-stream"} | (headers or {})
    if as_ is not None:
        said["authorization"] = authorization(as_)
    asked: dict[str, Any] = {"json": {"query": query, "variables": variables}}
    if method == "GET":
        asked = {"params": {"query": query, "variables": json.dumps(variables)}}
    async with (
        httpx2.AsyncClient(timeout=PATIENCE) as client,
        client.stream(method, address, headers=said, **asked) as response,
    ):
        yield Listener(response, response.aiter_lines())


async def begun(scene: Scene, followers: int = 1) -> None:
    """Wait until so many follow a workspace; a client can't know it, so it is looked at from inside."""
    feed = scene.world.app.state.live.feed
    async with asyncio.timeout(PATIENCE):
        while not _as_many(feed, scene.number, followers):  # noqa: ASYNC110 - the feed has nobody to tell it to
            await asyncio.sleep(0.005)


def _as_many(feed: Feed, account: int, followers: int) -> bool:
    found = feed._followers.get(account, set())
    return len(found) == followers and all(each._live for each in found)


async def happened(scene: Scene, name: str, about: dict[str, int]) -> None:
    """An event of a workspace, as an operation would tell it."""
    await scene.world.run(
        "insert into outbox (id, account_id, at, name, payload, request_id, delivered_at)"
        " values ($1, $2, $3, $4, $5::text::jsonb, 'test', $3)",
        scene.world.number(),
        scene.number,
        await scene.world.now(),
        name,
        json.dumps({"account_id": scene.number, **about}),
    )
