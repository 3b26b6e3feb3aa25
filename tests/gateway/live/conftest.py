"""The application, served on a port of this machine as it is in production."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.live.speaking import Served, served
from tests.scenery import World


@pytest.fixture(scope="module")
async def door(world: World) -> AsyncIterator[Served]:
    """Where the application answers."""
    async with served(world.app) as found:
        yield found
