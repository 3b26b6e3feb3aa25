"""Abuse, measured: documents that ask for more than anybody may, alone and beside ordinary traffic.

    python -m benchmarks.abuse
    python -m benchmarks.abuse --seconds 20 --rounds 5

One process serves as it does in production, with limits, budgets, authentication and the log on,
and PostgreSQL is durable. Each kind of abuse is sent alone first, in texts that the server has
never met, and then again, in one that it has: the slowest answer counts, and so do the bytes that
it leaves in the log. Then customers ask ordinary things at a steady pace, in calm and beside 50
new documents of abuse a second, in turns; how long they wait is counted from when they meant to ask.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter

import orjson

from benchmarks.graph.__main__ import PLENTY, in_production
from benchmarks.graph.load import at, request
from benchmarks.graph.measuring import cpu
from benchmarks.graph.operations import enough, operations
from gateway.development import access_token
from gateway.installation import configure
from gateway.settings import load as settings_of
from kernel import database, ids, postgres

ROOT = Path(__file__).parents[1]
PORT = 18_420
FASTEST, LEAST_LOG, SLOWER = 50.0, 1_000, 2.0
"""The goals: milliseconds to a refusal, bytes of log, and how much longer ordinary traffic may wait."""

ABUSE_A_SECOND = 50
CUSTOMERS, ASKS_A_SECOND = 8, 10
NEW = 5
"""How many texts of each kind are sent that the server has not met."""


def _asked(document: str, **variables: object) -> bytes:
    return orjson.dumps({"query": document, "variables": variables})


def _sent(body: bytes, bearer: str) -> bytes:
    return request(PORT, "/graphql", body, {"authorization": f"Bearer {bearer}"})


def _aliases(mark: int) -> bytes:
    return _asked("{" + " ".join(f"a{mark}x{number}: __typename" for number in range(10_000)) + "}")


def _repeated(mark: int) -> bytes:
    return _asked(f"{{ a{mark}: viewer {{" + "kind " * 20_000 + "} }")


def _directives(mark: int) -> bytes:
    return _asked(f"{{ a{mark}: viewer " + "@skip(if: false) " * 5_000 + "{ kind } }")


def _overlapping(mark: int) -> bytes:
    spread = " ".join(f"...F{number}" for number in range(300))
    fragments = " ".join(f"fragment F{number} on Viewer {{ kind person {{ name }} }}" for number in range(300))
    return _asked(f"{{ a{mark}: viewer {{ {spread} }} }} {fragments}")


def _doubling(levels: int) -> Callable[[int], bytes]:
    def fragment(level: int) -> str:
        both = " ".join(f"{side}: workspace {{ account {{ ...F{level + 1} }} }}" for side in "ab")
        return f"fragment F{level} on Account {{ {both} }}"

    def made(mark: int) -> bytes:
        fragments = " ".join(map(fragment, range(levels)))
        return _asked(
            f"{{ a{mark}: viewer {{ account {{ ...F0 }} }} }} {fragments} fragment F{levels} on Account {{ id }}"
        )

    return made


def _listed(mark: int) -> bytes:
    return _asked(f"{{ a{mark}: nodes(ids: [" + "1," * 100_000 + "]) { id } }")


def _listed_in_variables(mark: int) -> bytes:
    return _asked(f"query($ids: [ID!]!) {{ a{mark}: nodes(ids: $ids) {{ id }} }}", ids=["1"] * 100_000)


def _literal(mark: int) -> bytes:
    return _asked(f'{{ a{mark}: node(id: "' + "x" * 1_000_000 + '") { id } }')


def _deep(mark: int) -> bytes:
    return _asked(f"{{ a{mark}: viewer {{ account " + "{ workspace { account " * 45 + "{ id }" + "} }" * 45 + "} }")


def _batch(mark: int) -> bytes:
    return orjson.dumps([{"query": f"{{ a{mark}x{number}: viewer {{ kind }} }}"} for number in range(1_000)])


KINDS: dict[str, Callable[[int], bytes]] = {
    "10,000 aliases": _aliases,
    "20,000 repeated fields": _repeated,
    "5,000 directives": _directives,
    "300 overlapping fragments": _overlapping,
    "24 levels of doubling fragments": _doubling(24),
    "60 levels of doubling fragments": _doubling(60),
    "a list of 100,000 elements": _listed,
    "the same in variables": _listed_in_variables,
    "a literal of 1 MB": _literal,
    "90 levels": _deep,
    "a batch of 1,000": _batch,
}


class Line:
    """One connection, opened again whenever the server has closed it."""

    def __init__(self) -> None:
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, said: bytes) -> tuple[int, bytes]:
        """Send a request; the status and the body of its answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", PORT)
        reader, writer = self._streams
        writer.write(said)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return int(head.split()[1]), answer

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


@dataclass(slots=True)
class Refused:
    """How one kind of abuse is refused, at the most: milliseconds, bytes of log, milliseconds of CPU; and as what."""

    new: float = 0.0
    known: float = 0.0
    log: int = 0
    cpu: float = 0.0
    said: set[str] = field(default_factory=set)

    @property
    def good(self) -> bool:
        return max(self.new, self.known) <= FASTEST and self.log <= LEAST_LOG

    @property
    def text(self) -> str:
        said = ", ".join(sorted(self.said))
        return f"{self.new:8.1f} {self.known:8.1f} {self.cpu:8.1f} {self.log:7,}   {said}"


@dataclass(frozen=True, slots=True)
class Server:
    """The server that is measured: its process, and where it logs."""

    process: subprocess.Popen[bytes]
    log: Path

    async def refuses(self, make: Callable[[int], bytes], bearer: str, marks: count[int]) -> Refused:
        """How a kind of abuse is refused, in new texts and in one that is known."""
        found, line = Refused(), Line()
        before = cpu(self.process.pid)
        for _ in range(NEW):
            said = _sent(make(next(marks)), bearer)
            found.new = max(found.new, await self._refused(line, said, found))
        found.cpu = (cpu(self.process.pid) - before) / NEW * 1e3
        for _ in range(NEW):
            found.known = max(found.known, await self._refused(line, said, found))
        line.close()
        return found

    async def _refused(self, line: Line, said: bytes, found: Refused) -> float:
        logged, began = self.log.stat().st_size, perf_counter()
        status, answer = await line.ask(said)
        took = (perf_counter() - began) * 1e3
        (error, *_) = orjson.loads(answer)["errors"]
        found.said.add(f"{status} {error['extensions']['code']}")
        # The line is written right after the answer.
        await asyncio.sleep(0.05)
        found.log = max(found.log, self.log.stat().st_size - logged)
        return took


async def _steadily(said: list[bytes], phase: float, rate: float, until: float, waits: list[float]) -> None:
    """Ask one after another, so many a second, and note how long each took since it was due.

    The `phase`, below 1, keeps those apart who ask at the same rate.
    """
    line, due, first = Line(), perf_counter() + phase / rate, int(phase * len(said))
    for each in cycle(said[first:] + said[:first]):
        if due > until:
            break
        await asyncio.sleep(max(0.0, due - perf_counter()))
        await line.ask(each)
        waits.append(perf_counter() - due)
        due += 1 / rate
    line.close()


@dataclass(slots=True)
class Waits:
    """How long requests took, in seconds, in calm and beside abuse; and how long the server's core was busy."""

    calm: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    abuse: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=lambda: {"calm": 0.0, "beside": 0.0})


async def together(pid: int, ordinary: list[bytes], abuse: list[list[bytes]], seconds: float, waits: Waits) -> None:
    """A round in calm, and one beside abuse."""
    for name, bad, noted in (("calm", [], waits.calm), ("beside", abuse, waits.beside)):
        before = cpu(pid)
        until = perf_counter() + seconds
        good = [_steadily(ordinary, place / CUSTOMERS, ASKS_A_SECOND, until, noted) for place in range(CUSTOMERS)]
        worse = [
            _steadily(each, place / len(bad), ABUSE_A_SECOND / len(bad), until, waits.abuse)
            for place, each in enumerate(bad)
        ]
        await asyncio.gather(*good, *worse)
        waits.cpu[name] += cpu(pid) - before


async def main(url: str, home: Path, seconds: float, rounds: int) -> bool:
    settings = settings_of()
    configure(settings)
    async with database.connected(url) as connection:
        await enough(connection)
        await connection.execute("vacuum analyze")
        asked = await operations(connection)
    bearers = {each.asker: await access_token(settings, url, each.asker) for each in asked}
    ordinary = [
        _sent(
            _asked(each.document, **{name: ids.encode(*named) for name, named in each.variables.items()}),
            bearers[each.asker],
        )
        for each in asked
    ]
    environment = os.environ | {"DATABASE_URL": url} | in_production(settings)
    process = _started(environment, home / "log")
    try:
        await _ready()
        return await _measured(Server(process, home / "log"), ordinary, bearers[asked[0].asker], seconds, rounds)
    finally:
        process.terminate()
        process.wait()


async def _measured(server: Server, ordinary: list[bytes], bearer: str, seconds: float, rounds: int) -> bool:
    line, marks = Line(), count()
    for said in ordinary * 5:
        status, answer = await line.ask(said)
        assert status == 200, answer
    line.close()
    print(f"{'':33}new ms  known ms   CPU ms   log B   refused as       goal: {FASTEST:.0f} ms, {LEAST_LOG:,} B")
    found = {name: await server.refuses(make, bearer, marks) for name, make in KINDS.items()}
    for name, each in found.items():
        print(f"{name:32}", each.text, "" if each.good else "  MISSED")
    waits, many = Waits(), int(ABUSE_A_SECOND * seconds / 4) + 1
    for _ in range(rounds):
        made = [
            [_sent(make(next(marks)), bearer) for _, make in zip(range(many), cycle(KINDS.values()))] for _ in range(4)
        ]
        await together(server.process.pid, ordinary, made, seconds, waits)
    ratio = at(waits.beside, 95) / at(waits.calm, 95)
    for name, seen in (("in calm", waits.calm), ("beside abuse", waits.beside), ("the abuse itself", waits.abuse)):
        print(f"{name:17} {len(seen):6,} asked   p50 {at(seen, 50):6.1f} ms   p95 {at(seen, 95):6.1f} ms")
    for name, busy in waits.cpu.items():
        print(f"the server's core was busy, {name}: {busy / seconds / rounds:.0%}")
    print(f"p95 beside {ABUSE_A_SECOND} a second, of that in calm: {ratio:.2f}; goal: {SLOWER}")
    return ratio <= SLOWER and all(each.good for each in found.values())


def _started(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gateway", "serve", "--port", str(PORT), "--no-worker"]
    with log.open("wb") as told:
        return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=told, stdout=subprocess.DEVNULL)


async def _ready() -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise SystemExit("the server does not answer")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path)
    told = parser.parse_args()
    place = told.home or Path(mkdtemp(prefix="seatgraph-abuse-"))
    os.environ |= {"SEATGRAPH_HOME": str(place)} | PLENTY
    try:
        if not (place / "postgres").exists():
            seed = [sys.executable, "-m", "gateway", "seed", "--scale", str(told.accounts)]
            subprocess.run(seed, check=True, cwd=ROOT)
        subprocess.run([sys.executable, "-m", "gateway", "migrate"], check=True, cwd=ROOT)
        url = database.embedded(place, shared_buffers="256MB")
        good = asyncio.run(main(url, place, told.seconds, told.rounds))
    finally:
        postgres.stop(place)
        if not told.home:
            shutil.rmtree(place, ignore_errors=True)
    raise SystemExit(0 if good else 1)
