"""The rail fails, is throttled or is gone for a day, and everything is done once all the same."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from tests.payments.faults.playing import (
    at_rest,
    begun,
    fault,
    fumbled,
    invoices,
    later,
    mended,
    pursued,
    refunded_of,
    settled,
)
from tests.payments.faults.truth import unpaid, wrongs
from tests.scenery import Scene

LOST = ["error_before", "error_after", "drop_before", "drop_after", "truncate", "bad_gateway"]
STORMS = ["rate_limit", "lock_timeout", "key_in_use"]
KEPT = timedelta(hours=30)
"""Longer than the rail remembers an idempotency key."""


@pytest.mark.parametrize(("seed", "kind"), [*enumerate(LOST, 1), (7, "drop_after"), (8, "error_after")])
async def test_answers_that_are_lost_are_found_out(payer: Scene, seed: int, kind: str) -> None:
    await fumbled(payer, kind, seed)

    assert await wrongs(payer.world) == []
    assert await unpaid(payer) == 0


@pytest.mark.parametrize(("seed", "kind"), [(1, "error_before"), (2, "error_after")])
async def test_a_failure_that_is_remembered_for_a_day_is_gone_around(payer: Scene, seed: int, kind: str) -> None:
    await fumbled(payer, kind, seed, probability="1", times=3)

    assert await wrongs(payer.world) == []
    assert await unpaid(payer) == 0


@pytest.mark.parametrize("operation", ["payment_intents.create", "payment_intents.confirm", "refunds.create"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_after_thirty_hours_the_rail_has_forgotten_and_we_have_not(
    payer: Scene, operation: str, seed: int
) -> None:
    world = payer.world
    if operation == "refunds.create":
        paid = await begun(payer, await invoices(payer, 2))
        for payment in paid:
            await pursued(payer, payment)
        await at_rest(world)
    # The last that the rail does before it is gone is known to nobody.
    await fault(world, operation, "drop_after")
    if operation == "refunds.create":
        await asyncio.gather(*(refunded_of(payer, payment, 500 * seed) for payment in paid))
    else:
        payments = await begun(payer, await invoices(payer, 3))
        await asyncio.gather(*(pursued(payer, payment) for payment in payments))
    await fault(world, "*", "drop_before")
    for hours in (0.1, 2, KEPT.total_seconds() / 3600):
        await later(world, timedelta(hours=hours))
        await at_rest(world)
    await mended(world)
    await settled(world)

    assert await wrongs(world) == []
    assert await unpaid(payer) == 0


@pytest.mark.parametrize(("seed", "kind"), [*enumerate(STORMS, 1), (4, "rate_limit")])
async def test_a_storm_delays_and_loses_nothing(payer: Scene, seed: int, kind: str) -> None:
    await fumbled(payer, kind, seed, probability="0.7")

    assert await wrongs(payer.world) == []
    assert await unpaid(payer) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_everything_goes_wrong_at_once(payer: Scene, seed: int) -> None:
    chance = random.Random(seed)
    for kind in chance.sample([*LOST, *STORMS], 4):
        await fault(payer.world, "*", kind, probability="0.15", seed=chance.randrange(1_000))
    await fumbled(payer, "latency", seed, seconds="0.01", probability="0.1")

    assert await wrongs(payer.world) == []
    assert await unpaid(payer) == 0


async def test_no_connection_is_held_while_the_rail_takes_its_time(payer: Scene) -> None:
    world = payer.world
    (payment,) = await begun(payer, await invoices(payer, 1))
    await fault(world, "payment_intents.confirm", "latency", times=1, seconds="5")

    paying = asyncio.create_task(pursued(payer, payment))
    async with asyncio.timeout(300):
        while not await world.value("select sum(caused) from sandbox.fault"):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    held, done = world.app.state.door.engine.pool.checkedout(), paying.done()
    await paying
    await mended(world)
    await settled(world)

    assert (held, done) == (0, False)
    assert await wrongs(world) == []
    assert await unpaid(payer) == 0
