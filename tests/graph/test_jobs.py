"""Jobs: each subscriber is told of each event once it is done, whoever fails or is killed on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gateway import jobs, subscribers
from gateway.worker import Worker
from kernel.work import Work
from tests.graph.asking import At
from tests.scenery import Scene, World


class Listener:
    """A subscriber that fails as often as it is told to, after it has written."""

    __name__ = "listen"

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.tries = 0

    async def __call__(self, work: Work, account_id: int, told: Mapping[str, Any]) -> None:
        self.tries += 1
        await work.execute("update account set name = name || '+' where id = $1", account_id)
        if self.tries <= self.failures:
            raise RuntimeError(f"a customer's secret of {told}")


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    """Hears of what no other test tells."""
    made = Listener()
    monkeypatch.setattr(jobs, "SUBSCRIBERS", {**subscribers.SUBSCRIBERS, "test.told": (made,)})
    monkeypatch.setattr(jobs, "HANDLERS", {**jobs.HANDLERS, "listen": made})
    return made


async def _told(scene: Scene) -> int:
    """An event in the outbox."""
    await scene.world.run(
        "insert into outbox (id, account_id, at, name, payload, request_id)"
        " values ($1, $2, now(), 'test.told', '{\"secret\": 1}', 'r')",
        number := scene.world.number(),
        scene.number,
    )
    return number


async def _worker(world: World, later: timedelta = timedelta(0)) -> Worker:
    return Worker(world.url, world.app.state.door.engine, At(await world.now() + later), world.app.state.door.blocks)


async def _job(scene: Scene, event: int) -> tuple[str, int] | None:
    rows = await scene.world.rows(
        "select status::text, attempts from jobs.pgqueuer where payload = convert_to($1::text, 'UTF8')", str(event)
    )
    return (rows[0][0], rows[0][1]) if rows else None


async def _hasten(scene: Scene, event: int, attempts: int | None = None) -> None:
    """Let a job that waits to be tried again wait no longer, as if it had failed so often."""
    await scene.world.run(
        "update jobs.pgqueuer set execute_after = now(), attempts = coalesce($2, attempts)"
        " where payload = convert_to($1::text, 'UTF8')",
        str(event),
        attempts,
    )


async def _marks(scene: Scene) -> int:
    name: str = await scene.world.value("select name from account where id = $1", scene.number)
    return name.count("+")


async def test_a_subscriber_is_told_of_an_event_once(workspace: Scene, listener: Listener) -> None:
    event, worker = await _told(workspace), await _worker(workspace.world)

    while await worker.turn():
        pass

    assert (listener.tries, await _marks(workspace), await _job(workspace, event)) == (1, 1, None)


async def test_a_job_that_fails_leaves_nothing_and_is_tried_again(workspace: Scene, listener: Listener) -> None:
    event, worker = await _told(workspace), await _worker(workspace.world)
    listener.failures = 2

    while await worker.turn():
        pass
    assert (listener.tries, await _marks(workspace), await _job(workspace, event)) == (1, 0, ("queued", 1))

    for _ in range(2):
        await _hasten(workspace, event)
        await worker.turn()
    assert (listener.tries, await _marks(workspace), await _job(workspace, event)) == (3, 1, None)


async def test_a_job_that_fails_too_often_is_held_until_somebody_retries_it(
    workspace: Scene, listener: Listener
) -> None:
    event, worker, url = await _told(workspace), await _worker(workspace.world), workspace.world.url
    listener.failures = 2
    await worker.turn()

    await _hasten(workspace, event, jobs.ATTEMPTS - 1)
    await worker.turn()
    assert await _job(workspace, event) == ("failed", jobs.ATTEMPTS - 1)
    (said,) = [each for each in await jobs.held(url) if str(event) in each]
    assert said.startswith(f"listen for event {event} failed 16 times, last at ")

    await jobs.retry(url)
    await worker.turn()
    assert (listener.tries, await _marks(workspace), await _job(workspace, event)) == (3, 1, None)


async def test_a_job_whose_worker_died_is_another_workers(workspace: Scene, listener: Listener) -> None:
    event, worker = await _told(workspace), await _worker(workspace.world)
    await worker.sweep()
    await workspace.world.run(
        "update jobs.pgqueuer set status = 'picked', queue_manager_id = gen_random_uuid(),"
        " heartbeat = now() - interval '31 seconds' where payload = convert_to($1::text, 'UTF8')",
        str(event),
    )

    running = asyncio.create_task(worker.jobs().run())
    for _ in range(400):
        await asyncio.wait({running}, timeout=0.02)
        if await _job(workspace, event) is None:
            break
    running.cancel()

    assert (listener.tries, await _marks(workspace)) == (1, 1)


async def _tidied(world: World) -> None:
    """Let a worker forget what is old, at an instant when that is due."""
    last = await world.value("select max(at) from audit_seal") or await world.now()
    await (await _worker(world)).tidy(max(last, await world.now()) + timedelta(days=60))


async def test_an_event_is_kept_as_long_as_a_job_follows_from_it(workspace: Scene, listener: Listener) -> None:
    event, world = await _told(workspace), workspace.world
    listener.failures = 1
    await (await _worker(world)).turn()

    await _tidied(world)
    assert await world.value("select count(*) from outbox where id = $1", event) == 1

    await _hasten(workspace, event)
    while await (await _worker(world)).turn() and await _job(workspace, event):
        pass
    await _tidied(world)
    assert await world.value("select count(*) from outbox where id = $1", event) == 0


async def test_what_a_job_leaves_in_its_log_tells_nothing_of_a_customer(workspace: Scene, listener: Listener) -> None:
    event, worker = await _told(workspace), await _worker(workspace.world)
    listener.failures = 1

    await worker.turn()

    left = await workspace.world.rows(
        "select to_jsonb(l)::text from jobs.pgqueuer_log l where job_id in"
        " (select id from jobs.pgqueuer where payload = convert_to($1::text, 'UTF8'))",
        str(event),
    )
    assert left
    assert not [row[0] for row in left if "secret" in row[0]]
