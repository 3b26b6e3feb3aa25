"""Statements: how often PostgreSQL is asked, which must not depend on how many rows there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from auth.policy import Role
from tests.scenery import Scene, World

THREE_LEVELS = """
    query($id: ID!, $first: Int) {
        workspace(id: $id) {
            name
            seats(first: $first) {
                nodes { id email person { name } plan { key } pool { name plan { name } } }
                pageInfo { hasNextPage endCursor }
            }
        }
    }
"""
FIVE = 5
"""The statements of three levels: the workspace, its seats, their people, their plans, their pools."""

ANYTHING = "{ __typename }"
"""A question that takes only what every request takes: who asks, and what they may see."""


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """Every statement that the application's connections are asked meanwhile."""
    asked: list[str] = []
    engine = world.app.state.door.engine.sync_engine
    drivers: list[Any] = []

    def by_driver(record: Any) -> None:
        asked.append(record.query)

    def listen(connection: Any, _record: object, _proxy: object) -> None:
        connection.driver_connection.add_query_logger(by_driver)
        drivers.append(connection.driver_connection)

    def by_engine(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        asked.append(sql)

    event.listen(engine, "checkout", listen)
    event.listen(engine, "before_cursor_execute", by_engine)
    # What is asked once more for comparison isn't counted.
    world.agreement.plain = False
    try:
        yield asked
    finally:
        world.agreement.plain = True
        event.remove(engine, "checkout", listen)
        event.remove(engine, "before_cursor_execute", by_engine)
        for driver in drivers:
            driver.remove_query_logger(by_driver)


async def asks(scene: Scene, document: str, **variables: Any) -> list[str]:
    """The statements on tables behind one question of the owner's, without what a connection asks once in a while."""
    # Whoever has come twice before is recognized with a single look.
    for _ in range(2):
        await scene.world.ask(ANYTHING, scene.owner)
    with counted(scene.world) as asked:
        reply = await scene.world.ask(document, scene.owner, **variables)
    assert not reply.codes
    return [sql for sql in asked if not sql.startswith(_AROUND) and not any(rare in sql for rare in _RARE)]


_AROUND = ("begin", "commit", "rollback", "select set_config", "savepoint")
_RARE = ("typeinfo_tree", "'jit'", "id_block", "set last_used_at")


@pytest.fixture
async def busy(workspace: Scene) -> Scene:
    """A workspace where a hundred people sit in four pools of two plans."""
    catalog = workspace.world.catalog
    pools = [await workspace.pool(25, offer=offer) for offer in (catalog.team, catalog.enterprise) * 2]
    people = await workspace.world.people(f"p{number}" for number in range(100))
    now = await workspace.world.now()
    await workspace.world.put(*(workspace.membership(who, Role.MEMBER, now) for who in people))
    for number, who in enumerate(people):
        await workspace.seat(pools[number % 4], who)
    return workspace


async def test_a_hundred_seats_on_three_levels_take_five_statements(busy: Scene) -> None:
    always = await asks(busy, ANYTHING)

    asked = await asks(busy, THREE_LEVELS, id=busy.id, first=100)

    assert len(asked) - len(always) == FIVE


async def test_ten_rows_and_a_hundred_take_the_same_statements(busy: Scene) -> None:
    few = await asks(busy, THREE_LEVELS, id=busy.id, first=10)
    many = await asks(busy, THREE_LEVELS, id=busy.id, first=100)

    assert len(few) == len(many)


@pytest.mark.parametrize(
    "nested",
    [
        "members(first: $first) { totalCount nodes { person { name } seats(first: 3) { totalCount nodes { id } } } }",
        "licensePools { seats(first: $first) { nodes { person { name } } } plan { version { prices { key } } } }",
        "auditLog(first: $first) { nodes { action person { name } } }",
    ],
)
async def test_lists_within_lists_are_asked_once(busy: Scene, nested: str) -> None:
    document = f"query($id: ID!, $first: Int) {{ workspace(id: $id) {{ {nested} }} }}"

    few = await asks(busy, document, id=busy.id, first=2)
    many = await asks(busy, document, id=busy.id, first=100)

    assert len(few) == len(many)


async def test_many_nodes_of_one_kind_are_asked_once(busy: Scene) -> None:
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Seat { person { name } } } }"
    reply = await busy.world.ask(THREE_LEVELS, busy.owner, id=busy.id, first=100)
    seats = [node["id"] for node in reply.data["workspace"]["seats"]["nodes"]]

    one = await asks(busy, document, ids=seats[:1])
    all_ = await asks(busy, document, ids=seats)

    assert len(one) == len(all_)


async def test_a_list_of_addresses_takes_the_same_statements_however_long(workspace: Scene) -> None:
    pool = await workspace.pool(500)
    document = """mutation($pool: ID!, $emails: [String!]!) {
        assignSeats(input: {pool: $pool, emails: $emails}) {
            ... on ListSeated { seated outcomes { seat { state person { name } } } }
        }
    }"""

    # Whatever is told first of an account begins its audit chain, and takes two statements more.
    await asks(workspace, document, pool=pool, emails=["first@example.test"])

    few = await asks(workspace, document, pool=pool, emails=["a@example.test", "b@example.test"])
    many = await asks(workspace, document, pool=pool, emails=[f"p{number}@example.test" for number in range(300)])

    assert len(many) == len(few)


async def test_what_many_subscriptions_have_used_is_asked_once(workspace: Scene) -> None:
    document = """query($id: ID!, $first: Int) {
        node(id: $id) { ... on Account { subscriptions(first: $first) { nodes {
            usage { meter quantity cost { minor } days { day quantity } } heldInvoices { id }
        } } } }
    }"""
    since = await workspace.world.now() - timedelta(days=3)
    (one, *_) = [await workspace.subscription(since=since) for _ in range(6)]
    await workspace.used(one, 1, 2)

    few = await asks(workspace, document, id=workspace.account, first=1)
    many = await asks(workspace, document, id=workspace.account, first=6)
    told = await workspace.world.ask(document, workspace.owner, id=workspace.account, first=6)

    nodes = told.data["node"]["subscriptions"]["nodes"]
    assert sorted(used["quantity"] for node in nodes for used in node["usage"]) == ["0"] * 5 + ["3"]
    assert {len(node["usage"][0]["days"]) for node in nodes} == {4}
    assert len(few) == len(many)
