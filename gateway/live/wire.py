"""The wire: uvicorn's WebSockets, for clients that don't read.

Left to itself, uvicorn waits for such a client forever: before it says good-bye, and
after that with a closed transport whose buffer never empties. Here a close is said
without waiting, the connection is gone a few seconds later, and nothing is read from
a client that doesn't read, lest its pings fill our memory with pongs.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

FAREWELL = 5.0
"""Seconds between our last word and the end of the connection."""


class Wire(WebSocketsSansIOProtocol):
    """See the module."""

    async def send(self, message: Any) -> None:
        """Send, or close at once."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)

    async def run_asgi(self) -> None:
        """Serve one WebSocket, and let go of it."""
        await super().run_asgi()
        self.loop.call_later(FAREWELL, self.transport.abort)

    def pause_writing(self) -> None:
        """The client doesn't read."""
        super().pause_writing()
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()
