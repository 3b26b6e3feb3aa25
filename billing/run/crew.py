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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

import asyncpg

from billing.run import chunks, queries
from billing.run.bounds import Bounds
from billing.run.chunks import SIZE, Run, Tally
from billing.run.worker import Worker
from kernel.errors import Unavailable

Watch = Callable[[int, int], None]
"""Told, now and then, how many subscriptions are done and how many were planned."""

_GLANCE = 0.2


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to, all who worked on it together."""

    tally: Tally
    leftovers: tuple[tuple[int, int, datetime], ...]
    """Account, subscription and instant of those that `seats.buying.renew` bills; another run bills what follows.

    A scheduled change is due for them too, on which seats may hang, and seats lie a
    floor above; or their account wants one invoice for all that is due on a day.
    """


async def bill(
    url: str,
    *,
    until: datetime,
    now: datetime,
    workers: int = 1,
    progress: Watch | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - a frozen value
    size: int = SIZE,
) -> Summary:
    """Bill every period that begins by `until`, on invoices of the instant `now`, or go on where a run was stopped.

    Further processes may do the same at the same time. When cancelled, the chunks
    that are worked on are undone and the rest stays planned. Raises Unavailable.
    """
    connection = await chunks.connected(url)
    try:
        run = await chunks.plan(connection, until, now, size)
        if run is None:
            return Summary(Tally(), ())
        watched = asyncio.create_task(_watched(connection, run, progress))
        try:
            await _worked(url, run, workers, bounds)
        finally:
            watched.cancel()
            await asyncio.wait([watched])
        return await _summary(connection, run, progress)
    finally:
        await connection.close()


async def _worked(url: str, run: Run, workers: int, bounds: Bounds) -> None:
    if workers == 1:
        await _work(url, run, bounds)
        return
    spawn = get_context("spawn")
    crew = [spawn.Process(target=_process, args=(url, run, bounds), daemon=True) for _ in range(workers)]
    try:
        for process in crew:
            process.start()
        await asyncio.gather(*(asyncio.to_thread(process.join) for process in crew))
    finally:
        _dismiss(crew)
    if any(process.exitcode for process in crew):
        raise Unavailable("A worker of the billing run ended early. What it billed is billed; run it again to go on.")


def _dismiss(crew: Sequence[BaseProcess]) -> None:
    for process in crew:
        if process.is_alive():
            process.terminate()
            process.join()


def _process(url: str, run: Run, bounds: Bounds) -> None:
    # What was imported stays: the collector need not look at it again and again.
    gc.freeze()
    asyncio.run(_work(url, run, bounds))


async def _work(url: str, run: Run, bounds: Bounds) -> None:
    worker = await Worker.of(url, run, bounds)
    try:
        await worker.work()
    finally:
        await worker.connection.close()


async def _watched(connection: asyncpg.Connection, run: Run, progress: Watch | None) -> None:
    while progress:
        so_far = await chunks.progress(connection, run)
        progress(so_far.done, so_far.planned)
        await asyncio.sleep(_GLANCE)


async def _summary(connection: asyncpg.Connection, run: Run, progress: Watch | None) -> Summary:
    await chunks.finish(connection, run)
    told = await chunks.progress(connection, run)
    if progress:
        progress(told.done, told.planned)
    left = await queries.leftovers(connection, run.until)
    return Summary(told.tally, tuple(tuple(row) for row in left))
