"""Crowding: a process that has its hands full says so at once, before a queue grows.

Whoever is refused is told when to come back, and a balancer may ask another process.
What asks for our health or our figures is never refused. Whoever waits for nobody but
their client counts for nothing: a stream that is open, and a request that is still on its way.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.masking import STATUS, masked_exception
from gateway.observability import note
from kernel.errors import Unavailable

MOST = 200
"""Requests that one process answers at the same time: each connection to the database serves some of them in turn."""

_ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
_LATER = "1"
_SAYS = "We have our hands full at this moment. Try again in a second."


@dataclass(slots=True)
class Room:
    """How many requests one process answers now, and how many it may."""

    most: int = MOST
    here: int = 0

    @property
    def full(self) -> bool:
        """Whether nobody else may come in."""
        return self.here >= self.most


class Crowding:
    """Middleware that refuses what one process could not answer soon."""

    def __init__(self, app: ASGIApp, most: int = MOST, room: Room | None = None) -> None:
        self.app = app
        self._room = room or Room(most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or say that there is no room."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self.app(scope, receive, send)
        elif self._room.full:
            await _refused(scope)(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = _Place(self._room)

        async def heard() -> Message:
            place.leave()
            message = await receive()
            place.take()
            return message

        async def begun(message: Message) -> None:
            place.end()
            await send(message)

        place.take()
        try:
            await self.app(scope, heard, begun)
        except Full:
            if place.over:
                raise
            await _refused(scope)(scope, receive, send)
        finally:
            place.end()


class Full(Unavailable):
    """There is no room any more for a request that took its time to come."""

    def __init__(self) -> None:
        super().__init__(_SAYS)


class _Place:
    """What one request takes of the room: nothing while it waits for its client, nor once it is answered."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = False
        self.over = False

    def take(self) -> None:
        """Come in. Raises Full."""
        if self._held or self.over:
            return
        if self._room.full:
            raise Full
        self._held = True
        self._room.here += 1

    def leave(self) -> None:
        """Wait outside."""
        self._room.here -= self._held
        self._held = False

    def end(self) -> None:
        """Be answered."""
        self.leave()
        self.over = True


def _refused(scope: Scope) -> Response:
    fault = Unavailable(_SAYS)
    note(scope).codes = (fault.code.value,)
    body = orjson.dumps({"errors": [masked_exception(fault)]})
    headers = {"retry-after": _LATER, "cache-control": "no-store"}
    return Response(body, STATUS[fault.code], headers, media_type="application/json")
