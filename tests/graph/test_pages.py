"""Pages: keyset cursors that cover every row once, whatever the order, the direction and the size."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType
from hypothesis import given, settings
from hypothesis import strategies as st

import schema
from auth.policy import Desk, Role
from kernel import ids
from seats.seating import SeatState
from tests.graph.walking import LISTS, SHORT, WALKED_BY_ITSELF, Full, Listed, page, walk
from tests.scenery import Scene, World

ROWS = 11
ORDERS = [
    pytest.param(listed, order, id=f"{listed.on}.{listed.field}.{order}") for listed in LISTS for order in listed.orders
]


@pytest.fixture(scope="module")
async def full(world: World) -> Full:
    """Eleven rows for every list of the graph."""
    scene = await world.workspace()
    grace = await world.person("grace")
    pool, member = await scene.pool(100), await scene.join()
    for _ in range(ROWS - len(scene.members) - 1):
        await scene.join()
    for number in range(ROWS):
        elsewhere = await world.workspace(roles=[Role.OWNER])
        await elsewhere.invitation(grace.email)
        await elsewhere.join(who=grace)
        held = await scene.subscription()
        await world.run("update subscription_clock set held = 'a doubt' where subscription_id = $1", held.id)
        await world.run(
            "insert into ledger_entry (account_id, id, at, kind, subject, subject_id)"
            " values ($1, $2, now(), 'credit_granted', 'account', $1)",
            scene.number,
            world.number(),
        )
        await scene.payment(await scene.invoice(1000 * (number % 3) + 1000))
        await scene.invitation(f"p{number}@example.test")
        await scene.record()
        await scene.seat(pool, member, SeatState.RELEASED)
        await elsewhere.seat(await elsewhere.pool(1), grace, SeatState.WAITLISTED)
    for table, column in {
        "assignment": "since",
        "invitation": "created_at",
        "subscription": "created_at",
        "invoice": "created_at",
        "payment": "created_at",
        "member": "joined_at",
    }.items():
        await world.run(
            f"update {table} set {column} = date_trunc('hour', {column}) + (id % 3) * interval '1 s'"
            " where account_id = $1 or account_id in (select account_id from member where person_id = $2)",
            scene.number,
            grace.number,
        )
    things = {
        "Account": scene.account,
        "Workspace": scene.id,
        "LicensePool": pool,
        "Member": scene.member(member),
    }
    finance = await world.person("finance", desk=Desk.FINANCE)
    return Full(scene, things, {"Viewer": grace, "Query": grace, "ledger": finance})


def value(node: dict[str, Any], shows: str) -> Any:
    """What an order goes by."""
    return node["total"]["minor"] if shows.startswith("total") else node[shows]


def test_every_list_of_the_graph_is_walked_here() -> None:
    kinds = schema.graph()._schema.type_map.values()
    found = {
        (kind.name, name)
        for kind in kinds
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if isinstance(field.type, GraphQLNonNull) and str(field.type).endswith("Connection!")
    }

    assert found == {(listed.on, listed.field) for listed in LISTS} | WALKED_BY_ITSELF | SHORT


@pytest.mark.parametrize(("listed", "order"), ORDERS)
async def test_a_list_is_in_its_order(full: Full, listed: Listed, order: str) -> None:
    shows = listed.orders[order]

    up, down = [
        await page(full, listed, f"first: 100, orderBy: {{field: {order}, direction: {way}}}", f"id {shows}")
        for way in ("ASC", "DESC")
    ]

    nodes = [edge["node"] for edge in up["edges"]]
    values = [value(node, shows) for node in nodes]
    assert len({node["id"] for node in nodes}) == up["totalCount"] >= ROWS
    assert values == sorted(values)
    assert [edge["node"] for edge in down["edges"]] == nodes[::-1]


@pytest.mark.parametrize(("listed", "order"), ORDERS)
@pytest.mark.parametrize("way", ["ASC", "DESC"])
@settings(max_examples=2, deadline=None, database=None)
@given(asked=st.tuples(st.integers(1, ROWS + 1), st.booleans()))
async def test_pages_of_any_size_cover_every_row_once(
    full: Full, listed: Listed, order: str, way: str, asked: tuple[int, bool]
) -> None:
    (size, backward), by = asked, f"{{field: {order}, direction: {way}}}"
    whole = await page(full, listed, f"first: 100, orderBy: {by}")

    found = await walk(full, listed, by, size, backward=backward)

    assert found == [edge["node"]["id"] for edge in whole["edges"]]


# What comes between


async def test_rows_that_come_between_two_pages_move_none_that_were_there(workspace: Scene) -> None:
    pool, seats = await workspace.pool(100), Listed("Workspace", "seats", {})
    here = Full(workspace, {"Workspace": workspace.id}, {})
    there = [await workspace.seat(pool, f"{letter}@example.test") for letter in "bdfhjlnp"]

    first = await page(here, seats, "first: 3, orderBy: {field: EMAIL}")
    for letter in "acegikmoq":
        await workspace.seat(pool, f"{letter}@example.test")
    rest = await page(here, seats, f'first: 100, orderBy: {{field: EMAIL}}, after: "{first["pageInfo"]["endCursor"]}"')

    found = [edge["node"]["id"] for edge in [*first["edges"], *rest["edges"]]]
    assert [seat for seat in found if seat in there] == there
    assert len(found) == len(set(found)) == 3 + 5 + 6


async def test_a_place_outlives_the_row_that_stood_there(workspace: Scene) -> None:
    pool, seats = await workspace.pool(100), Listed("Workspace", "seats", {})
    here = Full(workspace, {"Workspace": workspace.id}, {})
    there = [await workspace.seat(pool, f"{letter}@example.test") for letter in "abcd"]
    active = "filter: {state: [INVITED]}, orderBy: {field: EMAIL}"

    first = await page(here, seats, f"first: 2, {active}")
    await workspace.world.run(
        "update assignment set state = 'released', released_at = since where id = $1", ids.decode("seat", there[1])
    )
    rest = await page(here, seats, f'first: 2, {active}, after: "{first["pageInfo"]["endCursor"]}"')

    assert [edge["node"]["id"] for edge in rest["edges"]] == there[2:]


# Inside one another


async def test_pages_of_many_parents_are_each_their_own(workspace: Scene) -> None:
    members = [workspace.owner, *[await workspace.join() for _ in range(4)]]
    for count, who in enumerate(members):
        for _ in range(count):
            await workspace.seat(await workspace.pool(1), who)
    shown = "nodes { id } totalCount pageInfo { hasNextPage endCursor }"
    nested = f"{{ workspace(id: $id) {{ members {{ nodes {{ id seats(first: 2) {{ {shown} }} }} }} }} }}"
    alone = f"query($id: ID!) {{ node(id: $id) {{ ... on Member {{ seats(first: 2) {{ {shown} }} }} }} }}"

    together = (await workspace.world.ask(f"query($id: ID!) {nested}", workspace.owner, id=workspace.id)).data
    found = {node["id"]: node["seats"] for node in together["workspace"]["members"]["nodes"]}

    for count, who in enumerate(members):
        seats = found[workspace.member(who)]
        assert (len(seats["nodes"]), seats["totalCount"]) == (min(count, 2), count)
        assert seats["pageInfo"]["hasNextPage"] == (count > 2)
        one = (await workspace.world.ask(alone, workspace.owner, id=workspace.member(who))).data["node"]["seats"]
        assert one == seats
