"""The quick door answers what the doors behind it would, and refuses nobody by itself."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from auth.policy import Desk, Role
from gateway.public_answers import PublicAnswers
from gateway.quick.entrance import Entrance
from tests.gateway.abuse import ABUSE
from tests.graph.test_compiled import INVOICES, MIXED, PLANS, SEATS, VIEWER
from tests.scenery import Scene, World

JSON = {"content-type": "application/json"}
OLD, NEW = {"accept": "application/json"}, {"accept": "application/graphql-response+json"}
OWN = {"x-request-id", "content-length"}
"""Headers that belong to one response."""

LEFT = re.compile(r'"currentlyAvailable":\d+')


@contextmanager
def closed(world: World) -> Iterator[None]:
    """Let every request go to the doors behind."""
    entrance: Entrance = world.app.state.entrance
    before, entrance.lane = entrance.lane, None
    try:
        yield
    finally:
        entrance.lane = before


async def sent(world: World, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], str]:
    response = await world.client.post("/graphql", content=body, headers=headers)
    shown = {name: value for name, value in response.headers.items() if name not in OWN}
    # What is left of a budget differs from answer to answer.
    return response.status_code, shown, LEFT.sub("", response.text)


async def both(world: World, body: Any, headers: dict[str, str]) -> tuple[Any, Any, int]:
    """What the quick door and those behind it answer, and how many answers were the quick one's own."""
    entrance: Entrance = world.app.state.entrance
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    for _ in range(3):
        await sent(world, raw, headers)
    before = entrance.answered
    quick = await sent(world, raw, headers)
    answered = entrance.answered - before
    with closed(world):
        return quick, await sent(world, raw, headers), answered


def asks(document: str, **variables: Any) -> dict[str, Any]:
    return {"query": document, "variables": variables}


async def bearing(workspace: Scene, role: Role = Role.OWNER) -> dict[str, str]:
    return JSON | {"authorization": f"Bearer {workspace.members[role].bearer}"}


@pytest.mark.parametrize("accept", [OLD, NEW, {"accept": "*/*"}], ids=["old", "new", "any"])
@pytest.mark.parametrize("document", [VIEWER, SEATS, INVOICES, PLANS, MIXED], ids=["a", "b", "c", "d", "mixed"])
async def test_what_clients_ask_most_is_answered_alike(document: str, accept: dict[str, str], workspace: Scene) -> None:
    names = {"Seats": {"workspace": workspace.id}, "Invoices": {"account": workspace.account}}
    variables = next((each for name, each in names.items() if name in document), {})
    variables = variables or ({"node": workspace.id} if document is MIXED else {})
    await workspace.seat(await workspace.pool(), workspace.owner)

    quick, usual, answered = await both(workspace.world, asks(document, **variables), await bearing(workspace) | accept)

    assert quick == usual
    assert quick[0] == 200
    assert quick[2].startswith('{"data":{')
    assert answered == 1


async def test_our_staff_read_with_a_reason_at_the_quick_door(workspace: Scene) -> None:
    staff = await workspace.world.person("finance", desk=Desk.FINANCE)
    told = {"authorization": f"Bearer {staff.bearer}", "seatgraph-reason": "Ticket 12: what is still open"}
    document = "query Open { invoices(first: 3, filter: {state: [OPEN]}) { nodes { id total { minor } } } }"

    quick, usual, answered = await both(workspace.world, asks(document), JSON | NEW | told)

    assert quick == usual
    assert quick[0] == 200
    assert answered == 1


PECULIAR: dict[str, tuple[Any, dict[str, str]]] = {
    "a mutation": (asks("mutation { endSessions(input: {}) { __typename } }"), {}),
    "a subscription": (asks('subscription { seatChanged(pool: "x") { __typename } }'), {}),
    "nonsense": (b"nonsense", {}),
    "no body": (b"", {}),
    "a batch": (b"[]", {}),
    "no document": ({}, {}),
    "a text that is no document": (asks("{"), {}),
    "a field that is not there": (asks("{ nothing }"), {}),
    "variables of another type": (asks("query($id: ID!) { workspace(id: $id) { id } }", id={}), {}),
    "no variables where some are needed": (asks("query($id: ID!) { workspace(id: $id) { id } }"), {}),
    "an id that is none": (asks('{ workspace(id: "x") { id } }'), {}),
    "an id of another kind": (asks('{ workspace(id: "seat_0000000000000") { id } }'), {}),
    "an operation of another name": ({"query": "{ plans { key } }", "operationName": "B"}, {}),
    "two operations": (asks("query A { plans { key } } query B { plans { key } }"), {}),
    "a document of nobody": ({"documentId": f"sha256:{'0' * 64}"}, {}),
    "both a text and an id": ({"query": "{ plans { key } }", "documentId": "x-a:b"}, {}),
    "a hash of nobody": (
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
        {},
    ),
    "a hash of another text": (
        asks("{ plans { key } }") | {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
        {},
    ),
    "introspection": (asks("{ __schema { queryType { name } } }"), {}),
    "a card": (asks("query($id: ID!) { workspace(id: $id) { id } }", id="4242424242424242"), {}),
    "a card in the reason": (asks("{ plans { key } }"), {"seatgraph-reason": "4242424242424242"}),
    "a page that is too long": (
        asks("query($id: ID!) { workspace(id: $id) { seats(first: 9999) { nodes { id } } } }"),
        {},
    ),
    "another media type": (asks("{ plans { key } }"), {"content-type": "text/plain"}),
    "another encoding": (asks("{ plans { key } }"), {"content-type": "application/json; charset=latin-1"}),
    "a compressed body": (asks("{ plans { key } }"), {"content-encoding": "gzip"}),
    "a media type we have not": (asks("{ plans { key } }"), {"accept": "image/png"}),
    "an event stream": (asks("{ plans { key } }"), {"accept": "text/event-stream, application/json;q=0.1"}),
    "a client of no name": (asks("{ plans { key } }"), {"seatgraph-client": "no name, this"}),
    "a client": (asks("{ plans { key } }"), {"apollographql-client-name": "web"}),
    "an id of its own": (asks("{ plans { key } }"), {"x-request-id": "mine"}),
    "a scheme we have not": (asks("{ plans { key } }"), {"authorization": "Basic YTpi"}),
    "no bearer": (asks("{ plans { key } }"), {"authorization": "Bearer "}),
    "a bearer that is none": (asks("{ plans { key } }"), {"authorization": "Bearer nonsense"}),
    "a cookie": (asks("{ plans { key } }"), {"cookie": "a=b"}),
    "a list of all there is": (asks("{ plans { key versions { number } } }"), {}),
}
"""Requests that are peculiar in one way each, and what is added to the usual headers."""


@pytest.mark.parametrize("known", [False, True], ids=["a stranger", "somebody"])
@pytest.mark.parametrize("name", PECULIAR)
async def test_both_doors_answer_what_is_peculiar_alike(name: str, known: bool, workspace: Scene) -> None:
    body, more = PECULIAR[name]
    headers = (await bearing(workspace) if known else JSON) | NEW | more

    quick, usual, _ = await both(workspace.world, body, headers)

    assert quick == usual


@pytest.mark.parametrize("name", ABUSE)
async def test_abuse_is_answered_alike(name: str, workspace: Scene) -> None:
    quick, usual, answered = await both(workspace.world, asks(ABUSE[name]), await bearing(workspace) | NEW)

    assert quick == usual
    assert answered == 0


async def test_a_public_answer_comes_from_memory(world: World) -> None:
    quick, usual, answered = await both(world, asks(PLANS), JSON | NEW)

    assert quick == usual
    assert quick[1]["vary"] == "Accept, Authorization, Cookie"
    assert answered == 1


async def test_a_public_answer_is_not_for_whoever_is_known(workspace: Scene) -> None:
    headers = await bearing(workspace) | NEW

    await sent(workspace.world, json.dumps(asks(PLANS)).encode(), JSON | NEW)
    _, shown, told = (await both(workspace.world, asks(PLANS), headers))[0]

    assert shown["vary"] == "Accept"
    assert '"requestedQueryCost"' in told


async def test_a_stranger_is_told_of_a_changed_catalog(world: World) -> None:
    asked = json.dumps(asks("{ plans { key name } }")).encode()
    for _ in range(3):
        await sent(world, asked, JSON | NEW)
    answers: PublicAnswers = world.app.state.remembered.answers
    heard = answers.mark()

    await world.run("update plan set name = name || '{\"en\": \"Renamed\"}' where key = 'team'")
    async with asyncio.timeout(60):
        while answers.mark() == heard:  # noqa: ASYNC110 - a notice comes when it comes
            await asyncio.sleep(0.02)
    _, _, told = await sent(world, asked, JSON | NEW)

    quick, usual, _ = await both(world, asks("{ plans { key name } }"), JSON | NEW)
    assert quick == usual
    assert told == usual[2]


async def test_somebody_we_know_is_told_of_a_changed_catalog_in_their_language(workspace: Scene) -> None:
    world, headers = workspace.world, await bearing(workspace) | NEW
    asked = asks("query Known { plans { key name } }")
    answers: PublicAnswers = world.app.state.remembered.answers
    key, name = (await world.rows("select key, name from plan order by id limit 1"))[0]
    first, heard = await both(world, asked, headers), answers.mark()

    await world.run("update plan set name = $2 where key = $1", key, '{"en": "Known", "fr": "Connu"}')
    async with asyncio.timeout(60):
        while answers.mark() == heard:  # noqa: ASYNC110 - a notice comes when it comes
            await asyncio.sleep(0.02)
    changed, again = await both(world, asked, headers), await both(world, asked, headers)
    await world.run("update person set locale = 'fr' where id = $1", workspace.owner.number)
    theirs = await both(world, asked, headers)
    await world.run("update plan set name = $2 where key = $1", key, name)

    for quick, usual, answered in (first, changed, again, theirs):
        assert quick == usual
        assert answered == 1
    assert '"Known"' in changed[0][2]
    assert '"Known"' in again[0][2]
    assert '"Connu"' in theirs[0][2]
