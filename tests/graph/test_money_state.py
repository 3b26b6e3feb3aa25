"""The money state: the same hash in whatever order events came, and another for a cent."""

from __future__ import annotations

import random
from typing import Any

from gateway.money_state import money_state
from kernel import ids
from tests.graph.test_returns_told import DAY, told
from tests.graph.test_webhook_door import post
from tests.paying import control, rail_of
from tests.returning import Paid, paid, working
from tests.scenery import Scene


async def disputed_and_won(scene: Scene) -> Paid:
    """A payment that was disputed and won, of which nobody told us yet."""
    of = await paid(scene, token="pm_card_createDispute")
    await control(scene.world, "clock", {"advance": 60})
    charge = await scene.world.value("select charge from payment where id = $1", ids.decode("pay", of.payment))
    given: Any = {"charge": charge}
    (dispute,) = (await rail_of(scene.world).line.v1.disputes.list_async(given)).data
    evidence = {"uncategorized_text": "winning_evidence"}
    await rail_of(scene.world).disputes.answer(dispute.id, evidence, submit=True, key=f"w{scene.number}")
    await control(scene.world, "clock", {"advance": DAY})
    return of


async def heard(scene: Scene, of: Paid, seed: int) -> None:
    """What the sandbox tells of a payment, in the order of a seed, applied one by one."""
    events = await told(scene, of)
    random.Random(seed).shuffle(events)
    for event in events:
        await post(scene.world, event)
        await working(scene)


async def state(scene: Scene) -> str:
    """The hash over the money of the workspace."""
    async with scene.world.connection() as connection:
        return (await money_state(connection, scene.number)).hash


async def test_two_orders_of_events_give_one_hash(workspace: Scene) -> None:
    other = await workspace.world.workspace()
    one, two = await disputed_and_won(workspace), await disputed_and_won(other)
    before = await state(workspace)

    await heard(workspace, one, seed=1)
    await heard(other, two, seed=2)

    assert await state(workspace) == await state(other) != before


async def test_another_amount_gives_another_hash(workspace: Scene) -> None:
    other = await workspace.world.workspace()

    await paid(workspace, 4_000)
    await paid(other, 4_001)

    assert await state(workspace) != await state(other)


async def test_an_account_without_money_has_the_hash_of_nothing(workspace: Scene) -> None:
    async with workspace.world.connection() as connection:
        found = await money_state(connection, workspace.number)

    assert (found.accounts, found.hash[:12]) == (0, "e3b0c44298fc")
