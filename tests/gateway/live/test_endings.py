"""A stream is over when what let its reader in is, and nobody else waits for a reader who doesn't read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from io import StringIO
from time import perf_counter
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from auth.policy import KeyScope
from auth.tokens import Claim
from gateway.live import wire
from kernel import ids
from tests.gateway.live.speaking import (
    INVOICES,
    PATIENCE,
    SEATS,
    Served,
    Speaker,
    begun,
    following,
    listening,
    speaking,
)
from tests.gateway.live.test_cursors import many
from tests.scenery import Scene, World

SOON = 3.0
"""Seconds in which a stream is over after the session is: one is promised, and a busy machine may take more."""

_NAMES = " ".join(f"{'a' * 1_150}{place}: id" for place in range(100))
BULKY = f"subscription($account: ID!) {{ invoiceChanged(account: $account) {{ cursor event invoice {{ {_NAMES} }} }} }}"
"""A subscription whose every change takes 115 KiB."""

End = Callable[[Scene], Awaitable[Any]]


async def revoked(scene: Scene) -> None:
    """The owner ends the session they came with."""
    session = ids.encode("session", scene.owner.session_number)
    assert (await scene.world.change("endSession", scene.owner, shows_="id", session=session)).data


async def raised(scene: Scene) -> None:
    """Every token of the owner is void."""
    await scene.world.run("update person set epoch = epoch + 1 where id = $1", scene.owner.number)


async def expired(scene: Scene) -> None:
    """The session has been open for as long as it may."""
    now = await scene.world.now()
    await scene.world.run("update session set expires_at = $2 where id = $1", scene.owner.session_number, now)


@pytest.mark.parametrize("end", [revoked, raised, expired])
async def test_a_websocket_is_closed_within_a_second_of_the_end_of_its_session(
    door: Served, workspace: Scene, end: End
) -> None:
    async with following(door, workspace.owner, SEATS, workspace=workspace.id) as speaker:
        await begun(workspace)
        await end(workspace)
        ended = perf_counter()
        code, reason = await speaker.closed()
        took = perf_counter() - ended

    assert code == 4401
    assert reason == "Unauthorized: your session or token has ended. Sign in again."
    assert took < SOON


@pytest.mark.parametrize("end", [revoked, raised, expired])
async def test_an_event_stream_is_over_within_a_second_of_the_end_of_its_session(
    door: Served, workspace: Scene, end: End
) -> None:
    async with listening(door, workspace.owner, SEATS, workspace=workspace.id) as listener:
        await begun(workspace)
        await end(workspace)
        ended = perf_counter()
        name, content = await listener.event()
        took = perf_counter() - ended
        last = await listener.event()
    await begun(workspace, 0)

    assert name == "next"
    assert [error["extensions"]["code"] for error in content["errors"]] == ["UNAUTHENTICATED"]
    assert last == ("complete", None)
    assert took < SOON


async def test_a_key_that_is_revoked_hears_nothing_more(door: Served, workspace: Scene) -> None:
    key = await workspace.key(KeyScope.SEATS_READ)

    async with following(door, key, SEATS, workspace=workspace.id) as speaker:
        await begun(workspace)
        assert (await workspace.world.change("revokeServiceKey", workspace.owner, key=key.id)).data
        code, _ = await speaker.closed()

    assert code == 4401


async def test_a_token_that_expires_ends_what_it_opened(door: Served, world: World, workspace: Scene) -> None:
    owner, now = workspace.owner, await world.now()
    claim = Claim(owner.id, ids.encode("session", owner.session_number), 0)
    short = world.signer.sign(claim, now, timedelta(seconds=2))

    async with following(door, short, SEATS, workspace=workspace.id) as speaker:
        await begun(workspace)
        code, _ = await speaker.closed()

    assert code == 4401


async def test_a_session_that_nobody_uses_ends_what_it_opened(door: Served, world: World, workspace: Scene) -> None:
    text = await workspace.came_through(await workspace.sso(), workspace.owner)

    async with following(door, text, SEATS, workspace=workspace.id) as speaker:
        await begun(workspace)
        await world.run(
            "update session set last_used_at = last_used_at - interval '3 hours' where account_id = $1",
            workspace.number,
        )
        code, _ = await speaker.closed()

    assert code == 4401


async def test_the_end_of_one_session_ends_no_other(door: Served, workspace: Scene) -> None:
    stays = await workspace.key(KeyScope.SEATS_READ)

    async with (
        following(door, stays, SEATS, workspace=workspace.id) as staying,
        following(door, workspace.owner, SEATS, workspace=workspace.id) as leaving,
    ):
        await begun(workspace, 2)
        await revoked(workspace)
        await leaving.closed()
        await staying.say(type="ping")
        answer = await staying.hear()

    assert answer == {"type": "pong"}


async def test_a_session_that_has_ended_opens_nothing(door: Served, workspace: Scene) -> None:
    await revoked(workspace)

    async with speaking(door) as speaker:
        await speaker.say(type="connection_init", payload={"authorization": f"Bearer {workspace.owner.bearer}"})
        code, _ = await speaker.closed()
    async with listening(door, workspace.owner, SEATS, workspace=workspace.id) as listener:
        await listener.response.aread()

    assert code == 4403
    assert listener.response.status_code == 401
    assert listener.response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


# Readers who don't read


@pytest.fixture
async def impatient(world: World) -> AsyncIterator[None]:
    """Nobody waits long for a reader."""
    streams = world.app.state.live.streams
    patient = streams.patience
    streams.patience = 0.5
    yield
    streams.patience = patient


@pytest.mark.usefixtures("impatient")
async def test_whoever_never_reads_is_cut_and_nobody_waits_for_them(
    door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "FAREWELL", 60.0)
    invoice, burst = await workspace.invoice(), 120

    async with speaking(door, max_queue=1, max_size=None, ping_interval=None) as deaf:
        await deaf.greet(workspace.owner)
        await deaf.subscribe("1", BULKY, account=workspace.account)
        async with following(door, workspace.owner, INVOICES, account=workspace.account) as reader:
            await begun(workspace, 2)
            await many(workspace, invoice, burst)
            names = [(await reader.change())["event"] for _ in range(burst)]
            await begun(workspace, 1)
        with pytest.raises(ConnectionClosed) as closed:
            await everything(deaf)

    assert names == [f"invoice.e{place}" for place in range(burst)]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
    assert closed.value.rcvd.reason == "You don't read what we send. Subscribe again after your last cursor."


@pytest.mark.usefixtures("impatient")
async def test_whoever_never_reads_keeps_no_connection(
    door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "FAREWELL", 0.5)
    invoice, before = await workspace.invoice(), set(door.connections)

    async with speaking(door, max_queue=1, max_size=None, ping_interval=None) as deaf:
        await deaf.greet(workspace.owner)
        await deaf.subscribe("1", BULKY, account=workspace.account)
        await begun(workspace)
        await many(workspace, invoice, 120)
        async with asyncio.timeout(PATIENCE):
            while door.connections - before:  # noqa: ASYNC110 - the server has nobody to tell it to
                await asyncio.sleep(0.02)
        deaf.wire.transport.abort()


@pytest.mark.usefixtures("impatient")
async def test_an_event_stream_that_nobody_reads_is_left(door: Served, workspace: Scene) -> None:
    invoice = await workspace.invoice()

    async with listening(door, workspace.owner, BULKY, account=workspace.account) as deaf:
        await begun(workspace)
        await many(workspace, invoice, 120)
        await begun(workspace, 0)
        with pytest.raises(httpx2.RemoteProtocolError):
            await deaf.response.aread()


async def flood(speaker: Speaker) -> None:
    """Send pings for as long as somebody takes them, but two seconds at most. Raises TimeoutError."""
    ping = b"\x89\xfd\0\0\0\0" + bytes(125)
    async with asyncio.timeout(2):
        while True:
            speaker.wire.transport.write(ping * 1_000)
            await speaker.wire.drain()


async def everything(speaker: Speaker) -> None:
    """Read until there is nothing more. Raises ConnectionClosed."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await speaker.wire.recv()


async def test_pings_of_a_client_that_does_not_read_fill_no_memory(door: Served) -> None:
    before = set(door.connections)

    async with speaking(door, max_queue=1, ping_interval=None) as flooding:
        (held,) = door.connections - before
        flooding.wire.transport.pause_reading()
        with pytest.raises(TimeoutError):
            await flood(flooding)
        buffered = held.transport.get_write_buffer_size()
        flooding.wire.transport.abort()

    assert buffered < 1024 * 1024


# Readers who leave, and a server that does


async def test_whoever_leaves_is_followed_by_nothing(door: Served, workspace: Scene) -> None:
    async with (
        following(door, workspace.owner, SEATS, workspace=workspace.id) as speaker,
        listening(door, workspace.owner, SEATS, workspace=workspace.id),
    ):
        await begun(workspace, 2)
        speaker.wire.transport.abort()
        await begun(workspace, 1)
    await begun(workspace, 0)

    streams = workspace.world.app.state.live.streams
    assert not streams._streams[f"person:{workspace.owner.number}"]
    assert not streams._sockets[f"person:{workspace.owner.number}"]


async def test_whoever_comes_and_goes_costs_no_connection_to_the_database(
    door: Served, world: World, workspace: Scene
) -> None:
    sql = "select pid from pg_stat_activity where datname = current_database() and usename is not null"

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        await speaker.subscribe("0", SEATS, workspace=workspace.id)
        await begun(workspace)
        before = {row["pid"] for row in await world.rows(sql)}
        for place in range(1, 200):
            await speaker.subscribe(f"{place}", SEATS, workspace=workspace.id)
            await speaker.say(id=f"{place}", type="complete")
        await speaker.say(type="ping")
        assert await speaker.hear() == {"type": "pong"}
        await begun(workspace, 1)
        after = {row["pid"] for row in await world.rows(sql)}

    assert before <= after


async def test_a_server_that_stops_says_so(door: Served, workspace: Scene) -> None:
    async with (
        following(door, workspace.owner, SEATS, workspace=workspace.id) as speaker,
        listening(door, workspace.owner, SEATS, workspace=workspace.id) as listener,
    ):
        await begun(workspace, 2)
        workspace.world.app.state.live.close()
        code, _ = await speaker.closed()
        name, _ = await listener.event()

    assert code == 1012
    assert name == "", "a stream that is to be asked for again ends without a word"


# What is written down


async def test_a_websocket_leaves_a_line_and_is_counted(
    door: Served, world: World, workspace: Scene, lines: StringIO
) -> None:
    pool = await workspace.pool(3)

    async with following(door, workspace.owner, SEATS, workspace=workspace.id) as speaker:
        await begun(workspace)
        await world.change("assignSeat", workspace.owner, pool=pool, email="ada@example.test")
        await speaker.change()
        during = (await world.client.get("/metrics")).text
        await speaker.say(type="nonsense")
        await speaker.closed()
        assert speaker.wire.response is not None
        number = speaker.wire.response.headers["x-request-id"]
    told = await logged(lines, "socket")

    assert 'seatgraph_streams{transport="websocket"} 1.0' in during
    assert "seatgraph_sockets 1.0" in during
    assert 'seatgraph_changes_total{transport="websocket"}' in during
    assert (told["code"], told["operation"], told["request_id"]) == (4400, "subscription", number)
    assert workspace.owner.bearer not in lines.getvalue()


async def logged(lines: StringIO, event: str) -> dict[str, Any]:
    """The last line of a kind, once it is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for line in reversed(lines.getvalue().splitlines()):
                said: dict[str, Any] = json.loads(line)
                if said["event"] == event:
                    return said
            await asyncio.sleep(0.01)
