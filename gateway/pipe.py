"""The pipe: uvicorn's HTTP, behind the threshold of the quick door, for clients that neither read nor speak.

uvicorn keeps what a client does not take in memory, for as long as the connection is
open. Here a client who has more waiting than fits the wire, and takes hardly anything
of it, loses the connection; whoever writes to them hears that they have left, and lets
go of what an answer holds. Nor does uvicorn mind a request whose headers never end: here
they have to come soon, and to be of some size; so has a body that the quick door waits for. And
where as many are connected as a process may hold, the next one is told to come back.
"""

from __future__ import annotations

import asyncio

import structlog

from gateway import descriptors
from gateway.quick.threshold import Threshold

LOOK = 30.0
"""Seconds between two looks at what a client has taken, while more waits for it than fits the wire."""

LEAST = 16 * 1024
"""The bytes that it has to take in that time."""

HEAD = 20.0
"""Seconds in which all headers of a request have to come, from when the connection is open or the request begins."""

LONGEST = 512 * 1024
"""The bytes that may come before the last header; some of them may be of the request before."""

_NO_ROOM = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"retry-after: 1\r\ncache-control: no-store\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)

log = structlog.get_logger("gateway.pipe")


class Pipe(Threshold):
    """See the module."""

    _looking: asyncio.TimerHandle | None = None
    _late: asyncio.TimerHandle | None = None
    _headed = 0
    _begun = False
    """Whether something began with what came last whose end has not come."""

    _begins = False
    """Whether the end of what begins is waited for, and not only for anything to begin."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Somebody is there."""
        super().connection_made(transport)
        self._expect_head()
        if len(self.connections) > descriptors.room():
            transport.write(_NO_ROOM)
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Something came."""
        super().data_received(data)
        # Most requests come as a whole, and need no timer.
        if self._begun:
            self._expect_head()
        elif self._idles():
            self._late = self.loop.call_later(HEAD, self._leave_speaker)
        if self._late and self._begins:
            self._headed += len(data)
            if self._headed > LONGEST:
                self._leave_speaker()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._begun = True

    def on_headers_complete(self) -> None:
        """All headers have come; what the quick door answers is waited for to its end."""
        self._head_is_over()
        super().on_headers_complete()
        self._begun = self._waiting is not None

    def on_message_complete(self) -> None:
        """The whole request has come."""
        self._head_is_over()
        super().on_message_complete()

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
        self._head_is_over()
        super().connection_lost(exc)

    def _idles(self) -> bool:
        """Whether nothing is answered here, and nothing ends that: what is no request ends uvicorn's own patience."""
        return (
            self.timeout_keep_alive_task is None
            and self._late is None
            and (self.cycle is None or self.cycle.response_complete)
            and not self.transport.is_closing()
            and self.transport.get_protocol() is self
        )

    def _expect_head(self) -> None:
        """Wait for what is to come first, but not for long."""
        self._head_is_over()
        self._begins = True
        self._late = self.loop.call_later(HEAD, self._leave_speaker)

    def _head_is_over(self) -> None:
        self._begun = self._begins = False
        self._headed = 0
        if self._late:
            self._late.cancel()
            self._late = None

    def _leave_speaker(self) -> None:
        self._head_is_over()
        log.info("a client who does not say what they want is left")
        self.transport.close()

    def _look_later(self) -> None:
        self._look_no_more()
        self._looking = self.loop.call_later(LOOK, self._look, self._unread())

    def _look_no_more(self) -> None:
        if self._looking:
            self._looking.cancel()
            self._looking = None

    def _look(self, before: int) -> None:
        waiting = self._unread()
        if before - waiting >= LEAST:
            self._look_later()
            return
        log.info("a client who does not read is left", waiting=waiting)
        self.transport.abort()

    def _unread(self) -> int:
        return self.transport.get_write_buffer_size()
