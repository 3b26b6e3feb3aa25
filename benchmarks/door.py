"""The quick door, measured alone: CPU and calls of one request, steady on a machine that does other things as well.

    python -m benchmarks.door                            reads of 200 accounts, 30 rounds of 300 requests each
    python -m benchmarks.door --home FOLDER --rounds 60  on a home that was seeded before, or will be

Each operation is asked in two ways. **Within**: the application is called in this process, without HTTP, so
that what is ours alone can be told by `time.process_time`, and the calls of functions be counted, which no
other process disturbs. **Over HTTP**: of a server in a process of its own, by the nanoseconds that the kernel
says it and PostgreSQL's processes ran. The round with the least CPU counts.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from pstats import Stats
from tempfile import mkdtemp
from time import process_time_ns
from traceback import print_exc

import orjson
import uvicorn
from starlette.types import ASGIApp, Message, Scope

from benchmarks.graph.__main__ import PLENTY, in_production
from benchmarks.graph.load import at, load, request
from benchmarks.graph.operations import Operation, by_a_stranger, enough, operations
from benchmarks.graph.servers import ours
from gateway.app import build
from gateway.development import access_token
from gateway.installation import configure, signer
from gateway.logs import configure_logging
from gateway.serving import configured
from gateway.settings import load as settings_of
from kernel import database, postgres

ROOT = Path(__file__).resolve().parents[1]
PORT = 18_431
AT_ONCE = 4
"""Connections over which is asked."""

FIRST = 200
"""Requests before anything is measured: documents, bearers, statements and plans are new."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One operation as somebody asks it: the body and the headers."""

    name: str
    body: bytes
    headers: dict[str, str]

    @classmethod
    def of(cls, operation: Operation, bearers: dict[str, str]) -> Wanted:
        """The operation as whoever it belongs to asks it; a stranger has no bearer."""
        server = ours({}, bearers)[-1]
        said = server.say(server, operation)
        assert said, "ours is asked everything"
        return cls(operation.name, orjson.dumps(said[0]), said[1])


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rounds there are, and of how many requests."""

    rounds: int
    requests: int


def ran(pid: int) -> int:
    """Nanoseconds for which the first thread of a process ran."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def ran_below(parent: int) -> int:
    """Nanoseconds for which the children of a process ran that are alive."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return sum(ran(int(each)) for each in children)


def scope_of(wanted: Wanted) -> Scope:
    """What an ASGI server tells of a request."""
    told = {"host": "127.0.0.1", "content-type": "application/json", "accept": "application/json"}
    told |= {"content-length": str(len(wanted.body))} | wanted.headers
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
        "server": ("127.0.0.1", PORT),
        "client": ("127.0.0.1", 40_000),
    }


async def ask(app: ASGIApp, scope: Scope, asked: bytes) -> bytes:
    """The body of one answer, with which the application was called."""
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": asked, "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    await app({**scope, "state": {}}, receive, send)
    assert said[0]["status"] == 200, said
    return bytes(said[-1]["body"])


async def within(app: ASGIApp, wanted: Wanted, pace: Pace) -> tuple[float, float]:
    """Microseconds of CPU a request, and calls of functions."""
    asked, scope = wanted.body, scope_of(wanted)

    async def several(many: int) -> None:
        for _ in range(many):
            await ask(app, scope, asked)

    await several(FIRST)
    rounds = []
    for _ in range(pace.rounds):
        began = process_time_ns()
        await several(pace.requests)
        rounds.append((process_time_ns() - began) / pace.requests / 1e3)
    profile = cProfile.Profile()
    profile.enable()
    await several(100)
    profile.disable()
    return min(rounds), Stats(profile).total_calls / 100  # type: ignore[attr-defined]


async def over_http(server: int, postmaster: int, wanted: Wanted, pace: Pace) -> tuple[float, float, float]:
    """Microseconds of CPU a request, of the server and of PostgreSQL; and milliseconds until half were answered."""
    asked = repeat(request(PORT, "/graphql", wanted.body, wanted.headers))
    await load(PORT, asked, seconds=0.5, connections=AT_ONCE)
    mine, theirs, waited = [], [], []
    for _ in range(pace.rounds):
        before, before_below = ran(server), ran_below(postmaster)
        taken, _ = await load(PORT, asked, seconds=0.25, connections=AT_ONCE)
        mine.append((ran(server) - before) / len(taken) / 1e3)
        theirs.append((ran_below(postmaster) - before_below) / len(taken) / 1e3)
        waited.append(at(taken, 50))
    return min(mine), min(theirs), min(waited)


async def ready() -> None:
    """Wait for the server to listen."""
    for _ in range(3_000):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise SystemExit("the server does not answer")


async def measured(url: str, server: int, postmaster: int, pace: Pace, only: str) -> None:
    """Measure, and print."""
    settings = settings_of()
    configure(settings)
    async with database.connected(url) as connection:
        await enough(connection)
        await connection.execute("vacuum analyze")
        asked = await operations(connection)
    bearers = {each.asker: await access_token(settings, url, each.asker) for each in asked}
    every = [Wanted.of(each, bearers) for each in (*asked, by_a_stranger(asked[-1]))]
    every = [each for each in every if not only or each.name in only.split("/")]
    await ready()
    print("                within µs    calls  HTTP µs      PG µs   p50 ms", flush=True)
    async with opened(url) as app:
        for wanted in every:
            own, calls = await within(app, wanted, pace)
            mine, theirs, waited = await over_http(server, postmaster, wanted, pace)
            name = f"({wanted.name})"
            print(f"{name:14} {own:10,.1f} {calls:8,.1f} {mine:8,.1f} {theirs:10,.1f} {waited:8.2f}", flush=True)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[ASGIApp]:
    """The application of this process, as in production."""
    settings = settings_of()
    app = build(settings, url, signer(settings), working=False)
    async with app.router.lifespan_context(app):
        yield app


def serving(url: str) -> int:
    """The process of a server that was begun, which ends with us at the latest."""
    child = os.fork()
    if child:
        return child
    try:
        settings = settings_of()
        app = build(settings, url, signer(settings), working=False)
        gc.freeze()
        uvicorn.Server(configured(app, port=PORT)).run()
    except BaseException:  # noqa: BLE001 - it ends with this process, and says why
        print_exc()
    finally:
        # What we end with is not this process's to end: PostgreSQL is ours.
        os._exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--only", default="", help="such as a/c")
    parser.add_argument("--home", type=Path)
    told = parser.parse_args()
    server = 0
    place = told.home or Path(mkdtemp(prefix="seatgraph-door-"))
    os.environ |= {"SEATGRAPH_HOME": str(place)}
    try:
        if not (place / "postgres").exists():
            seed = [sys.executable, "-m", "gateway", "seed", "--scale", str(told.accounts)]
            subprocess.run(seed, check=True, cwd=ROOT)
        os.environ |= PLENTY
        subprocess.run([sys.executable, "-m", "gateway", "migrate"], check=True, cwd=ROOT)
        address = database.embedded(place, shared_buffers="256MB")
        postmaster = int((place / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        with Path(os.devnull).open("w") as nowhere:
            configure_logging(production=True, stream=nowhere)
            settings = settings_of()
            assert signer(settings), "in development a key is made"
            os.environ |= {"DATABASE_URL": address} | in_production(settings)
            server = serving(address)
            asyncio.run(measured(address, server, postmaster, Pace(told.rounds, told.requests), told.only))
    finally:
        if server:
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)
        postgres.stop(place)
        if not told.home:
            shutil.rmtree(place, ignore_errors=True)
