"""A client who never says what they want: nobody listens for long."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from gateway import descriptors, pipe
from tests.gateway.live.speaking import Served, speaking
from tests.scenery import Scene

GENEROUS = 60
"""Seconds after which something is taken never to come."""

BROKEN = (
    b'POST /graphql HTTP/1.1\r\nhost: us.test\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"query"'
)
UNREAD = b"POST /nowhere HTTP/1.1\r\nhost: us.test\r\ncontent-length: 1000000\r\n\r\n"
HELLO = b"GET /healthz HTTP/1.1\r\nhost: us.test\r\n\r\n"


@asynccontextmanager
async def connected(door: Served) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which nothing has been said yet."""
    host, _, port = door.host.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side hangs up."""
    came = b""
    # Whoever is still speaking then is told so by a reset.
    with suppress(ConnectionResetError):
        async with asyncio.timeout(GENEROUS):
            while piece := await reader.read(4_096):
                came += piece
    return came


async def heard(door: Served, *said: bytes) -> bytes:
    """What is answered until the connection is closed from the other side."""
    async with connected(door) as (reader, writer):
        for piece in said:
            writer.write(piece)
        return await rest(reader)


@pytest.mark.parametrize("said", [b"", b"GET /healthz HT", HELLO[:-4], HELLO[:-4] + b"\r\nx-more: ", BROKEN])
async def test_whoever_never_says_what_they_want_is_left(
    door: Served, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "HEAD", 0.1)
    before = set(door.connections)

    answer = await heard(door, said)

    assert answer == b""
    assert not {each for each in door.connections - before if not each.transport.is_closing()}


async def test_a_second_request_that_breaks_off_is_waited_for_no_longer(
    door: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(door) as (reader, writer):
        writer.write(HELLO)
        first = await reader.readuntil(b"lives.\n")
        monkeypatch.setattr(pipe, "HEAD", 0.1)
        writer.write(HELLO[:-4])
        more = await rest(reader)

    assert first.startswith(b"HTTP/1.1 200 OK")
    assert more == b""


@pytest.mark.parametrize("asked", [HELLO, UNREAD])
async def test_whoever_goes_on_with_what_is_no_request_is_left(
    door: Served, asked: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(door) as (reader, writer):
        writer.write(asked)
        first = await reader.readuntil(b"\r\n\r\n")
        monkeypatch.setattr(pipe, "HEAD", 0.1)
        writer.write(b"\r\n")
        await rest(reader)

    assert first.startswith(b"HTTP/1.1 ")
    assert not {each for each in door.connections if not each.transport.is_closing()}


async def test_headers_without_an_end_fill_no_memory(door: Served) -> None:
    endless = (b"x-more: " + b"x" * 1_000 + b"\r\n") * 600

    answer = await heard(door, HELLO[:-2], endless)

    assert answer == b""


async def test_whoever_said_what_they_want_is_let_be(
    door: Served, workspace: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "HEAD", 0.1)

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        assert await heard(door, b"") == b""
        await speaker.say(type="ping")
        answer = await speaker.hear()

    assert answer == {"type": "pong"}


async def test_whoever_comes_when_no_more_can_be_held_is_told_so(door: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(door) as (reader, writer):
        writer.write(HELLO)
        await reader.readuntil(b"lives.\n")
        monkeypatch.setattr(descriptors, "room", lambda: 0)
        writer.write(HELLO)
        held = await reader.readuntil(b"lives.\n")
    refused = await heard(door)

    assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: 1\r\n" in refused
    assert held.startswith(b"HTTP/1.1 200 OK")


def test_a_process_may_open_as_many_as_it_holds() -> None:
    room = descriptors.room()

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 1 <= room <= descriptors.MOST
    assert soft == resource.RLIM_INFINITY or room < soft
