"""The subgraph: entities by their keys for a router, and the fences and limits that the graph has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from graphql import build_schema
from starlette.applications import Starlette

from auth.policy import KeyScope, Role
from gateway.app import BODY
from gateway.routers import router_route
from gateway.settings import Settings
from kernel import ids
from resolvers.federating import MOST_ENTITIES
from resolvers.graph import BY_PREFIX
from schema import subgraph
from tests.graph.furniture import furnished
from tests.scenery import Asker, Reply, Scene, World

ENTITIES = "query($keys: [_Any!]!) { _entities(representations: $keys) { __typename ... on Node { id } } }"
SERVICE = "{ _service { sdl } }"


async def asked(client: httpx2.AsyncClient, document: str, as_: Asker = None, **variables: Any) -> Reply:
    """What the subgraph answers."""
    headers = {"accept": "application/graphql-response+json"}
    if as_ is not None:
        headers["authorization"] = f"Bearer {as_ if isinstance(as_, str) else as_.bearer}"
    response = await client.post("/subgraph", json={"query": document, "variables": variables}, headers=headers)
    return Reply(response.status_code, response.json())


def key(id_: str, name: str | None = None) -> dict[str, str]:
    """What a router sends for a thing of this id."""
    return {"__typename": name or BY_PREFIX[id_.partition("_")[0]].name, "id": id_}


async def test_entities_come_in_the_order_asked_and_repeated_as_often(workspace: Scene) -> None:
    pool = await workspace.pool()
    one, other = await workspace.seat(pool, workspace.owner), await workspace.seat(pool, "late@example.test")
    person = ids.encode("person", workspace.owner.number)
    wanted = [other, person, one, pool, other]

    reply = await asked(workspace.world.client, ENTITIES, workspace.owner, keys=[key(id_) for id_ in wanted])

    assert [found["id"] for found in reply.data["_entities"]] == wanted
    assert [found["__typename"] for found in reply.data["_entities"]] == [
        "Seat",
        "Person",
        "Seat",
        "LicensePool",
        "Seat",
    ]


async def test_other_tenants_keys_and_keys_of_nothing_find_the_same_nothing(workspace: Scene) -> None:
    there = await furnished(await workspace.world.workspace())
    public = {"plan", "version", "price", "entitlement"}
    theirs = [key(id_) for prefix, id_ in there.ids.items() if prefix not in public]
    nothing = [key(ids.encode(prefix, 2**40 + 1)) for prefix in BY_PREFIX]

    for who in (workspace.owner, workspace.members[Role.MEMBER], await workspace.key(KeyScope.SEATS_READ), None):
        reply = await asked(workspace.world.client, ENTITIES, who, keys=theirs + nothing)

        assert reply.data == {"_entities": [None] * (len(theirs) + len(nothing))}


@pytest.mark.parametrize(
    ("representation", "says"),
    [
        ({"__typename": "Planet", "id": "planet_0000000000000"}, "'Planet' is no entity of ours."),
        ({"__typename": "Seat"}, "A representation is an object with '__typename' and 'id', both of them texts."),
        (
            {"__typename": "Seat", "id": 7},
            "A representation is an object with '__typename' and 'id', both of them texts.",
        ),
        ({"__typename": "Seat", "id": "pool_0000000000000"}, None),
        ({"__typename": "Seat", "id": "seat_' or 1=1"}, None),
    ],
)
async def test_what_is_no_key_of_ours_is_refused_in_words(
    workspace: Scene, representation: object, says: str | None
) -> None:
    reply = await asked(workspace.world.client, ENTITIES, workspace.owner, keys=[representation])

    assert reply.code == "INVALID_INPUT"
    assert says is None or reply.json["errors"][0]["message"] == says


async def test_a_representation_is_an_object(workspace: Scene) -> None:
    reply = await asked(workspace.world.client, ENTITIES, workspace.owner, keys=["seat_0000000000000"])

    assert reply.status == 422
    assert "A representation is an object with '__typename' and 'id'." in reply.json["errors"][0]["message"]


async def test_more_entities_than_one_request_may_have_are_refused(workspace: Scene) -> None:
    keys = [key(ids.encode("seat", number)) for number in range(MOST_ENTITIES + 1)]

    reply = await asked(workspace.world.client, ENTITIES, workspace.owner, keys=keys)

    assert reply.code == "INVALID_INPUT"
    assert reply.json["errors"][0]["message"] == "Ask for at most 1,000 entities at once; 1,001 were asked for."


async def test_what_is_asked_for_costs_as_much_as_anywhere(workspace: Scene) -> None:
    keys = [key(ids.encode("seat", number)) for number in range(30)]

    reply = await asked(workspace.world.client, ENTITIES, workspace.owner, keys=keys)

    assert reply.json["extensions"]["cost"]["requestedQueryCost"] >= len(keys)


def in_production(world: World) -> httpx2.AsyncClient:
    """The subgraph beside this application, as closed as in production."""
    settings = Settings.model_validate({"SEATGRAPH_ENV": "production", "SEATGRAPH_SECRET": "s" * 40})
    app = Starlette(routes=[router_route(settings, BODY)])
    app.state = world.app.state
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://part.test")


async def test_in_production_only_a_key_with_the_scope_reads_what_a_router_composes_from(workspace: Scene) -> None:
    reader = await workspace.key(KeyScope.SCHEMA_READ)

    async with in_production(workspace.world) as client:
        seen = await asked(client, SERVICE, reader)
        refused = [await asked(client, SERVICE, who) for who in (None, workspace.owner)]

    assert seen.data == {"_service": {"sdl": subgraph.sdl()}}
    assert [(reply.status, reply.code) for reply in refused] == [(403, "FORBIDDEN")] * 2


@pytest.fixture
def held_to_registered(world: World) -> Iterator[World]:
    """The application, with clients that may ask registered documents alone."""
    before = world.app.state.remembered
    world.app.state.remembered = replace(before, sources=replace(before.sources, trusted_only=frozenset({"*"})))
    yield world
    world.app.state.remembered = before


async def test_a_client_held_to_registered_documents_is_held_to_them_here(held_to_registered: World) -> None:
    reply = await asked(held_to_registered.client, "{ __typename }")

    assert reply.code == "FORBIDDEN"


async def test_clients_of_the_graph_know_nothing_of_it(workspace: Scene) -> None:
    reply = await workspace.world.ask("{ _service { sdl } }", workspace.owner)

    assert reply.status == 422


def test_what_a_router_composes_from_is_the_graph_without_what_can_be_followed() -> None:
    text = subgraph.sdl()

    assert "_Entity" not in text
    assert "type Live" not in text
    assert text.count('@key(fields: "id") {') == len(BY_PREFIX)
    assert "Subscription" in build_schema(text, assume_valid_sdl=True).type_map
