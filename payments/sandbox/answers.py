"""Answers: one request of Stripe's API, from its bytes to its answer, in one transaction."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from payments.sandbox import faults, idempotency, multipart, parameters
from payments.sandbox.books import Caller
from payments.sandbox.expansion import expanded
from payments.sandbox.faults import Fault
from payments.sandbox.idempotency import Key, Saved
from payments.sandbox.objects import Body
from payments.sandbox.operations import OPERATIONS
from payments.sandbox.refusals import Refused, broken, invalid, locked
from payments.sandbox.spec import VERSION, Operation, route
from payments.sandbox.state import State
from payments.sandbox.tables import Connection

_LARGEST = 20_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who calls, which operation, the ids in its path, the fault it meets."""

    caller: Caller
    operation: Operation
    ids: list[str]
    fault: Fault | None


@dataclass(slots=True)
class Answer:
    """A status, a body and headers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


async def answer(state: State, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request below /v1."""
    request = Request(scope, receive)
    caller = Caller(
        f"req_{state.ids.text(14)}", request.headers.get("idempotency-key"), str(request.base_url).rstrip("/")
    )
    fault: Fault | None = None
    try:
        _check_caller(request)
        found = route(request.method, request.url.path)
        if found is None:
            raise _unrecognized(request)
        operation, ids = found
        state.limiter.check(state.settings.limits, operation.name)
        fault = await faults.draw(state.pool, operation.name) if state.faulty else None
        if fault and await _prevented(fault, scope, receive, send):
            return
        made = await _perform(state, request, Call(caller, operation, ids, fault))
    except Refused as refused:
        made = _refusal(refused, caller)
    state.work.set()
    made.headers |= {
        "Request-Id": caller.request_id or "",
        "Stripe-Version": VERSION,
        "Content-Type": "application/json",
    }
    if caller.idempotency_key and request.method == "POST":
        made.headers["Idempotency-Key"] = caller.idempotency_key
    if fault is None or not await _lost(fault, made, scope, receive, send):
        await respond(made, send)


async def respond(made: Answer, send: Send, *, cut: int = 0) -> None:
    """Send an answer; with `cut`, all but its last bytes."""
    headers = [(name.lower().encode(), value.encode()) for name, value in made.headers.items()]
    headers.append((b"content-length", str(len(made.body)).encode()))
    await send({"type": "http.response.start", "status": made.status, "headers": headers})
    kept = made.body[: len(made.body) - cut]
    await send({"type": "http.response.body", "body": kept, "more_body": bool(cut)})


async def _perform(state: State, request: Request, call: Call) -> Answer:
    """Do the work, unless the idempotency key was answered before."""
    tree = parameters.nested(await _given(request))
    named = call.caller.idempotency_key if call.operation.verb == "POST" else None
    key = Key.of(named, request.url.path, tree) if named else None
    try:
        async with state.pool.acquire() as connection, connection.transaction():
            saved = await idempotency.claim(connection, key, state.clock.now) if key else None
            if saved:
                replayed = {"Idempotent-Replayed": "true", "Original-Request": saved.request_id}
                return Answer(saved.status, saved.body, replayed)
            made, kept = await _work(state, connection, call, tree)
            if key and kept:
                answered = Saved(kept.status, kept.body, call.caller.request_id or "")
                await idempotency.save(connection, key, answered, state.clock.now)
            return made
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        raise locked() from None


async def _work(state: State, connection: Connection, call: Call, tree: Body) -> tuple[Answer, Answer | None]:
    """The answer to a request, and the answer that its key keeps, if it keeps one."""
    prevented = call.fault.refusal() if call.fault else None
    if prevented:
        made = _refusal(prevented, call.caller)
        return made, made if prevented.burns else None
    made, burns = await _behave(state, connection, call, tree)
    kept = made if burns else None
    if call.fault and call.fault.kind == "error_after":
        made = _refusal(broken(), call.caller)
        kept = made if call.fault.burns else kept
    return made, kept


async def _behave(state: State, connection: Connection, call: Call, tree: Body) -> tuple[Answer, bool]:
    """What the operation answers, and whether that burns the key. What a refusal doesn't commit is never written."""
    reads = call.operation.verb == "GET"
    books = state.opened(connection, call.caller, locks=not reads)
    try:
        given = parameters.judged(call.operation, tree)
        paths = given.pop("expand", [])
        body = await OPERATIONS[call.operation.name](books, given, *call.ids)
        shown = await expanded(books, body, paths)
    except Refused as refused:
        if refused.commits:
            await books.write()
        return _refusal(refused, call.caller), refused.burns
    if not reads:
        await books.write()
    return Answer(200, orjson.dumps(shown)), True


async def _given(request: Request) -> list[tuple[str, Any]]:
    """The parameters as pairs, wherever they are."""
    if request.method != "POST":
        return parameters.pairs(request.url.query)
    body = await request.body()
    kind = request.headers.get("content-type", "")
    if len(body) > _LARGEST:
        raise invalid("The request is too large.", status=413)
    try:
        if kind.startswith("multipart/form-data"):
            return [*multipart.parts(kind, body)]
        return parameters.pairs(body.decode())
    except ValueError:
        raise invalid("The request's body can't be read: it is not UTF-8.") from None


def _check_caller(request: Request) -> None:
    """The key must be a secret test key, and the version the one that this sandbox speaks."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            credentials = b64decode(credentials).decode().partition(":")[0]
        except ValueError:
            credentials = ""
    if not credentials:
        message = "You did not provide an API key. You need to provide your API key in the Authorization header."
        raise invalid(message, status=401)
    if not credentials.startswith(("sk_test_", "rk_test_")):
        raise invalid(f"Invalid API Key provided: {credentials[:8]}****", status=401)
    version = request.headers.get("stripe-version", VERSION)
    if version != VERSION:
        raise invalid(f"Invalid Stripe API version: {version}. This sandbox speaks {VERSION}.")
    if request.headers.get("stripe-account"):
        raise invalid("This sandbox doesn't play connected accounts.")


def _unrecognized(request: Request) -> Refused:
    return invalid(f"Unrecognized request URL ({request.method}: {request.url.path}).", status=404)


def _refusal(refused: Refused, caller: Caller) -> Answer:
    error = refused.error | {"request_log_url": f"https://dashboard.stripe.com/test/logs/{caller.request_id}"}
    return Answer(refused.status, orjson.dumps({"error": error}), dict(refused.headers))


async def _prevented(fault: Fault, scope: Scope, receive: Receive, send: Send) -> bool:
    """Whether the fault answered for us, or closed the connection, before any work."""
    if fault.kind in ("latency", "hang_before"):
        await asyncio.sleep(float(fault.seconds))
    if fault.kind in ("hang_before", "drop_before"):
        await close(scope, receive)
        return True
    if fault.kind == "bad_gateway":
        page = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
        await respond(Answer(502, page, {"Content-Type": "text/html"}), send)
        return True
    return False


async def _lost(fault: Fault, made: Answer, scope: Scope, receive: Receive, send: Send) -> bool:
    """Whether the answer to work that was done never arrives whole."""
    if fault.kind == "hang_after":
        await asyncio.sleep(float(fault.seconds))
    if fault.kind == "truncate":
        await respond(made, send, cut=len(made.body) // 2)
    if fault.kind in ("hang_after", "drop_after", "truncate"):
        await close(scope, receive)
        return True
    return False


async def close(scope: Scope, receive: Receive) -> None:
    """Close the connection under a request, without another byte."""
    # ASGI has no word for it: the transport belongs to uvicorn's cycle, whose bound method `send` is.
    transport = getattr(getattr(scope.get("sandbox.send"), "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionAbortedError("This server can't drop a connection; uvicorn can.")
    transport.close()
    for _ in range(1000):
        if (await receive())["type"] == "http.disconnect":
            return
