"""Reconciliation: what was never heard is heard, what moved is written down, and the books follow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing import reconciling
from gateway.worker import Worker
from kernel import ids
from kernel.errors import InvalidInput
from kernel.work import Work
from payments import movement_queries
from payments.tables import Reconciliation
from tests.paying import control, rail_of, rails_now, together
from tests.returning import paid
from tests.scenery import Scene

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def later(scene: Scene, by: timedelta) -> None:
    """Let the same time pass for the product and for the sandbox, from where the one is that others moved further."""
    ahead = await rails_now(scene.world) - int((await scene.world.now()).timestamp())
    await scene.world.advance(by + timedelta(seconds=max(ahead, 0)))
    await together(scene.world)


async def reconciled(scene: Scene, back: timedelta = timedelta(hours=6)) -> Reconciliation:
    """A span up to now that was compared, piece by piece, with the books following in between."""
    door = scene.world.app.state.door
    work = Work(door.engine, await scene.world.now(), ids=door.blocks, sees={"staff": "on"})
    try:
        row = await reconciling.begin(work, nightly=False, since=work.now - back)
        for _ in range(500):
            more = await reconciling.step(work, rail_of(scene.world), row.id)
            await booked(scene)
            if not more:
                break
        found = await movement_queries.reconciliation(work, row.id)
    finally:
        await work.close()
    assert found is not None
    return found


async def booked(scene: Scene) -> None:
    """Let the books follow what was learned, and nothing else happen."""
    door = scene.world.app.state.door
    worker = Worker(scene.world.url, door.engine, door.clock, door.blocks)
    while await worker.relay(await scene.world.now()):
        pass
    await worker.jobs().drain()


async def movements(scene: Scene) -> list[tuple[Any, ...]]:
    """What of our balance moved for the workspace, the earliest first."""
    rows = await scene.world.rows(
        "select kind, subject, amount_minor, fee_minor from balance_movement where account_id = $1"
        " order by created_at, rail_id",
        scene.number,
    )
    return [tuple(row) for row in rows]


async def test_a_fee_is_known_and_booked_though_nobody_told_us(workspace: Scene) -> None:
    of = await paid(workspace, 4_000)
    await later(workspace, MINUTE)

    await reconciled(workspace)

    (row,) = await workspace.world.rows(
        "select fee_minor, fee_currency, settled_minor from payment where id = $1", ids.decode("pay", of.payment)
    )
    assert tuple(row) == (146, "USD", 4_000)
    assert await movements(workspace) == [("charge", "payment", 4_000, 146)]
    kinds = await workspace.world.rows(
        "select kind from ledger_entry where subject = 'payment' and subject_id = $1", ids.decode("pay", of.payment)
    )
    assert [each["kind"] for each in kinds] == ["fee_charged"]


async def test_events_that_were_dropped_for_two_hours_are_heard_all_the_same(workspace: Scene) -> None:
    of = await paid(workspace, 4_000, token="pm_card_createDispute")
    await later(workspace, 2 * HOUR)

    row = await reconciled(workspace)

    (dispute,) = await workspace.world.rows(
        "select state, withdrawn_minor, booked_away_minor, fee_minor from dispute where payment_id = $1",
        ids.decode("pay", of.payment),
    )
    assert row.events > 0
    assert tuple(dispute) == ("needs_response", 4_000, 4_000, 1_500)
    assert ("adjustment", "dispute", -4_000, 1_500) in await movements(workspace)


async def test_what_was_compared_once_changes_nothing_when_it_is_compared_again(workspace: Scene) -> None:
    await paid(workspace, 4_000, token="pm_card_createDispute")
    await later(workspace, 2 * HOUR)
    await reconciled(workspace)
    before = await workspace.world.rows("select * from ledger_transfer where account_id = $1", workspace.number)
    moved = await movements(workspace)

    await reconciled(workspace)

    assert await workspace.world.rows("select * from ledger_transfer where account_id = $1", workspace.number) == before
    assert await movements(workspace) == moved


async def test_a_payout_is_taken_apart_and_adds_up(workspace: Scene) -> None:
    # The rail pays nothing out while disputes of others have taken more than there is.
    await paid(workspace, 4_000_000, token="pm_card_bypassPending")
    await later(workspace, MINUTE)
    (payout, *_) = await control(workspace.world, "payouts", {"arrive": True})

    await reconciled(workspace)

    (row,) = await workspace.world.rows(
        "select amount_minor, itemized_minor, items from rail_payout where rail_id = $1", payout["id"]
    )
    assert row["itemized_minor"] == row["amount_minor"] == payout["amount"]
    assert row["items"] > 0
    mine = "select payout from balance_movement where account_id = $1"
    assert [each["payout"] for each in await workspace.world.rows(mine, workspace.number)] == [payout["id"]]


async def test_whoever_was_stopped_is_followed_by_another_who_goes_on(workspace: Scene) -> None:
    await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    door = workspace.world.app.state.door
    now = await workspace.world.now()
    first = Work(door.engine, now, ids=door.blocks, sees={"staff": "on"})
    row = await reconciling.begin(first, nightly=False, since=now - HOUR)
    await reconciling.step(first, rail_of(workspace.world), row.id)
    await first.close()
    second = Work(door.engine, now, ids=door.blocks, sees={"staff": "on"})

    known = await reconciling.begin(second, nightly=False)
    refused = "is not done. Ask for it, or without a span, to go on with it first."
    with pytest.raises(InvalidInput, match=refused):
        await reconciling.begin(second, nightly=False, since=now - 2 * HOUR)
    while await reconciling.step(second, rail_of(workspace.world), known.id):
        pass
    done = await movement_queries.reconciliation(second, row.id)
    await second.close()

    assert done is not None
    assert (known.id, known.stage, done.stage) == (row.id, "movements", "done")
    assert await movements(workspace) == [("charge", "payment", 4_000, 146)]


async def test_the_worker_compares_once_a_night(workspace: Scene) -> None:
    await paid(workspace, 4_000)
    await later(workspace, MINUTE)
    door = workspace.world.app.state.door
    worker = Worker(workspace.world.url, door.engine, door.clock, door.blocks, rail_of(workspace.world), nightly=True)
    await workspace.world.run("update reconciliation set started_at = started_at - interval '9 days' where nightly")
    # Tomorrow's: today's may be before what others have reconciled.
    midday = (await workspace.world.now() + timedelta(days=1)).replace(hour=12)
    before = await workspace.world.value("select count(*) from reconciliation where nightly")

    early = await worker.reconcile(midday.replace(hour=1))
    turns = [await worker.reconcile(midday) for _ in range(60)]

    rows = await workspace.world.rows("select stage from reconciliation where nightly order by started_at desc")
    assert not early
    assert (len(rows) - before, rows[0]["stage"]) == (1, "done")
    assert turns[0]
    assert not turns[-1]
    assert ("charge", "payment", 4_000, 146) in await movements(workspace)


async def test_while_stripe_does_not_answer_the_worker_waits(workspace: Scene) -> None:
    door = workspace.world.app.state.door
    work = Work(door.engine, await workspace.world.now(), ids=door.blocks, sees={"staff": "on"})
    row = await reconciling.begin(work, nightly=False, since=work.now - HOUR)
    await control(workspace.world, "faults", {"operation": "events.list", "fault": "error_before", "times": 9})

    await reconciling.try_step(work, rail_of(workspace.world), row.id)

    await control(workspace.world, "faults", verb="DELETE")
    found = await movement_queries.reconciliation(work, row.id)
    assert found is not None
    assert (found.stage, found.next_at) == ("events", work.now + MINUTE)
    while await reconciling.step(work, rail_of(workspace.world), row.id):
        pass
    await work.close()
