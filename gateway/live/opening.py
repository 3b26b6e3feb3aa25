"""Opening: live subscriptions of one application, wired to its doors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import strawberry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute

from auth.policy import Actor
from gateway.authentication import Door
from gateway.budgets import Budgets
from gateway.cookies import of_our_pages
from gateway.documents import Document, Operation
from gateway.live.feed import Feed
from gateway.live.socket import SocketEndpoint, Visitor
from gateway.live.sse import EventStream
from gateway.live.streams import Question, Streams, identified
from gateway.live.vigil import Passport, Vigil, passport
from gateway.metrics import Metrics
from gateway.requests import Asked
from gateway.sources import Sources, client_of
from kernel.audit import Origin
from kernel.clock import Clock
from kernel.id_blocks import IdBlocks
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Live:
    """What one process tells as it happens."""

    feed: Feed
    vigil: Vigil
    streams: Streams

    def close(self) -> None:
        """End every stream, for this process ends."""
        self.feed.close()


@asynccontextmanager
async def live(
    schema: strawberry.Schema,
    sources: Sources,
    metrics: Metrics,
    budgets: Budgets,
    *,
    url: str,
    engine: AsyncEngine,
    clock: Clock,
    blocks: IdBlocks,
) -> AsyncIterator[Live]:
    """Listen to the database at `url` for as long as the application is open."""

    @asynccontextmanager
    async def begin() -> AsyncIterator[Work]:
        origin = Origin(request_id="live")
        work = Work(engine, await clock.now(), ids=blocks, sees={"staff": "on"}, origin=origin)
        try:
            yield work
        finally:
            await work.close()

    feed, vigil = Feed(url, begin), Vigil(begin)
    running = [asyncio.create_task(feed.run()), asyncio.create_task(vigil.run())]
    try:
        yield Live(feed, vigil, Streams(schema, sources, vigil, metrics, budgets))
    finally:
        feed.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def socket_route(path: str) -> WebSocketRoute:
    """Where WebSockets are opened."""
    return WebSocketRoute(path, SocketEndpoint(lambda scope: scope["app"].state.live.streams, _visitor))


async def follow(request: Request, asked: Asked, document: Document, operation: Operation) -> Response:
    """The event stream of a subscription. Raises Refused, or a Fault."""
    door: Door = request.app.state.door
    streams: Streams = request.app.state.live.streams
    async with door.context(request) as context:
        identified(context)
        carried = _carried(door, request, context.actor, None)
    held = AsyncExitStack()
    opened = streams.opened(Question(asked, document, operation), partial(door.context, request), "sse")
    answers = await held.enter_async_context(opened)
    return EventStream(streams, held, answers, carried)


def _visitor(connection: HTTPConnection) -> Visitor:
    door: Door = connection.scope["app"].state.door
    return Visitor(
        of_our_pages(connection, door.base),
        lambda said: door.context(connection, said),
        lambda actor, said: _carried(door, connection, actor, said),
        lambda: client_of(connection),
    )


def _carried(door: Door, connection: HTTPConnection, actor: Actor, said: str | None) -> Passport:
    bearer = door.bearer(connection, said)
    assert bearer, "whoever is known carries something"
    return passport(actor, bearer)
