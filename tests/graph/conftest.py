"""One application for a run, and a workspace of its own for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.conftest import lines
from tests.scenery import Scene, World, opened

__all__ = ["lines"]


@pytest.fixture(scope="session")
async def world(database_url: str) -> AsyncIterator[World]:
    """The application on this worker's database, with the catalog of tests, and a client of it."""
    async with opened(database_url) as made:
        yield made


@pytest.fixture
async def workspace(world: World) -> Scene:
    """A workspace with a member of every role, which no other test knows."""
    return await world.workspace()
