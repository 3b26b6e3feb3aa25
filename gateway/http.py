"""GraphQL over HTTP, as the draft of August 2026 has it.

POST with JSON, GET for queries alone, two response media types by negotiation.
`application/graphql-response+json` carries the outcome in the status; the older
`application/json` says 200 to every well-formed request, because its clients cannot
tell our status from a proxy's. A subscription is answered as an event stream, where its
client accepts one. Batches, multipart and incremental delivery are not offered. A POST
must be JSON, which a browser never sends to another origin unasked, and a GET changes
nothing, so no request can be forged across sites.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from http import HTTPStatus
from typing import Any

import orjson
import strawberry
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.budgets import Bill, Overspent
from gateway.compiled import Reads
from gateway.documents import Document, Documents, Operation, Refusal
from gateway.executor import Outcome, check, execute
from gateway.graphiql import page
from gateway.live.sse import COMPLETE, framed
from gateway.live.streams import Refused
from gateway.masking import STATUS, masked, masked_exception, refused
from gateway.negotiation import EVENTS, HTML, JSON, RESPONSE, media_type, negotiate
from gateway.observability import note
from gateway.patience import PATIENCE, timely
from gateway.public_answers import FRESH, PublicAnswer, PublicAnswers, is_public, key_of
from gateway.requests import BODY, TOO_LONG, Asked, Malformed, read
from gateway.sources import Sources, client_of
from kernel.errors import Code, Fault, InvalidInput, RateLimited

UNPARSABLE = 400
"""The status of a text that is no GraphQL document."""

UNPROCESSABLE = 422
"""The status of a document, operation or variables that cannot be executed; audits before 2026 expect 400."""

PARTIAL = 294
"""The status of a response that has errors beside its data, even if that is null."""

OFFERED = (RESPONSE, JSON)
"""The media types of answers; whoever takes anything gets the first. Audits before 2026 expect the older one."""

VARIES = "Accept, Authorization, Cookie"
"""The headers of a request that choose between an answer for everybody and others."""

FAILED = "failed"
"""Where the state of a request tells why another door, which tried before, failed to answer it."""

Answering = Callable[[Request], AbstractAsyncContextManager[Any]]
"""Opens what resolvers know as `info.context`, for one request: who asks is decided there.

`request.state.operation` is the operation about to run. A Fault raised on the way in
becomes the status of the whole response.
"""

Follow = Callable[[Request, Asked, Document, Operation], Awaitable[Response]]
"""Begins a subscription, and answers with its event stream. Raises Refused, or a Fault."""

Charge = Callable[[Request, Any, int], Awaitable[Bill]]
"""Spends from the budget of whoever asks what an operation may cost. Raises Overspent."""

Run = Callable[[Document], Awaitable[Outcome]]
"""Runs the operation of a document."""

Answer = dict[str, Any]


def graphql_endpoint(
    schema: strawberry.Schema,
    context: Answering,
    documents: Documents,
    *,
    graphiql: bool,
    body: int = BODY,
    follow: Follow | None = None,
    charge: Charge | None = None,
    reads: Reads | None = None,
    sources: Callable[[Request], Sources] | None = None,
    answers: Callable[[Request], PublicAnswers] | None = None,
    introspects: Callable[[Any], bool] = lambda _: False,
) -> ASGIApp:
    """The application that answers one schema at one address; with `graphiql`, browsers get a page to ask from.

    Without `follow` it answers no subscriptions, without `charge` nobody has a budget, without `reads` nothing is
    compiled, without `sources` no document is registered, and without `answers` none is kept. `introspects` tells of a
    context whether the schema is open to it where it is closed to others.
    """
    check(schema)
    plain = Sources(documents)
    endpoint = _Endpoint(
        schema, context, documents, graphiql=graphiql, body=body, follow=follow, charge=charge, reads=reads
    )
    endpoint.sources = sources or (lambda _: plain)
    endpoint.answers = answers
    endpoint.introspects = introspects
    return endpoint


class _Endpoint:
    """See `graphql_endpoint`."""

    sources: Callable[[Request], Sources]
    answers: Callable[[Request], PublicAnswers] | None = None
    introspects: Callable[[Any], bool] = staticmethod(lambda _: False)
    patience: float = PATIENCE

    def __init__(
        self,
        schema: strawberry.Schema,
        context: Answering,
        documents: Documents,
        *,
        graphiql: bool,
        body: int,
        follow: Follow | None,
        charge: Charge | None,
        reads: Reads | None,
    ) -> None:
        self._schema = schema
        self._context = context
        self._documents = documents
        self._graphiql = graphiql
        self._body = body
        self._follow = follow
        self._charge = charge
        self._reads = reads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; nothing is sent to a client that left."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        media = JSON
        try:
            media = self._media(request)
            if media == HTML:
                return page()
            return await self._answer(request, await read(request, self._body), media)
        except Malformed as error:
            return _malformed(request, error, media)

    def _media(self, request: Request) -> str:
        """The media type to answer in; the page's own for a visiting browser. Raises Malformed."""
        if request.method not in {"GET", "POST"}:
            raise Malformed(405, InvalidInput("Use POST, or GET for queries."), allow="GET, POST")
        visited = self._graphiql and request.method == "GET" and not request.scope["query_string"]
        offers = (
            *OFFERED,
            *((EVENTS,) if self._follow and _accepts_events(request) else ()),
            *((HTML,) if visited else ()),
        )
        media = negotiate(request.headers.get("accept"), offers)
        if media is None:
            raise Malformed(406, InvalidInput(f"Answers come as {' or '.join(offers)}; accept one of them."))
        return media

    async def _answer(self, request: Request, asked: Asked, media: str) -> Response:
        try:
            document = await self.sources(request).read(asked, client_of(request))
            note(request.scope).document = document.digest[:12]
            if isinstance(document, Refusal):
                status = UNPROCESSABLE if document.parsed else UNPARSABLE
                return _told(request, {"errors": document.errors}, status, media)
            operation = _operation(request, document, asked)
            if operation.kind is not OperationType.MUTATION and asked.size > BODY:
                raise TOO_LONG
            cost = self._documents.cost(operation, asked.variables)
            if operation.kind is OperationType.SUBSCRIPTION:
                return await self._stream(request, document, operation, asked, media)
        except Fault as fault:
            return _told(request, {"errors": [masked_exception(fault)]}, UNPROCESSABLE, media)
        if self.answers and media != EVENTS and is_public(request, operation, asked):
            return await self._public(request, document, operation, asked, media, cost=cost)
        return await self._execute(request, document, operation, asked, media, cost=cost)

    async def _public(
        self, request: Request, document: Document, operation: Operation, asked: Asked, media: str, *, cost: int
    ) -> Response:
        """The answer that everybody gets, from memory if it can be: that is free."""
        assert self.answers
        answers, key = self.answers(request), key_of(document.digest, operation, asked.variables)
        answer = answers.get(key)
        if answer is None:
            mark = answers.mark()
            try:
                async with self._context(request) as context:
                    bill = await self._charge(request, context, cost) if self._charge else None
                    async with timely(operation.kind, self.patience):
                        outcome = await self._run(document, operation=operation, asked=asked, context=context)
                if bill:
                    bill.settle(operation.cost.used(outcome.data))
            except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
                return _failed(request, error, media)
            if outcome.errors or not outcome.began:
                return _outcome(request, outcome, media, {})
            answer = answers.put(key, orjson.dumps({"data": outcome.data}), mark)
        return _shared(request, answer, media)

    async def _stream(
        self, request: Request, document: Document, operation: Operation, asked: Asked, media: str
    ) -> Response:
        """The event stream of a subscription. Raises InvalidInput for a client that accepts none."""
        if self._follow is None:
            raise InvalidInput("Subscriptions are not offered in one request and response.")
        if not _accepts_events(request):
            raise InvalidInput(
                "A subscription is answered as an event stream: send 'Accept: text/event-stream'."
                " Or subscribe on a WebSocket that speaks graphql-transport-ws."
            )
        try:
            return await self._follow(request, asked, document, operation)
        except Refused as refusal:
            return _told(request, {"errors": refusal.errors}, UNPROCESSABLE, media)
        except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
            return _failed(request, error, media)

    async def _execute(
        self, request: Request, document: Document, operation: Operation, asked: Asked, media: str, *, cost: int
    ) -> Response:
        try:
            _insist_on_untried(request)
            async with self._context(request) as context:
                self._documents.open(operation, allowed=self.introspects(context))
                bill = await self._charge(request, context, cost) if self._charge else None
                run: Run = partial(self._run, operation=operation, asked=asked, context=context)
                told: Answer = {}
                if self._reads:
                    async with timely(operation.kind, self.patience):
                        read = await self._reads.read(document, operation, asked.variables, context)
                    told = self._reads.explained(read, context)
                    if read.text is not None:
                        if bill:
                            bill.settle(operation.cost.used_by(read.text))
                        return _sent(around(read.text, bill, told), 200, media, {})
                    asking = {"operation": operation, "variables": asked.variables, "context": context}
                    run = partial(self._reads.finish, read, run, **asking)
                async with timely(operation.kind, self.patience):
                    outcome = await run(document)
            if bill:
                bill.settle(operation.cost.used(outcome.data))
            return _outcome(request, outcome, media, _extensions(bill, told))
        except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
            return _failed(request, error, media)

    async def _run(self, document: Document, *, operation: Operation, asked: Asked, context: Any) -> Outcome:
        return await execute(
            self._schema,
            document,
            operation,
            asked.variables,
            context,
            extensions=asked.extensions,
            suggestions=self._documents.suggestions,
        )


def _insist_on_untried(request: Request) -> None:
    """Refuse what another door tried and failed to answer. Raises what it said."""
    if failed := request.scope.get("state", {}).get(FAILED):
        raise failed


def _operation(request: Request, document: Document, asked: Asked) -> Operation:
    """The operation to run, noted for the log. Raises InvalidInput, or Malformed for a mutation by GET."""
    operation = document.operation(asked.operation)
    noted = note(request.scope)
    noted.operation, noted.name = operation.kind.value, operation.name
    request.state.operation = operation
    if operation.kind is OperationType.MUTATION and request.method == "GET":
        raise Malformed(405, InvalidInput("A mutation needs POST; GET is for queries."), allow="POST")
    return operation


def _accepts_events(request: Request) -> bool:
    """Whether the client names event streams among what it accepts; one that takes anything means one answer."""
    ranges = request.headers.get("accept", "").split(",")
    return any(media_type(each)[0] == EVENTS for each in ranges[:50])


def _outcome(request: Request, outcome: Outcome, media: str, told: Answer) -> Response:
    if not outcome.began:
        return _told(request, {"errors": [refused(error) for error in outcome.errors]} | told, UNPROCESSABLE, media)
    if outcome.errors:
        return _told(request, {"errors": masked(outcome.errors), "data": outcome.data} | told, PARTIAL, media)
    return _told(request, {"data": outcome.data} | told, 200, media)


def _extensions(bill: Bill | None, told: Answer) -> Answer:
    """What a response tells beside its data and errors: its cost, and what is `told` of how it came about."""
    shown = ({"cost": bill.shown()} if bill else {}) | told
    return {"extensions": shown} if shown else {}


def around(text: bytes, bill: Bill | None, told: Answer) -> bytes:
    """The response around data that is JSON text already."""
    if bill and not told:
        return b'{"data":%b,"extensions":{"cost":%b}}' % (text, bill.text)
    extensions = _extensions(bill, told)
    return b'{"data":' + text + (b"," + orjson.dumps(extensions)[1:] if extensions else b"}")


def _failed(request: Request, error: Exception, media: str) -> Response:
    """The answer to a request that failed as a whole, the same in both media types."""
    shown = masked_exception(error)
    code = Code(shown["extensions"]["code"])
    headers = {}
    if code is Code.UNAUTHENTICATED:
        known = "authorization" in request.headers
        headers["www-authenticate"] = 'Bearer error="invalid_token"' if known else "Bearer"
    if code is Code.UNAVAILABLE:
        headers["retry-after"] = "1"
    if isinstance(error, RateLimited) and "seconds" in error.details:
        headers["retry-after"] = str(error.details["seconds"])
    told = _extensions(error.bill, {}) if isinstance(error, Overspent) else {}
    return _send(request, {"errors": [shown]} | told, STATUS[code], media, headers)


def _malformed(request: Request, error: Malformed, media: str) -> Response:
    return _send(request, {"errors": [masked_exception(error.fault)]}, error.status, media, error.headers)


def _told(request: Request, answer: Answer, status: int, media: str) -> Response:
    """A GraphQL response; the older media type knows no status but 200."""
    return _send(request, answer, status if media == RESPONSE else 200, media, {})


def _shared(request: Request, answer: PublicAnswer, media: str) -> Response:
    """An answer that a CDN may keep, if it was asked for by GET."""
    headers = shown_with(media, VARIES)
    if request.method != "GET":
        return Response(answer.body, 200, headers)
    # The same bytes of another media type are another representation.
    tag = answer.etag if media == RESPONSE else f'{answer.etag[:-1]}j"'
    headers |= {"cache-control": f"public, max-age={FRESH}", "etag": tag}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")[:50]]
    if tag in known or "*" in known:
        return Response(b"", 304, headers)
    return Response(answer.body, 200, headers)


def _send(request: Request, answer: Answer, status: int, media: str, headers: dict[str, str]) -> Response:
    if "errors" in answer:
        note(request.scope).codes = tuple(error["extensions"]["code"] for error in answer["errors"])
    return _sent(orjson.dumps(answer), status, media, headers)


def _sent(body: bytes, status: int, media: str, headers: dict[str, str]) -> Response:
    if media == EVENTS:
        # What failed as a whole has a status; anything else is a stream of one event.
        media, body = (EVENTS, framed(body) + COMPLETE) if status == HTTPStatus.OK else (JSON, body)
    return Response(body, status, shown_with(media) | headers)


def shown_with(media: str, vary: str = "Accept") -> dict[str, str]:
    """The headers that every answer has."""
    return {
        "content-type": f"{media}; charset=utf-8",
        "cache-control": "no-store",
        "vary": vary,
        "x-content-type-options": "nosniff",
    }
