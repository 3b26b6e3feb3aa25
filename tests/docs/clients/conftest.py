"""The tools come from npm once, and everything is built once for those who run it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.docs.clients.building import Workshop, built
from tests.gateway.live.speaking import Served, served
from tests.peers.npm import installed
from tests.scenery import World

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def tools() -> Path:
    """Where the tools are."""
    return installed(HERE, "package.json", "the ready-made documents are").parent


@pytest.fixture(scope="session")
def shop(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A workshop in which everything was made, and nobody changes anything."""
    return built(tools, tmp_path_factory.mktemp("clients") / "built")


@pytest.fixture(scope="module")
async def door(world: World) -> AsyncIterator[Served]:
    """Where the application answers."""
    async with served(world.app) as found:
        yield found
