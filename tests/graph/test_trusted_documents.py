"""Trusted documents and automatic persisted queries, through the door."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from gateway import trusting
from gateway.trusted.manifests import hashed
from kernel.errors import InvalidInput
from tests.gateway.live.conftest import door
from tests.gateway.live.speaking import Served, speaking
from tests.scenery import Reply, Scene, World

__all__ = ["door"]

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def client() -> str:
    """The name of a client that nobody else is."""
    return f"client-{uuid4()}"


@pytest.fixture
def text() -> str:
    """A document that nobody has asked."""
    return f"query Q{uuid4().hex} {{ viewer {{ kind }} plans {{ key }} }}"


async def registered(world: World, folder: Path, client: str, *texts: str, **named: str) -> None:
    """Register these documents, by their hash or by an id."""
    path = folder / f"{client}.json"
    path.write_text(json.dumps([*texts, *([id_, text] for id_, text in named.items())]))
    await trusting.register(world.url, client, path)


async def post(world: World, client: str | None, **body: Any) -> Reply:
    headers = {"seatgraph-client": client} if client else {}
    response = await world.post(body, await world.person(), headers_=headers)
    return Reply(response.status_code, response.json())


async def until(world: World, client: str | None, code: str | None, **body: Any) -> Reply:
    """The reply once it has this code: a change is heard of a moment after it was made."""
    async with asyncio.timeout(60):
        while True:
            reply = await post(world, client, **body)
            if reply.code == code:
                return reply
            await asyncio.sleep(0.02)


@pytest.fixture
def held(world: World, client: str) -> Iterator[str]:
    """A client that may ask trusted documents alone."""
    remembered = world.app.state.remembered
    world.app.state.remembered = replace(
        remembered, sources=replace(remembered.sources, trusted_only=frozenset({client}))
    )
    yield client
    world.app.state.remembered = remembered


async def test_a_registered_document_is_asked_by_its_hash(world: World, tmp_path: Path, client: str, text: str) -> None:
    await registered(world, tmp_path, client, text)

    by_id, by_text = await until(world, client, None, documentId=hashed(text)), await post(world, client, query=text)

    assert by_id.data == by_text.data
    assert by_id.data["plans"]


async def test_a_document_is_asked_by_the_id_of_its_manifest(
    world: World, tmp_path: Path, client: str, text: str
) -> None:
    name = uuid4().hex
    await registered(world, tmp_path, client, **{name: text})

    assert (await until(world, client, None, documentId=f"x-id:{name}")).data["viewer"]


async def test_an_id_that_nobody_registered_is_told(world: World, client: str) -> None:
    reply = await post(world, client, documentId=UNKNOWN)

    assert (reply.status, reply.code) == (422, "NOT_FOUND")
    assert reply.json["errors"][0]["message"].startswith("No document of this id is registered.")


async def test_a_document_of_another_client_is_told(world: World, tmp_path: Path, client: str, text: str) -> None:
    await registered(world, tmp_path, client, text)
    await until(world, client, None, documentId=hashed(text))

    reply = await post(world, f"not-{client}"[:64], documentId=hashed(text))
    nameless = await post(world, None, documentId=hashed(text))

    assert reply.code == "NOT_FOUND"
    assert reply.json["errors"][0]["message"].startswith("This document is registered for another client.")
    assert nameless.data


async def test_a_revoked_document_is_told_by_all_processes(
    world: World, tmp_path: Path, client: str, text: str
) -> None:
    await registered(world, tmp_path, client, text)
    await until(world, client, None, documentId=hashed(text))

    await trusting.revoke(world.url, client, hashed(text))
    reply = await until(world, client, "FORBIDDEN", documentId=hashed(text))

    assert reply.json["errors"][0]["message"] == "This document was revoked. Update the client."
    with pytest.raises(InvalidInput, match="has no such document that could be revoked"):
        await trusting.revoke(world.url, client, hashed(text))


async def test_what_was_revoked_comes_back_by_hand_and_not_by_itself(
    world: World, tmp_path: Path, client: str, text: str
) -> None:
    await registered(world, tmp_path, client, text)
    await trusting.revoke(world.url, client, None)

    await trusting.register_folder(world.url, tmp_path)
    revoked = await until(world, client, "FORBIDDEN", documentId=hashed(text))
    await registered(world, tmp_path, client, text)

    assert revoked.code == "FORBIDDEN"
    assert (await until(world, client, None, documentId=hashed(text))).data


async def test_a_manifest_with_a_document_that_is_wrong_registers_nothing(
    world: World, tmp_path: Path, client: str, text: str
) -> None:
    with pytest.raises(InvalidInput, match="Cannot query field 'nonsense'"):
        await registered(world, tmp_path, client, text, "{ nonsense }")

    assert (await post(world, client, documentId=hashed(text))).code == "NOT_FOUND"


async def test_a_client_that_is_held_to_it_asks_registered_documents_alone(
    world: World, tmp_path: Path, held: str, text: str
) -> None:
    refused = await post(world, held, query=text)
    hash_alone = {"persistedQuery": {"version": 1, "sha256Hash": hashed(text)[7:]}}
    automatic = await post(world, held, query=text, extensions=hash_alone)
    await registered(world, tmp_path, held, text)
    allowed = await until(world, held, None, query=text)
    other = await post(world, None, query="{ viewer { kind } }")

    assert (refused.code, automatic.code) == ("FORBIDDEN", "FORBIDDEN")
    assert allowed.data
    assert other.data
    assert (await post(world, held, documentId=hashed(text))).data
    assert (await post(world, held, extensions=hash_alone)).data


async def test_a_subscription_is_held_to_it_too(world: World, door: Served, workspace: Scene) -> None:
    sources = world.app.state.live.streams.sources
    world.app.state.live.streams.sources = replace(sources, trusted_only=frozenset({"*"}))
    try:
        async with speaking(door) as speaker:
            await speaker.greet(workspace.owner)
            await speaker.subscribe("1", "subscription($w: ID!) { seatChanged(workspace: $w) { event } }", w="x")
            message = await speaker.hear()
    finally:
        world.app.state.live.streams.sources = sources

    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")


async def test_a_persisted_query_is_sent_once_and_then_named(world: World, client: str, text: str) -> None:
    named = {"persistedQuery": {"version": 1, "sha256Hash": hashed(text)[7:]}}

    first = await post(world, client, extensions=named)
    sent = await post(world, client, extensions=named, query=text)
    again = await post(world, client, extensions=named)

    assert (first.code, first.json["errors"][0]["message"]) == ("NOT_FOUND", "PersistedQueryNotFound")
    assert sent.data == again.data


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"documentId": "sha256:abc"}, 422),
        ({"documentId": "md5:5d41402abc4b2a76b9719d911017c592"}, 422),
        ({"documentId": "x-"}, 422),
        ({"documentId": 7}, 400),
        ({"documentId": UNKNOWN, "query": "{ plans { key } }"}, 400),
        ({}, 400),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}}}, 422),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "zz"}}}, 422),
        ({"extensions": {"persistedQuery": "0" * 64}}, 422),
        ({"query": "{ plans { key } }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}, 422),
    ],
    ids=str,
)
async def test_what_is_no_id_is_told(world: World, body: dict[str, Any], status: int) -> None:
    reply = await post(world, "web", **body)

    assert (reply.status, reply.code) == (status, "INVALID_INPUT")


async def test_a_client_with_a_name_that_is_none_is_told(world: World) -> None:
    assert (await post(world, "a client; or two", query="{ plans { key } }")).code == "INVALID_INPUT"


# By GET, for everybody


async def get(world: World, headers: dict[str, str] | None = None, **parameters: str) -> httpx2.Response:
    accepted = {"accept": "application/graphql-response+json"} | (headers or {})
    return await world.client.get("/graphql", params=parameters, headers=accepted)


async def test_the_price_list_may_be_kept_by_others(world: World) -> None:
    response = await get(world, query="{ plans { key } }")
    again = await get(world, {"if-none-match": response.headers["etag"]}, query="{ plans { key } }")
    other = await get(world, {"if-none-match": '"other", W/"another"'}, query="{ plans { key } }")

    assert response.headers["cache-control"] == "public, max-age=60"
    assert set(response.headers["vary"].split(", ")) == {"Accept", "Authorization", "Cookie"}
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", response.headers["etag"])
    assert (other.status_code, other.content) == (200, response.content)


async def test_the_two_media_types_have_tags_of_their_own(world: World) -> None:
    one = await get(world, query="{ plans { key } }")
    other = await get(world, {"accept": "application/json"}, query="{ plans { key } }")

    assert one.headers["etag"] != other.headers["etag"]
    assert one.content == other.content


async def test_what_is_somebodys_is_kept_by_nobody(world: World) -> None:
    ada = await world.person()

    mine = await get(world, {"authorization": f"Bearer {ada.bearer}"}, query="{ plans { key } }")
    viewer = await get(world, query="{ viewer { kind } }")
    posted = await world.post({"query": "{ plans { key } }"})

    for response in (mine, viewer, posted):
        assert (response.headers["cache-control"], "etag" in response.headers) == ("no-store", False)


async def test_a_bearer_that_is_forged_gets_no_answer_from_memory(world: World) -> None:
    await get(world, query="{ plans { key } }")

    assert (await get(world, {"authorization": "Bearer forged"}, query="{ plans { key } }")).status_code == 401


async def test_a_public_answer_follows_the_catalog(world: World) -> None:
    document = f"query P{uuid4().hex} {{ plans {{ key name }} }}"
    before = await get(world, query=document)
    key = before.json()["data"]["plans"][0]["key"]
    name = uuid4().hex

    kept = await get(world, query=document)
    old = await world.value("select name::text from plan where key = $1", key)
    await world.run("update plan set name = jsonb_build_object('en', $2::text) where key = $1", key, name)
    try:
        after = await _renamed(world, document, name)
    finally:
        await world.run("update plan set name = $2::text::jsonb where key = $1", key, old)

    assert kept.content == before.content
    assert after.headers["etag"] != before.headers["etag"]


async def _renamed(world: World, document: str, name: str) -> httpx2.Response:
    """The answer once it has this name: the change is heard of a moment after it was made."""
    async with asyncio.timeout(60):
        while True:
            answer = await get(world, query=document)
            if name in answer.text:
                return answer
            await asyncio.sleep(0.02)


async def test_variables_are_part_of_what_is_kept(world: World) -> None:
    document = "query P($key: String!) { plan(key: $key) { key } }"

    one = await get(world, query=document, variables='{"key": "t_pro"}')
    none = await get(world, query=document, variables='{"key": "nothing"}')
    wrong = await get(world, query=document, variables='{"key": 7}')

    assert one.json()["data"]["plan"] == {"key": "t_pro"}
    assert none.json()["data"]["plan"] is None
    assert (wrong.status_code, "etag" in wrong.headers) == (422, False)
