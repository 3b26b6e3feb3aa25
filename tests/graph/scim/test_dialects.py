"""Dialects: what Okta and Entra send in their own way does what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.scim.talking import ENTERPRISE, GROUP, Talk, talking
from tests.scenery import Scene


async def group(talk: Talk, *members: str, **more: Any) -> dict[str, Any]:
    """A group with these users."""
    told = {"schemas": [GROUP], "displayName": "Team", "members": [{"value": user} for user in members], **more}
    reply = await talk.say("POST", "/Groups", told)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def members(talk: Talk, which: str) -> set[str]:
    reply = await talk.say("GET", f"/Groups/{which}")
    return {member["value"] for member in reply.json().get("members", [])}


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param({"op": "replace", "value": {"active": False}}, id="Okta deactivates without a path"),
        pytest.param({"op": "Replace", "path": "active", "value": "False"}, id="Entra tells false as a text"),
        pytest.param({"op": "Replace", "path": "active", "value": "false"}, id="in lower case"),
        pytest.param({"op": "add", "path": "active", "value": False}, id="adds false"),
        pytest.param({"op": "Replace", "value": {"Active": "False"}}, id="without a path, with other letters"),
        pytest.param(
            {"op": "Replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": False},
            id="by its full name",
        ),
    ],
)
async def test_somebody_is_deactivated_in_every_dialect(operation: dict[str, Any], workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    made = await talk.user()

    reply = await talk.patch(f"/Users/{made['id']}", operation)

    assert reply.status_code == 204, reply.text
    assert (await talk.read(made["id"]))["active"] is False
    assert (
        await workspace.world.value("select state from assignment where account_id = $1", workspace.number)
        == "released"
    )


async def test_to_remove_active_leaves_somebody_as_they_are(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    on, off = await talk.user("on"), await talk.user("off", active=False)

    replies = [await talk.patch(f"/Users/{user['id']}", {"op": "remove", "path": "active"}) for user in (on, off)]

    assert [reply.status_code for reply in replies] == [204, 204]
    assert [(await talk.entry(user["id"]))["active"] for user in (on, off)] == [True, False]


PATCHES = {
    "Entra adds with dotted keys and no path": (
        {"op": "Add", "value": {"name.givenName": "Grace", f"{ENTERPRISE}:department": "R&D"}},
        lambda user: (user["name"]["givenName"], user[ENTERPRISE]["department"]),
        ("Grace", "R&D"),
    ),
    "Entra replaces a value it selects": (
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@home.example.com"},
        lambda user: [email["value"] for email in user["emails"]],
        ["new@home.example.com"],
    ),
    "Entra adds to a selected value that isn't there": (
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "555-0100"},
        lambda user: user["phoneNumbers"],
        [{"type": "mobile", "value": "555-0100"}],
    ),
    "Entra replaces a selected value that isn't there": (
        {"op": "Replace", "path": 'addresses[type eq "work"].country', "value": "NL"},
        lambda user: user["addresses"],
        [{"type": "work", "country": "NL"}],
    ),
    "Entra tells a manager as a text": (
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "boss"},
        lambda user: user[ENTERPRISE]["manager"]["value"],
        "boss",
    ),
    "Entra tells a manager without a path": (
        {"op": "Add", "value": {f"{ENTERPRISE}:manager": "boss"}},
        lambda user: user[ENTERPRISE]["manager"]["value"],
        "boss",
    ),
    "Entra tells the department by its full name": (
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "R&D"},
        lambda user: user[ENTERPRISE]["department"],
        "R&D",
    ),
    "Okta renames with the id inside": (
        {"op": "replace", "value": {"id": "{id}", "displayName": "Hopper"}},
        lambda user: user["displayName"],
        "Hopper",
    ),
    "nobody knows the attribute": (
        {"op": "replace", "value": {"displayName": "Hopper", "shoeSize": "42"}},
        lambda user: (user["displayName"], "shoeSize" in user),
        ("Hopper", False),
    ),
}


@pytest.mark.parametrize("dialect", PATCHES)
async def test_a_user_is_patched_in_every_dialect(dialect: str, workspace: Scene) -> None:
    operation, look, expected = PATCHES[dialect]
    talk = await talking(workspace)
    made = await talk.user(emails=[{"type": "work", "value": "old@home.example.com"}])
    if dialect.startswith("Okta renames"):
        operation = {**operation, "value": {**operation["value"], "id": made["id"]}}

    reply = await talk.patch(f"/Users/{made['id']}", operation)

    assert reply.status_code == 204, reply.text
    assert look(await talk.read(made["id"])) == expected


@pytest.mark.parametrize("told", ["boss", {"value": "boss"}, {"value": "boss", "displayName": "B"}])
async def test_somebody_new_comes_with_a_manager(told: Any, workspace: Scene) -> None:
    talk = await talking(workspace)

    made = await talk.user(**{ENTERPRISE: {"manager": told}})

    assert made[ENTERPRISE]["manager"]["value"] == "boss"


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param({"op": "Remove", "path": "members", "value": [{"value": "{id}"}]}, id="Entra by a value"),
        pytest.param({"op": "remove", "path": 'members[value eq "{id}"]'}, id="Okta by a filter"),
    ],
)
async def test_a_member_is_removed_in_every_dialect(operation: dict[str, Any], workspace: Scene) -> None:
    talk = await talking(workspace)
    one, two = await talk.user("one"), await talk.user("two")
    made = await group(talk, one["id"], two["id"])
    told = {**operation, "path": operation["path"].replace("{id}", one["id"])}
    if "value" in told:
        told["value"] = [{"value": one["id"]}]

    reply = await talk.patch(f"/Groups/{made['id']}", told)

    assert reply.status_code == 204, reply.text
    assert await members(talk, made["id"]) == {two["id"]}


async def test_members_come_and_go_as_okta_and_entra_say(workspace: Scene) -> None:
    talk = await talking(workspace)
    users = [(await talk.user(name))["id"] for name in ("one", "two", "three")]
    made = await group(talk)
    path = f"/Groups/{made['id']}"
    steps = [
        ({"op": "Add", "path": "members", "value": [{"value": users[0]}, {"value": users[1]}]}, set(users[:2])),
        ({"op": "add", "path": "members", "value": [{"value": users[1]}]}, set(users[:2])),
        ({"op": "replace", "path": "members", "value": [{"value": users[2]}]}, {users[2]}),
        ({"op": "replace", "value": {"members": [{"value": users[0]}]}}, {users[0]}),
        ({"op": "remove", "path": "members"}, set()),
    ]

    found = []
    for operation, _ in steps:
        reply = await talk.patch(path, operation)
        assert reply.status_code == 204, reply.text
        found.append(await members(talk, made["id"]))

    assert found == [expected for _, expected in steps]


async def test_okta_renames_a_group_with_its_id_inside(workspace: Scene) -> None:
    talk = await talking(workspace)
    made = await group(talk)

    reply = await talk.patch(
        f"/Groups/{made['id']}", {"op": "replace", "value": {"id": made["id"], "displayName": "Renamed"}}
    )

    assert reply.status_code == 204
    assert (await talk.say("GET", f"/Groups/{made['id']}")).json()["displayName"] == "Renamed"
