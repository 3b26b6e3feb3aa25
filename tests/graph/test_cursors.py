"""Cursors: one is of the list that it came from, of one parent, and no other list begins there."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy import Role
from kernel import pages
from tests.scene import Somebody
from tests.scenery import Reply, Scene

FIELDS = {"Workspace": "seats", "LicensePool": "seats", "Member": "seats", "Viewer": "invitations"}
"""A list of each type that has one for whoever asks: by a number, and by an address."""


async def _two(scene: Scene, kind: str) -> list[tuple[str | None, Somebody]]:
    """Two things of a type that each have a list of two rows, and who reads it."""
    world, owner = scene.world, scene.owner
    if kind == "Viewer":
        people = [await world.person("ada"), await world.person("grace")]
        elsewhere = await world.workspace(roles=[Role.OWNER])
        for who in people:
            await scene.invitation(who.email)
            await elsewhere.invitation(who.email)
        return [(None, who) for who in people]
    if kind == "LicensePool":
        pools = [await scene.pool(3), await scene.pool(3)]
        for number, pool in enumerate(pools * 2):
            await scene.seat(pool, f"p{number}@example.test")
        return [(pool, owner) for pool in pools]
    if kind == "Member":
        members = [await scene.join(), await scene.join()]
        for who in members * 2:
            await scene.seat(await scene.pool(1), who)
        return [(scene.member(who), owner) for who in members]
    elsewhere = await world.workspace(roles=[])
    await elsewhere.join(Role.OWNER, who=owner)
    for one in (scene, elsewhere):
        pool = await one.pool(3)
        for number in range(2):
            await one.seat(pool, f"p{number}@example.test")
    return [(scene.id, owner), (elsewhere.id, owner)]


async def _page(scene: Scene, kind: str, of: tuple[str | None, Somebody], after: str | None = None) -> Reply:
    named, who = of
    shown = f"list: {FIELDS[kind]}(first: 1, after: $after) {{ nodes {{ id }} pageInfo {{ endCursor }} }}"
    if named is None:
        return await scene.world.ask(f"query($after: String) {{ of: viewer {{ {shown} }} }}", who, after=after)
    document = f"query($id: ID!, $after: String) {{ of: node(id: $id) {{ ... on {kind} {{ {shown} }} }} }}"
    return await scene.world.ask(document, who, id=named, after=after)


def _said(reply: Reply) -> list[str]:
    """What the errors say."""
    return [error["message"] for error in reply.json["errors"]]


@pytest.mark.parametrize("kind", FIELDS)
async def test_a_cursor_of_the_same_list_of_something_else_is_refused(kind: str, workspace: Scene) -> None:
    one, other = await _two(workspace, kind)
    first = (await _page(workspace, kind, one)).data["of"]["list"]
    cursor = first["pageInfo"]["endCursor"]

    there = await _page(workspace, kind, other, cursor)
    here = (await _page(workspace, kind, one, cursor)).data["of"]["list"]

    assert (there.code, _said(there)[0]) == ("INVALID_INPUT", pages.ELSEWHERE)
    assert len(here["nodes"]) == 1
    assert here["nodes"] != first["nodes"]


async def test_a_cursor_is_of_one_of_the_lists_inside_of_a_list(workspace: Scene) -> None:
    one, other = await workspace.join(), await workspace.join()
    for who in [one, other] * 2:
        await workspace.seat(await workspace.pool(1), who)
    first = await _page(workspace, "Member", (workspace.member(one), one))
    after = first.data["of"]["list"]["pageInfo"]["endCursor"]
    seats = "nodes { id seats(after: $after) { nodes { id } } }"

    mine = f"query($after: String) {{ viewer {{ memberships {{ {seats} }} }} }}"
    alone = (await workspace.world.ask(mine, one, after=after)).data["viewer"]["memberships"]["nodes"]
    all_of_them = f"query($id: ID!, $after: String) {{ workspace(id: $id) {{ members {{ {seats} }} }} }}"
    many = await workspace.world.ask(all_of_them, workspace.owner, id=workspace.id, after=after)

    assert [len(each["seats"]["nodes"]) for each in alone] == [1]
    assert {*_said(many)} == {pages.ELSEWHERE}


async def test_a_cursor_of_an_earlier_version_is_told_to_start_again(workspace: Scene) -> None:
    cursor = pages.write("WorkspaceSeats:SINCE:0", ("2026-01-01T00:00:00+00:00", 1))

    reply = await _page(workspace, "Workspace", (workspace.id, workspace.owner), cursor)

    assert (reply.code, _said(reply)[0]) == ("INVALID_INPUT", pages.ELSEWHERE)


async def test_a_cursor_stands_where_it_stood_whatever_the_filter(workspace: Scene) -> None:
    pool = await workspace.pool(3)
    for number in range(3):
        await workspace.seat(pool, f"p{number}@example.test")
    document = (
        "query($id: ID!, $after: String, $search: String) { workspace(id: $id) {"
        " seats(first: 1, after: $after, orderBy: { field: EMAIL }, filter: { search: $search })"
        " { nodes { email } pageInfo { endCursor } } } }"
    )

    async def page(**asked: Any) -> Any:
        reply = await workspace.world.ask(document, workspace.owner, id=workspace.id, **asked)
        return reply.data["workspace"]["seats"]

    cursor = (await page(search="p0"))["pageInfo"]["endCursor"]

    assert [node["email"] for node in (await page(after=cursor))["nodes"]] == ["p1@example.test"]
