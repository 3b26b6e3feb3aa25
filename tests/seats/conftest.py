"""A database of their own for tests that race, and whoever races there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from tests.conftest import _copy
from tests.gateway.conftest import lines
from tests.scene import Scene
from tests.scenery import World, opened
from tests.seats.racing import Racers

__all__ = ["lines"]


@pytest.fixture(scope="session")
async def database_url(server: str) -> str:
    """The owner's URL of this worker's second database: what races here disturbs nobody else's figures."""
    return await _copy(server, f"seats_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")


@pytest.fixture(scope="session")
async def world(database_url: str) -> AsyncIterator[World]:
    """The application on that database."""
    async with opened(database_url) as made:
        yield made


@pytest.fixture
async def workspace(world: World) -> Scene:
    """A workspace with a member of every role, which no other test knows."""
    return await world.workspace()


@pytest.fixture(scope="session")
async def racers(world: World) -> AsyncIterator[Racers]:
    """Thirty-two connections that act at the same time."""
    made = Racers.of(world)
    yield made
    await made.engine.dispose()
