"""Whoever works is killed wherever it waits, and followed by another: nobody pays twice, and nothing is forgotten."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from auth.policy import Desk
from kernel import ids
from tests.graph.test_outage import blocked
from tests.paying import authenticate, card, control
from tests.payments.faults.dying import killed_at
from tests.payments.faults.playing import (
    MINUTE,
    applied,
    at_rest,
    begun,
    heard,
    invoices,
    later,
    pursued,
    settled,
    told,
    worker,
)
from tests.payments.faults.truth import unpaid, wrongs
from tests.scene import Somebody
from tests.scenery import Scene, World

STRIDE = 3
"""Three seeds together kill at every wait; each alone at every third."""

MOST = 60
"""More payments than a process of one waits, by the stride; only as many are made as processes die."""

MANY = 50_000
"""In minor units, so much that it is given back in many parts."""


@pytest.fixture(autouse=True, scope="module")
def litter() -> Iterator[None]:
    """The dead close nothing: what they leave is swept up here, and complains to nobody."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "unraisablehook", lambda _: None)
        yield
        gc.collect()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_payment_is_made_once_wherever_its_worker_dies(scene: Scene, seed: int) -> None:
    await card(scene)

    slain_ones = await slain(scene, seed, off_session=seed == 2)
    await settled(scene.world)

    assert 1 < len(slain_ones) < MOST
    assert await wrongs(scene.world) == []
    assert await unpaid(scene) == 0


@pytest.mark.parametrize(
    ("seed", "token"), [(1, "pm_sandbox_declines_do_not_honor"), (2, "pm_card_authenticationRequired")]
)
async def test_what_was_not_paid_is_paid_once_by_another_card(scene: Scene, seed: int, token: str) -> None:
    await card(scene, token)

    numbers = await slain(scene, seed, 2 * STRIDE)
    await settled(scene.world, rests=(3 * MINUTE, 30 * MINUTE))
    owed = await unpaid(scene)
    good = await card(scene)
    for invoice in numbers:
        asked = {"invoices": [ids.encode("inv", invoice)], "paymentMethod": good}
        await scene.world.change("payInvoices", scene.owner, reason_="Because.", **asked)
    await settled(scene.world)

    assert 1 < owed == len(numbers) < MOST
    assert await wrongs(scene.world) == []
    assert await unpaid(scene) == 0


async def test_what_the_rail_tells_is_written_down_once_wherever_its_reader_dies(scene: Scene) -> None:
    await card(scene, "pm_card_authenticationRequired")
    killed = [True]
    while killed[-1]:
        (payment,) = await begun(scene, await invoices(scene, 1))
        await pursued(scene, payment)
        await authenticate(scene, ids.encode("pay", payment))
        (event,) = [one for one in await told(scene.world, ids.encode("pay", payment)) if b"intent.succeeded" in one]
        stored = await heard(scene.world, event)
        killed.append(await killed_at(scene.world, 2 * len(killed) - 1, partial(applied, scene.world, stored)))

    await settled(scene.world)

    assert 2 < len(killed) < MOST
    assert await wrongs(scene.world) == []
    assert await unpaid(scene) == 0


async def test_a_refund_is_given_back_once_wherever_its_request_dies(scene: Scene) -> None:
    await card(scene)
    payment = (await begun(scene, await invoices(scene, 1, MANY)))[0]
    await pursued(scene, payment)
    await at_rest(scene.world)
    finance = await scene.world.person("finance", desk=Desk.FINANCE)
    asked = {"payment": ids.encode("pay", payment), "reason": "They asked."}

    at = 1
    while await killed_at(scene.world, at, partial(refunded, scene, asked | {"amount": usd(at)}, finance)):
        at += 2 * STRIDE
    await settled(scene.world)

    assert await wrongs(scene.world) == []
    rows = await scene.world.rows("select state, amount_minor from refund where account_id = $1", scene.number)
    assert {row["state"] for row in rows} == {"succeeded"}
    assert 1 < len(rows) < at


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_worker_that_dies_again_and_again_gets_everything_done(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    await busy(scene)

    for _ in range(15):
        await killed_at(scene.world, int(chance.expovariate(1 / 150)) + 1, partial(turned, scene.world))
        if chance.random() < 0.3:
            await later(scene.world, timedelta(minutes=chance.randint(1, 20)))
    await settled(scene.world)

    assert await wrongs(scene.world) == []
    assert await unpaid(scene) == 0


async def slain(scene: Scene, seed: int, stride: int = STRIDE, *, off_session: bool = False) -> list[int]:
    """Pay invoices, each in a process that dies a stride later than the one before, until one lives; the invoices."""
    made: list[int] = []
    for place in range(MOST):
        made += await invoices(scene, 1)
        (payment,) = await begun(scene, made[-1:], off_session=off_session)
        if not await killed_at(scene.world, seed + stride * place, partial(pursued, scene, payment)):
            break
    return made


async def turned(world: World) -> None:
    """One turn of a worker that knows nothing but what was committed."""
    await worker(world).turn()


async def refunded(scene: Scene, asked: dict[str, Any], by: Somebody) -> None:
    """Ask for a refund as Finance does."""
    await scene.world.change("refundPayment", by, reason_="Because.", **asked)


def usd(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "USD"}


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_worker_that_is_told_to_stop_forgets_nothing(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    await busy(scene)

    for _ in range(15):
        working = asyncio.create_task(worker(scene.world).run())
        for _ in range(int(chance.expovariate(1 / 60))):
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.wait({working})
    await settled(scene.world)

    assert await wrongs(scene.world) == []
    assert await unpaid(scene) == 0


@pytest.mark.parametrize("asked", [1, 2])
async def test_a_job_at_hand_is_done_however_often_its_worker_is_told_to_stop(scene: Scene, asked: int) -> None:
    world = scene.world
    await card(scene)
    numbers = await invoices(scene, 1)
    (payment,) = await begun(scene, numbers)
    await pursued(scene, payment)
    await worker(world).relay(await world.now())

    async with world.connection() as held:
        await held.execute("select from invoice where id = $1 for update", numbers[0])
        working = asyncio.create_task(worker(world).jobs().run())
        await blocked(world)
        for _ in range(asked):
            working.cancel()
            for _ in range(50):
                await asyncio.sleep(0)
    await asyncio.wait({working})
    await settled(world)

    assert await wrongs(world) == []
    assert await unpaid(scene) == 0


async def busy(scene: Scene) -> None:
    """Plenty for a worker to do: charges by itself, a bank's questions, refunds, a dispute, and news of all that."""
    world = scene.world
    await card(scene, "pm_card_authenticationRequired")
    asked = await begun(scene, await invoices(scene, 3))
    for payment in asked:
        await pursued(scene, payment)
        await authenticate(scene, ids.encode("pay", payment))
    await card(scene, "pm_card_createDispute")
    (disputed,) = await begun(scene, await invoices(scene, 1, 7_000))
    await pursued(scene, disputed)
    await card(scene)
    paid = await begun(scene, await invoices(scene, 3))
    for payment in paid:
        await pursued(scene, payment)
    await control(world, "clock", {"advance": 60})
    await at_rest(world)
    finance = await world.person("finance", desk=Desk.FINANCE)
    await control(world, "faults", {"operation": "refunds.create", "fault": "drop_after", "times": 0})
    for payment in paid:
        of = {"payment": ids.encode("pay", payment), "amount": usd(500), "reason": "They asked."}
        await refunded(scene, of, finance)
    await control(world, "faults", verb="DELETE")
    await invoices(scene, 6)
    for event in await told(world, str(await customer_of(scene))):
        await heard(world, event)


async def customer_of(scene: Scene) -> Any:
    return await scene.world.value("select rail_id from rail_customer where account_id = $1", scene.number)
