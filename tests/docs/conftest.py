"""The demo scene is put on once a worker, and copied for every test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

import schema
from gateway.documents import Documents
from gateway.settings import Settings
from kernel import database
from tests.databases import copied
from tests.docs.demo import Demo, opened, seeded, settled


@dataclass(frozen=True, slots=True)
class Seeded:
    """A database to copy: nobody is connected to it."""

    settings: Settings
    server: str
    name: str
    names: dict[str, str]


@pytest.fixture(scope="session")
def documents() -> Documents:
    """Reads documents as the product does in development."""
    return Documents(schema.graph())


@pytest.fixture(scope="session")
async def scene(server: str, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """The demo scene, in a database of its own."""
    name = f"demo_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    await copied(server, name)
    settings = settled(tmp_path_factory.mktemp("home"))
    return Seeded(settings, server, name, await seeded(settings, database.within(server, name)))


@pytest.fixture(scope="session")
async def shared(scene: Seeded) -> AsyncIterator[Demo]:
    """The application on a copy of the demo scene, for whoever changes nothing."""
    name = f"{scene.name}_shared"
    await database.create(scene.server, name, template=scene.name)
    async with opened(scene.settings, database.within(scene.server, name), scene.names) as made:
        yield made


@pytest.fixture
async def demo(scene: Seeded, request: pytest.FixtureRequest) -> AsyncIterator[Demo]:
    """The application on a copy of the demo scene, for one test alone."""
    name = f"{scene.name}_{abs(hash(request.node.nodeid))}"
    await database.create(scene.server, name, template=scene.name)
    async with opened(scene.settings, database.within(scene.server, name), scene.names) as made:
        yield made
    async with database.connected(scene.server) as owner:
        await owner.execute(f"drop database {name} with (force)")
