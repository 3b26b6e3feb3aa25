"""A worker is a process of its own, and the system kills it at once in the middle of payments: each is made once."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

import pytest

from tests.gateway.running import ROOT, environment
from tests.paying import rail_of
from tests.payments.faults.playing import MINUTE, begun, fault, invoices, later, mended, settled
from tests.payments.faults.truth import unpaid, wrongs
from tests.scenery import SETTINGS, Scene, World

PAYMENTS = 4
"""Begun before each kill: as many as a worker pursues at once."""

KILLS = 3
LONGEST = 300
"""Seconds after which a worker is taken to do nothing."""

UNDER_WAY = (
    "select count(*) from payment p where account_id = $1 and state in ('created', 'unknown') and"
    " (requested_at is not null or rail_id is not null)"
)
"""Payments that the rail was asked for and that have not come to anything yet."""

CHARGED = (
    "select count(*) from sandbox.object where kind = 'charge' and body->>'status' = 'succeeded' and"
    " body->>'customer' = (select rail_id from rail_customer where account_id = $1)"
)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_payment_is_made_once_however_often_its_workers_process_is_killed(
    payer: Scene, seed: int, tmp_path: Path
) -> None:
    world, chance = payer.world, random.Random(seed)
    await fault(world, "payment_intents.*", "latency", seconds="0.5")

    ends, hit = [], 0
    for _ in range(KILLS):
        await begun(payer, await invoices(payer, PAYMENTS), off_session=True)
        process = await started(world, tmp_path)
        await asked(world, await called(world) + chance.randint(1, PAYMENTS), process)
        process.kill()
        ends.append(await process.wait())
        hit += await world.value(UNDER_WAY, payer.number)
        await later(world, 3 * MINUTE)
    await mended(world)
    await settled(world)

    assert ends == [-signal.SIGKILL] * KILLS
    assert hit
    assert await wrongs(world) == []
    assert await unpaid(payer) == 0
    assert await world.value(CHARGED, payer.number) == KILLS * PAYMENTS


async def started(world: World, home: Path) -> Process:
    """`seatgraph worker`, on the database and the sandbox of this world."""
    told = environment(home, **SETTINGS, DATABASE_URL=world.url, STRIPE_API_BASE=str(rail_of(world).line.address))
    command = (sys.executable, "-m", "gateway", "worker")
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=told, stdout=DEVNULL, stderr=DEVNULL)


async def called(world: World) -> int:
    """How often the rail was asked for something about payments since it is slow."""
    return int(await world.value("select sum(seen) from sandbox.fault"))


async def asked(world: World, times: int, process: Process) -> None:
    """Wait until the rail was asked so often, and has not answered yet."""
    async with asyncio.timeout(LONGEST):
        while await called(world) < times and process.returncode is None:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.02)
