"""Whoever speaks graphql-transport-ws is understood, and whoever doesn't is told what is wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from gateway.live import socket, streams
from gateway.live.socket import MOST_IDS
from gateway.serving import SPOKEN
from kernel import ids
from tests.gateway.live.speaking import INVOICES, SEATS, Served, Speaker, begun, following, happened, speaking
from tests.scenery import Scene, World

HELLO = {"type": "connection_init"}
VIEWER = "{ viewer { kind } }"


@pytest.fixture
async def speaker(door: Served, workspace: Scene) -> AsyncIterator[Speaker]:
    """The owner of the workspace, let in."""
    async with speaking(door) as made:
        yield await made.greet(workspace.owner)


async def test_whoever_says_who_they_are_is_let_in(door: Served, workspace: Scene) -> None:
    async with speaking(door) as speaker:
        await speaker.say(type="connection_init", payload={"Authorization": f"bearer {workspace.owner.bearer}"})
        answer = await speaker.hear()

    assert answer == {"type": "connection_ack"}
    assert speaker.wire.subprotocol == "graphql-transport-ws"
    assert speaker.wire.response is not None
    assert speaker.wire.response.headers["x-request-id"]


async def test_a_header_does_instead_of_a_payload(door: Served, workspace: Scene) -> None:
    said = {"Authorization": f"Bearer {workspace.owner.bearer}"}

    async with speaking(door, additional_headers=said) as speaker:
        await speaker.greet()


@pytest.mark.parametrize(
    "payload", [None, {}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic eDp5"}, {"authorization": ""}]
)
async def test_whoever_is_not_believed_is_not_let_in(door: Served, payload: Any) -> None:
    async with speaking(door) as speaker:
        await speaker.say(type="connection_init", payload=payload)
        code, reason = await speaker.closed()

    assert code == 4403
    assert reason.startswith("Forbidden: ")


async def test_both_sides_may_ask_whether_the_other_is_there(speaker: Speaker) -> None:
    await speaker.say(type="pong")
    await speaker.say(type="ping", payload={"any": "thing"})

    assert await speaker.hear() == {"type": "pong"}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "nonsense",
        "[]",
        "null",
        "{}",
        '{"type": 1}',
        '{"type": "start", "id": "1", "payload": {}}',
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": 1, "payload": {}}',
        '{"type": "subscribe", "id": "", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": "{ viewer }"}',
        json.dumps({"type": "subscribe", "id": "x" * 201, "payload": {}}),
        '{"type": "complete"}',
        '{"type": "next", "id": "1", "payload": {}}',
        b"{}",
        b"\xff\x00",
        "[" * 10_000,
    ],
)
async def test_garbage_ends_the_conversation(speaker: Speaker, said: str | bytes) -> None:
    await speaker.wire.send(said)

    code, reason = await speaker.closed()

    assert code == 4400
    assert reason


async def test_a_message_beyond_the_limit_ends_the_conversation(speaker: Speaker) -> None:
    await speaker.wire.send("x" * (SPOKEN + 1))

    assert (await speaker.closed())[0] == 1009


async def test_the_largest_message_is_read(speaker: Speaker) -> None:
    padding = SPOKEN - len(json.dumps({"type": "ping", "payload": {"text": ""}}))
    await speaker.say(type="ping", payload={"text": "x" * padding})

    assert await speaker.hear() == {"type": "pong"}


async def test_bytes_that_are_no_text_end_the_conversation(door: Served) -> None:
    async with speaking(door) as speaker:
        speaker.wire.protocol.send_text(b"\xff\xfe")
        speaker.wire.send_data()
        code, _ = await speaker.closed()

    assert code == 1007


async def test_a_second_greeting_ends_the_conversation(speaker: Speaker) -> None:
    await speaker.say(**HELLO)

    assert await speaker.closed() == (4429, "Too many initialisation requests")


async def test_whoever_subscribes_before_they_are_let_in_is_not_answered(door: Served) -> None:
    async with speaking(door) as speaker:
        await speaker.subscribe("1", VIEWER)
        code, _ = await speaker.closed()

    assert code == 4401


async def test_an_id_in_use_ends_the_conversation(speaker: Speaker, workspace: Scene) -> None:
    await speaker.subscribe("1", SEATS, workspace=workspace.id)
    await speaker.subscribe("1", SEATS, workspace=workspace.id)

    assert await speaker.closed() == (4409, "Subscriber for 1 already exists")


async def test_an_id_is_free_again_when_its_subscription_is_over(speaker: Speaker, workspace: Scene) -> None:
    invoice = ids.decode("inv", await workspace.invoice())
    await speaker.subscribe("1", SEATS, workspace=workspace.id)
    await begun(workspace)
    await speaker.say(id="1", type="complete")
    await begun(workspace, 0)
    await speaker.subscribe("1", "nonsense")
    refusal = await speaker.refusal()
    await speaker.subscribe("1", INVOICES, account=workspace.account)
    await begun(workspace)
    await happened(workspace, "invoice.paid", {"invoice": invoice})

    assert refusal[0] == "INVALID_INPUT"
    assert (await speaker.change())["event"] == "invoice.paid"


async def test_a_subscription_that_nobody_knows_may_be_completed(speaker: Speaker) -> None:
    await speaker.say(id="nobody", type="complete")
    await speaker.say(type="ping")

    assert await speaker.hear() == {"type": "pong"}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", "INVALID_INPUT"),
        ("subscription {", "INVALID_INPUT"),
        ("subscription { nothing }", "INVALID_INPUT"),
        ("subscription { seatChanged { event } }", "INVALID_INPUT"),
        ('subscription { seatChanged(workspace: "x") { event } }', "INVALID_INPUT"),
        ('subscription { seatChanged(workspace: "account_0000000000000") { event } }', "INVALID_INPUT"),
        (VIEWER, "INVALID_INPUT"),
        ("mutation { nothing }", "INVALID_INPUT"),
        ("subscription { " + "a: seatChanged(workspace: 1) { event } " * 200 + "}", "TOO_COMPLEX"),
        ("subscription($a: ID!) { seatChanged(workspace: $a) { event } }", "INVALID_INPUT"),
        ("subscription { seatChanged(workspace: 1) { event } invoiceChanged(account: 1) { event } }", "INVALID_INPUT"),
        ("subscription { __typename }", "INVALID_INPUT"),
        ("subscription { seatChanged(workspace: 1) @skip(if: true) { event } }", "INVALID_INPUT"),
        ("subscription { ... @include(if: false) { seatChanged(workspace: 1) { event } } }", "INVALID_INPUT"),
        (
            "subscription { a: seatChanged(workspace: 1) { event } b: seatChanged(workspace: 1) { event } }",
            "INVALID_INPUT",
        ),
        ('subscription { seatChanged(workspace: "4242 4242 4242 4242") { event } }', "INVALID_INPUT"),
    ],
)
async def test_what_is_no_subscription_is_refused_and_the_conversation_goes_on(
    speaker: Speaker, document: str, code: str
) -> None:
    await speaker.subscribe("1", document)
    refusal = await speaker.refusal()
    await speaker.say(type="ping")

    assert refusal[0] == code
    assert await speaker.hear() == {"type": "pong"}


async def test_a_payload_that_is_no_request_is_refused(speaker: Speaker) -> None:
    await speaker.say(id="1", type="subscribe", payload={"query": SEATS, "variables": []})

    assert await speaker.refusal() == ("INVALID_INPUT", "'variables' must be a JSON object, or absent.")


async def test_one_connection_holds_so_many_subscriptions_and_no_more(speaker: Speaker, workspace: Scene) -> None:
    for place in range(MOST_IDS):
        await speaker.subscribe(f"{place}", SEATS, workspace=workspace.id)
    await begun(workspace, MOST_IDS)
    await speaker.subscribe("one more", SEATS, workspace=workspace.id)

    refusal = await speaker.refusal("one more")

    assert refusal[0] == "RATE_LIMITED"


async def test_one_actor_has_so_many_subscriptions_on_all_connections(
    door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_STREAMS", 2)

    async with (
        following(door, workspace.owner, SEATS, workspace=workspace.id),
        following(door, workspace.owner, SEATS, workspace=workspace.id),
    ):
        await begun(workspace, 2)
        async with following(door, workspace.owner, SEATS, workspace=workspace.id) as third:
            refusal = await third.refusal()
    await begun(workspace, 0)
    async with following(door, workspace.owner, SEATS, workspace=workspace.id):
        await begun(workspace)

    assert refusal[0] == "RATE_LIMITED"


async def test_one_actor_has_so_many_connections(
    door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_SOCKETS", 1)

    async with speaking(door) as first, speaking(door) as second:
        await first.greet(workspace.owner)
        await second.say(type="connection_init", payload={"authorization": f"Bearer {workspace.owner.bearer}"})
        code, reason = await second.closed()

    assert code == 1013
    assert reason.startswith("You have 1 WebSockets open")


async def test_whoever_says_nothing_is_not_waited_for(door: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "GREETING", 0.05)

    async with speaking(door) as speaker:
        closed = await speaker.closed()

    assert closed == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize("protocols", [("graphql-ws",), ("soap", "graphql-ws"), ()])
async def test_another_protocol_is_not_spoken(door: Served, protocols: tuple[str, ...]) -> None:
    async with speaking(door, protocols=protocols) as speaker:
        closed = await speaker.closed()

    assert closed == (4406, "Subprotocol not acceptable")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_page_of_another_origin_opens_nothing(door: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(door.socket, origin=Origin(origin), subprotocols=[Subprotocol("graphql-transport-ws")]):
            pass

    assert refusal.value.response.status_code == 403


async def test_a_page_of_ours_opens_one(door: Served, workspace: Scene) -> None:
    async with speaking(door, origin=Origin(f"http://{door.host}")) as speaker:
        await speaker.greet(workspace.owner)


async def test_a_cookie_counts_on_our_own_pages_alone(door: Served, world: World, workspace: Scene) -> None:
    connection = await workspace.sso()
    text = await workspace.came_through(connection, workspace.owner)
    cookie = {"Cookie": f"{world.app.state.door.cookies.session}={text}"}

    async with speaking(door, origin=Origin(world.app.state.door.base), additional_headers=cookie) as ours:
        await ours.greet()
        await ours.subscribe("1", SEATS, workspace=workspace.id)
        await begun(workspace)
    async with speaking(door, additional_headers=cookie) as nobodys:
        await nobodys.say(**HELLO)
        closed = await nobodys.closed()

    assert closed[0] == 4403


async def test_as_many_connections_are_held_as_fit_and_no_more(
    door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "SOCKETS", 0)

    async with speaking(door) as speaker:
        await speaker.say(type="connection_init", payload={"authorization": f"Bearer {workspace.owner.bearer}"})
        code, reason = await speaker.closed()

    assert code == 1013
    assert reason == "As many WebSockets are open here as we can hold. Come back in some seconds."


async def test_as_many_subscriptions_are_held_as_fit_and_no_more(
    door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STREAMS", 0)

    async with following(door, workspace.owner, SEATS, workspace=workspace.id) as speaker:
        code, says = await speaker.refusal()

    assert (code, says) == (
        "UNAVAILABLE",
        "As many subscriptions are open here as we can hold. Come back in some seconds.",
    )


async def test_of_many_who_say_nothing_the_first_to_come_has_to_leave(
    door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "NEWCOMERS", 1)

    async with speaking(door) as silent, speaking(door) as second:
        closed = await silent.closed()
        await second.greet(workspace.owner)
        async with speaking(door):
            await second.say(type="ping")
            answer = await second.hear()

    assert closed == (4408, "Connection initialisation timeout")
    assert answer == {"type": "pong"}
