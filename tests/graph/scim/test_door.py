"""The door: whose token it is, which paths there are, how large a request is, and what an error looks like."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Role
from kernel import ids
from tests.graph.scim.talking import BULK, PATCH, Talk, talking
from tests.scenery import Scene

ERROR = ["urn:ietf:params:scim:api:messages:2.0:Error"]


async def listed(talk: Talk, **query: str) -> dict[str, Any]:
    reply = await talk.say("GET", "/Users", **query)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def test_only_the_token_of_a_directory_opens_the_door(workspace: Scene) -> None:
    talk = await talking(workspace)
    world = workspace.world
    removed, text = await workspace.directory_token(talk.directory)
    await world.change("removeDirectoryToken", workspace.owner, token=removed)
    gone = await talking(await world.workspace(roles=[Role.OWNER]))
    await world.change("disableDirectory", gone.scene.owner, directory=gone.directory)
    wrong = ["", "Bearer", "Bearer x", f"Basic {talk.token}", f"Bearer {talk.token}x", f"Bearer sgd_{'A' * 43}",
             f"Bearer {text}", f"Bearer {gone.token}", f"Bearer {workspace.owner.bearer}"]  # fmt: skip

    replies = [
        await world.client.get("/scim/v2/Users", headers={"authorization": header} if header else {})
        for header in wrong
    ]

    assert [reply.status_code for reply in replies] == [401] * len(wrong)
    assert all(reply.json()["schemas"] == ERROR for reply in replies)
    assert all(reply.headers["www-authenticate"].startswith("Bearer") for reply in replies)
    assert (await talk.say("GET", "/Users")).status_code == 200


async def test_a_token_tells_when_it_was_used(workspace: Scene) -> None:
    talk = await talking(workspace)
    last = "select last_used_at from directory_token where account_id = $1"

    await talk.say("GET", "/Users")
    first = await workspace.world.value(last, workspace.number)
    await talk.say("GET", "/Users")

    assert first is not None
    assert await workspace.world.value(last, workspace.number) - first < timedelta(minutes=1)


async def test_directories_see_and_change_nobody_elses_users(workspace: Scene) -> None:
    mine = await talking(workspace)
    other = await talking(await workspace.world.workspace(roles=[Role.OWNER]))
    twin = Talk(workspace, directory := await workspace.directory(), (await workspace.directory_token(directory))[1],
                mine.domain)  # fmt: skip
    made = await mine.user("grace", externalId="same")
    path = f"/Users/{made['id']}"

    for stranger in (other, twin):
        replies = [
            await stranger.say("GET", path),
            await stranger.say("PUT", path, stranger.told("evil")),
            await stranger.patch(path, {"op": "replace", "path": "active", "value": False}),
            await stranger.say("DELETE", path),
        ]
        assert [reply.status_code for reply in replies] == [404] * 4
        assert (await listed(stranger))["totalResults"] == 0
        assert (await listed(stranger, filter='externalId eq "same"'))["totalResults"] == 0
    assert (await mine.read(made["id"]))["active"] is True


@pytest.mark.parametrize(
    "path", ["/Users/%00", "/Users/%0d%0aX-Evil:%201", "/Users/a%2Fb%2Fc%2Fd", "/Users/é", "/Users/..%2f..%2f",
             "/Nothing", "/Users/user_0000000000000", "/Me", "/Users/x/y/z", "//Users"]
)  # fmt: skip
async def test_an_address_that_is_none_is_told_so(path: str, workspace: Scene) -> None:
    talk = await talking(workspace)

    reply = await talk.say("GET", path)

    assert reply.status_code in {404, 501}
    # What no address can hold at all never comes as far as the door.
    assert "%0d" in path or reply.json()["schemas"] == ERROR
    assert "x-evil" not in reply.headers


async def test_what_is_too_long_or_no_json_is_refused(workspace: Scene) -> None:
    talk = await talking(workspace)
    client, headers = workspace.world.client, {"authorization": f"Bearer {talk.token}"}
    told = talk.told()
    bodies = {
        json.dumps(told | {"nickName": "x" * 1_100_000}).encode(): 413,
        json.dumps(told | {"nickName": "x" * 1_001}).encode(): 400,
        json.dumps(told | {"userName": "x" * 255}).encode(): 400,
        json.dumps(told | {"userName": " "}).encode(): 400,
        json.dumps(told | {"externalId": "x" * 256}).encode(): 400,
        json.dumps(told | {"title": "a\0b"}).encode(): 400,
        json.dumps(told | {"roles": [{"value": str(n)} for n in range(101)]}).encode(): 400,
        b"{": 400,
        b"\xff\xfe": 400,
        b"[" * 50_000: 400,
        b"null": 400,
        b"[]": 400,
        b'{"userName": "\\ud800"}': 400,
    }

    replies = [await client.post("/scim/v2/Users", content=body, headers=headers) for body in bodies]

    assert [reply.status_code for reply in replies] == list(bodies.values())
    assert all(reply.json()["schemas"] == ERROR and reply.json()["detail"] for reply in replies)
    assert (await listed(talk))["totalResults"] == 0


async def test_a_name_is_had_once_whatever_its_case(workspace: Scene) -> None:
    talk = await talking(workspace)
    await talk.user("grace")
    ada = await talk.user("ada")

    replies = [
        await talk.say("POST", "/Users", talk.told("GRACE")),
        await talk.patch(f"/Users/{ada['id']}", {"op": "replace", "path": "userName", "value": talk.address("Grace")}),
    ]

    assert [(reply.status_code, reply.json()["scimType"]) for reply in replies] == [(409, "uniqueness")] * 2
    assert (await listed(talk))["totalResults"] == 2


async def test_an_old_version_changes_nothing(workspace: Scene) -> None:
    talk = await talking(workspace)
    made = await talk.user("grace")
    path, old = f"/Users/{made['id']}", made["meta"]["version"]
    rename = {"op": "replace", "path": "nickName", "value": "G"}

    first = await talk.patch(path, rename, **{"If-Match": old})
    stale = [
        await talk.patch(path, rename | {"value": "H"}, **{"If-Match": old}),
        await talk.say("PUT", path, talk.told(), headers={"If-Match": old}),
        await talk.say("DELETE", path, headers={"If-Match": old}),
    ]
    known = await talk.say("GET", path, headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, first.headers["etag"]) == (204, 'W/"2"')
    assert [reply.status_code for reply in stale] == [412] * 3
    assert known.status_code == 304
    assert (await talk.read(made["id"]))["nickName"] == "G"


async def test_changes_at_the_same_moment_are_all_made(workspace: Scene) -> None:
    talk = await talking(workspace)
    made = await talk.user("grace")
    names = ["nickName", "title", "userType", "displayName"]

    replies = await asyncio.gather(
        *(talk.patch(f"/Users/{made['id']}", {"op": "add", "path": name, "value": "x"}) for name in names)
    )

    assert [reply.status_code for reply in replies] == [204] * 4
    found = await talk.read(made["id"])
    assert [found[name] for name in names] == ["x"] * 4


FILTERS = {
    'userName eq "ADA@{d}"': ["ada"],
    'externalId eq "e-1"': ["ada"],
    'externalId eq "E-1"': [],
    'userName sw "a" and active eq true': ["ada"],
    "active eq false": ["bob"],
    'emails[type eq "work" and value co "@HOME"]': ["bob"],
    'emails.value ew "home.example.com"': ["bob"],
    'emails.type ne "work"': ["ada", "cy"],
    'name.familyName eq "hopper" or title pr': ["ada", "cy"],
    "not (title pr)": ["ada", "bob"],
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "R&D"': ["cy"],
    'meta.created gt "2000-01-01T00:00:00Z" and meta.lastModified lt "2000-01-01T00:00:00Z"': [],
    'userName gt "b"': ["bob", "cy"],
    'id eq "{id}"': ["ada"],
    'id eq "1"': [],
    'userName eq "x\\" or userName pr or userName eq \\""': [],
    "userName eq \"'; drop table directory_user; --\"": [],
    "title eq null": ["ada", "bob"],
}  # fmt: skip


async def test_filters_find_what_they_say(workspace: Scene) -> None:
    talk = await talking(workspace)
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    ada = await talk.user("ada", externalId="e-1", name={"familyName": "Hopper"})
    bob = await talk.user("bob", active=False, emails=[{"type": "work", "value": "b@home.example.com"}])
    await talk.user("cy", title="Dr", **{enterprise: {"department": "r&d"}})
    asked = [text.replace("{d}", talk.domain).replace("{id}", ada["id"]) for text in FILTERS]

    found = [await listed(talk, filter=text) for text in asked]

    names = [[user["userName"].partition("@")[0] for user in page.get("Resources", [])] for page in found]
    assert dict(zip(FILTERS, names, strict=True)) == FILTERS
    assert [page["totalResults"] for page in found] == [len(names) for names in FILTERS.values()]
    assert bob["active"] is False


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(" * 200 + 'userName eq "a"' + ")" * 200, "parentheses"),
        ('userName eq "' + "a" * 20_000 + '"', "characters"),
        (" or ".join(["title pr"] * 120), "terms"),
        ('userName eq "a', ""),
        ("nothing pr", ""),
        ('userName foo "a"', ""),
        ("active gt true", ""),
        ('id co "user"', "compared"),
        ('meta.created gt "yesterday"', ""),
        ('title eq "a\\u0000b"', ""),
    ],
)
async def test_a_filter_that_cannot_be_answered_is_told_so(text: str, says: str, workspace: Scene) -> None:
    talk = await talking(workspace)
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": text}

    replies = [await talk.say("GET", "/Users", filter=text), await talk.say("POST", "/Users/.search", search)]

    # An address is shorter than a body may be.
    assert [reply.status_code for reply in replies] in ([400, 400], [413, 400])
    assert replies[1].json()["scimType"] in {"invalidFilter", "invalidValue"}
    assert says in replies[1].json()["detail"]


async def test_pages_are_read_one_after_the_other(workspace: Scene) -> None:
    talk = await talking(workspace)
    made = [await talk.user(f"user{n}") for n in range(5)]

    pages = [await listed(talk, startIndex=str(start), count="2") for start in (1, 3, 5, 7)]
    odd = [
        await listed(talk, startIndex="-3", count="1"),
        await listed(talk, count="0"),
        await listed(talk, count="9999"),
    ]

    assert [user["id"] for page in pages for user in page.get("Resources", [])] == [user["id"] for user in made]
    assert [page["totalResults"] for page in [*pages, *odd]] == [5] * 7
    assert [page["itemsPerPage"] for page in pages] == [2, 2, 1, 0]
    assert [len(page.get("Resources", [])) for page in odd] == [1, 0, 5]


async def test_attributes_are_chosen(workspace: Scene) -> None:
    talk = await talking(workspace)
    made = await talk.user("grace", nickName="G", title="Dr")

    few = (await talk.say("GET", f"/Users/{made['id']}", attributes="nickName")).json()
    most = (await talk.say("GET", f"/Users/{made['id']}", excludedAttributes="nickName")).json()

    assert few.keys() == {"schemas", "id", "nickName"}
    assert "nickName" not in most
    assert most["title"] == "Dr"


async def test_a_bulk_request_does_each_of_its_operations_or_says_why_not(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    made = await talk.user("grace")
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "one", "data": talk.told("ada")},
        {"method": "POST", "path": "/Users", "bulkId": "two", "data": talk.told("grace")},
        {"method": "PATCH", "path": f"/Users/{made['id']}",
         "data": {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]}},
        {"method": "DELETE", "path": "/Users/bulkId:one"},
        {"method": "POST", "path": "/Users", "bulkId": "three", "data": {"userName": "x@elsewhere.test"}},
    ]  # fmt: skip

    reply = await talk.say("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})

    told = reply.json()["Operations"]
    assert [one["status"] for one in told] == ["201", "409", "200", "204", "400"]
    assert told[1]["response"]["scimType"] == "uniqueness"
    assert [user["userName"] for user in (await listed(talk))["Resources"]] == [talk.address("grace")]
    assert (await talk.read(made["id"]))["active"] is False


async def test_a_bulk_request_stops_after_the_errors_it_allows_and_has_a_size(workspace: Scene) -> None:
    talk = await talking(workspace)
    bad, good = (
        {"method": "POST", "path": "/Users", "bulkId": name, "data": talk.told(name) | more}
        for name, more in (("bad", {"userName": ""}), ("good", {}))
    )
    asked = {"schemas": [BULK], "failOnErrors": 1, "Operations": [bad, good]}
    many = {"schemas": [BULK], "Operations": [good | {"bulkId": str(n)} for n in range(1_001)]}

    stopped = await talk.say("POST", "/Bulk", asked)
    long = await talk.say("POST", "/Bulk", many)
    large = await talk.say("POST", "/Bulk", many | {"note": "x" * 1_100_000})

    assert [one["status"] for one in stopped.json()["Operations"]] == ["400"]
    assert [long.status_code, large.status_code] == [413, 413]
    assert (await listed(talk))["totalResults"] == 0


async def test_what_is_not_offered_says_so(workspace: Scene) -> None:
    talk = await talking(workspace)

    replies = [
        await talk.say("GET", "/Users", sortBy="userName"),
        await talk.say("GET", "/Me"),
        await talk.say("PUT", "/Users", {}),
        await talk.say("POST", "/ServiceProviderConfig", {}),
    ]

    assert [reply.status_code for reply in replies] == [501, 501, 405, 405]
    assert all(reply.json()["schemas"] == ERROR for reply in replies)


async def test_an_entry_is_no_id_of_anything_else(workspace: Scene) -> None:
    talk = await talking(workspace)
    member = ids.encode("member", 7)

    assert (await talk.say("GET", f"/Users/{member}")).status_code == 404
