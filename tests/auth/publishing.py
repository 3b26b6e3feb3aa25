"""An issuer's web server, on loopback, that answers whatever a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole HTTP answer that ends with its connection."""
    return "\r\n".join(["HTTP/1.1 " + status, "connection: close", *headers, "", ""]).encode() + body


def key_set(*keys: Any) -> bytes:
    """The answer of an issuer who publishes these keys."""
    return http(json.dumps({"keys": list(keys)}).encode(), "200 OK", "content-type: application/jwk-set+json")


SILENCE = b""
"""No answer: the connection stays open and empty until the server hangs up."""


class Publisher:
    """What it answers next, how often it was asked, and a way to fall silent."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self._change = asyncio.Condition()
        self._hung_up = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def uri(self) -> str:
        """Where its keys are."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/keys"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    def hang_up(self) -> None:
        """End the silence."""
        self._hung_up.set()

    async def stop(self) -> None:
        """Refuse all further connections."""
        assert self._server is not None
        self.hang_up()
        self._server.close()
        await self._server.wait_closed()

    async def was_asked(self, times: int) -> None:
        """Wait until that many requests have arrived, for five seconds at most."""
        async with asyncio.timeout(5), self._change:
            await self._change.wait_for(lambda: len(self.asked) >= times)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        async with self._change:
            self.asked.append(request)
            self._change.notify_all()
        if self.answer == SILENCE:
            await self._hung_up.wait()
        writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def publisher(answer: bytes) -> AsyncIterator[Publisher]:
    """An issuer's server for the length of a test."""
    server = Publisher(answer)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
