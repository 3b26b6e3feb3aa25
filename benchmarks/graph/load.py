"""Load: requests over a few connections that are kept open, each sent when the one before was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from statistics import quantiles
from time import perf_counter
from typing import cast


class RefusedError(Exception):
    """A server answered what it should not."""


LAST_CHUNK = b"\r\n0\r\n\r\n"


class Wire(asyncio.Protocol):
    """One connection that asks one thing after another, until a moment or until there is nothing left to ask."""

    def __init__(self, requests: Iterator[bytes], until: float, seconds: list[float]) -> None:
        self.requests, self.until, self.seconds = requests, until, seconds
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = bytearray()
        self.last = b""
        self.began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is none by birth
        self._ask()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        body = self._body()
        if body is None:
            return
        self.seconds.append(perf_counter() - self.began)
        self.last = body
        if not self.buffer.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RefusedError(bytes(self.buffer[:1_000])))
        self.buffer.clear()
        if perf_counter() < self.until and not self.done.done():
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        asked = next(self.requests, None)
        if asked is None:
            self.transport.close()
            return
        self.began = perf_counter()
        self.transport.write(asked)

    def _body(self) -> bytes | None:
        """The body of an answer that is there as a whole."""
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return None
        at = self.buffer[:head].lower().find(b"content-length:")
        if at < 0:
            return _joined(bytes(self.buffer[head + 2 :])) if self.buffer.endswith(LAST_CHUNK) else None
        length = int(self.buffer[at + 15 : self.buffer.find(b"\r\n", at)])
        whole = head + 4 + length
        return bytes(self.buffer[head + 4 : whole]) if len(self.buffer) >= whole else None


def _joined(chunks: bytes) -> bytes:
    """What was sent in chunks; each begins after a line with its length."""
    parts, place = [], 2
    while length := int(chunks[place : (end := chunks.index(b"\r\n", place))], 16):
        parts.append(chunks[end + 2 : end + 2 + length])
        place = end + 4 + length
    return b"".join(parts)


def request(port: int, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        "accept: application/json",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"content-length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def load(port: int, requests: Iterator[bytes], *, seconds: float, connections: int) -> tuple[list[float], bytes]:
    """How long each answer took, in seconds, and the last answer."""
    loop = asyncio.get_running_loop()
    taken: list[float] = []
    until = perf_counter() + seconds
    wires = [
        (await loop.create_connection(lambda: Wire(requests, until, taken), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(wire.done for wire in wires))
    return taken, wires[0].last


def at(seconds: list[float], hundredth: int) -> float:
    """So many hundredths of the answers took this long at most, in milliseconds."""
    return quantiles(seconds, n=100, method="inclusive")[hundredth - 1] * 1e3
