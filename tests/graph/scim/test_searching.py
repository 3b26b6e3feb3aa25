"""Searching users and groups at once: one list, in pages, of whatever meets a filter."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.scim.talking import GROUP, Talk, talking
from tests.scenery import Scene

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


async def furnished(scene: Scene) -> Talk:
    """A directory with three users and two groups."""
    talk = await talking(scene)
    for name in ("ada", "bob", "cy"):
        await talk.user(name, externalId=f"e-{name}")
    for name in ("Red", "Blue"):
        told = {"schemas": [GROUP], "displayName": name, "externalId": f"e-{name.lower()}"}
        assert (await talk.say("POST", "/Groups", told)).status_code == 201
    return talk


async def searched(talk: Talk, **asked: Any) -> Any:
    """What all of them at once are searched for."""
    reply = await talk.say("POST", "/.search", {"schemas": [SEARCH], **asked})
    assert reply.status_code == 200, reply.text
    return reply.json()


def names(page: Any) -> list[str]:
    return [one.get("userName", one.get("displayName")).partition("@")[0] for one in page.get("Resources", [])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ["ada", "bob", "cy", "Red", "Blue"]),
        ('externalId eq "e-red" or externalId eq "e-ada"', ["ada", "Red"]),
        ('userName sw "b"', ["bob"]),
        ('members.value pr or displayName eq "Blue"', ["Blue"]),
        ('externalId eq "nobody"', []),
    ],
)
async def test_a_filter_finds_users_and_groups_alike(text: str | None, found: list[str], workspace: Scene) -> None:
    talk = await furnished(workspace)

    page = await searched(talk, **({} if text is None else {"filter": text}))

    assert (names(page), page["totalResults"]) == (found, len(found))


async def test_pages_go_on_from_users_to_groups(workspace: Scene) -> None:
    talk = await furnished(workspace)

    pages = [await searched(talk, startIndex=start, count=2) for start in (1, 3, 5, 7)]
    none = await searched(talk, count=0)

    assert [names(page) for page in pages] == [["ada", "bob"], ["cy", "Red"], ["Blue"], []]
    assert [page["totalResults"] for page in [*pages, none]] == [5] * 5
    assert names(none) == []


@pytest.mark.parametrize("text", ["nothing pr", 'userName foo "a"', 'userName eq "a', "(" * 30 + "title pr" + ")" * 30])
async def test_a_filter_that_neither_can_answer_is_told_so(text: str, workspace: Scene) -> None:
    talk = await furnished(workspace)

    reply = await talk.say("POST", "/.search", {"schemas": [SEARCH], "filter": text})

    assert (reply.status_code, reply.json()["scimType"]) == (400, "invalidFilter")


async def test_another_directory_finds_nothing_of_it(workspace: Scene) -> None:
    await furnished(workspace)
    other = await talking(await workspace.world.workspace(roles=list(workspace.members)))

    page = await searched(other)

    assert (names(page), page["totalResults"]) == ([], 0)
