"""Measuring: what a server did in a span of time, and what it and PostgreSQL used up for that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from time import perf_counter

from benchmarks.graph.load import at, load

TICK = os.sysconf("SC_CLK_TCK")
WARM = 3_000
"""How many answers a server gives before it is measured."""

WARMING = 5
"""For as many rounds' time at most."""

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Figures:
    """One operation by one server: requests a second, milliseconds, microseconds of CPU a request, and megabytes."""

    rate: float
    median: float
    p99: float
    server: float
    postgres: float
    memory: float

    @property
    def together(self) -> float:
        """Microseconds of CPU of server and PostgreSQL."""
        return self.server + self.postgres

    @property
    def text(self) -> str:
        times = f"{self.rate:8,.0f} {self.median:8.2f} {self.p99:8.2f}"
        return f"{times} {self.server:10,.0f} {self.postgres:10,.0f} {self.memory:6.0f}"


HEAD = f"{'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'server µs':>10} {'PG µs':>10} {'MB':>6}"
"""What `Figures.text` shows."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a round takes, how many there are, and over how many connections is asked at once."""

    seconds: float
    rounds: int
    connections: int


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid: int) -> float:
    """Megabytes that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


def cpu_of_postgres(postmaster: int) -> float:
    """Seconds of CPU that PostgreSQL's processes have used, those included that are gone."""
    total = cpu(postmaster) + _gone(postmaster)
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            try:
                parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
                total += cpu(int(each.name)) if parent == postmaster else 0
            except OSError:
                continue
    return total


def _gone(postmaster: int) -> float:
    """What a process's children have used that have ended."""
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICK


async def warmed(port: int, asked: bytes, pace: Pace) -> None:
    """Let a server answer until it does so as fast as it can: compilers at run time look at what is asked often."""
    await load(port, repeat(asked, WARM), seconds=WARMING * pace.seconds, connections=pace.connections)


async def measured(port: int, pid: int, asked: Iterator[bytes], postmaster: int, pace: Pace) -> Figures:
    """One round of requests at a server."""
    before, before_pg = cpu(pid), cpu_of_postgres(postmaster)
    began = perf_counter()
    taken, _ = await load(port, asked, seconds=pace.seconds, connections=pace.connections)
    seconds = perf_counter() - began
    used, used_pg = cpu(pid) - before, cpu_of_postgres(postmaster) - before_pg
    many = len(taken)
    times = (many / seconds, at(taken, 50), at(taken, 99))
    return Figures(*times, used / many * 1e6, used_pg / many * 1e6, memory(pid))
