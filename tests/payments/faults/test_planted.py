"""The suite notices the mistakes that have charged people twice elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from payments.rail.opening import Rail
from tests.paying import card
from tests.payments.faults.conftest import faulty
from tests.payments.faults.planting import KeyAfterError, RandomKeys, plant, with_intents, with_line
from tests.payments.faults.playing import at_rest, begun, fault, invoices, mended, pursued, settled
from tests.payments.faults.truth import unpaid, wrongs
from tests.scenery import Scene, World


@pytest.fixture
async def own(fresh_database_url: str) -> AsyncIterator[World]:
    """A world of its own, for the books don't agree afterward."""
    async with faulty(fresh_database_url) as made:
        yield made


def both(world: World) -> Rail:
    """Two of them together."""
    plant(world, with_intents(world))
    rail = with_line(world, RandomKeys)
    assert type(rail.intents).__name__ == "CreateAndConfirm"
    return rail


@pytest.mark.parametrize(
    ("rail", "notices"),
    [
        (partial(with_line, line=RandomKeys), {"orphan"}),
        (partial(with_line, line=KeyAfterError), {"orphan"}),
        (with_intents, {"early"}),
        (both, {"double", "early", "ledger", "orphan"}),
    ],
    ids=["a random key for every try", "another key after an error", "created and confirmed at once", "both"],
)
async def test_a_planted_mistake_is_noticed(own: World, rail: Callable[[World], Rail], notices: set[str]) -> None:
    scene = await own.workspace()
    await card(scene)
    plant(own, rail(own))

    await lost(scene)

    assert {wrong.partition(":")[0] for wrong in await wrongs(own)} >= notices


async def test_without_one_the_same_is_sound(own: World) -> None:
    scene = await own.workspace()
    await card(scene)

    await lost(scene)

    assert await wrongs(own) == []
    assert await unpaid(scene) == 0


async def lost(scene: Scene) -> None:
    """Two payments whose first answers are lost."""
    payments = await begun(scene, await invoices(scene, 2))
    await fault(scene.world, "payment_intents.*", "drop_after", times=3)
    for payment in payments:
        await pursued(scene, payment)
    await at_rest(scene.world)
    await mended(scene.world)
    await settled(scene.world)
