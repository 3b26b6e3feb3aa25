"""Event streams: a subscription as the answer to one request, in GraphQL over SSE's mode of distinct connections.

Each change is an event `next`; an event `complete` says that nothing follows. A comment
every few seconds keeps proxies from closing what is merely quiet. A client that does
not read is left, so that it holds nothing here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from auth.refusal import refused
from gateway.live.feed import Stopping
from gateway.live.streams import Answer, Streams
from gateway.live.vigil import Passport
from gateway.masking import masked_exception
from gateway.negotiation import EVENTS

BEAT = 12.0
"""Seconds between two comments on a quiet stream."""

HEADERS = {
    "content-type": f"{EVENTS}; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}
COMPLETE = b"event: complete\ndata:\n\n"


def event(answer: Answer) -> bytes:
    """An answer as an event of a stream."""
    return framed(orjson.dumps(answer))


def framed(body: bytes) -> bytes:
    """JSON text as an event of a stream; its line breaks, which are never within a value, would end the event."""
    return b"event: next\ndata: " + body.replace(b"\n", b" ") + b"\n\n"


class EventStream(Response):
    """The response that goes on for as long as its subscription does."""

    def __init__(
        self, streams: Streams, held: AsyncExitStack, answers: AsyncIterator[Answer], passport: Passport
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._streams = streams
        self._held = held
        self._answers = answers
        self._passport = passport
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as every response
        """Tell changes until the client leaves, its session ends, or it doesn't read."""
        ended = asyncio.Event()
        async with self._held:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            with self._streams.vigil.over(self._passport, ended.set):
                telling = asyncio.create_task(self._tell(send))
                others = [asyncio.create_task(each) for each in (self._beat(send), _gone(receive), ended.wait())]
                try:
                    await asyncio.wait({telling, *others}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (telling, *others):
                        task.cancel()
                    await asyncio.gather(telling, *others, return_exceptions=True)
            if ended.is_set():
                await self._last(send, event({"errors": [masked_exception(refused())]}) + COMPLETE)

    async def _tell(self, send: Send) -> None:
        await self._write(send, b":\n\n")
        last = COMPLETE
        try:
            async for answer in self._answers:
                await self._write(send, event(answer))
        except (TimeoutError, OSError):
            return
        except Stopping:
            # Without a word: its client asks again, elsewhere.
            last = b""
        except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
            last = event({"errors": [masked_exception(error)]}) + COMPLETE
        await self._last(send, last)

    async def _last(self, send: Send, words: bytes) -> None:
        with suppress(TimeoutError):
            await self._write(send, words, more=False)

    async def _beat(self, send: Send) -> None:
        while True:
            await asyncio.sleep(BEAT)
            await self._write(send, b":\n\n")

    async def _write(self, send: Send, body: bytes, *, more: bool = True) -> None:
        """Send a piece. Raises TimeoutError for a client that doesn't read."""
        message = {"type": "http.response.body", "body": body, "more_body": more}
        try:
            async with asyncio.timeout(self._streams.patience), self._turn:
                await send(message)
        except TimeoutError:
            self._streams.metrics.cut.labels("slow").inc()
            raise


async def _gone(receive: Receive) -> None:
    """Wait for the client to leave."""
    while (await receive())["type"] != "http.disconnect":
        pass
