"""Card numbers at the door: refused in a sentence, and repeated nowhere."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, get_named_type

import schema
from tests.graph.scim.talking import GROUP, USER, talking
from tests.scenery import Scene, World

CARD = "4242424242424242"


async def asked(world: World, body: Any, **headers: str) -> tuple[int, str]:
    response = await world.client.post("/graphql", json=body, headers=headers)
    return response.status_code, response.text


@pytest.mark.parametrize(
    "body",
    [
        {"query": "query Q($a: ID!) { node(id: $a) { id } }", "variables": {"a": "4242 4242 4242 4242"}},
        {"query": f'{{ node(id: "{CARD}") {{ id }} }}'},
        {"query": "{ plans { key } }", "operationName": CARD},
        {"query": "{ plans { key } }", "extensions": {CARD: 1}},
    ],
    ids=["variable", "literal", "name", "extension"],
)
async def test_a_request_with_one_is_refused_and_nothing_repeats_it(world: World, body: Any, lines: StringIO) -> None:
    status, text = await asked(world, body)

    (error,) = json.loads(text)["errors"]
    assert (status, error["extensions"]["code"]) == (400, "INVALID_INPUT")
    assert error["message"].startswith("Something in this request looks like a card number")
    assert "4242" not in text + lines.getvalue()


async def test_a_reason_with_one_is_refused(world: World) -> None:
    status, text = await asked(world, {"query": "{ plans { key } }"}, **{"seatgraph-reason": CARD})

    assert (status, "looks like a card number" in text) == (400, True)


OWN = "5105105105105100"
"""Nobody else's test types this one, so that it is found wherever it was kept."""

TEXTS = {"String", "ID"}
_DEEPEST = 8


def filled(kind: Any, depth: int = 0) -> Iterator[Any]:
    """For each text in an input, however deep, the input with a card number there and nothing else."""
    if depth > _DEEPEST:
        return
    if isinstance(kind, GraphQLNonNull):
        yield from filled(kind.of_type, depth)
    elif isinstance(kind, GraphQLList):
        yield from ([value] for value in filled(kind.of_type, depth + 1))
    elif isinstance(kind, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            yield from ({name: value} for value in filled(field.type, depth + 1))
    elif get_named_type(kind).name in TEXTS:
        yield OWN


def requests() -> Iterator[dict[str, Any]]:
    """For each text that a question or a change takes, a request with a card number there."""
    graph = schema.graph()._schema
    for operation, root in (("query", graph.query_type), ("mutation", graph.mutation_type)):
        assert root is not None
        for name, field in root.fields.items():
            for argument, taken in field.args.items():
                document = f"{operation}($given: {taken.type}) {{ {name}({argument}: $given) {{ __typename }} }}"
                yield from ({"query": document, "variables": {"given": value}} for value in filled(taken.type))


async def kept(world: World) -> list[str]:
    """The tables in which it stands."""
    names = await world.rows(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    found = [
        await world.value(f"select max($1) from {row['name']} t where t::text like '%' || $2 || '%'", row["name"], OWN)
        for row in names
    ]
    return [name for name in found if name]


async def test_what_is_kept_would_be_found(workspace: Scene) -> None:
    name = "update workspace set name = $2 where id = $1"
    await workspace.world.run(name, workspace.number, f"Acme {OWN}")
    try:
        found = await kept(workspace.world)
    finally:
        await workspace.world.run(name, workspace.number, "Acme")

    assert found == ["public.workspace"]


async def test_no_text_of_the_graph_takes_a_card_number(workspace: Scene, lines: StringIO) -> None:
    world, asked_ = workspace.world, list(requests())

    replies = [
        await world.client.post("/graphql", json=body, headers={"authorization": f"Bearer {workspace.owner.bearer}"})
        for body in asked_
    ]

    told = [json.loads(reply.text)["errors"][0] for reply in replies]
    assert len(asked_) > 200
    assert {(error["extensions"]["code"], error["message"].split(",")[0]) for error in told} == {
        ("INVALID_INPUT", "Something in this request looks like a card number")
    }
    assert await kept(world) == []
    assert OWN not in lines.getvalue()


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/Users", {"schemas": [USER], "userName": OWN}),
        ("/Users", {"schemas": [USER], "userName": "a@acme.test", "name": {"givenName": f"Ada {OWN}"}}),
        ("/Users", {"schemas": [USER], "userName": "b@acme.test", "externalId": OWN}),
        ("/Groups", {"schemas": [GROUP], "displayName": OWN}),
    ],
)
async def test_a_directory_can_not_bring_one(workspace: Scene, path: str, resource: dict[str, Any]) -> None:
    talk = await talking(workspace)

    reply = await talk.say("POST", path, resource)

    assert (reply.status_code, reply.json()["scimType"]) == (400, "invalidValue")
    assert reply.json()["detail"].startswith("Something in this request looks like a card number")
    assert OWN not in reply.text
    assert await kept(workspace.world) == []


async def test_what_nobody_asked_for_is_left_out_where_it_holds_one(workspace: Scene, lines: StringIO) -> None:
    world = workspace.world

    response = await world.client.post(
        "/graphql",
        json={
            "query": "mutation($input: RenameWorkspaceInput!) { renameWorkspace(input: $input) { __typename } }",
            "variables": {"input": {"workspace": workspace.id, "name": "Renamed"}},
        },
        headers={
            "authorization": f"Bearer {workspace.owner.bearer}",
            "user-agent": f"Browser {OWN}",
            "x-request-id": OWN,
        },
    )

    assert response.json()["data"]["renameWorkspace"]["__typename"] == "Workspace"
    assert response.headers["x-request-id"] != OWN
    assert await kept(world) == []
    assert OWN not in lines.getvalue()
