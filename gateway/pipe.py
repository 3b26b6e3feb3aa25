"""The pipe: uvicorn's HTTP, for clients that don't read their answers.

uvicorn keeps what a client does not take in memory, for as long as the connection is
open. Here a client who has more waiting than fits the wire, and takes hardly anything
of it, loses the connection; whoever writes to them hears that they have left, and lets
go of what an answer holds.
"""

from __future__ import annotations

import asyncio

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOK = 30.0
"""Seconds between two looks at what a client has taken, while more waits for it than fits the wire."""

LEAST = 16 * 1024
"""The bytes that it has to take in that time."""

log = structlog.get_logger("gateway.pipe")


class Pipe(HttpToolsProtocol):
    """See the module."""

    _looking: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """More waits for the client than fits the wire."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """The client has taken nearly all."""
        super().resume_writing()
        self._look_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._look_no_more()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._look_no_more()
        self._looking = self.loop.call_later(LOOK, self._look, self._waiting())

    def _look_no_more(self) -> None:
        if self._looking:
            self._looking.cancel()
            self._looking = None

    def _look(self, before: int) -> None:
        waiting = self._waiting()
        if before - waiting >= LEAST:
            self._look_later()
            return
        log.info("a client who does not read is left", waiting=waiting)
        self.transport.abort()

    def _waiting(self) -> int:
        return self.transport.get_write_buffer_size()
