"""Observability: every request has an id, one access line, and its share of the metrics.

`Observability` is the first of the application's middleware. It also catches what
nobody else caught: the client gets a masked error with a reference, and the process
lives.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from time import perf_counter

import orjson
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import cards
from gateway.logs import told_at_once
from gateway.masking import STATUS, masked_exception
from gateway.metrics import Metrics

GONE = 499
"""What the access line says when the client left before its answer; nothing is sent."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")

log = structlog.get_logger("gateway.access")


@dataclass(slots=True)
class Note:
    """What the access line and the metrics say of a request; its endpoint fills it in."""

    operation: str = "none"
    """query, mutation, subscription, or none."""

    name: str | None = None
    """The operation's name, as the client wrote it."""

    document: str | None = None
    """The first twelve digits of the document's SHA-256."""

    codes: tuple[str, ...] = ()
    """The code of each error told to the client."""

    def shown(self) -> dict[str, str]:
        """What of it the access line shows."""
        shown = {"operation": self.operation, "document": self.document, "codes": ",".join(sorted(set(self.codes)))}
        if self.name and _NAME.fullmatch(self.name):
            shown["name"] = self.name
        return {name: text for name, text in shown.items() if text}


def note(scope: Scope) -> Note:
    """The note of this request."""
    found: Note = scope.setdefault("state", {}).setdefault("note", Note())
    return found


def request_id(scope: Scope) -> str:
    """The id of this request, as the response header, the log and the audit have it."""
    return str(scope.get("state", {}).get("request_id", ""))


class Observability:
    """See the module."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hold one WebSocket; a lifespan passes through."""
        if scope["type"] == "websocket":
            await self._hold(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = _Sent(request_id_of(Headers(scope=scope).get("x-request-id", "")), send)
        scope.setdefault("state", {})["request_id"] = sent.request_id
        started = perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=sent.request_id):
            self.metrics.here += 1
            try:
                await self.app(scope, receive, sent)
            except Exception as error:  # noqa: BLE001 - the last one to see it
                await _apologize(error, scope, receive, sent)
            finally:
                self.metrics.here -= 1
            tell(self.metrics, scope, sent.request_id, sent.status, perf_counter() - started)

    async def _hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold one WebSocket: its id goes with all that it asks, and its line comes at its end."""
        sent = _Sent(request_id_of(Headers(scope=scope).get("x-request-id", "")), send)
        scope.setdefault("state", {})["request_id"] = sent.request_id
        started = perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=sent.request_id):
            try:
                await self.app(scope, receive, sent)
            except Exception as error:  # noqa: BLE001 - the last one to see it
                note(scope).codes += (masked_exception(error)["extensions"]["code"],)
            told = note(scope)
            for code in told.codes:
                self.metrics.errors.labels(code).inc()
            seconds = round(perf_counter() - started, 1)
            log.info("socket", path=scope["path"][:200], code=sent.status, seconds=seconds, **told.shown())


def tell(metrics: Metrics, scope: Scope, request_id: str, status: int, seconds: float) -> None:
    """The line and the figures of a request that was answered."""
    told = note(scope)
    metrics.count(told.operation, status, seconds)
    for code in told.codes:
        metrics.errors.labels(code).inc()
    shown = {
        "method": scope["method"],
        "path": scope["path"][:200],
        "status": status,
        "ms": round(seconds * 1000, 1),
        **told.shown(),
    }
    if not told_at_once("request", request_id, shown):
        log.info("request", **shown)


class _Sent:
    """`send`, which adds the request id to the response and remembers its status, or the code of the close."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.status = GONE
        self._send = send

    async def __call__(self, message: Message) -> None:
        """Send one message on."""
        if message["type"] in {"http.response.start", "websocket.accept"}:
            self.status = message.get("status", GONE)
            message.setdefault("headers", [])
            MutableHeaders(scope=message)["x-request-id"] = self.request_id
        elif message["type"] == "websocket.close":
            self.status = message["code"]
        await self._send(message)


async def _apologize(error: Exception, scope: Scope, receive: Receive, sent: _Sent) -> None:
    """Answer with a masked error, unless an answer has begun: then all that is left is the log."""
    shown = masked_exception(error)
    code = shown["extensions"]["code"]
    note(scope).codes += (code,)
    if sent.status == GONE:
        body = orjson.dumps({"errors": [shown]})
        await Response(body, STATUS[code], media_type="application/json")(scope, receive, sent)


def request_id_of(given: str) -> str:
    """The caller's own id if it is a sane one, else a new one."""
    return given if _ID.fullmatch(given) and not cards.holds_card(given) else secrets.token_hex(12)
