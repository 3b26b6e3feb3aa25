"""The graph, measured: the same operations by compiled reads and by the executor, in one run on the same data.

    python -m benchmarks.graph                  2,000 accounts, 3 rounds of 4 seconds each
    python -m benchmarks.graph --accounts 20000 --seconds 10 --rounds 5

Every server is one process; PostgreSQL is ours, durable as always. Limits, authentication,
row-level security and the log are on. Answers are compared before anything is measured.
Rounds of all servers take turns, and the one with the least CPU counts: figures of CPU are
steadier than requests per second on a machine that does other things as well.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import orjson

from benchmarks.graph.load import at, load, request
from benchmarks.graph.operations import Operation, enough, operations
from gateway.development import access_token
from gateway.installation import configure
from gateway.settings import Settings
from gateway.settings import load as settings_of
from kernel import database, postgres

HERE = Path(__file__).parent
PLENTY = {"SEATGRAPH_BUDGET": "1000000000", "SEATGRAPH_BUDGET_RESTORED": "1000000000"}
"""Everybody has a budget, and is not held up by it."""

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figures:
    """One operation by one server: requests per second, milliseconds, and microseconds of CPU a request."""

    rate: float
    median: float
    p99: float
    server: float
    postgres: float

    @property
    def text(self) -> str:
        return f"{self.rate:8,.0f} {self.median:8.2f} {self.p99:8.2f} {self.server:10,.0f} {self.postgres:10,.0f}"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a round takes, how many there are, and over how many connections is asked at once."""

    seconds: float
    rounds: int
    connections: int


@dataclass(slots=True)
class Server:
    """A server under measurement."""

    name: str
    port: int
    command: list[str]
    path: str = "/graphql"
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.started[0].pid

    def start(self, environment: dict[str, str]) -> None:
        self.started.append(subprocess.Popen(self.command, env=environment, stderr=subprocess.DEVNULL))

    async def ready(self) -> None:
        for _ in range(600):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
        raise SystemExit(f"{self.name} does not answer")


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid: int) -> float:
    """Megabytes that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_of_postgres(postmaster: int) -> float:
    """Seconds of CPU that PostgreSQL's processes have used."""
    total = cpu(postmaster)
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            try:
                parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
                total += cpu(int(each.name)) if parent == postmaster else 0
            except OSError:
                continue
    return total


async def measured(server: Server, asked: bytes, postmaster: int, pace: Pace) -> Figures:
    before, before_pg = cpu(server.pid), cpu_of_postgres(postmaster)
    taken, _ = await load(server.port, asked, seconds=pace.seconds, connections=pace.connections)
    used, used_pg = cpu(server.pid) - before, cpu_of_postgres(postmaster) - before_pg
    many = len(taken)
    return Figures(many / pace.seconds, at(taken, 50), at(taken, 99), used / many * 1e6, used_pg / many * 1e6)


async def main(url: str, postmaster: int, pace: Pace) -> None:
    settings = settings_of()
    configure(settings)
    async with database.connected(url) as connection:
        await enough(connection)
        await connection.execute("vacuum analyze")
        asked = await operations(connection)
    bearers = {each.asker: await access_token(settings, url, each.asker) for each in asked}
    environment = os.environ | {"DATABASE_URL": url} | in_production(settings)
    servers = [
        Server(way, 18_400 + place, [sys.executable, "-m", "benchmarks.graph.server", way, str(18_400 + place)])
        for place, way in enumerate(("executed", "compiled"))
    ]
    try:
        for server in servers:
            server.start(environment)
            await server.ready()
        for operation in asked:
            await compare(operation, servers, bearers[operation.asker])
        print("               req/s   p50 ms   p99 ms  server µs      PG µs   of one request")
        for operation in asked:
            await report(operation, servers, bearers[operation.asker], postmaster, pace)
        for server in servers:
            print(f"{server.name}: {memory(server.pid):.0f} MB")
    finally:
        for server in servers:
            for process in server.started:
                process.terminate()
                process.wait()


def in_production(settings: Settings) -> dict[str, str]:
    """The environment of servers that answer as they do in production, with the keys of this installation."""
    assert settings.secret, "a secret was made"
    return {
        "SEATGRAPH_ENV": "production",
        "SEATGRAPH_SECRET": settings.secret.get_secret_value(),
        "SEATGRAPH_SIGNING_KEY": str(settings.home / "signing.pem"),
    }


def body(operation: Operation) -> bytes:
    return orjson.dumps({"query": operation.document, "variables": operation.variables})


async def compare(operation: Operation, servers: list[Server], bearer: str) -> None:
    answers = []
    for server in servers:
        asked = request(server.port, server.path, body(operation), bearer)
        for _ in range(2):
            _, answer = await load(server.port, asked, seconds=0.3, connections=1)
        answers.append(orjson.dumps(orjson.loads(answer)["data"]))
    assert len(set(answers)) == 1, answers
    print(f"({operation.name}) {len(answers[0]):,} bytes")


async def report(
    operation: Operation,
    servers: list[Server],
    bearer: str,
    postmaster: int,
    pace: Pace,
) -> None:
    found: dict[str, list[Figures]] = {server.name: [] for server in servers}
    for _ in range(pace.rounds):
        for server in servers:
            asked = request(server.port, server.path, body(operation), bearer)
            found[server.name].append(await measured(server, asked, postmaster, pace))
    for name, figures in found.items():
        print(f"({operation.name}) {name:10}", min(figures, key=lambda each: each.server).text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--home", type=Path)
    told = parser.parse_args()
    place = told.home or Path(mkdtemp(prefix="seatgraph-graph-"))
    os.environ |= {"SEATGRAPH_HOME": str(place)}
    try:
        if not (place / "postgres").exists():
            seed = [sys.executable, "-m", "gateway", "seed", "--scale", str(told.accounts)]
            subprocess.run(seed, check=True, cwd=HERE.parents[1])
        os.environ |= PLENTY
        subprocess.run([sys.executable, "-m", "gateway", "migrate"], check=True, cwd=HERE.parents[1])
        url = database.embedded(place, shared_buffers="256MB")
        postmaster = int((place / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        asyncio.run(main(url, postmaster, Pace(told.seconds, told.rounds, told.connections)))
    finally:
        postgres.stop(place)
        if not told.home:
            shutil.rmtree(place, ignore_errors=True)
