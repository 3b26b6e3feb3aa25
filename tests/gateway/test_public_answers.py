"""Public answers: kept in so much room and no more, whatever is sent, and free as long as they are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from uuid import uuid4

import httpx2
import pytest
from graphql import GraphQLObjectType, get_named_type

import schema
from auth.policy import Actor, ActorKind, Desk, Permission
from gateway.compiled import Reads
from gateway.cost import told
from gateway.documents import Document, Documents
from gateway.noticing import Notices
from gateway.public_answers import PublicAnswers, key_of
from resolvers.compiled.asking import Asking
from resolvers.compiled.plan import Plan
from resolvers.graph import FACES
from tests.graph.test_fence import OPEN
from tests.scenery import World

SCHEMA = schema.graph()
DOCUMENTS, READS = Documents(SCHEMA), Reads(SCHEMA)
PLAN = "query Plan($key: String!) { plan(key: $key) { key } }"


@pytest.fixture
def answers() -> PublicAnswers:
    """What a process keeps that would hear of changes."""
    notices = Notices("nowhere")
    notices.listening = True
    return PublicAnswers(notices)


def key(**variables: object) -> bytes:
    """What an answer about a plan is kept by."""
    document = DOCUMENTS.read(PLAN)
    assert isinstance(document, Document)
    return key_of(document.digest, document.operations[0], variables)


def test_what_is_sent_beside_the_question_makes_no_other_answer() -> None:
    assert key(key="pro") == key(key="pro", junk="x" * 100_000)
    assert key(key="pro") != key(key="max")


def test_a_long_question_is_kept_in_no_more_room() -> None:
    assert len(key(key="x" * 100_000)) == 32


def test_small_answers_push_out_old_ones_before_they_fill_the_memory(answers: PublicAnswers) -> None:
    first = key(key="first")
    answers.put(first, b"{}", answers.mark())

    for number in range(40_000):
        answers.put(b"%d" % number, b"{}", answers.mark())

    assert answers.get(first) is None
    assert answers.get(b"39999")
    assert answers.get(b"20000")


async def test_a_stranger_pays_for_what_is_not_in_memory_and_for_nothing_else(world: World) -> None:
    for _ in range(20):
        before, after, refused, unheard = await _asked_with_nothing_left(world)
        if unheard:
            break

    assert (before.status_code, before.json()) == (after.status_code, after.json())
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) > 0


async def _asked_with_nothing_left(
    world: World,
) -> tuple[httpx2.Response, httpx2.Response, httpx2.Response, bool]:
    """What somebody is told, again once they have nothing left, and of something else; and if nothing changed."""
    answers: PublicAnswers = world.app.state.remembered.answers
    address = f"2001:db8:{uuid4().int & 0xFFFF:x}:{uuid4().int & 0xFFFF:x}::1"
    transport = httpx2.ASGITransport(app=world.app, client=(address, 1))
    kept, other = ({"query": f"query P{uuid4().hex} {{ plans {{ key }} }}"} for _ in range(2))
    async with httpx2.AsyncClient(transport=transport, base_url="http://far.test") as stranger:
        heard = answers.mark()
        before = await stranger.post("/graphql", json=kept)
        await _broke(world, f"address:{ip_network((int(ip_address(address)), 64), strict=False)}")
        after = await stranger.post("/graphql", json=kept)
        refused = await stranger.post("/graphql", json=other)
    return before, after, refused, answers.mark() == heard


async def _broke(world: World, name: str) -> None:
    """Let somebody have spent everything, and this process know it."""
    budgets = world.app.state.budgets
    await budgets.settle([name])
    await world.run("update budget set thousandths = -1000000 * 1000::bigint where name = $1", name)
    await budgets.settle([name])


# What everybody gets alike

REMEMBERED = {
    "Query": {"plan", "plans"},
    "Plan": {"audience", "description", "id", "key", "name", "offered", "version", "versions"},
    "PlanVersion": {"entitlements", "id", "number", "perSeat", "plan", "prices", "trialDays"},
    "Entitlement": {"amount", "feature", "id", "kind", "text"},
    "Price": {"amount", "currency", "id", "interval", "key", "meter", "model", "plan", "tiers"},
    "PriceTier": {"flat", "size", "unit", "upTo"},
    "Money": {"currency", "minor", "text"},
}
"""The fields whose answers are remembered for everybody, by their types."""


def test_what_is_remembered_for_everybody_is_the_price_list() -> None:
    query = DOCUMENTS.schema.query_type
    assert query
    ways = {name: made for name, made in query.fields.items() if told(made).get("public")}
    found, below = {"Query": {*ways}}, [get_named_type(made.type) for made in ways.values()]
    while below:
        kind = below.pop()
        if isinstance(kind, GraphQLObjectType) and kind.name not in found:
            found[kind.name] = {*kind.fields}
            below += [get_named_type(made.type) for made in kind.fields.values()]

    assert found == REMEMBERED
    # Row-level security hides nothing of it either.
    assert {face.table for face in (FACES[name] for name in found if name in FACES) if face.table} <= {*OPEN}


def _planned(document: str, actor: Actor) -> Plan:
    (operation,) = (read := _read(document)).operations
    asking = Asking(actor, "en", datetime(2026, 1, 31, tzinfo=UTC), READS.coerced(operation, {}))
    return READS.planned(read, operation, asking)[0]


def _read(document: str) -> Document:
    found = DOCUMENTS.read(document)
    assert isinstance(found, Document)
    return found


SOMEBODY = Actor(ActorKind.PERSON, person_id=1, email="ada@example.test", grants={7: frozenset(Permission)})
STAFF = Actor(ActorKind.PERSON, person_id=2, desk=Desk.SUPPORT)
OF_SOMEBODY = [
    "{ viewer { kind } }",
    "{ accounts { nodes { id } } }",
    "{ invoices { nodes { id } } }",
    "{ plans { key } viewer { kind } }",
    '{ plan(key: "pro") { key } accounts { totalCount } }',
]


@pytest.mark.parametrize("actor", [SOMEBODY, STAFF], ids=["somebody", "staff"])
def test_a_statement_that_asks_who_reads_says_so(actor: Actor) -> None:
    assert [_planned(document, actor).personal for document in OF_SOMEBODY] == [True] * len(OF_SOMEBODY)
    assert not _planned("{ plans { key name version { prices { amount { text } } } } }", actor).personal


async def test_what_a_statement_tells_one_person_is_remembered_for_nobody(world: World) -> None:
    answers: PublicAnswers = world.app.state.remembered.answers
    lane = world.app.state.entrance.lane
    who, body = await world.person(), json.dumps({"query": f"query P{uuid4().hex} {{ viewer {{ kind }} }}"}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {who.bearer}"}
    for _ in range(3):
        await world.client.post("/graphql", content=body, headers=headers)
    question, key = lane.questions.known(body, None), b"k" * 32

    # As if a declaration said that everybody gets it alike.
    lane.questions._put(body, None, replace(question, key=key))
    before = world.app.state.entrance.answered
    reply = await world.client.post("/graphql", content=body, headers=headers)

    assert reply.json()["data"] == {"viewer": {"kind": "person"}}
    assert world.app.state.entrance.answered == before + 1
    assert answers.get(key + b"en") is None
