"""Members of a group come and go: what is told of some of them alone comes to what the library makes of the whole."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy import Role
from tests.graph.asking import logged
from tests.graph.scim.talking import BULK, GROUP, PATCH, Talk, talking
from tests.scenery import Scene

ADD, REMOVE = {"op": "Add", "path": "members"}, {"op": "Remove", "path": "members"}


def by_filter(name: str) -> dict[str, Any]:
    """Take somebody out as Okta does."""
    return {"op": "remove", "path": f'members[value eq "{name}"]'}


PATCHES: dict[str, list[dict[str, Any]]] = {
    "somebody comes": [{**ADD, "value": [{"value": "three"}]}],
    "two come, as one": [{**ADD, "value": [{"value": "three", "display": "Three"}, {"value": "four"}]}],
    "one comes, not in a list": [{**ADD, "value": {"value": "three"}}],
    "somebody comes twice": [{**ADD, "value": [{"value": "three"}, {"value": "three"}]}],
    "somebody is there already": [{**ADD, "value": [{"value": "two"}]}],
    "somebody who is called something is there": [{**ADD, "value": [{"value": "one", "display": "One"}]}],
    "somebody goes, by a value": [{**REMOVE, "value": [{"value": "one"}]}],
    "somebody goes, by a filter": [by_filter("one")],
    "somebody goes who was not there": [{**REMOVE, "value": [{"value": "three"}]}],
    "one comes and one goes": [{**ADD, "value": [{"value": "three"}]}, by_filter("one")],
    "one comes and goes": [{**ADD, "value": [{"value": "three"}]}, by_filter("three")],
    "one goes and comes": [by_filter("one"), {**ADD, "value": [{"value": "one", "display": "One"}]}],
    "a stranger comes": [{**ADD, "value": [{"value": "nobody"}]}],
    "a group comes": [{**ADD, "value": [{"value": "three", "type": "Group"}]}],
    "all go": [{"op": "remove", "path": "members"}],
    "others are there": [{"op": "replace", "path": "members", "value": [{"value": "four"}]}],
    "a name comes, too": [
        {**ADD, "value": [{"value": "three"}]},
        {"op": "replace", "path": "displayName", "value": "B"},
    ],
}


async def twins(talk: Talk) -> tuple[dict[str, str], list[str]]:
    """Four users, and two groups with the same two of them."""
    users = {name: (await talk.user(name))["id"] for name in ("one", "two", "three", "four")}
    told = [{"value": users["one"], "display": "One"}, {"value": users["two"]}]
    body = {"schemas": [GROUP], "displayName": "Team", "members": told}
    return users, [(await talk.say("POST", "/Groups", body)).json()["id"] for _ in range(2)]


def meant(told: Any, users: dict[str, str]) -> Any:
    """The same with ids in the place of names."""
    if isinstance(told, list):
        return [meant(each, users) for each in told]
    if isinstance(told, dict):
        return {key: meant(value, users) for key, value in told.items()}
    for name, user in users.items():
        told = user if told == name else told.replace(f'"{name}"', f'"{user}"')
    return told


async def seen(talk: Talk, group: str) -> tuple[Any, ...]:
    """What a group tells of itself."""
    told = (await talk.say("GET", f"/Groups/{group}")).json()
    members = sorted((each["value"], each.get("display"), each["type"]) for each in told.get("members", []))
    return told["displayName"], members, told["meta"]["version"]


@pytest.mark.parametrize("what", PATCHES)
async def test_some_members_alone_come_to_what_the_whole_comes_to(workspace: Scene, what: str) -> None:
    talk = await talking(workspace)
    users, (apart, whole) = await twins(talk)
    body = {"schemas": [PATCH], "Operations": meant(PATCHES[what], users)}

    first = await talk.say("PATCH", f"/Groups/{apart}", body)
    # Whoever asks to be shown something gets what the library makes of all of it.
    second = await talk.say("PATCH", f"/Groups/{whole}", body, attributes="displayName")

    assert (first.status_code, second.status_code) in {(204, 200), (400, 400)}
    assert (await seen(talk, apart))[:2] == (await seen(talk, whole))[:2]
    if first.status_code == 204:
        assert first.headers["etag"] == (await seen(talk, apart))[2]
    else:
        assert first.json() == second.json()


@pytest.mark.parametrize("what", ["somebody is there already", "somebody goes who was not there"])
async def test_what_is_so_already_makes_no_version(workspace: Scene, what: str) -> None:
    talk = await talking(workspace)
    users, (group, _) = await twins(talk)
    before, records = await seen(talk, group), len(await logged(workspace))

    reply = await talk.patch(f"/Groups/{group}", *meant(PATCHES[what], users))

    assert reply.status_code == 204
    assert await seen(talk, group) == before
    assert len(await logged(workspace)) == records


async def test_who_came_and_who_went_is_told_and_nobody_else(workspace: Scene) -> None:
    talk = await talking(workspace)
    users, (group, _) = await twins(talk)
    before = len(await logged(workspace))
    operations = meant(PATCHES["one comes and one goes"], users)
    await talk.patch(f"/Groups/{group}", *operations)

    await talk.patch(f"/Groups/{group}", *operations)

    assert (await logged(workspace))[before:] == ["directory_group.changed"]
    (row,) = await workspace.world.rows(
        "select payload::text as told from outbox where account_id = $1 and name = 'directory_group.changed'",
        workspace.number,
    )
    numbers = [(await talk.entry(users[name]))["id"] for name in ("one", "three")]
    assert all(str(number) in row["told"] for number in numbers)
    assert str((await talk.entry(users["two"]))["id"]) not in row["told"]


async def test_a_version_that_is_named_counts_for_members_too(workspace: Scene) -> None:
    talk = await talking(workspace)
    users, (group, _) = await twins(talk)
    before = await seen(talk, group)

    refused = await talk.patch(f"/Groups/{group}", *meant(PATCHES["somebody comes"], users), **{"if-match": 'W/"7"'})

    assert refused.status_code == 412
    assert await seen(talk, group) == before


async def test_nobody_comes_into_a_group_that_is_not_there(workspace: Scene) -> None:
    talk = await talking(workspace)
    other = await talking(await workspace.world.workspace(roles=[Role.OWNER]))
    users, _ = await twins(talk)
    _, (theirs, _) = await twins(other)
    before = await seen(other, theirs)

    replies = [
        await talk.patch(f"/Groups/{group}", *meant(PATCHES["somebody comes"], users))
        for group in (theirs, users["one"], "nonsense")
    ]

    assert [reply.status_code for reply in replies] == [404, 404, 404]
    assert await seen(other, theirs) == before


async def test_members_come_and_go_within_a_bulk_request(workspace: Scene) -> None:
    talk = await talking(workspace)
    users, groups = await twins(talk)
    data = {"schemas": [PATCH], "Operations": meant(PATCHES["one comes and one goes"], users)}
    asked = [{"method": "PATCH", "path": f"/Groups/{group}", "data": data} for group in groups]

    reply = await talk.say("POST", "/Bulk", {"schemas": [BULK], "Operations": asked})

    assert [(one["status"], one["version"]) for one in reply.json()["Operations"]] == [("200", 'W/"2"')] * 2
    assert [each[0] for each in (await seen(talk, groups[0]))[1]] == sorted([users["two"], users["three"]])
