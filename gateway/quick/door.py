"""The door for any ASGI server: it stands before an application."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.quick.asking import Asking
from gateway.quick.entrance import Entrance
from gateway.quick.heads import head_of, usual
from gateway.quick.questions import PATH

TRIED = "tried at the quick door"
"""Where the state of a request tells that the threshold had no answer to it."""


class Quick:
    """Stands before an application, and hands on untouched what it has no answer to."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self.app = app
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request here, or hand it on."""
        entrance = self._entrance
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        lane, head = entrance.lane, head_of(scope["headers"])
        if lane is None or head is None or entrance.room.full or TRIED in scope.get("state", ()):
            return await self.app(scope, receive, send)
        message = await receive()
        if message["type"] != "http.request" or len(message.get("body", b"")) != head.length:
            # What comes in pieces is put together elsewhere.
            return await self.app(scope, _again(message, receive), send)
        asking = Asking(entrance, lane, scope, head, message["body"])
        answer = await asking.answer()
        if answer is None:
            return await self.app(scope, _again(message, receive), send)
        request_id = asking.request_id
        own = [(b"content-length", b"%d" % len(answer)), (b"x-request-id", request_id.encode())]
        headers = [*usual(head.media, known=head.bearer is not None), *own]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        return asking.tell(request_id)


def _again(message: Message, receive: Receive) -> Receive:
    """What a request receives, with a message once more that we have taken."""
    taken = False

    async def again() -> Message:
        nonlocal taken
        if taken:
            return await receive()
        taken = True
        return message

    return again
