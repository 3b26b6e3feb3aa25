"""Jobs: what follows from an event, done in the background and tried again until it is done.

An event enters the outbox in the transaction in which it happened. The worker's
relay turns it into one job for each subscriber, and pgqueuer runs the jobs: each
in a transaction of its own, in any number of workers. A job that fails is tried
again, later each time; one that fails `ATTEMPTS` times is held for a human. A job
names its event and nothing else, so that what it is about is read behind the fence.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.executors import DatabaseRetryEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import Channel, QueueEntrypoint
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.subscribers import SUBSCRIBERS, Handler
from kernel import database
from kernel.work import Work

ATTEMPTS = 16
"""How often a job is tried: the last time about five hours after the first."""

LONGEST_WAIT = timedelta(hours=1)
"""The longest time between two tries; the first is one second, and each is twice the one before."""

HEARTBEAT = timedelta(seconds=30)
"""A job whose worker has been silent for so long is another worker's."""

_NAMES = DBSettings(db_schema="jobs", channel=Channel("seatgraph_jobs"))
_LOOK = 0.005  # seconds between looks at whether a queue has run dry

log = structlog.get_logger("gateway.jobs")

HANDLERS: dict[str, Handler] = {each.__name__: each for told in SUBSCRIBERS.values() for each in told}
"""Every subscriber by the name under which its jobs wait."""


class JobError(Exception):
    """A job's failure without its words, which may tell of a customer; the log has them, masked."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that the outbox holds: its id and its public name."""

    id: int
    name: str


def queue(connection: Any) -> Queries:
    """The queue as one connection reaches it; inside a transaction, what is enqueued is part of it."""
    builders = QueryBuilderEnvironment(_NAMES), QueryQueueBuilder(_NAMES), QuerySchedulerBuilder(_NAMES)
    return Queries(AsyncpgDriver(connection), *builders)


async def enqueue(work: Work, events: Sequence[Waiting]) -> int:
    """Make a job for each subscriber of these events, in the transaction at hand; how many there are."""
    wanted = [(handler.__name__, event.id) for event in events for handler in SUBSCRIBERS.get(event.name, ())]
    if wanted:
        payloads: list[bytes | None] = [str(number).encode() for _, number in wanted]
        await queue(await work.driver()).enqueue([name for name, _ in wanted], payloads, [0] * len(wanted))
    return len(wanted)


async def forget(work: Work, before: datetime) -> None:
    """Forget the events that were told before an instant and have no job left, and the log of jobs that are done."""
    await work.execute(
        "delete from outbox where delivered_at < $1 and id not in"
        " (select convert_from(payload, 'UTF8')::bigint from jobs.pgqueuer)",
        before,
    )
    # pgqueuer's clock is PostgreSQL's, which nobody advances.
    await work.execute("delete from jobs.pgqueuer_log where created < now() - interval '30 days'")


async def held(url: str) -> list[str]:
    """The jobs that failed too often, one sentence each, the oldest first."""
    async with database.connected(url) as connection:
        jobs = await queue(connection).list_failed_jobs(limit=1_000, order="ASC")
    return [
        f"{job.entrypoint} for event {_number(job)} failed {ATTEMPTS} times, last at {job.updated:%F %T} UTC."
        for job in jobs
    ]


async def retry(url: str) -> int:
    """Try every job again that is held, from its first attempt; how many there are."""
    async with database.connected(url) as connection:
        jobs = await queue(connection).list_failed_jobs(limit=100_000)
        await queue(connection).requeue_jobs([job.id for job in jobs])
    return len(jobs)


@dataclass(slots=True)
class Jobs:
    """Runs jobs in this process."""

    engine: AsyncEngine
    begin: Callable[[str], AbstractAsyncContextManager[Work]]
    """Opens a unit of work at the instant it is, given the request id it follows from."""

    async def run(self) -> None:
        """Run jobs as they come, until cancelled, and then finish those at hand. Raises what breaks the connection."""
        async with self._manager() as manager:
            running = asyncio.create_task(
                manager.run(dequeue_timeout=timedelta(seconds=5), heartbeat_timeout=HEARTBEAT)
            )
            try:
                await asyncio.shield(running)
            finally:
                manager.shutdown.set()
                await running

    async def drain(self) -> bool:
        """Run the jobs that may run now; whether there were any. Those that wait to be tried again still wait."""
        async with self._manager() as manager:
            names = [QueueEntrypoint(name) for name in HANDLERS]
            if not await manager.queries.eligible_queued_work(names):
                return False
            running = asyncio.create_task(manager.run(heartbeat_timeout=HEARTBEAT))
            try:
                while not running.done() and (manager.job_context or await manager.queries.eligible_queued_work(names)):
                    await asyncio.wait({running}, timeout=_LOOK)
            finally:
                manager.shutdown.set()
                await running
        return True

    @asynccontextmanager
    async def _manager(self) -> AsyncIterator[QueueManager]:
        """A queue manager on a connection of its own, which listens for new jobs."""
        async with self.engine.connect() as connection:
            manager = QueueManager(queue((await connection.get_raw_connection()).driver_connection))
            for name, handler in HANDLERS.items():
                manager.entrypoint(name, on_failure="hold", executor_factory=_retried)(partial(self._do, name, handler))
            yield manager

    async def _do(self, name: str, handler: Handler, job: Job) -> None:
        """One subscriber is told of one event, in a transaction of its own. Raises JobError."""
        try:
            async with self.begin("worker") as work:
                event = await _event(work, _number(job))
            async with self.begin(event["request_id"]) as work, work.transaction():
                await work.bind(event["account_id"])
                await handler(work, event["account_id"], json.loads(event["payload"]))
        except asyncio.CancelledError:
            # pgqueuer strikes a job off that was canceled. What it did is undone, so somebody has to do it again.
            raise RetryRequested(timedelta(0)) from None
        except Exception as error:
            last = job.attempts + 1 >= ATTEMPTS
            log.exception(
                "a job is held: look, mend, and retry it" if last else "a job will be tried again",
                job=name,
                number=job.id,
                attempt=job.attempts + 1,
                kind=type(error).__name__,
            )
            raise JobError(type(error).__name__) from None


def _number(job: Job) -> int:
    """The event a job follows from."""
    return int(job.payload or b"0")


async def _event(work: Work, number: int) -> Any:
    found = await work.fetch("select account_id, payload::text, request_id from outbox where id = $1", number)
    assert found, "an event outlives its jobs"
    return found[0]


def _retried(parameters: EntrypointExecutorParameters) -> DatabaseRetryEntrypointExecutor:
    return DatabaseRetryEntrypointExecutor(parameters, max_attempts=ATTEMPTS - 1, max_delay=LONGEST_WAIT)
