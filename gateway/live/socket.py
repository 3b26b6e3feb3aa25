"""WebSockets: the protocol graphql-transport-ws, for subscriptions alone.

    client   connection_init {authorization}    subscribe {id, payload}    complete {id}
    server   connection_ack                     next, error, complete      ping and pong, both ways

Whoever breaks the protocol is told with a close code of the 4400s, as its clients
expect. Four codes ask for something else: 4401 that the session has ended, 4403 that
the bearer is not believed, 1013 to come back later and to read faster, 1012 to come
back at once, for we restart. The older protocol `graphql-ws` is not spoken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from auth.policy import Actor
from gateway import requests
from gateway.live.feed import Stopping
from gateway.live.streams import Answer, Refused, Streams, identified
from gateway.live.vigil import Passport
from gateway.live.whole import whole
from gateway.masking import masked_exception
from gateway.observability import note
from gateway.requests import Malformed
from kernel.errors import Forbidden, RateLimited, Unauthenticated, Unavailable
from resolvers.info import Context

PROTOCOL = "graphql-transport-ws"
MOST_IDS = 50
"""The most subscriptions of one WebSocket."""

GREETING = 10.0
"""Seconds in which a client has to say who it is."""

_LONGEST_ID = 200
_LONGEST_REASON = 120
"""Bytes of the sentence that goes with a close code; a frame of control holds 123."""


class Close(Exception):  # noqa: N818 - the protocol's word
    """How a conversation ends: a code, and a sentence for people."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


GONE = 1005
"""The code of a client that has left without one."""

LATE = Close(4408, "Connection initialisation timeout")
SLOW = Close(1013, "You don't read what we send. Subscribe again after your last cursor.")
ENDED = Close(4401, "Unauthorized: your session or token has ended. Sign in again.")
RESTARTING = Close(1012, "We are about to restart. Subscribe again after your last cursor.")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a WebSocket comes from, and how it finds out who speaks."""

    allowed: bool
    """Whether its origin may open one."""

    enter: Callable[[str | None], AbstractAsyncContextManager[Context]]
    """Opens a context, given what was said for an Authorization. Raises Unauthenticated."""

    passport: Callable[[Actor, str | None], Passport]
    client: Callable[[], str | None]
    """What the client calls itself. Raises InvalidInput."""


class SocketEndpoint:
    """The ASGI application that holds conversations."""

    def __init__(self, streams: Callable[[Scope], Streams], visit: Callable[[HTTPConnection], Visitor]) -> None:
        self._streams = streams
        self._visit = visit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold one conversation."""
        visitor = self._visit(HTTPConnection(scope))
        await receive()
        if not visitor.allowed:
            # Before it is accepted, this refuses the handshake: 403.
            await send({"type": "websocket.close", "code": 4403})
            return
        if PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        await _Conversation(self._streams(scope), visitor, scope, receive, send).hold()


class _Conversation:
    """One WebSocket, from its first message to its close."""

    def __init__(self, streams: Streams, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams = streams
        self._visitor = visitor
        self._note = note(scope)
        self._receive = receive
        self._transmit = send
        self._turn = asyncio.Lock()
        self._closing: asyncio.Future[Close] = asyncio.get_running_loop().create_future()
        self._following: dict[str, asyncio.Task[None]] = {}
        self._held, self._arrived = ExitStack(), ExitStack()
        self._greeted = self._acknowledged = False
        self._said: str | None = None

    async def hold(self) -> None:
        """Listen and tell until one side has enough."""
        listening = asyncio.create_task(self._listen())
        self._arrived.enter_context(self._streams.newcomer(self._late))
        late = asyncio.get_running_loop().call_later(GREETING, self._late)
        try:
            close = await self._closing
        finally:
            late.cancel()
            tasks = [listening, *self._following.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._held.close()
            self._arrived.close()
        if close.code != GONE:
            self._streams.metrics.cut.labels(str(close.code)).inc()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._streams.patience):
                    await self._transmit({"type": "websocket.close", "code": close.code, "reason": close.reason})

    def _end(self, close: Close) -> None:
        if not self._closing.done():
            self._closing.set_result(close)

    def _late(self) -> None:
        if not self._acknowledged:
            self._end(LATE)

    # Listening

    async def _listen(self) -> None:
        try:
            while True:
                await self._hear(_parsed(await self._receive()))
        except Close as close:
            self._end(close)
        except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
            shown = masked_exception(error)
            self._end(Close(4500, _short(shown["message"])))

    async def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "connection_init"}:
                await self._greet(message.get("payload"))
            case {"type": "ping"}:
                await self._send({"type": "pong"})
            case {"type": "pong"}:
                pass
            case {"type": "subscribe", "id": str(name), "payload": dict(payload)} if 0 < len(name) <= _LONGEST_ID:
                self._subscribe(name, payload)
            case {"type": "complete", "id": str(name)}:
                if following := self._following.pop(name, None):
                    following.cancel()
            case _:
                raise Close(4400, "Not a message of graphql-transport-ws")

    async def _greet(self, payload: Any) -> None:
        if self._greeted:
            raise Close(4429, "Too many initialisation requests")
        self._greeted = True
        self._said = _authorization(payload)
        try:
            name, carried = await whole(self._introduced())
            self._held.enter_context(self._streams.socket(name))
        except (RateLimited, Unavailable) as fault:
            raise Close(1013, _short(fault.message)) from None
        except (Unauthenticated, Forbidden) as fault:
            raise Close(4403, _short(f"Forbidden: {fault.message}")) from None
        self._held.enter_context(self._streams.vigil.over(carried, lambda: self._end(ENDED)))
        self._arrived.close()
        await self._send({"type": "connection_ack"})
        self._acknowledged = True

    async def _introduced(self) -> tuple[str, Passport]:
        """The name of whoever speaks, and what lets them in. Raises Unauthenticated or Forbidden."""
        async with self._visitor.enter(self._said) as context:
            return identified(context), self._visitor.passport(context.actor, self._said)

    def _subscribe(self, name: str, payload: dict[str, Any]) -> None:
        if not self._acknowledged:
            raise Close(4401, "Unauthorized: say connection_init first")
        if name in self._following:
            raise Close(4409, _short(f"Subscriber for {name} already exists"))
        self._following[name] = asyncio.create_task(self._follow(name, payload))

    # Telling

    async def _follow(self, name: str, payload: dict[str, Any]) -> None:
        """Tell one subscription's changes; what ends it is told, too."""
        try:
            await self._tell(name, payload)
        except Unauthenticated:
            self._end(ENDED)
        except Stopping:
            self._end(RESTARTING)
        except Refused as refusal:
            await self._fail(name, refusal.errors)
        except Malformed as refusal:
            await self._fail(name, [masked_exception(refusal.fault)])
        except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
            await self._fail(name, [masked_exception(error)])
        finally:
            if self._following.get(name) is asyncio.current_task():
                del self._following[name]

    async def _tell(self, name: str, payload: dict[str, Any]) -> None:
        if len(self._following) > MOST_IDS:
            raise RateLimited(f"A WebSocket holds {MOST_IDS} subscriptions. Complete one, or ask for several in one.")
        asked = requests.asked(payload)
        question = await self._streams.read(asked, self._visitor.client())
        self._note.operation, self._note.name = question.operation.kind.value, question.operation.name
        self._note.document = question.document.digest[:12]
        opened = self._streams.opened(question, lambda: self._visitor.enter(self._said), "websocket")
        async with opened as answers:
            async for answer in answers:
                await self._send({"id": name, "type": "next", "payload": answer})

    async def _fail(self, name: str, errors: list[Answer]) -> None:
        self._note.codes = tuple({*self._note.codes, *(error["extensions"]["code"] for error in errors)})
        if self._following.get(name) is asyncio.current_task():
            del self._following[name]
        await self._send({"id": name, "type": "error", "payload": errors})

    async def _send(self, message: dict[str, Any]) -> None:
        """Send a message as text; a client that doesn't read for too long is left."""
        try:
            async with asyncio.timeout(self._streams.patience), self._turn:
                await self._transmit({"type": "websocket.send", "text": orjson.dumps(message).decode()})
        except TimeoutError:
            self._end(SLOW)
        except OSError:
            self._end(Close(GONE))


def _parsed(message: Message) -> dict[str, Any]:
    """What a frame says. Raises Close."""
    if message["type"] == "websocket.disconnect":
        raise Close(GONE)
    text = message.get("text")
    if text is None:
        raise Close(4400, "Messages are text frames")
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Close(4400, "Messages are JSON") from None
    if not isinstance(said, dict):
        raise Close(4400, "Messages are JSON objects")
    return said


def _authorization(payload: Any) -> str | None:
    """What a client says for an Authorization, with or without the word Bearer. Raises Close."""
    if not isinstance(payload, dict | None):
        raise Close(4400, "The payload of connection_init is an object")
    said = next((value for name, value in (payload or {}).items() if name.lower() == "authorization"), None)
    if not isinstance(said, str | None):
        raise Close(4400, "authorization is text")
    return said


def _short(text: str) -> str:
    return text.encode()[:_LONGEST_REASON].decode(errors="ignore")
