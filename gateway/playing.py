"""Playing Stripe: the sandbox beside the product, on a loopback port of its own, where no key was given.

One process plays for all of one database. It says where in the name of a
connection that it keeps open, so whoever finds the name finds somebody there.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import httpx2
import uvicorn

from kernel import database
from kernel.errors import Unavailable
from payments.sandbox.app import sandbox

_NAME = "stripe at "
_PLAYING = "hashtext('playing Stripe')"  # the advisory lock of whoever plays
_STARTING = 10
"""Seconds in which whoever plays has to have said where."""

_PAUSE = 0.05
_PATIENCE = 30


@asynccontextmanager
async def played(url: str) -> AsyncIterator[str]:
    """The address of the sandbox of this database; we play it unless another process does. Raises Unavailable."""
    async with database.connected(url) as kept:
        if not await kept.fetchval(f"select pg_try_advisory_lock({_PLAYING})"):
            yield await _elsewhere(kept)
            return
        async with _answering(url) as address:
            await kept.execute(f"set application_name to '{_NAME}{address}'")
            yield address


async def found(connection: asyncpg.Connection) -> str | None:
    """Where the sandbox of this database answers, if a process plays it."""
    name: str | None = await connection.fetchval(
        "select application_name from pg_stat_activity where datname = current_database()"
        " and starts_with(application_name, $1)",
        _NAME,
    )
    return name and name.removeprefix(_NAME)


async def advance(connection: asyncpg.Connection, seconds: int) -> None:
    """Move the sandbox's clock forward, if anybody plays. Raises Unavailable."""
    address = await found(connection)
    if address is None:
        return
    async with httpx2.AsyncClient(trust_env=False, timeout=_PATIENCE) as client:
        try:
            moved = await client.post(f"{address}/_sandbox/clock", json={"advance": seconds})
            moved.raise_for_status()
        except httpx2.HTTPError:
            raise Unavailable(
                "The clock was moved, but that of the Stripe sandbox was not: it doesn't answer."
            ) from None


def config(url: str) -> uvicorn.Config:
    """How the sandbox of a database is served."""
    return uvicorn.Config(
        sandbox(url),
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


async def _elsewhere(connection: asyncpg.Connection) -> str:
    async with asyncio.timeout(_STARTING):
        while (address := await found(connection)) is None:  # noqa: ASYNC110 - another process has no event for us
            await asyncio.sleep(_PAUSE)
    return address


@asynccontextmanager
async def _answering(url: str) -> AsyncIterator[str]:
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol; with it each answer takes 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as door:
        door.bind(("127.0.0.1", 0))
        server = _Guest(config(url))
        serving = asyncio.create_task(server.serve(sockets=[door]))
        while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(_PAUSE / 10)
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


class _Guest(uvicorn.Server):
    """A server inside a process that is told when to stop by others."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are our host's."""
        yield
