"""The graph, measured: the same operations by ours, compiled and executed, and by its peers, in one run.

    python -m benchmarks.graph                  2,000 accounts, 3 rounds of 4 seconds each
    python -m benchmarks.graph --accounts 20500 --seconds 10 --rounds 5
    python -m benchmarks.graph --full           20,500 accounts, and deep pages of 12,000,000 invoices as well
    python -m benchmarks.graph --only a,f --servers compiled,Mercurius

Every server is one process; PostgreSQL is ours, durable as always. Of ours, limits,
authentication, row-level security and the log are on; its peers have none of these.
Answers are compared before anything is measured. Rounds of all servers take turns, and
the one with the least CPU counts: figures of CPU are steadier than requests a second
on a machine that does other things as well.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import orjson
import uvloop

from benchmarks.graph import deep, graphile, npm, report, seating
from benchmarks.graph.answers import alike
from benchmarks.graph.load import load
from benchmarks.graph.measuring import Figures, Pace, measured, warmed
from benchmarks.graph.operations import Operation, by_a_stranger, enough, operations
from benchmarks.graph.servers import OURS, Server, ours, peers, plain
from gateway.development import access_token
from gateway.installation import configure
from gateway.settings import Settings
from gateway.settings import load as settings_of
from kernel import database, postgres

HERE = Path(__file__).parent
PLENTY = {"SEATGRAPH_BUDGET": "1000000000", "SEATGRAPH_BUDGET_RESTORED": "1000000000"}
"""Everybody has a budget, and is not held up by it."""

MEMBERS = 4_000
"""How many seats somebody may be able to give in a second."""

FULL = 20_500
"""How many accounts fill a workspace of 10,000 seats."""


@dataclass(frozen=True, slots=True)
class Run:
    """What is measured, and how."""

    url: str
    postmaster: int
    pace: Pace
    only: set[str]
    servers: set[str]
    full: bool
    invoices: int

    def wants(self, name: str) -> bool:
        """Whether an operation is to be measured."""
        return not self.only or name in self.only

    def measures(self, server: Server) -> bool:
        """Whether a server is."""
        return not self.servers or server.name in self.servers


async def main(run: Run) -> None:
    settings = settings_of()
    configure(settings)
    async with database.connected(run.url, command_timeout=3_600) as connection:
        await measure(run, settings, connection)


async def measure(run: Run, settings: Settings, connection: asyncpg.Connection) -> None:
    await enough(connection)
    a, b, c, d = reads = await operations(connection)
    seated = await seating.seating(connection, b, int(run.pace.seconds * MEMBERS)) if run.wants("f") else None
    depths = await deepened(run, connection, c, b) if run.full and run.wants("e") else []
    await connection.execute("vacuum analyze")
    askers = {each.asker for each in (*reads, *(depth.operation for depth in depths))}
    bearers = {asker: await access_token(settings, run.url, asker) for asker in askers}
    servers = [*ours({"DATABASE_URL": run.url} | in_production(settings), bearers), plain(run.url)]
    home = npm.installed()
    servers += peers(home, run.url) if home else []
    servers = [each for each in servers if run.measures(each)]
    try:
        for server in servers:
            await server.start()
        for operation in (a, b, c, d):
            if run.wants(operation.name):
                found = await reported(run, operation, servers)
                if operation is d:
                    await from_memory(run, d, servers, found)
        if seated:
            await changed(run, seated, servers)
        if depths:
            await deeply(run, c, depths, servers)
    finally:
        for server in servers:
            server.stop()


async def deepened(run: Run, connection: asyncpg.Connection, invoices: Operation, seats: Operation) -> list[deep.Depth]:
    if await connection.fetchval("select count(*) from invoice") < run.invoices:
        print(f"Making {run.invoices:,} invoices.", flush=True)
        await deep.build(connection, invoices, run.invoices)
    return await deep.depths(connection, invoices, seats)


def in_production(settings: Settings) -> dict[str, str]:
    """The environment of servers that answer as they do in production, with the keys of this installation."""
    assert settings.secret, "a secret was made"
    return {
        "SEATGRAPH_ENV": "production",
        "SEATGRAPH_SECRET": settings.secret.get_secret_value(),
        "SEATGRAPH_SIGNING_KEY": str(settings.home / "signing.pem"),
    }


# Reads


async def reported(run: Run, operation: Operation, servers: Sequence[Server]) -> dict[str, Figures]:
    """Compare the answers to one operation, measure it, and print all that."""
    await compare(operation, servers)
    rounds: dict[str, list[Figures]] = {server.name: [] for server in servers}
    asked = {server.name: asked for server in servers if (asked := server.asked(operation))}
    able = [server for server in servers if server.name in asked]
    for server in able:
        await warmed(server.port, asked[server.name], run.pace)
    for _ in range(run.pace.rounds):
        for server in able:
            requests = repeat(asked[server.name])
            rounds[server.name].append(await measured(server.port, server.pid, requests, run.postmaster, run.pace))
    found = best(rounds)
    report.table(operation.name, found)
    report.verdict(operation.name, found, found)
    return found


def best(rounds: dict[str, list[Figures]]) -> dict[str, Figures]:
    """Of every server the round in which it used the least CPU."""
    return {name: min(each, key=lambda figures: figures.server) for name, each in rounds.items() if each}


async def compare(operation: Operation, servers: Sequence[Server]) -> None:
    """Stop unless all say the same."""
    said = {}
    for server in servers:
        asked = server.asked(operation)
        if asked:
            for _ in range(2):
                _, answer = await load(server.port, repeat(asked), seconds=0.3, connections=1)
            told = orjson.loads(answer)
            assert "errors" not in told, (server.name, told["errors"])
            answer = graphile.mapped(operation, told["data"]) if server.name == graphile.NAME else told["data"]
            said[server.name] = orjson.dumps(alike(answer))
    if len(set(said.values())) > 1:
        shown = "\n".join(f"{name}: {answer[:1_000].decode()}" for name, answer in said.items())
        raise SystemExit(f"({operation.name}) Answers differ:\n{shown}")
    print(f"\n({operation.name}) {len(next(iter(said.values()))):,} bytes, the same from {', '.join(said)}", flush=True)


async def from_memory(run: Run, plans: Operation, servers: Sequence[Server], beside: dict[str, Figures]) -> None:
    """What everybody gets alike, asked by a stranger: ours answers it from memory."""
    cached = by_a_stranger(plans)
    rounds: dict[str, list[Figures]] = {}
    for server in (each for each in servers if each.name == OURS[-1]):
        asked = server.asked(cached)
        assert asked
        rounds[server.name] = [
            await measured(server.port, server.pid, repeat(asked), run.postmaster, run.pace)
            for _ in range(run.pace.rounds)
        ]
    if rounds:
        report.table(cached.name, best(rounds))
        report.verdict(cached.name, best(rounds), beside)


# Changes


async def changed(run: Run, seated: seating.Seating, servers: Sequence[Server]) -> None:
    """Measure a change: nobody has its seat twice."""
    rounds: dict[str, list[Figures]] = {}
    for turn in range(run.pace.rounds + 1):
        for server in (each for each in servers if each.name != OURS[0]):  # changes are always executed
            requests = seated.requests(server)
            if not requests:
                continue
            if turn == 0:
                _, answer = await load(server.port, iter(requests), seconds=0.3, connections=1)
                assert orjson.loads(answer)["data"]["assignSeat"]["state"] == "ACTIVE", (server.name, answer)
            else:
                figures = await measured(server.port, server.pid, iter(requests), run.postmaster, run.pace)
                rounds.setdefault(server.name, []).append(figures)
            await seated.clear()
    found = best(rounds)
    report.table(seated.operation.name, found)
    report.verdict(seated.operation.name, found, found)


# Depth


async def deeply(run: Run, usual: Operation, depths: Sequence[deep.Depth], servers: Sequence[Server]) -> None:
    """How long pages take from wherever in a list, asked one at a time."""
    for server in (each for each in servers if each.name == OURS[-1]):
        median = await latency(server, usual)
        print(f"\n(e) {run.invoices:,} invoices, one request at a time; (c) takes {median:.2f} ms")
        for depth in depths:
            report.deep(depth.way.says, depth.share, await latency(server, depth.operation), median)


async def latency(server: Server, operation: Operation) -> float:
    """Milliseconds that half of the requests take at most."""
    asked = server.asked(operation)
    assert asked
    times = []
    for _ in range(3):
        taken, answer = await load(server.port, repeat(asked), seconds=1, connections=1)
        assert b'"errors"' not in answer, answer
        times.append(sorted(taken)[len(taken) // 2] * 1e3)
    return min(times)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--only", default="", help="operations, such as a,c")
    parser.add_argument("--servers", default="", help="servers, such as compiled,Mercurius")
    parser.add_argument("--full", action="store_true", help="deep pages of many invoices as well")
    parser.add_argument("--invoices", type=int, default=12_000_000, help="how many are made for deep pages")
    parser.add_argument("--home", type=Path, help="a folder that stays, and is taken again")
    return parser.parse_args()


def listed(text: str) -> set[str]:
    return set(filter(None, text.split(",")))


if __name__ == "__main__":
    told = arguments()
    place = told.home or Path(mkdtemp(prefix="seatgraph-graph-"))
    os.environ |= {"SEATGRAPH_HOME": str(place)}
    try:
        if not (place / "postgres").exists():
            accounts = told.accounts or (FULL if told.full else 2_000)
            seed = [sys.executable, "-m", "gateway", "seed", "--scale", str(accounts)]
            subprocess.run(seed, check=True, cwd=HERE.parents[1])
        os.environ |= PLENTY
        subprocess.run([sys.executable, "-m", "gateway", "migrate"], check=True, cwd=HERE.parents[1])
        url = database.embedded(place, shared_buffers="256MB")
        postmaster = int((place / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        pace = Pace(told.seconds, told.rounds, told.connections)
        wanted = (listed(told.only), listed(told.servers), told.full, told.invoices)
        uvloop.run(main(Run(url, postmaster, pace, *wanted)))
    finally:
        postgres.stop(place)
        if not told.home:
            shutil.rmtree(place, ignore_errors=True)
