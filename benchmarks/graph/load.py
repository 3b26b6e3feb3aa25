"""Load: requests over a few connections that are kept open, each sent when the one before was answered."""

from __future__ import annotations

import asyncio
from statistics import quantiles
from time import perf_counter


class Wire(asyncio.Protocol):
    """One connection that asks the same again and again until it is told to stop."""

    def __init__(self, request: bytes, until: float, seconds: list[float]) -> None:
        self.request, self.until, self.seconds = request, until, seconds
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = bytearray()
        self.last = b""
        self.began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self.buffer.lower().find(b"content-length:", 0, head)
        length = int(self.buffer[at + 15 : self.buffer.find(b"\r\n", at)])
        if len(self.buffer) < head + 4 + length:
            return
        self.seconds.append(perf_counter() - self.began)
        self.last = bytes(self.buffer[head + 4 : head + 4 + length])
        assert self.buffer.startswith(b"HTTP/1.1 200"), self.buffer[:500]
        self.buffer.clear()
        if perf_counter() < self.until:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self.began = perf_counter()
        self.transport.write(self.request)


def request(port: int, path: str, body: bytes, bearer: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        "accept: application/json",
        f"authorization: Bearer {bearer}",
        f"content-length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def load(port: int, asked: bytes, *, seconds: float, connections: int) -> tuple[list[float], bytes]:
    """How long each answer took, in seconds, and the last answer."""
    loop = asyncio.get_running_loop()
    taken: list[float] = []
    wires = [
        (await loop.create_connection(lambda: Wire(asked, perf_counter() + seconds, taken), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(wire.done for wire in wires))
    return taken, wires[0].last


def at(seconds: list[float], hundredth: int) -> float:
    """So many hundredths of the answers took this long at most, in milliseconds."""
    return quantiles(seconds, n=100, method="inclusive")[hundredth - 1] * 1e3
