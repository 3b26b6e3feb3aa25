"""Whatever the rail tells, however often and in whichever order, comes to one state of the money."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from billing import reconciling
from gateway import verification
from kernel import ids
from payments import attempts, queries
from payments.attempts import Presence
from tests.paying import authenticate, card, control, rail_of
from tests.payments.faults.playing import (
    applied,
    at_rest,
    begun,
    heard,
    invoices,
    later,
    pursued,
    refunded_of,
    settled,
    told,
    work_of,
)
from tests.payments.faults.truth import unpaid, wrongs
from tests.scenery import Scene, World

ORDERS = int(os.environ.get("SEATGRAPH_TEST_ORDERS", "20"))
"""How often each seed tells one life: 167 are more than 500 together, in a minute or two.

`test_merging` tells another 500 times in every run, without rows.
"""

ROWS = ("payment", "payment_attempt", "payment_part", "refund", "dispute")
STATE = (
    "select id, state, seen, charge, refunded_minor, disputed from payment where account_id = $1 order by id",
    "select id, number, state, outcome, charge from payment_attempt where account_id = $1 order by id",
    "select id, rail_id, state, failure from refund where account_id = $1 order by id",
    "select rail_id, state, seen, movements, outcome from dispute where account_id = $1 order by rail_id",
)
"""What there is to be known of a life."""

INTENTS = "select rail_id from payment where account_id = $1 order by id"


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_event_one_to_five_times_at_once(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    await lived(scene)
    events = [event for event in await story(scene) for _ in range(chance.randint(1, 5))]
    chance.shuffle(events)

    stored = set(await asyncio.gather(*(heard(scene.world, event) for event in events)))
    many = [event for event in stored for _ in range(chance.randint(1, 5))]
    chance.shuffle(many)
    for place in range(0, len(many), 6):
        await asyncio.gather(*(applied(scene.world, event) for event in many[place : place + 6]))
    await settled(scene.world)

    assert await wrongs(scene.world) == []
    assert await unpaid(scene) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_order_of_one_life_comes_to_one_state(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    await lived(scene)
    stored = [await heard(scene.world, event) for event in await story(scene)]
    before = {table: await rows_of(scene, table) for table in ROWS}
    states = set()

    for _ in range(ORDERS):
        chance.shuffle(stored)
        await put_back(scene, before, stored)
        for event in stored:
            await applied(scene.world, event)
        states.add(str([await scene.world.rows(asked, scene.number) for asked in STATE]))
    await settled(scene.world)
    money = (await verification.report(scene.world.url))["money"]
    await put_back(scene, {}, stored)
    await settled(scene.world)

    assert "charge.dispute.closed" in await kinds(scene, stored)
    assert len(states) == 1
    assert await wrongs(scene.world) == []
    assert (await verification.report(scene.world.url))["money"] == money


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_nobody_was_told_for_two_hours_is_heard_by_reconciling(scene: Scene, seed: int) -> None:
    world, chance = scene.world, random.Random(seed)
    await card(scene, "pm_card_authenticationRequired")
    payments = await begun(scene, await invoices(scene, 4))
    for payment in payments:
        await pursued(scene, payment)
        await authenticate(scene, ids.encode("pay", payment))
        await later(world, timedelta(minutes=chance.randint(10, 30)))
    (row,) = await world.rows(
        "select body->>'latest_charge' as charge from sandbox.object where id ="
        " (select rail_id from payment where id = $1)",
        payments[0],
    )
    await control(world, "disputes", {"charge": row["charge"], "reason": "fraudulent", "case": "chargeback"})
    before = await unpaid(scene)

    await reconciled(world)
    states = await world.rows("select distinct state from payment where account_id = $1", scene.number)
    disputes = await world.value("select count(*) from dispute where account_id = $1", scene.number)
    await settled(world)

    assert before == len(payments)
    assert [row["state"] for row in states] == ["succeeded"]
    assert disputes == 1
    assert await wrongs(world) == []
    assert await unpaid(scene) == 0


async def reconciled(world: World) -> None:
    """Compare the last three hours with what the rail says, to the end."""
    work = await work_of(world)
    run = await reconciling.begin(work, nightly=False, since=work.now - timedelta(hours=3))
    while await reconciling.step(work, rail_of(world), run.id):
        pass
    await work.close()


async def story(scene: Scene) -> list[bytes]:
    """All that the sandbox has to tell of a life: a dispute's news name no customer."""
    world = scene.world
    marks = [await world.value("select rail_id from rail_customer where account_id = $1", scene.number)]
    marks += [row["rail_id"] for row in await world.rows(INTENTS, scene.number)]
    events = [event for mark in marks for event in await told(world, mark)]
    return sorted(set(events), key=lambda event: str(json.loads(event)["id"]))


async def lived(scene: Scene) -> None:
    """A life of which nobody has told us more than our own calls were answered."""
    world = scene.world
    await card(scene, "pm_card_authenticationRequired")
    payments = await begun(scene, await invoices(scene, 2, 8_000))
    for payment in payments:
        await pursued(scene, payment)
        await authenticate(scene, ids.encode("pay", payment), "fail" if payment == payments[0] else "complete")
    await pursued(scene, payments[0])
    await card(scene)
    await retried(scene, payments[0])
    for payment in payments:
        await pursued(scene, payment)
    await at_rest(world)
    await refunded_of(scene, payments[0], 1_000)
    await at_rest(world)
    charge = await world.value("select charge from payment where id = $1", payments[1])
    dispute = await control(world, "disputes", {"charge": charge, "reason": "fraudulent", "case": "chargeback"})
    await control(world, "clock", {"advance": 60})
    await control(world, f"disputes/{dispute['id']}", {"outcome": "won"})


async def retried(scene: Scene, payment: int) -> None:
    """Try a payment again by the default card; the rail isn't asked yet."""
    work = await work_of(scene.world)
    async with work.transaction():
        await work.bind(scene.number)
        row = await queries.payment(work, scene.number, payment)
        method = await queries.default_method(work, scene.number)
        await attempts.retry(work, row, method, Presence(None, "203.0.113.7", "Firefox"))
    await work.close()


async def kinds(scene: Scene, events: Sequence[str]) -> set[str]:
    """What kinds of events these are that were applied."""
    asked = "select kind from rail_event where id = any($1) and outcome = 'applied'"
    return {row["kind"] for row in await scene.world.rows(asked, list(events))}


async def rows_of(scene: Scene, table: str) -> str:
    """All rows of a table that the account has, as JSON."""
    asked = f"select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text from {table} t where account_id = $1"
    return str(await scene.world.value(asked, scene.number))


async def put_back(scene: Scene, rows: Mapping[str, str], events: Sequence[str]) -> None:
    """Know what was known before, and hear these events again."""
    async with scene.world.connection() as connection:
        await connection.execute("set local session_replication_role = replica")
        for table, known in rows.items():
            await connection.execute(f"delete from {table} where account_id = $1", scene.number)
            await connection.execute(
                f"insert into {table} select * from jsonb_populate_recordset(null::{table}, $1::text::jsonb)", known
            )
        if rows:
            await connection.execute("delete from outbox where account_id = $1 and delivered_at is null", scene.number)
        await connection.execute(
            "update rail_event set next_at = now(), outcome = null, tries = 0 where id = any($1)", list(events)
        )
