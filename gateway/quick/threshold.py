"""The threshold: uvicorn's HTTP, which asks the quick door before it makes a request of what it reads.

For each request uvicorn makes a task, an event, messages there and back, and looks at each
header of the answer, which takes longer than some answers do. A POST that the quick door
answers needs none of it: what is in memory is answered while the bytes are read, anything
else in one task, and head and body are written at once. Whatever else comes, and whatever
the door has no answer to, is uvicorn's, as if nobody had looked at it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.quick.asking import Asking
from gateway.quick.door import TRIED
from gateway.quick.entrance import Entrance, Lane
from gateway.quick.heads import Head, head_of, lines, usual
from gateway.quick.questions import PATH

_URL = PATH.encode()
_POST = b"POST"
_VERSION = "1.1"
_OK = STATUS_LINE[200]
_LAST = b"connection: close\r\n"


class Threshold(HttpToolsProtocol):
    """See the module."""

    def __init__(self, *told: Any, **more: Any) -> None:
        super().__init__(*told, **more)
        path = self.root_path + PATH
        self._route: Any = {"method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
        self._entrance: Entrance = self.config.app.state.entrance  # type: ignore[union-attr]
        self._waiting: tuple[Lane, Head] | None = None
        """What the door is asked when the body is here."""

        self._body = b""
        self._before: list[tuple[bytes, bytes]] = []
        self._head: Head | None = None
        """What the headers before say: most clients send the same with each request."""

    # What the parser finds

    def on_headers_complete(self) -> None:
        """Wait for the body of what the door may answer."""
        self._waiting = self._opened()
        if self._waiting is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, which is no longer than was announced."""
        if self._waiting is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """Answer, or let uvicorn do so."""
        waiting, body = self._waiting, self._body
        if waiting is None:
            super().on_message_complete()
            return
        self._waiting, self._body = None, b""
        lane, head = waiting
        asking = Asking(self._entrance, lane, self.scope, head, body)  # type: ignore[arg-type]
        answer = asking.at_once()
        if answer is not None:
            self._send(head, asking, answer)
            self.on_response_complete()
        else:
            self._begin(self._answered(self._made(body), head, asking))

    def shutdown(self) -> None:
        """End, and leave to uvicorn what is half read."""
        if self._waiting is not None:
            body, self._waiting, self._body = self._body, None, b""
            super().on_headers_complete()
            if body:
                super().on_body(body)
        super().shutdown()

    # One request

    def _opened(self) -> tuple[Lane, Head] | None:
        """What the door may be asked with these headers, if it may."""
        entrance, parser = self._entrance, self.parser
        lane = entrance.lane
        plain = (
            self.url == _URL
            and lane is not None
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not entrance.room.full
            and parser.get_method() == _POST
            and parser.get_http_version() == _VERSION
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )
        if not plain:
            return None
        if self.headers != self._before:
            self._before, self._head = self.headers.copy(), head_of(self.headers)
        return (lane, self._head) if lane and self._head else None

    def _made(self, body: bytes) -> RequestResponseCycle:
        """The request as uvicorn makes it, which nobody answers yet."""
        self.scope.update(self._route)
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        self.cycle.body += body
        self.cycle.more_body = False
        self.cycle.message_event.set()
        return self.cycle

    def _begin(self, answering: Any) -> None:
        task = self.loop.create_task(answering)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _answered(self, cycle: RequestResponseCycle, head: Head, asking: Asking) -> None:
        answer = None if self._entrance.room.full else await asking.answer()
        if answer is None:
            cycle.scope["state"][TRIED] = True
            await cycle.run_asgi(self.app)
            return
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            asking.tell(asking.request_id)
            return
        self._send(head, asking, answer, b"" if cycle.keep_alive else _LAST)
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            # The server began to stop while it was answered.
            self.transport.close()
        self.on_response_complete()

    def _send(self, head: Head, asking: Asking, answer: bytes, last: bytes = b"") -> None:
        request_id = asking.request_id
        ours = lines(tuple(self.server_state.default_headers)), lines(usual(head.media, known=head.bearer is not None))
        own = b"content-length: %d\r\nx-request-id: %b\r\n%b\r\n" % (len(answer), request_id.encode(), last)
        self.transport.write(b"".join((_OK, *ours, own, answer)))
        asking.tell(request_id)
