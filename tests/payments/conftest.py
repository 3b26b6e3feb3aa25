"""One sandbox on a loopback port for a worker's tests; each test begins with it empty."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
import pytest
import stripe
import uvicorn

from kernel import database
from payments.sandbox.app import sandbox
from tests.payments.sandbox.bench import Bench, Listener

stripe.enable_telemetry = False


def pytest_itemcollected(item: pytest.Item) -> None:
    """The SDK hands its body to httpx in a way that httpx has deprecated; the warning is not ours to mend."""
    item.add_marker(pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"))


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[str]:
    """The address of an ASGI application on uvicorn, on a port that the system chose."""
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol; with it each answer takes 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", ws="none"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(30):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture(scope="session")
async def sandbox_url(server: str) -> str:
    """The URL of a database that has nothing in it, and no migrations."""
    name = f"sandbox_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    async with database.connected(server) as connection:
        await database.create(server, name)
        await connection.execute("select 1")
    return database.within(server, name)


@pytest.fixture(scope="session")
async def address(sandbox_url: str) -> AsyncIterator[str]:
    async with running(sandbox(sandbox_url, seed=7, background=False)) as url:
        yield url


@pytest.fixture(scope="session")
async def clients() -> AsyncIterator[tuple[httpx2.AsyncClient, stripe.HTTPXClient]]:
    """Shared by all tests: a raw client, and the one that the SDK sends with."""
    sdk = stripe.HTTPXClient(timeout=httpx.Timeout(5))
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as raw:
        yield raw, sdk
    await sdk.close_async()  # type: ignore[no-untyped-call] # the SDK leaves it untyped


@pytest.fixture
async def bench(address: str, clients: tuple[httpx2.AsyncClient, stripe.HTTPXClient]) -> Bench:
    """The empty sandbox, with the real SDK beside it."""
    made = Bench(address, *clients)
    await made.control("reset")
    return made


@pytest.fixture
async def listen(bench: Bench) -> AsyncIterator[Callable[..., Awaitable[Listener]]]:
    """Registers webhook endpoints that a test receives events at."""
    started: list[Listener] = []

    async def start(*types: str) -> Listener:
        listener = Listener()
        await listener.open()
        started.append(listener)
        params: Any = {"url": listener.url, "enabled_events": list(types) or ["*"]}
        made = await bench.v1.webhook_endpoints.create_async(params)
        assert made.secret
        listener.secret = made.secret
        return listener

    yield start
    for listener in started:
        await listener.close()
