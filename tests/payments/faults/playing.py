"""Playing: what the rows of the fault table do: bill, pay, work on, let time pass on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from auth.policy import Desk
from billing import paying
from gateway.worker import Worker
from kernel import ids
from kernel.work import Work
from payments import hearing, pursuit, queries, webhooks
from payments.attempts import Presence
from tests.paying import control, rail_of
from tests.returning import billed
from tests.scenery import Scene, World

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OURS = {"staff": "on"}
_SILENT = "select exists (select from jobs.pgqueuer where heartbeat < now() - interval '30 seconds')"
LONGEST = 400
"""After so many turns a worker is taken to go round in circles."""


async def work_of(world: World) -> Work:
    """A unit of work as a worker has it, now."""
    door = world.app.state.door
    return Work(door.engine, await door.clock.now(), ids=door.blocks, sees=OURS)


def worker(world: World) -> Worker:
    """A worker that knows nothing but what was committed."""
    door = world.app.state.door
    return Worker(world.url, door.engine, door.clock, door.blocks, rail_of(world))


async def invoices(scene: Scene, count: int, *amounts: int, currency: str = "USD") -> list[int]:
    """Final invoices, 12.00 USD each unless told otherwise, of which nobody has paid anything."""
    finance = await scene.world.person("finance", desk=Desk.FINANCE)
    made = [await billed(scene, finance, *(amounts or (1_200,)), currency=currency) for _ in range(count)]
    return [ids.decode("inv", invoice) for invoice in made]


async def begun(scene: Scene, invoices: Sequence[int], *, off_session: bool = False) -> list[int]:
    """A payment of each invoice, committed, and not pursued yet."""
    work, numbers = await work_of(scene.world), []
    for invoice in invoices:
        async with work.transaction():
            await work.bind(scene.number)
            method = await queries.default_method(work, scene.number)
            presence = Presence(None, "203.0.113.7", "Firefox", off_session=off_session)
            payment = await paying.pay(
                work, scene.number, [invoice], method=method, amount_minor=None, presence=presence
            )
            numbers.append(payment.id)
    await work.close()
    return numbers


async def pursued(scene: Scene, payment: int, *, urgent: bool = True) -> None:
    """Take a payment as far as it goes, in a process of its own."""
    work = await work_of(scene.world)
    try:
        await pursuit.pursue(work, rail_of(scene.world), scene.number, payment, urgent=urgent)
    finally:
        await work.close()


async def later(world: World, by: timedelta) -> None:
    """Let time pass, here and at the sandbox, and for the jobs of workers that died."""
    await world.advance(by)
    # Jobs follow PostgreSQL's clock, which nobody can move.
    await world.run("update jobs.pgqueuer set execute_after = now()")
    await world.run("update jobs.pgqueuer set heartbeat = now() - interval '1 hour' where status = 'picked'")
    behind = int((await world.now()).timestamp()) - (await control(world, "clock", verb="GET"))["now"]
    if behind > 0:
        await control(world, "clock", {"advance": behind})


async def at_rest(world: World) -> None:
    """Let a fresh worker do all that is due now, and whatever jobs the dead have left."""
    fresh = worker(world)
    for _ in range(LONGEST):
        if not (await fresh.turn() or await _inherited(world)):
            return
    raise AssertionError("the worker never comes to rest")


async def _inherited(world: World) -> bool:
    """Take over the jobs of workers that are silent, as any does that goes on; whether there were any."""
    if not await world.value(_SILENT):
        return False
    taking = asyncio.create_task(worker(world).jobs().run())
    async with asyncio.timeout(30):
        while await world.value(_SILENT):  # noqa: ASYNC110 - a queue has no event for us
            await asyncio.sleep(0.01)
    taking.cancel()
    await asyncio.wait({taking})
    return True


async def settled(world: World, *, rests: Sequence[timedelta] = (3 * MINUTE, 30 * MINUTE, 2 * HOUR, 26 * HOUR)) -> None:
    """Let fresh workers go on until everything is found out, fees included."""
    await at_rest(world)
    for rest in rests:
        await later(world, rest)
        await at_rest(world)


async def fault(world: World, operation: str, kind: str, **rule: Any) -> None:
    """Let calls of the sandbox meet a mishap, for ever unless told otherwise."""
    await control(world, "faults", {"operation": operation, "fault": kind, "times": 0} | rule)


async def mended(world: World) -> None:
    """Let the sandbox answer as it should."""
    await control(world, "faults", verb="DELETE")


async def told(world: World, about: str) -> list[bytes]:
    """The events of the sandbox in which this is mentioned, the oldest first."""
    rows = await world.rows(
        "select body::text from sandbox.object where kind = 'event' and strpos(body::text, $1) > 0 order by seq", about
    )
    return [row["body"].encode() for row in rows]


async def heard(world: World, event: bytes) -> str:
    """Store an event as the webhooks' door does; its id."""
    work, read = await work_of(world), webhooks.read(event)
    try:
        async with work.transaction():
            await hearing.store(work, read)
    finally:
        await work.close()
    return read.id


async def applied(world: World, event: str) -> None:
    """Apply a stored event, in a process of its own."""
    work = await work_of(world)
    try:
        await hearing.apply(work, rail_of(world), event)
    finally:
        await work.close()


async def refunded_of(scene: Scene, payment: int, minor: int) -> None:
    """Give part of a payment back, as Finance does."""
    finance = await scene.world.person("finance", desk=Desk.FINANCE)
    amount = {"minor": minor, "currency": "USD"}
    asked = {"payment": ids.encode("pay", payment), "amount": amount, "reason": "They asked."}
    await scene.world.change("refundPayment", finance, reason_="Because.", **asked)


async def fumbled(scene: Scene, kind: str, seed: int, **rule: Any) -> None:
    """Pay, charge and give back while calls of every operation meet a mishap, and after it has passed."""
    world = scene.world
    there = await invoices(scene, 2)
    await fault(world, "*", kind, **{"probability": "0.5", "seed": seed} | rule)
    payments = await begun(scene, there)
    await asyncio.gather(*(pursued(scene, payment) for payment in payments))
    await invoices(scene, 3)
    await at_rest(world)
    for payment in payments:
        await refunded_of(scene, payment, 300)
    for _ in range(2):
        await later(world, 4 * MINUTE)
        await at_rest(world)
    await mended(world)
    await settled(world)
