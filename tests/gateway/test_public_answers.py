"""Public answers: kept in so much room and no more, whatever is sent, and free as long as they are kept."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from uuid import uuid4

import httpx2
import pytest

import schema
from gateway.documents import Document, Documents
from gateway.noticing import Notices
from gateway.public_answers import PublicAnswers, key_of
from tests.scenery import World

DOCUMENTS = Documents(schema.build())
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
