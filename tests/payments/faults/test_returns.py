"""A refund, a dispute, a credit note and a second refund of one payment at the same time: nothing goes back twice."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Desk
from kernel import ids
from tests.paying import card, control
from tests.payments.faults.playing import (
    at_rest,
    begun,
    fault,
    heard,
    invoices,
    later,
    mended,
    pursued,
    refunded_of,
    settled,
    told,
)
from tests.payments.faults.truth import wrongs
from tests.scenery import Scene

TOTAL = 9_000


@pytest.mark.parametrize("case", ["chargeback", "inquiry"])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_goes_back_at_once_goes_back_once(scene: Scene, seed: int, case: str) -> None:
    world, chance = scene.world, random.Random(seed)
    await card(scene)
    numbers = await invoices(scene, 1, TOTAL)
    (payment,) = await begun(scene, numbers)
    await pursued(scene, payment)
    await later(world, timedelta(minutes=5))
    await at_rest(world)
    charge = await world.value("select charge from payment where id = $1", payment)

    acts = [
        refunded_of(scene, payment, 4_000),
        refunded_of(scene, payment, TOTAL),
        refunded_of(scene, payment, 5_500),
        credited(scene, numbers[0], 3_000),
        disputed(scene, charge, case),
        at_rest(world),
    ]
    chance.shuffle(acts)
    await asyncio.gather(*(delayed(act, chance.randrange(40)) for act in acts))
    await settled(world)

    assert await wrongs(world) == []
    paid = await world.value("select paid_minor from invoice where id = $1", numbers[0])
    back = await world.value(
        "select coalesce(sum(returned_minor), 0)::bigint from credit_note where invoice_id = $1", numbers[0]
    )
    assert paid == TOTAL
    assert back <= TOTAL


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_dispute_that_is_decided_while_refunds_are_under_way(scene: Scene, outcome: str) -> None:
    world = scene.world
    await card(scene)
    (payment,) = await begun(scene, await invoices(scene, 1, TOTAL))
    await pursued(scene, payment)
    await later(world, timedelta(minutes=5))
    await at_rest(world)
    await refunded_of(scene, payment, 2_000)
    charge = await world.value("select charge from payment where id = $1", payment)
    dispute = await disputed(scene, charge, "chargeback", 7_000)

    await asyncio.gather(
        control(world, f"disputes/{dispute['id']}", {"outcome": outcome}),
        refunded_of(scene, payment, 3_000),
        at_rest(world),
    )
    await later(world, timedelta(hours=13))
    await settled(world)

    assert await wrongs(world) == []


async def delayed(act: Any, turns: int) -> None:
    """Do something after others have had so many turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
    await act


async def credited(scene: Scene, invoice: int, minor: int) -> None:
    """Credit part of an invoice to the customer's balance, as Finance does."""
    finance = await scene.world.person("finance", desk=Desk.FINANCE)
    asked = {"invoice": ids.encode("inv", invoice), "amount": {"minor": minor, "currency": "USD"}, "reason": "Sorry."}
    reply = await scene.world.change(
        "createCreditNote", finance, reason_="Because.", destination="CUSTOMER_CREDIT", **asked
    )
    assert "errors" not in reply.json, reply.json


async def disputed(scene: Scene, charge: str, case: str, amount: int = TOTAL) -> Any:
    """Have the payer's bank ask for a payment back, which it tells us."""
    made = await control(
        scene.world, "disputes", {"charge": charge, "reason": "fraudulent", "case": case, "amount": amount}
    )
    for event in await told(scene.world, made["id"]):
        await heard(scene.world, event)
    return made


@pytest.mark.parametrize("kind", ["error_before", "error_after"])
async def test_a_refund_whose_key_only_repeats_a_failure_is_found_out_within_minutes(scene: Scene, kind: str) -> None:
    world = scene.world
    await card(scene)
    (payment,) = await begun(scene, await invoices(scene, 1, TOTAL))
    await pursued(scene, payment)
    await at_rest(world)
    await fault(world, "refunds.create", kind, times=1)

    await refunded_of(scene, payment, 4_000)
    for _ in range(3):
        await later(world, timedelta(minutes=3))
        await at_rest(world)

    rows = await world.rows("select state, amount_minor from refund where payment_id = $1", payment)
    assert [dict(row) for row in rows] == [{"state": "succeeded", "amount_minor": 4_000}]
    await mended(world)
    await settled(world)
    assert await wrongs(world) == []
