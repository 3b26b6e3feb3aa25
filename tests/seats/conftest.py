"""A database of their own for tests that race, and whoever races there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.conftest import lines
from tests.scenery import World
from tests.seats.racing import Racers

__all__ = ["lines"]


@pytest.fixture(scope="module")
async def racers(world: World) -> AsyncIterator[Racers]:
    """Thirty-two connections that act at the same time."""
    made = Racers.of(world)
    yield made
    await made.engine.dispose()
