"""Rows are completed abreast, and nobody can tell: what graphql-core says row by row is said, errors and all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.sweeping import Sweep
from kernel import ids
from tests.scenery import Scene, World

LISTED = """query($account: ID!) { account(id: $account) { paymentOptions { kind } invoices(first: 9) {
    totalCount nodes { id overdue total { minor text } lineItems { description } } } } }"""
SEATED = """query($w: ID!) { workspace(id: $w) { name seatGroups(first: 3) { nodes { name } }
    seats(first: 50) { edges { cursor node { email pool { name } person { name } } } } } }"""


@pytest.fixture
def executing(world: World) -> Iterator[None]:
    """Nothing is compiled."""
    world.app.state.reads.after = 1_000_000
    yield
    world.app.state.reads.after = 0


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Of which type objects were made together, and how many."""
    made: list[tuple[str, int]] = []
    objects = Sweep.objects

    def noted(sweep: Sweep, rows: list[Any]) -> Any:
        made.append((sweep.kind.name, len(rows)))
        return objects(sweep, rows)

    monkeypatch.setattr(Sweep, "objects", noted)
    return made


@pytest.mark.usefixtures("executing")
async def test_rows_of_a_page_and_what_they_point_at_are_made_together(
    workspace: Scene, swept: list[tuple[str, int]]
) -> None:
    pool = await workspace.pool(seats=9)
    people = [await workspace.join() for _ in range(5)]
    for person in people:
        await workspace.seat(pool, person)

    reply = await workspace.world.ask(SEATED, workspace.owner, w=workspace.id)

    edges = reply.data["workspace"]["seats"]["edges"]
    assert [edge["node"]["email"] for edge in edges] == [person.email for person in people]
    assert [each for each in swept if each[0] in {"Seat", "Person", "LicensePool"}] == [
        ("Seat", 5),
        ("LicensePool", 1),
        ("Person", 5),
    ]


async def test_an_error_in_one_row_is_told_where_it_is(workspace: Scene, swept: list[tuple[str, int]]) -> None:
    world, invoices = workspace.world, [await workspace.invoice() for _ in range(3)]
    broken = ids.decode("inv", invoices[1])
    await world.run("update invoice set currency = 'ZZZ' where id = $1", broken)

    reply = (await world.post({"query": LISTED, "variables": {"account": _account(workspace)}}, workspace.owner)).json()
    await world.run("update invoice set currency = 'USD' where id = $1", broken)

    (error,) = reply["errors"]
    assert error["path"] == ["account", "invoices", "nodes", 1, "total", "text"]
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert reply["data"] == {"account": None}
    assert ("Invoice", 3) in swept


@pytest.mark.usefixtures("executing")
async def test_an_argument_that_is_refused_is_refused_for_its_field(workspace: Scene) -> None:
    document = "query($w: ID!) { workspace(id: $w) { name seats(first: 101) { totalCount } } }"

    reply = (await workspace.world.post({"query": document, "variables": {"w": workspace.id}}, workspace.owner)).json()

    assert [error["path"] for error in reply["errors"]] == [["workspace", "seats"]]


def _account(scene: Scene) -> str:
    return ids.encode("account", scene.number)
