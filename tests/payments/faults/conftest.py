"""An application and a sandbox on a database of their own, of which nobody puts rows past a rule of money."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import stripe

from payments.rail import line
from payments.rail.opening import SANDBOX_KEY, opened
from tests.databases import own_database
from tests.gateway.conftest import lines
from tests.paying import card, rail_of
from tests.payments.faults.truth import WATCH
from tests.payments.railing import NoTurns
from tests.scenery import Scene, World
from tests.scenery import opened as world_of

__all__ = ["lines"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between tries."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(line, "_PAUSES", (0, 0, 0))


@asynccontextmanager
async def faulty(url: str) -> AsyncIterator[World]:
    """The application on this database, with a rail that keeps nobody in line: whoever dies would hold a turn."""
    async with world_of(url) as made:
        known = rail_of(made)
        async with opened(SANDBOX_KEY, NoTurns(), known.installation, api=known.line.address) as rail:
            made.app.state.door = replace(made.app.state.door, rail=rail)
            await made.run(WATCH)
            yield made


@pytest.fixture(scope="package")
async def world(server: str) -> AsyncIterator[World]:
    """The application whose books are compared with the sandbox's, whole, after each mishap."""
    async with own_database(server, "faults") as url, faulty(url) as made:
        yield made


@pytest.fixture
async def scene(world: World) -> Scene:
    """A workspace that no other test knows."""
    return await world.workspace()


@pytest.fixture
async def payer(scene: Scene) -> Scene:
    """The same, with a card that is charged."""
    await card(scene)
    return scene
