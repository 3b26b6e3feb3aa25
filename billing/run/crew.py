"""The billing run: bills whatever is due, as fast as the machine allows, and can be stopped at any moment.

Its workers claim chunks of subscriptions. A chunk is one transaction: clocks are
locked, facts read, priced by the timeline like any interactive change, and
everything that follows from it is written together with the next period. So a
worker that is killed has billed a chunk or has not, and whoever resumes the run
bills nothing twice and forgets nothing.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any

import asyncpg
import uvloop

from billing.bounds import Bounds, believed
from billing.run import chunks, queries
from billing.run.chunks import NOTHING, SIZE, Progress, Run, Tally
from billing.run.worker import Stopped, Worker
from kernel.errors import Unavailable
from kernel.id_blocks import IdBlocks

Watch = Callable[[Progress], None]
"""Told, now and then, how far the run is."""

_GLANCE = 0.2
_ANY = 100
_PATIENT = 10
"""How far behind others a worker's process stands when there are more of them than cores."""


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription that waits for a person."""

    account_id: int
    subscription_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to, all who worked on it together."""

    progress: Progress
    leftovers: tuple[tuple[int, int, datetime], ...] = ()
    """Account, subscription and instant of those that `seats.buying.renew` bills; another run bills what follows.

    A scheduled change is due for them too, on which seats may hang, and seats lie a
    floor above; or their account wants one invoice for all that is due on a day.
    """

    held: tuple[Held, ...] = ()
    """Who waits for a person, whoever held them; the first hundred."""

    @property
    def tally(self) -> Tally:
        """What became of subscriptions that were due."""
        return self.progress.tally


async def bill(
    url: str,
    *,
    until: datetime,
    now: datetime,
    workers: int = 1,
    progress: Watch | None = None,
    bounds: Bounds | None = None,
    size: int = SIZE,
    stopped: Stopped = bool,
) -> Summary:
    """Bill every period that begins by `until`, on invoices of the instant `now`.

    Runs that were stopped before go on first, and count as this one. Further
    processes may do the same at the same time. Once `stopped` says so, the chunks at
    hand are the last; when cancelled, they are undone. Either way the rest stays
    planned. Raises Unavailable.
    """
    connection = await chunks.connected(url)
    crew = Crew(url, workers, bounds or believed(), stopped)
    told = NOTHING
    try:
        for run in await chunks.begun(connection, until, now):
            told += await crew.finish(connection, run, told, progress)
        run_ = None if stopped() else await chunks.plan(connection, until, now, size)
        if run_:
            told += await crew.finish(connection, run_, told, progress)
        left = await queries.leftovers(connection, until)
        held = await queries.held(connection, _ANY)
        return Summary(told, tuple(tuple(row) for row in left), tuple(Held(*row) for row in held))
    finally:
        await connection.close()


async def sweep(
    url: str,
    now: datetime,
    blocks: IdBlocks,
    *,
    most: int,
    bounds: Bounds | None = None,
) -> Summary:
    """Bill one period of up to so many subscriptions that are due now: what a run does, for a few. Raises Unavailable.

    Nothing is planned, and whoever else bills is left alone, so that it may be done again and again.
    """
    worker = await Worker.of(url, Run(0, now, now), bounds or believed(), blocks)
    try:
        tally = await worker.sweep(most)
        left = await queries.leftovers(worker.connection, now)
    finally:
        await worker.connection.close()
    return Summary(replace(NOTHING, tally=tally), tuple(tuple(row) for row in left))


@dataclass(frozen=True, slots=True)
class Crew:
    """Who bills: so many workers, each a process of its own unless there is but one."""

    url: str
    workers: int
    bounds: Bounds
    stopped: Stopped

    async def finish(
        self, connection: asyncpg.Connection, run: Run, before: Progress, progress: Watch | None
    ) -> Progress:
        """Bill what is left of a run, and tell how far it is, on top of what came before it."""
        watched = asyncio.create_task(_watched(connection, run, before, progress))
        try:
            await (self._alone(run) if self.workers == 1 else self._together(run))
        finally:
            watched.cancel()
            await asyncio.wait([watched])
        await chunks.finish(connection, run)
        told = await chunks.progress(connection, run)
        if progress:
            progress(before + told)
        return told

    async def _alone(self, run: Run) -> None:
        await _work(self.url, run, self.bounds, self.stopped)

    async def _together(self, run: Run) -> None:
        spawn = get_context("spawn")
        enough = spawn.Event()
        told = (self.url, run, self.bounds, enough)
        crew = [spawn.Process(target=_process, args=told, daemon=True) for _ in range(self.workers)]
        try:
            for process in crew:
                process.start()
            while any(process.is_alive() for process in crew):
                if self.stopped():
                    enough.set()
                await asyncio.sleep(_GLANCE / 4)
        finally:
            _dismiss(crew)
        if any(process.exitcode for process in crew):
            raise Unavailable(
                "A worker of the billing run ended early. What it billed is billed; run it again to go on."
            )


def _dismiss(crew: Sequence[BaseProcess]) -> None:
    for process in crew:
        if process.is_alive():
            process.terminate()
            process.join()


def _process(url: str, run: Run, bounds: Bounds, enough: Event) -> None:
    # A terminal tells all its processes to stop; whoever started us tells us when.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    apart(_work(url, run, bounds, enough.is_set))


def apart(work: Coroutine[Any, Any, None]) -> None:
    """Do this in a process that does nothing else: behind those that serve customers, and on a quick event loop.

    Its collector looks seldom, and never at what was imported: a chunk is thousands of values.
    """
    os.nice(_PATIENT)
    gc.freeze()
    gc.set_threshold(100_000)
    uvloop.run(work)


async def _work(url: str, run: Run, bounds: Bounds, stopped: Stopped) -> None:
    worker = await Worker.of(url, run, bounds)
    try:
        await worker.work(stopped)
    finally:
        await worker.connection.close()


async def _watched(connection: asyncpg.Connection, run: Run, before: Progress, progress: Watch | None) -> None:
    while progress:
        progress(before + await chunks.progress(connection, run))
        await asyncio.sleep(_GLANCE)
