"""The billing run, measured beside the floor of the same machine in the same run.

    python benchmarks/billing_run.py             10,000 and 100,000 subscriptions
    python benchmarks/billing_run.py --million   and 1,000,000, and 100,000 again

70 % have one flat price, 20 % are per seat, and 10 % have a flat price and three
metered ones with five events each. All were billed twice before, so that tables and chains are not empty.
The floor is COPY of the very same rows, from files, into the same tables with the
same indexes, and the bare UPDATE of clocks and subscriptions; it is measured after each
run, and the mean counts. At last customers buy seats, first in calm and then while two
workers bill. Each measurement has a copy of the same database of its own, and the machine's
memory for it alone; it ends with a checkpoint, whose CPU counts, so that whatever was
changed is written at any size. fsync and synchronous_commit are on. Autovacuum, which
comes by the clock, would fall to one or the other, and is off while both are measured.
A machine that others use too is now faster and now slower; so a million's invoices are held
against the mean of the hundred thousands before and after them.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import pairwise
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import fmean
from tempfile import mkdtemp
from time import perf_counter
from typing import Any, Literal

import asyncpg
import counter

from billing.bounds import believed
from billing.run import chunks
from billing.run.chunks import Run
from billing.run.crew import apart
from billing.run.worker import Worker
from kernel import audit, database, postgres

FIRST = datetime(2026, 2, 6, tzinfo=UTC)
SECOND = datetime(2026, 3, 6, tzinfo=UTC)
TABLES = ("invoice", "line_item", "ledger_entry", "ledger_transfer", "audit_record", "outbox")
FILL = Path(__file__).with_suffix(".sql").read_text()
TICK = os.sysconf("SC_CLK_TCK")
_BOTH = 100_000
"""Up to so many subscriptions are billed by one worker too, which takes long for more."""

_CHECKED = 10_000
"""Up to so many subscriptions the audit's chains are recomputed after each run."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the wall, CPU seconds of clients and of PostgreSQL, WAL bytes, and the largest client in MB."""

    wall: float
    client: float
    server: float
    wal: int
    peak: float = 0.0

    @property
    def cpu(self) -> float:
        return self.client + self.server

    def __add__(self, other: Cost) -> Cost:
        peak = max(self.peak, other.peak)
        return Cost(
            self.wall + other.wall, self.client + other.client, self.server + other.server, self.wal + other.wal, peak
        )

    def __truediv__(self, count: int) -> Cost:
        return Cost(self.wall / count, self.client / count, self.server / count, self.wal // count, self.peak)


class Meter:
    """What PostgreSQL has spent so far: all its processes, those that ended included."""

    def __init__(self, home: Path, owner: asyncpg.Connection) -> None:
        self._postmaster = int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        self._owner = owner

    async def read(self) -> tuple[float, float, int]:
        """The time on the wall, CPU seconds and the place in the WAL."""
        wal = await self._owner.fetchval("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
        return perf_counter(), _spent(self._postmaster), wal

    async def settled(self) -> tuple[float, int]:
        """CPU seconds once all that was changed is written, and the place in the WAL before that.

        Few changes fit PostgreSQL's memory, and would be written after they were measured; many are written meanwhile.
        """
        _, _, wal = await self.read()
        await self._owner.execute("checkpoint")
        _, cpu, _ = await self.read()
        return cpu, wal


def _spent(postmaster: int) -> float:
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return (_ticks(postmaster, 13, 17) + sum(_ticks(int(child), 13, 15) for child in children)) / TICK


def _ticks(pid: int, first: int, last: int) -> int:
    """The fields of a process from `first` up to `last`, in clock ticks; none of one that has just ended."""
    if not Path(f"/proc/{pid}/stat").exists():
        return 0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[first - 2 : last - 2])


# A database full of subscriptions


async def fill(url: str, count: int) -> None:
    """Subscriptions that are due within a day, and were billed for the period before."""
    async with database.connected(url) as owner:
        await owner.execute(FILL.replace(":count", str(count)))
        await owner.execute("vacuum (analyze)")


# What is measured


async def measure(home: Path, url: str, until: datetime, workers: int) -> tuple[Cost, int]:
    """A run by so many processes, from when all of them are connected; its cost, and its invoices."""
    async with database.connected(url) as owner:
        run = await chunks.plan(owner, until, until)
        assert run, "something is due"
        spawn = multiprocessing.get_context("spawn")
        ready, told = spawn.Barrier(workers + 1), spawn.Queue()
        crew = [spawn.Process(target=_crew, args=(url, run, ready, told)) for _ in range(workers)]
        for process in crew:
            process.start()
        await owner.execute("checkpoint")
        meter = Meter(home, owner)
        await asyncio.to_thread(ready.wait, 120)
        began, cpu, wal = await meter.read()
        spent = [await asyncio.to_thread(told.get) for _ in crew]
        ended = perf_counter()
        for process in crew:
            await asyncio.to_thread(process.join)
        cpu_after, wal_after = await meter.settled()
        progress = await chunks.progress(owner, run)
        assert progress.chunks_done == progress.chunks, "the run is over"
    client, peak = sum(seconds for seconds, _ in spent), max(peak for _, peak in spent)
    return Cost(ended - began, client, cpu_after - cpu, wal_after - wal, peak), progress.tally.invoices


def _crew(url: str, run: Run, ready: Any, told: Any) -> None:
    async def work() -> None:
        worker = await Worker.of(url, run, believed())
        ready.wait()
        before = getrusage(RUSAGE_SELF)
        await worker.work(bool)
        after = getrusage(RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        told.put((spent, after.ru_maxrss / 1024))
        await worker.connection.close()

    apart(work())


async def floor(home: Path, server: str, made: str, folder: Path) -> Cost:
    """COPY of the rows that the run wrote into `made`, and the bare updates, in a database that has not run."""
    async with database.connected(database.within(server, "base")) as base:
        last = await base.fetchval("select last_value * 1024 + 1023 from id_block")
    async with database.connected(made) as owner:
        for table in TABLES:
            rows = f"select * from {table} where id > {last}"
            await owner.copy_from_query(rows, output=folder / table, format="text")
    await _drop(server, "made")
    async with database.connected(await _copied(home, server, "bare")) as target:
        await target.execute("checkpoint")
        meter = Meter(home, target)
        before = getrusage(RUSAGE_SELF)
        began, cpu, wal = await meter.read()
        async with target.transaction():
            for table in TABLES:
                await target.copy_to_table(table, source=folder / table, format="text")
            for statement in _BARE:
                await target.execute(statement, SECOND)
        ended, after = perf_counter(), getrusage(RUSAGE_SELF)
        cpu_after, wal_after = await meter.settled()
    client = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(ended - began, client, cpu_after - cpu, wal_after - wal)


async def compare(home: Path, server: str, count: int) -> tuple[float, float]:
    """Print what a run over so many subscriptions costs; CPU µs an invoice, of two workers and of the floor."""
    await _drop(server, "base")
    await _autovacuum(server, "on")
    await database.create(server, "base")
    base = database.within(server, "base")
    await database.migrate(base)
    await fill(base, count)
    await measure(home, base, FIRST, 2)
    async with database.connected(base) as owner:
        await owner.execute("vacuum (analyze)")
    await _autovacuum(server, "off")
    costs, floors = {}, []
    for workers in (1, 2) if count <= _BOTH else (2,):
        # Each is measured right after its copy was made, so that neither finds more of it in memory.
        made = await _copied(home, server, "made")
        cost, invoices = await measure(home, made, SECOND, workers)
        assert invoices == count, f"{invoices:,} invoices of {count:,}"
        if count <= _CHECKED:
            async with database.connected(made) as owner:
                assert not [breach async for breach in audit.breaches(owner)], "the audit's chains are whole"
        costs[f"run, {workers} worker{'s' * (workers > 1)}"] = cost
        floors.append(await floor(home, server, made, home))
        await _drop(server, "bare")
    bare = reduce(Cost.__add__, floors) / len(floors)
    _print(count, costs, bare)
    await disturbed(home, await _copied(home, server, "made"), count)
    return costs["run, 2 workers"].cpu / count * 1e6, bare.cpu / count * 1e6


async def disturbed(home: Path, url: str, count: int) -> None:
    """Print how long purchases take in calm, and while two workers bill."""
    spawn = multiprocessing.get_context("spawn")
    told, enough = spawn.Queue(), spawn.Event()
    customers = spawn.Process(target=counter.serve, args=(url, count, SECOND, told, enough))
    customers.start()
    calm = await asyncio.to_thread(told.get)
    await measure(home, url, SECOND, 2)
    enough.set()
    busy = await asyncio.to_thread(told.get)
    await asyncio.to_thread(customers.join)
    print(f"in calm          {calm.text}")
    print(f"during the run   {busy.text}; p99 is {busy.p99 / calm.p99:.1f} times that in calm (goal ≤ 3)", flush=True)


async def _copied(home: Path, server: str, name: str) -> str:
    """A new copy of the database that was billed once, which alone is in the machine's memory; its URL."""
    await _drop(server, name)
    async with database.connected(server) as owner:
        # Copied as files, for else all of it would go through the WAL.
        await owner.execute(f"create database {name} template base strategy file_copy")
        base = await owner.fetchval("select oid from pg_database where datname = 'base'")
    await asyncio.to_thread(_forgotten, home / "postgres" / "base" / str(base))
    return database.within(server, name)


def _forgotten(folder: Path) -> None:
    """Let the machine's memory go that holds these files, which are on the disk."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _print(count: int, costs: Mapping[str, Cost], bare: Cost) -> None:
    print(f"\n{count:,} subscriptions")
    print(f"{'':16}{'invoices/s':>12}{'CPU µs':>9}{'client':>8}{'server':>8}{'WAL B':>8}{'MB':>6}   of the floor")
    for name, cost in {**costs, "floor": bare}.items():
        micro = [seconds / count * 1e6 for seconds in (cost.cpu, cost.client, cost.server)]
        ratios = f"CPU {cost.cpu / bare.cpu:.2f}  WAL {cost.wal / bare.wal:.2f}  speed {bare.wall / cost.wall:.2f}"
        print(
            f"{name:16}{count / cost.wall:>12,.0f}{micro[0]:>9.1f}{micro[1]:>8.1f}{micro[2]:>8.1f}"
            f"{cost.wal / count:>8,.0f}{cost.peak:>6.0f}   {ratios}"
        )
    print("goals:   CPU ≤ 2.6, WAL ≤ 1.25, speed ≥ 0.6 with two workers", flush=True)


async def _drop(server: str, name: str) -> None:
    async with database.connected(server) as owner:
        await owner.execute(f"drop database if exists {name} with (force)")


async def _autovacuum(server: str, switch: Literal["on", "off"]) -> None:
    async with database.connected(server) as owner:
        await owner.execute(f"alter system set autovacuum = {switch}")
        await owner.execute("select pg_reload_conf()")


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--million", action="store_true", help="bill 1,000,000 subscriptions too")
    told.add_argument("--only", type=int, help="bill this many subscriptions alone")
    asked = told.parse_args()
    began = perf_counter()
    home = Path(mkdtemp(prefix="seatgraph-benchmark-"))
    server = postgres.started(home)
    try:
        sizes = [asked.only] if asked.only else [10_000, 100_000, *([1_000_000, 100_000] if asked.million else [])]
        costs: dict[int, list[tuple[float, float]]] = {}
        for count in sizes:
            costs.setdefault(count, []).append(asyncio.run(compare(home, server, count)))
        spent = {count: [fmean(each) for each in zip(*found, strict=True)] for count, found in costs.items()}
        for few, many in pairwise(sorted(spent)):
            run, bare = (now / before for now, before in zip(spent[many], spent[few], strict=True))
            print(f"\nan invoice of {many:,} costs {run:.2f} of one of {few:,} (goal ≤ 1.1), of the floor {bare:.2f}")
        print(f"\n{(perf_counter() - began) / 60:.0f} minutes")
    finally:
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


_BARE = (
    "update subscription_clock set due_at = due_at + interval '1 month' where due_at <= $1",
    (
        "update subscription set period_start = period_end, period_end = period_end + interval '1 month'"
        " where period_end <= $1"
    ),
)

if __name__ == "__main__":
    main()
