"""Tenancy: what you may not see does not exist, by two fences that each hold alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from auth.policy import KeyScope, Role
from kernel import database, ids
from resolvers.graph import BY_PREFIX
from tests.graph.attempts import ATTEMPTS
from tests.graph.crawling import crawl
from tests.graph.furniture import Furnished, furnished
from tests.scenery import Asker, Scene, World

SEEN: Mapping[Role | KeyScope, set[str]] = {
    Role.OWNER: {"workspace", "counts", "people", "billing", "invoices", "keys", "audit", "identity"},
    Role.ADMIN: {"workspace", "counts", "people", "keys", "audit", "identity"},
    Role.SEAT_ADMIN: {"workspace", "counts", "people"},
    Role.BILLING_ADMIN: {"workspace", "counts", "billing", "invoices"},
    Role.AUDITOR: {"workspace", "counts", "people", "invoices", "audit", "identity"},
    Role.MEMBER: {"workspace"},
    KeyScope.SEATS_READ: {"workspace", "counts", "people"},
    KeyScope.SEATS_WRITE: {"workspace", "counts", "people"},
    KeyScope.BILLING_READ: {"workspace", "counts", "billing", "invoices"},
    KeyScope.BILLING_WRITE: {"workspace", "counts", "billing", "invoices"},
    KeyScope.AUDIT_READ: {"workspace", "audit"},
    KeyScope.USAGE_WRITE: {"workspace"},
    KeyScope.SCHEMA_READ: {"workspace"},
}
"""What a role in a workspace sees of it, and a key that speaks for it: by the rows of the matrix."""


async def _sees(asker: Asker, of: Furnished) -> tuple[dict[str, set[str]], list[Any], list[Any]]:
    """Of each kind the marks that the asker comes upon, then the errors, then the lists that count what they hide."""
    found = await crawl(of.scene.world, asker, of.ids)
    seen = {kind: {mark for mark in marks if mark in found.text} for kind, marks in of.marks.items()}
    return {kind: marks for kind, marks in seen.items() if marks}, found.errors, found.miscounted


@pytest.fixture(params=["both fences", "the first fence alone"])
async def fences(request: pytest.FixtureRequest, world: World) -> AsyncIterator[str]:
    """The fences that stand: without the second, the product works as a role that row-level security doesn't bind."""
    door = world.app.state.door
    if request.param == "both fences":
        yield request.param
        return
    unbound = database.engine(world.url, role=None)
    world.app.state.door = replace(door, engine=unbound)
    yield request.param
    world.app.state.door = door
    await unbound.dispose()


@pytest.mark.usefixtures("fences")
@pytest.mark.parametrize("who", SEEN)
async def test_everybody_finds_what_their_role_shows_and_nothing_else(who: Role | KeyScope, workspace: Scene) -> None:
    there = await furnished(workspace)
    asker = workspace.members[who] if isinstance(who, Role) else await workspace.key(who)

    seen, errors, miscounted = await _sees(asker, there)

    assert seen == {kind: set(there.marks[kind]) for kind in SEEN[who]}
    assert (errors, miscounted) == ([], [])


@pytest.mark.usefixtures("fences")
async def test_a_stranger_finds_nothing_of_another_tenant(world: World, workspace: Scene) -> None:
    there, here = await furnished(workspace), await furnished(await world.workspace(name="Elsewhere"))

    elsewhere = {asker: await _sees(asker, there) for asker in (here.scene.owner, await here.scene.key(*KeyScope))}
    at_home = await crawl(world, here.scene.owner, there.ids)

    assert list(elsewhere.values()) == [({}, [], [])] * 2
    assert all(mark in at_home.text for marks in here.marks.values() for mark in marks)


@pytest.mark.usefixtures("fences")
async def test_a_former_owner_and_an_invited_guest_find_nothing(workspace: Scene) -> None:
    there = await furnished(workspace)
    former = await workspace.join(Role.OWNER, removed=True)
    key = await workspace.key(*KeyScope, by=former)
    guest = await workspace.world.person("guest")
    await workspace.invitation(guest.email)

    assert [await _sees(asker, there) for asker in (former, key, guest)] == [({}, [], [])] * 3
    assert key.id not in (await crawl(workspace.world, former, {**there.ids, "key": key.id})).text


@pytest.mark.usefixtures("fences")
async def test_nobody_finds_the_price_list_alone(workspace: Scene) -> None:
    there = await furnished(workspace)

    seen, errors, miscounted = await _sees(None, there)

    assert (seen, miscounted) == ({}, [])
    assert {error["message"] for error in errors} == {"Sign in first: send a bearer token."}


@pytest.mark.usefixtures("fences")
async def test_a_member_sees_their_own_seat_and_membership_alone(workspace: Scene) -> None:
    there, member = await furnished(workspace), workspace.members[Role.MEMBER]
    seat = await workspace.seat(there.ids["pool"], member)

    found = await crawl(workspace.world, member, there.ids)

    mine = {each for each in found.ids if each.startswith(("seat_", "member_", "person_"))}
    assert mine == {seat, workspace.member(member), member.id}


async def test_there_is_one_of_every_kind_of_thing(workspace: Scene) -> None:
    there = await furnished(workspace)

    assert set(BY_PREFIX) - {"plan", "version", "price", "entitlement"} <= set(there.ids)


@pytest.mark.parametrize("mutation", [name for name in ATTEMPTS if name not in {"createWorkspace", "startBulkExport"}])
async def test_somebody_elses_id_is_answered_as_one_that_never_was(mutation: str, workspace: Scene) -> None:
    world = workspace.world
    stranger = await world.person("stranger")
    theirs = await ATTEMPTS[mutation](workspace, "stranger")
    never = {name: _another(world, value) for name, value in theirs.items()}

    there, nowhere = [await world.change(mutation, stranger, shows_="__typename", **asked) for asked in (theirs, never)]

    assert there == nowhere
    assert there.code == "NOT_FOUND"
    assert never != theirs


async def test_a_query_for_somebody_elses_id_is_answered_as_for_one_that_never_was(workspace: Scene) -> None:
    there, stranger = await furnished(workspace), await workspace.world.person("stranger")
    theirs = {prefix: each for prefix, each in there.ids.items() if prefix not in {"plan", "price"}}
    never = {prefix: _another(workspace.world, each) for prefix, each in theirs.items()}

    for document in ("query($id: ID!) { node(id: $id) { id } }", "query($id: ID!) { nodes(ids: [$id, $id]) { id } }"):
        asked = [(theirs[prefix], never[prefix]) for prefix in theirs]
        replies = [[await workspace.world.ask(document, stranger, id=each) for each in pair] for pair in asked]
        assert all(one == other and one.codes == [] for one, other in replies)


def _another(world: World, value: Any) -> Any:
    """An id of the same kind that nobody has; anything else, and what is sold, as it is."""
    if isinstance(value, list):
        return [_another(world, each) for each in value]
    prefix, _, digits = value.partition("_") if isinstance(value, str) else ("", "", "")
    belongs = prefix in BY_PREFIX and prefix not in {"plan", "price"} and len(digits) == 13
    return ids.encode(prefix, world.number()) if belongs else value
