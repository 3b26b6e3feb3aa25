"""Groups: who is in them is told, found and kept in order."""

from __future__ import annotations

import pytest

from auth.policy import Role
from kernel import ids
from tests.graph.scim.talking import GROUP, talking
from tests.graph.scim.test_dialects import group, members
from tests.scenery import Scene


async def test_a_group_tells_its_people_and_they_tell_their_groups(workspace: Scene) -> None:
    talk = await talking(workspace)
    grace = await talk.user()

    made = await group(talk, grace["id"], externalId="g-1")

    (member,) = made["members"]
    assert (member["value"], member["type"]) == (grace["id"], "User")
    assert member["$ref"].endswith(f"/scim/v2/Users/{grace['id']}")
    (mine,) = (await talk.read(grace["id"]))["groups"]
    assert (mine["value"], mine["display"]) == (made["id"], "Team")
    assert made["meta"]["version"] == 'W/"1"'


@pytest.mark.parametrize("stranger", ["user_0000000000000", "nobody", "theirs", "group", "deleted"])
async def test_only_users_of_the_directory_are_in_its_groups(stranger: str, workspace: Scene) -> None:
    talk = await talking(workspace)
    grace = await talk.user()
    made = await group(talk, grace["id"])
    other = await talking(await workspace.world.workspace(roles=[Role.OWNER]))
    gone = await talk.user("gone")
    await talk.say("DELETE", f"/Users/{gone['id']}")
    named = {"theirs": (await other.user())["id"], "group": made["id"], "deleted": gone["id"]}.get(stranger, stranger)

    replies = [
        await talk.patch(f"/Groups/{made['id']}", {"op": "add", "path": "members", "value": [{"value": named}]}),
        await talk.say("POST", "/Groups", {"schemas": [GROUP], "displayName": "B", "members": [{"value": named}]}),
    ]

    assert [(reply.status_code, reply.json()["scimType"]) for reply in replies] == [(400, "invalidValue")] * 2
    assert await members(talk, made["id"]) == {grace["id"]}
    assert (await talk.say("GET", "/Groups")).json()["totalResults"] == 1


async def test_groups_are_found(workspace: Scene) -> None:
    talk = await talking(workspace)
    grace, ada = await talk.user("grace"), await talk.user("ada")
    one = await group(talk, grace["id"], displayName="One", externalId="x")
    two = await group(talk, grace["id"], ada["id"], displayName="Two")
    asked = {
        'displayName eq "ONE"': {one["id"]},
        'externalId eq "x"': {one["id"]},
        f'members eq "{ada["id"]}"': {two["id"]},
        f'members[value eq "{grace["id"]}"] and displayName sw "t"': {two["id"]},
        f'id eq "{one["id"]}" and members.value eq "{ada["id"]}"': set(),
        'members eq "nobody"': set(),
    }

    pages = [(await talk.say("GET", "/Groups", filter=text)).json() for text in asked]
    users = (await talk.say("GET", "/Users", filter=f'groups.value eq "{two["id"]}"')).json()
    bare = (await talk.say("GET", "/Groups", excludedAttributes="members")).json()

    assert [{found["id"] for found in page.get("Resources", [])} for page in pages] == list(asked.values())
    assert users["totalResults"] == 2
    assert [("members" in found) for found in bare["Resources"]] == [False, False]


async def test_whoever_is_deleted_leaves_their_groups_and_a_deleted_group_its_people(workspace: Scene) -> None:
    talk = await talking(workspace)
    grace, ada = await talk.user("grace"), await talk.user("ada")
    made = await group(talk, grace["id"], ada["id"])

    await talk.say("DELETE", f"/Users/{grace['id']}")
    left = (await talk.say("GET", f"/Groups/{made['id']}")).json()
    gone = await talk.say("DELETE", f"/Groups/{made['id']}")

    assert [member["value"] for member in left["members"]] == [ada["id"]]
    assert left["meta"]["version"] == 'W/"2"'
    assert gone.status_code == 204
    assert (await talk.say("GET", f"/Groups/{made['id']}")).status_code == 404
    assert "groups" not in await talk.read(ada["id"])


async def test_a_bulk_request_makes_a_group_of_people_that_it_makes(workspace: Scene) -> None:
    talk = await talking(workspace)
    told = {"schemas": [GROUP], "displayName": "New", "members": [{"value": "bulkId:ada"}]}
    operations = [
        {"method": "POST", "path": "/Groups", "bulkId": "group", "data": told},
        {"method": "POST", "path": "/Users", "bulkId": "ada", "data": talk.told("ada")},
    ]
    asked = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}

    reply = await talk.say("POST", "/Bulk", asked)

    assert [one["status"] for one in reply.json()["Operations"]] == ["201", "201"]
    (made,) = (await talk.say("GET", "/Groups")).json()["Resources"]
    assert len(made["members"]) == 1


async def test_a_large_group_is_told_at_once(workspace: Scene) -> None:
    talk = await talking(workspace)
    number = ids.decode("directory", talk.directory)
    await workspace.world.run(
        "insert into directory_user (account_id, id, directory_id, user_name, document, active, seat_wanted, version,"
        " created_at, changed_at) select $1, $3::bigint + n, $2, 'u' || n, '{}', true, true, 1, now(), now()"
        " from generate_series(1, 3000) n",
        workspace.number,
        number,
        10**12 + workspace.number * 10_000,
    )
    users = [ids.encode("user", 10**12 + workspace.number * 10_000 + n) for n in range(1, 3_001)]

    made = await group(talk, *users)
    reply = await talk.patch(f"/Groups/{made['id']}", {"op": "remove", "path": f'members[value eq "{users[7]}"]'})

    assert reply.status_code == 204
    assert await members(talk, made["id"]) == set(users) - {users[7]}
