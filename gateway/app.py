"""The application: every door in one house."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

import schema
from auth.fetching import Fetcher, networks
from auth.names import Names
from auth.oidc import Issuer, Issuers
from auth.policy import KeyScope
from auth.sso.provider import Providers
from auth.tokens import Signer
from billing import queries, reconciliation_queries
from gateway.authentication import Door
from gateway.bringing import seat_lists_route
from gateway.budgets import Purse
from gateway.bulk.shapes import Shapes
from gateway.bulk.writing import Writer
from gateway.charging import budgets, charge
from gateway.compiled import Reads
from gateway.cookies import Cookies
from gateway.crowding import Crowding, Room
from gateway.documents import Documents
from gateway.export_routes import export_routes
from gateway.gathering import Post
from gateway.graphiql import graphiql_assets
from gateway.health import health_routes
from gateway.http import graphql_endpoint
from gateway.installation import clock, configure
from gateway.inviting import InvitationDoors
from gateway.letters.office import office
from gateway.live.opening import follow, live, socket_route
from gateway.metrics import Metrics, Waiting
from gateway.observability import Observability
from gateway.papers import paper_pace, paper_routes
from gateway.printing import Printer
from gateway.quick.door import Quick
from gateway.quick.entrance import Entrance, Lane, Reading
from gateway.quick.questions import Questions
from gateway.rails import hooked, rail
from gateway.remembering import remembered
from gateway.routers import router_route
from gateway.scim.door import ScimDoor
from gateway.settings import Settings
from gateway.setup import SetupDoors
from gateway.setup_acts import Acts
from gateway.sso import SsoDoors
from gateway.usage import usage_route
from gateway.webhooks import webhook_route
from gateway.worker import Worker
from kernel import database
from kernel.clock import Clock
from kernel.id_blocks import IdBlocks
from kernel.readers import READERS
from kernel.work import Work

BODY = 1024 * 1024
"""The most bytes of a request: a list of 10,000 addresses fits, and a document is limited by its own figures."""


class House(Starlette):
    """The application, with the quick door before everything else."""

    def __init__(self, entrance: Entrance, **terms: Any) -> None:
        super().__init__(**terms)
        self._quick = Quick(super().__call__, entrance)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, hold one WebSocket, or live for as long as the server does."""
        await self._quick(scope, receive, send)


def build(
    settings: Settings,
    url: str,
    signer: Signer | None,
    *,
    working: bool,
    address: str | None = None,
    connections: int = database.CONNECTIONS + READERS,
    post: Post | None = None,
) -> Starlette:
    """The application on one database; `working` runs the worker in this process too.

    Requests are answered on so many `connections`, a third of which is for compiled reads. With the `address` it
    answers at, the sandbox that plays the rail tells it of its events. At its `post` it tells its figures to others.
    """
    configure(settings)
    graph = schema.graph()
    engine = database.engine(url, pool_size=connections - connections // 3)
    documents = Documents(graph, introspection=not settings.in_production, suggestions=not settings.in_production)
    reads = Reads(graph, explain=settings.explain)
    shapes = Shapes(graph)
    metrics = Metrics(post)
    entrance = Entrance(metrics, Room())
    blocks = IdBlocks()
    printer = Printer()
    cookies = Cookies(secure=settings.base.startswith("https:"))
    providers = Providers(fetcher(settings))
    names = Names(settings.nameservers)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.assert_fenced(engine)
        async with clock(settings, url) as ticking, rail(settings, url) as paying, AsyncExitStack() as held:
            metrics.look = partial(_waiting, engine, ticking, blocks)
            await held.enter_async_context(metrics.shared())
            noticed = await held.enter_async_context(remembered(settings, url, documents))
            app.state.remembered = noticed
            purse = Purse(settings.budget, settings.restored)
            app.state.budgets = spending = await held.enter_async_context(budgets(url, purse))
            told = await held.enter_async_context(
                live(graph, noticed.sources, metrics, spending, url=url, engine=engine, clock=ticking, blocks=blocks)
            )
            app.state.live = told
            app.state.door = Door(
                engine,
                ticking,
                _issuers(settings),
                signer,
                blocks,
                paying,
                providers=providers,
                names=names,
                base=settings.base,
                press=printer.print,
                cookies=cookies,
                feed=told.feed,
                exportable=shapes.read,
            )
            asked, reading = Questions(documents, reads, noticed), Reading.of(url, connections // 3)
            await held.enter_async_context(entrance.opened(Lane(app.state.door, app.state.budgets, asked, reading)))
            app.state.webhook_secrets = await hooked(settings, paying, address)
            if working:
                writer = Writer(graph, engine, blocks, shapes, reads)
                letters = office(settings)
                tireless = Worker(
                    url, engine, ticking, blocks, paying, names, letters, None, writer, providers.fetcher, nightly=True
                )
                await held.enter_async_context(_working(tireless))
            yield
        await printer.close()
        await engine.dispose()

    endpoint = graphql_endpoint(
        graph,
        lambda request: request.app.state.door.context(request),
        documents,
        graphiql=not settings.in_production,
        body=BODY,
        follow=follow,
        charge=charge,
        reads=reads,
        sources=lambda request: request.app.state.remembered.sources,
        answers=lambda request: request.app.state.remembered.answers,
        introspects=lambda context: KeyScope.SCHEMA_READ in context.actor.scopes,
    )
    routes: list[BaseRoute] = [
        Route("/graphql", endpoint),
        socket_route("/graphql"),
        router_route(settings, BODY),
        *export_routes(),
        usage_route(BODY),
        seat_lists_route(),
        *SsoDoors(providers, settings.base, cookies, settings.apps).routes(),
        *ScimDoor(settings.base).routes(),
        *_pages(Acts(graph, documents, charge), cookies, settings),
        *health_routes(partial(_ready, engine), metrics),
        *paper_routes(printer),
    ]
    routes.append(webhook_route([secret.get_secret_value() for secret in settings.stripe_webhooks]))
    if signer:
        routes.append(Route("/.well-known/jwks.json", _published(signer)))
    if not settings.in_production:
        routes += [graphiql_assets(), Route("/", _welcome)]
    app = House(entrance, routes=routes, lifespan=lifespan)
    app.state.reads = reads
    app.state.paper_pace = paper_pace()
    app.state.entrance = entrance
    app.add_middleware(Crowding, room=entrance.room)
    app.add_middleware(Observability, metrics=metrics)
    return app


def _pages(acts: Acts, cookies: Cookies, settings: Settings) -> list[BaseRoute]:
    """The doors of pages that ask the graph."""
    invited = InvitationDoors(acts, cookies, settings.base, settings.app)
    return [*SetupDoors(acts, cookies, settings.base).routes(), *invited.routes()]


async def _ready(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("select 1"))


@asynccontextmanager
async def _working(worker: Worker) -> AsyncIterator[None]:
    """Let a worker work in this process for so long."""
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _waiting(engine: AsyncEngine, ticking: Clock, blocks: IdBlocks) -> Waiting:
    work = Work(engine, await ticking.now(), ids=blocks, sees={"staff": "on"})
    try:
        return Waiting(await queries.held(work), await reconciliation_queries.waiting(work))
    finally:
        await work.close()


def _issuers(settings: Settings) -> Issuers:
    trusted = [Issuer(told.issuer, told.audience, told.jwks, told.algorithms, told.typ) for told in settings.issuers]
    return Issuers(trusted, fetcher(settings))


def fetcher(settings: Settings) -> Fetcher:
    """How this installation calls the addresses of strangers."""
    return Fetcher(development=not settings.in_production, networks=networks(settings.reachable))


def _published(signer: Signer) -> Callable[[Request], Awaitable[Response]]:
    async def jwks(_request: Request) -> Response:
        return JSONResponse(signer.jwks(), headers={"cache-control": "public, max-age=300"})

    return jwks


async def _welcome(_request: Request) -> Response:
    return RedirectResponse("/graphql")
