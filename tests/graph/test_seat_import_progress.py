"""How far a long list is while one change seats all of it: told as it goes, and stopped in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from gateway.ushering import Usher
from seats import lists
from seats.imports import operations
from seats.imports.rules import SeatImportPhase
from tests.graph.asking import counted, logged
from tests.graph.test_overage import bought, policy
from tests.graph.test_seat_imports import brought, people, said, told, ushered
from tests.scenery import Scene, World

SEEN = "query($id: ID!) { node(id: $id) { ... on SeatImport { state phase tried settled } } }"
JUDGING = ("RUNNING", "JUDGING", 0, 0)

pytestmark = pytest.mark.usefixtures("two_together")


async def seen(scene: Scene, number: str) -> tuple[str, str | None, int, int]:
    """How far a list is, as anybody may read it who sees seats."""
    found = (await scene.world.ask(SEEN, scene.owner, id=number)).data["node"]
    return found["state"], found["phase"], found["tried"], found["settled"]


@dataclass(frozen=True, slots=True)
class Watched(Usher):
    """What seats lists, as the worker has it; after each time that it tells how far it is, somebody looks."""

    look: Callable[[], Awaitable[None]]
    told: list[tuple[SeatImportPhase, int]] = field(default_factory=list)

    async def reached(self, now: datetime, account_id: int, number: int, phase: SeatImportPhase, tried: int) -> None:
        """Tell how far a step is, and let somebody look."""
        # Not super(): a class with slots is made twice, and this is the first one's.
        await Usher.reached(self, now, account_id, number, phase, tried)
        self.told.append((phase, tried))
        await self.look()


def watched(world: World, look: Callable[[], Awaitable[None]]) -> Watched:
    """What seats lists while somebody looks."""
    return Watched(world.app.state.door.engine, world.app.state.door.blocks, look)


@pytest.fixture
def two_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are seated two lines together."""
    monkeypatch.setattr(lists, "PART", 2)


@pytest.fixture
async def alone(workspace: Scene) -> Scene:
    """A workspace whose list is the only one that runs."""
    await ushered(workspace.world)
    return workspace


async def test_a_list_that_is_taken_whole_tells_how_far_it_is(alone: Scene) -> None:
    pool = await alone.pool(9)
    number = await brought(alone, people(5) + "p0@x.test\n", whole="true")
    waiting = await seen(alone, number)
    await said(alone, "startSeatImport", number)
    found: list[Any] = [await seen(alone, number)]

    async def look() -> None:
        found.append(await seen(alone, number))
        assert await counted(alone, pool) == (0, 0)

    while await watched(alone.world, look).turn(await alone.world.now()):
        pass

    assert waiting == ("READY", None, 0, 0)
    assert found == [
        ("RUNNING", None, 0, 0),
        JUDGING,
        # One line repeats another, which is told of for good before anybody sits.
        *(("RUNNING", "SEATING", tried, 1) for tried in (2, 4, 5)),
        ("RUNNING", "RECORDING", 5, 1),
    ]
    assert await seen(alone, number) == ("DONE", None, 0, 6)
    assert await counted(alone, pool) == (5, 5)


async def test_a_list_that_buys_tells_how_far_it_is(alone: Scene) -> None:
    pool = await bought(alone, 1)
    await policy(alone)
    number = await brought(alone, people(4))
    await said(alone, "startSeatImport", number)
    found: list[Any] = []

    async def look() -> None:
        found.append(await seen(alone, number))

    while await watched(alone.world, look).turn(await alone.world.now()):
        pass

    seating = [("RUNNING", "SEATING", tried, 0) for tried in (2, 4)]
    assert found == [JUDGING, *seating, ("RUNNING", "RECORDING", 4, 0)]
    assert await counted(alone, pool) == (4, 4)
    assert (await logged(alone)).count("pool.resized") == 1


@pytest.mark.parametrize("where", [(SeatImportPhase.JUDGING, 0), (SeatImportPhase.SEATING, 4)])
async def test_a_list_that_is_taken_whole_is_stopped_in_between(
    alone: Scene, where: tuple[SeatImportPhase, int]
) -> None:
    pool = await alone.pool(20)
    number = await brought(alone, people(12), whole="true")
    await said(alone, "startSeatImport", number)
    stopped: list[Any] = []

    async def look() -> None:
        if here.told[-1] == where:
            stopped.append(await said(alone, "stopSeatImport", number))

    here = watched(alone.world, look)
    while await here.turn(await alone.world.now()):
        pass

    assert here.told[-1] == where
    assert [each["state"] for each in stopped] == ["STOPPED"]
    assert await seen(alone, number) == ("STOPPED", None, 0, 0)
    assert await counted(alone, pool) == (0, 0)
    assert "seat.assigned" not in await logged(alone)


async def test_a_worker_that_is_killed_leaves_what_it_told_and_another_tells_anew(
    alone: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await alone.pool(9)
    number = await brought(alone, people(4), whole="true")
    await said(alone, "startSeatImport", number)
    now, record = await alone.world.now(), operations._record
    await watched(alone.world, _nobody).turn(now)

    async def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(operations, "_record", killed)
    with pytest.raises(KeyboardInterrupt):
        await watched(alone.world, _nobody).turn(now)
    monkeypatch.setattr(operations, "_record", record)
    left, seated = await seen(alone, number), await counted(alone, pool)
    another = watched(alone.world, _nobody)
    while await another.turn(now):
        pass

    assert (left, seated) == (("RUNNING", "RECORDING", 4, 0), (0, 0))
    assert another.told == [(SeatImportPhase.SEATING, 2), (SeatImportPhase.SEATING, 4), (SeatImportPhase.RECORDING, 4)]
    assert await seen(alone, number) == ("DONE", None, 0, 4)
    assert await counted(alone, pool) == (4, 4)


async def test_a_list_that_fails_has_come_nowhere(alone: Scene) -> None:
    await alone.pool(3)
    number = await brought(alone, people(4), whole="true")
    await said(alone, "startSeatImport", number)

    await ushered(alone.world)

    assert await seen(alone, number) == ("FAILED", None, 0, 0)
    assert (await told(alone, number))["outcomes"] == [
        {"outcome": "INVITED", "lines": 3},
        {"outcome": "NO_SEAT_LEFT", "lines": 1},
    ]


async def _nobody() -> None:
    """Nobody looks."""
