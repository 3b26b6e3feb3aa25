"""One application for a run, served on a port of this machine as it is in production."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.live.speaking import Served, served
from tests.graph.conftest import workspace, world
from tests.scenery import World

__all__ = ["workspace", "world"]


@pytest.fixture(scope="session")
async def door(world: World) -> AsyncIterator[Served]:
    """Where the application answers."""
    async with served(world.app) as found:
        yield found
