"""Introspection in production: closed to everybody but service keys with the scope for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth.policy import KeyScope
from tests.scenery import Scene, World

SCHEMA = "{ __schema { queryType { name } } }"


@pytest.fixture
def closed(world: World) -> Iterator[World]:
    """The application, as closed as in production."""
    documents = world.app.state.remembered.sources.documents
    documents.introspection = False
    yield world
    documents.introspection = True


async def test_only_a_key_with_the_scope_reads_the_schema(closed: World, workspace: Scene) -> None:
    reader = await workspace.key(KeyScope.SCHEMA_READ)
    other = await workspace.key(KeyScope.SEATS_READ)

    seen = await closed.ask(SCHEMA, reader)
    refused = [await closed.ask(SCHEMA, who) for who in (None, other, workspace.owner)]

    assert seen.data["__schema"]["queryType"]["name"] == "Query"
    assert [(reply.status, reply.code) for reply in refused] == [(403, "FORBIDDEN")] * 3


async def test_the_scope_shows_nothing_else(workspace: Scene) -> None:
    reader = await workspace.key(KeyScope.SCHEMA_READ)

    seats = await workspace.world.ask(
        "query($id: ID!) { workspace(id: $id) { seats { totalCount } } }", reader, id=workspace.id
    )

    assert seats.data["workspace"]["seats"]["totalCount"] == 0
