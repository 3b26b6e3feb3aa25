"""Serving: the product on one port, and the worker by itself, from start to a clean stop.

SIGTERM and SIGINT end either of them well: what is in flight is finished, the
embedded database is stopped by its last user, and the status is 0.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# First, because it looks for the sources of its models in all that was imported before: a sixth of a start, if last.
import scim2_server.handler  # noqa: F401
import uvicorn
from starlette.applications import Starlette

import schema
from auth.names import Names
from gateway import crew, furnishing, gathering, playing, stopping
from gateway.app import build, fetcher
from gateway.bulk.shapes import Shapes
from gateway.bulk.writing import Writer
from gateway.compiled import Reads
from gateway.installation import Say, clock, configure, insist_on_fence, migrated, reached, signer
from gateway.letters.office import office
from gateway.live.opening import Live
from gateway.live.wire import Wire
from gateway.logs import configure_logging
from gateway.pipe import Pipe
from gateway.rails import rail
from gateway.settings import Settings
from gateway.worker import Worker
from kernel import database
from kernel.errors import Unavailable
from kernel.id_blocks import IdBlocks
from kernel.readers import READERS

GRACE = 10
"""Seconds in which requests that are in flight at the end may finish."""

SPOKEN = 128 * 1024
"""The most bytes of one message on a WebSocket."""

UNREAD = 60
"""Seconds after which a connection is over whose other end takes nothing of what we sent."""


BESIDE = 8
"""Connections that a process takes beside those that requests are answered on."""

TURN = 0.001
"""Seconds for which a thread that reads a document holds up the one that answers."""

KEPT_FREE = 10
"""Connections to PostgreSQL that are left to others: the worker, commands, whoever looks after it."""


def serve(settings: Settings, say: Say, tell: Say, *, working: bool, patience: int, workers: int = 1) -> None:
    """Answer requests in so many processes until we are told to stop; `say` gets the address, `tell` what takes time.

    Raises Unavailable.
    """
    configure_logging(production=settings.in_production)
    # Taken before anything is started, so that a taken port costs nothing; it listens when we can answer.
    with _door(settings.host, settings.port) as door:
        stopping.check()
        url = reached(settings, tell, patience)
        stopping.check()
        guide = asyncio.run(furnishing.ready(settings, url, tell))
        stopping.check()
        size = asyncio.run(_connections(url, workers))

        def answer(place: int, post: gathering.Post | None = None) -> None:
            first = place == 0
            app = build(
                settings,
                url,
                signer(settings),
                working=working and first,
                address=_address(door),
                connections=size,
                post=post,
            )
            # What was made so far stays, and the garbage collector needn't look at it again.
            gc.freeze()
            sys.setswitchinterval(TURN)
            welcome = (lambda: _welcome(settings, door, guide, say)) if first else (lambda: None)
            _Server(configured(app), welcome, lambda: _close(app)).run(sockets=[door])

        if workers == 1:
            answer(0)
            return
        with gathering.posts(workers) as posts:
            crew.man(workers, lambda place: answer(place, posts[place]), 2 * GRACE)


def work(settings: Settings, say: Say, tell: Say, *, patience: int) -> None:
    """Run the worker alone until we are told to stop. Raises Unavailable."""
    configure_logging(production=settings.in_production)
    configure(settings)
    stopping.check()
    url = reached(settings, tell, patience)
    stopping.check()
    asyncio.run(_work(settings, url, say, tell))


def play(settings: Settings, port: int, say: Say, tell: Say, *, patience: int) -> None:
    """Play Stripe for this database until we are told to stop; `say` gets the address. Raises Unavailable."""
    configure_logging(production=settings.in_production)
    with _door("127.0.0.1", port) as door:
        stopping.check()
        url = reached(settings, tell, patience)
        stopping.check()
        _Server(playing.config(url), lambda: say(f"The sandbox answers at {_address(door)}")).run(sockets=[door])


async def _connections(url: str, workers: int) -> int:
    """How many connections each process may answer requests on. Raises Unavailable where there are too few."""
    async with database.connected(url) as connection:
        most = int(await connection.fetchval("show max_connections"))
    size = (most - KEPT_FREE) // workers - BESIDE
    if size < 1:
        raise Unavailable(
            f"PostgreSQL takes {most} connections, too few for {workers} processes: each needs {BESIDE + 1} or more."
        )
    return min(size, database.CONNECTIONS + READERS)


async def _work(settings: Settings, url: str, say: Say, tell: Say) -> None:
    await migrated(url, tell)
    await insist_on_fence(url)
    engine = database.engine(url)
    async with clock(settings, url) as ticking, rail(settings, url) as paying:
        names, post = Names(settings.nameservers), office(settings)
        blocks, graph = IdBlocks(), schema.graph()
        writer = Writer(graph, engine, blocks, Shapes(graph), Reads(graph))
        worker = Worker(
            url, engine, ticking, blocks, paying, names, post, None, writer, fetcher(settings), nightly=True
        )
        working = asyncio.create_task(worker.run())
        for stop in stopping.STOPS:
            asyncio.get_running_loop().add_signal_handler(stop, working.cancel)
        if stopping.asked():
            working.cancel()
        say("The worker works.")
        with suppress(asyncio.CancelledError):
            await working
    await engine.dispose()


class _Server(uvicorn.Server):
    """uvicorn, which tells when it can answer, and when it will end."""

    def __init__(
        self, config: uvicorn.Config, welcome: Callable[[], object], farewell: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(config)
        self._welcome = welcome
        self._farewell = farewell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen. Raises Unavailable."""
        try:
            await super().startup(sockets)
        except SystemExit:
            raise Unavailable("The application does not start: the log above says why.") from None
        self._welcome()
        # uvicorn listens to signals by now; one that came before is known to us alone.
        self.should_exit = self.should_exit or stopping.asked()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what would never end by itself, and wait for the rest."""
        self._farewell()
        await super().shutdown(sockets)


def configured(app: Starlette, **more: Any) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Pipe,
        ws=Wire,
        ws_max_size=SPOKEN,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        **more,
    )


def _close(app: Starlette) -> None:
    live: Live = app.state.live
    live.close()


def _welcome(settings: Settings, door: socket.socket, person: str | None, say: Say) -> None:
    address = _address(door)
    if settings.in_production:
        say(f"Seatgraph answers at {address}/graphql")
        return
    say(f"Open {address}/ in a browser.")
    if person:
        say(f"Or ask as {person}:\n\n  {_example(address, person)}\n")


def _address(door: socket.socket) -> str:
    """Where a browser on this machine finds us: every interface includes the nearest."""
    host, port = door.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - we read it
    return f"http://{host}:{port}"


def _example(address: str, person: str) -> str:
    """A request to paste into another terminal."""
    question = '{"query": "{ viewer { person { name } memberships { nodes { role workspace { name } } } } }"}'
    token = f'"Authorization: Bearer $({_ourselves()} token --person {shlex.quote(person)})"'
    return f"curl {address}/graphql -H {token} -H 'Content-Type: application/json' -d '{question}'"


def _ourselves() -> str:
    """How a shell elsewhere runs our commands on the same home."""
    installed = Path(sys.executable).with_name("seatgraph")
    found = shutil.which("seatgraph")
    if found and Path(found).resolve() == installed.resolve():
        command = "seatgraph"
    elif installed.exists():
        command = shlex.quote(str(installed))
    else:
        command = f"{shlex.quote(sys.executable)} -m gateway"
    home = os.environ.get("SEATGRAPH_HOME")
    return f"SEATGRAPH_HOME={shlex.quote(str(Path(home).absolute()))} {command}" if home else command


# The port


def _door(host: str, port: int) -> socket.socket:
    """A socket that has the port and doesn't listen yet. Raises Unavailable."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, protocol)
    except OSError as refusal:
        raise Unavailable(f"We can't listen at {host}: {refusal.strerror}.") from None
    try:
        # A port that its last user has just left is free to us.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Its connections inherit it. Elsewhere than on Linux, a client that never reads keeps its socket.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD * 1000)
        door.bind(address)
    except OSError as refusal:
        door.close()
        if refusal.errno == errno.EADDRINUSE:
            raise Unavailable(f"Port {port} of {host} is taken: choose another with --port.") from None
        raise Unavailable(f"We can't listen at {host}, port {port}: {refusal.strerror}.") from None
    return door
