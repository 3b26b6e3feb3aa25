"""The quick door: a query that is asked again passes no more than it needs.

It stands before everything else and answers POSTs of queries that one compiled statement
answers, and public answers that are in memory. It keeps every limit, who asks, whose rows
they are, whose budget pays, what is counted and what is logged; and it refuses nobody.
Whatever is unusual about a request goes on to the doors behind it as if it had never been
here, so that there is one place for every refusal, and the same answer from both.

    first    the body is read as `gateway.http` reads it, once; what came of it is remembered by its bytes
    who      the bearer was recognized a moment ago (`gateway.recalling`)
    read     one round trip to PostgreSQL: to see as them, to check that they still may, and to read
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import count
from time import perf_counter
from typing import Any

import asyncpg
import orjson
import structlog
from graphql import GraphQLError, OperationType
from graphql.execution.values import VariableValues
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import http
from gateway.authentication import REASON, Door
from gateway.budgets import Budgets
from gateway.cards import free_of
from gateway.compiled import Reads
from gateway.crowding import Room
from gateway.documents import Document, Documents, Operation
from gateway.http import FAILED, PATIENCE, VARIES, around, overdue, shown_with
from gateway.logs import Line
from gateway.metrics import Metrics
from gateway.negotiation import EVENTS, negotiate
from gateway.observability import Note, request_id_of
from gateway.public_answers import key_of
from gateway.recalling import Bound, Recalled
from gateway.remembering import Remembered
from gateway.requests import BODY, Asked, Malformed, asked
from gateway.sources import called
from kernel.errors import Fault, Unavailable
from kernel.readers import Readers
from resolvers.compiled.asking import Asking
from resolvers.compiled.draft import NotCompiled
from resolvers.compiled.plan import Surprise

PATH = "/graphql"

_JSON = {b"application/json", b"application/json; charset=utf-8"}
_UNUSUAL = {b"content-encoding", b"transfer-encoding", b"expect", REASON.encode()}
_BEARER = b"bearer "
_LONGEST = 4 * 1024
"""Bytes of a body that is remembered."""

_MOST = 2_000
_DIGITS = 9
_NUMBERS = count()

_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unavailable, ValueError, OverflowError)
"""What may come of a statement; the doors behind say what it means."""

log = structlog.get_logger("gateway.quick")


@dataclass(slots=True)
class Head:
    """What the headers say of a request that is not unusual."""

    media: str
    bearer: str | None
    client: str | None
    length: int
    """Bytes of the body, as announced."""

    request_id: str
    """The one it came with, or nothing."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a body asks: a query that passed every limit."""

    number: int
    """Which one it is of those that this process was asked."""

    digest: str
    """Its document's."""

    name: str | None
    variables: dict[str, Any]
    values: VariableValues
    cost: int
    key: bytes | None
    """What its answer is kept by, if everybody gets it alike."""

    mark: int | None
    """How many notices there had been when its document was found registered; None where it needs not be."""

    line: Line
    """What the log tells of it."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What the door answers with, while the application is open."""

    door: Door
    budgets: Budgets
    documents: Documents
    reads: Reads
    readers: Readers
    remembered: Remembered
    patience: float = PATIENCE

    def closed_to(self, document: Document) -> bool:
        """Whether nothing of a document is answered here, at least not yet."""
        return self.reads.explain or self.reads.is_new(document) or not self.readers.size


class Entrance:
    """Whether the door is open, and what it needs to be."""

    def __init__(self, metrics: Metrics, room: Room) -> None:
        self.metrics = metrics
        self.room = room
        self.lane: Lane | None = None
        self.questions = Questions()
        self.answered = 0
        """How many requests went no further than here."""

    @asynccontextmanager
    async def opened(self, lane: Lane) -> AsyncIterator[None]:
        """Be open for so long."""
        self.lane = lane
        try:
            yield
        finally:
            self.lane = None
            await lane.readers.close()


class Questions:
    """What bodies asked that came lately; the least recently asked one goes first."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, str | None], Question] = OrderedDict()

    def get(self, body: bytes, client: str | None) -> Question | None:
        """What a client asks with this body."""
        found = self._known.get((body, client))
        if found is not None:
            self._known.move_to_end((body, client))
        return found

    def put(self, body: bytes, client: str | None, question: Question) -> None:
        """Remember what it asks."""
        if len(body) > _LONGEST:
            return
        self._known[body, client] = question
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def forget(self, body: bytes, client: str | None) -> None:
        """Have it read again."""
        self._known.pop((body, client), None)


class Quick:
    """Stands before an application: see the module."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self.app = app
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request here, or hand it on untouched."""
        entrance = self._entrance
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        lane, head = entrance.lane, head_of(scope["headers"])
        if lane is None or head is None or entrance.room.full:
            return await self.app(scope, receive, send)
        started = perf_counter()
        message = await receive()
        if message["type"] != "http.request" or len(message.get("body", b"")) != head.length:
            # What comes in pieces is put together elsewhere.
            return await self.app(scope, _again(message, receive), send)
        asking = _Asking(entrance, lane, scope, head, message["body"])
        answer = await asking.answer()
        if answer is None:
            return await self.app(scope, _again(message, receive), send)
        request_id = request_id_of(head.request_id) if head.request_id else secrets.token_hex(12)
        await send({"type": "http.response.start", "status": 200, "headers": asking.headers(answer, request_id)})
        await send({"type": "http.response.body", "body": answer})
        return asking.tell(request_id, perf_counter() - started)


class _Asking:
    """One request at the door."""

    __slots__ = ("body", "entrance", "head", "lane", "question", "scope")

    question: Question

    def __init__(self, entrance: Entrance, lane: Lane, scope: Scope, head: Head, body: bytes) -> None:
        self.entrance = entrance
        self.lane = lane
        self.scope = scope
        self.head = head
        self.body = body

    def headers(self, answer: bytes, request_id: str) -> list[tuple[bytes, bytes]]:
        """What is sent before the answer."""
        vary = VARIES if self.head.bearer is None else "Accept"
        length = (b"content-length", b"%d" % len(answer))
        return [*_always(self.head.media, vary), length, (b"x-request-id", request_id.encode())]

    def tell(self, request_id: str, seconds: float) -> None:
        """The line and the figures of a request that was answered."""
        self.entrance.answered += 1
        self.entrance.metrics.count("query", 200, seconds)
        self.question.line.tell(request_id, seconds)

    async def answer(self) -> bytes | None:
        """The answer, if it can be given here."""
        self.entrance.room.here += 1
        self.entrance.metrics.here += 1
        try:
            question = await self._asked()
            if question is None:
                return None
            self.question = question
            if self.head.bearer is None:
                return self._public(question)
            return await self._read(question, self.head.bearer)
        except Exception:
            # Nothing was changed, so that whoever stands behind may try.
            log.exception("the quick door failed")
            return None
        finally:
            self.entrance.room.here -= 1
            self.entrance.metrics.here -= 1

    def _public(self, question: Question) -> bytes | None:
        """The answer that everybody gets, if it is in memory."""
        found = self.lane.remembered.answers.get(question.key) if question.key else None
        return found.body if found else None

    async def _read(self, question: Question, bearer: str) -> bytes | None:
        """The answer of one statement to somebody who was here."""
        lane, document = self.lane, self.lane.documents.known(question.digest)
        if not isinstance(document, Document) or lane.closed_to(document):
            return None
        now = await lane.door.clock.now()
        who = lane.door.recollection.get(bearer, now)
        bound = who and self._bound(question, document, who, now)
        if not who or not bound:
            return None
        try:
            bill = await lane.budgets.take(who.name, question.cost)
        except Fault:
            return None
        text = await self._fetched(bound, now)
        if text is None:
            bill.settle(0)
            return None
        operation = document.operation(question.name)
        if lane.reads.witness:
            async with lane.door.context(Request(self.scope), now=now) as context:
                await lane.reads.witness(document, operation, question.variables, context, text)
        bill.settle(operation.cost.used_by(text))
        return around(text, bill, {})

    def _bound(self, question: Question, document: Document, who: Recalled, now: datetime) -> Bound | None:
        """The statement of a question and what it binds for somebody, if it can be compiled."""
        found = who.bound.get(question.number)
        if found is None:
            asking = Asking(who.actor, who.locale or "en", now, question.values)
            try:
                plan, values = self.lane.reads.planned(document, document.operation(question.name), asking)
            except (NotCompiled, Surprise, Fault, GraphQLError, ValueError, OverflowError):
                return None
            found = Bound(plan.bare(), plan.behind(who.entering, who.facts, values))
            who.bind(question.number, found)
        return found

    async def _fetched(self, bound: Bound, now: datetime) -> str | None:
        """What was read, if they still may what they might and nothing else is unusual."""
        plan = bound.plan
        try:
            text = await self.lane.readers.ask(plan.entered, plan.at(bound.values, now), self.lane.patience)
            return None if text is None else plan.finished(text)
        except TimeoutError:
            self.scope.setdefault("state", {})[FAILED] = overdue(self.lane.patience)
        except (Surprise, *_FAILURES):
            pass
        return None

    async def _asked(self) -> Question | None:
        found = self.entrance.questions.get(self.body, self.head.client)
        if found and (found.mark is None or found.mark == self._mark()):
            return found
        mark = self._mark()
        try:
            made = await self._first_asked(asked(orjson.loads(self.body), harmless=free_of(self.body)), mark)
        except (Malformed, Fault, Surprise, GraphQLError, ValueError, AttributeError):
            return None
        if made is not None and (made.mark is None or (made.mark >= 0 and made.mark == self._mark())):
            self.entrance.questions.put(self.body, self.head.client, made)
        return made

    async def _first_asked(self, said: Asked, mark: int) -> Question | None:
        """What is asked, if every limit allows it and it can be answered here. Raises what refuses it."""
        sources, documents = self.lane.remembered.sources, self.lane.documents
        document = await sources.read(said, self.head.client)
        if not isinstance(document, Document):
            return None
        operation = document.operation(said.operation)
        if operation.kind is not OperationType.QUERY or operation.reach.introspects:
            return None
        public = operation.cost.public and said.extensions.keys() <= {"persistedQuery"}
        return Question(
            next(_NUMBERS),
            document.digest,
            said.operation,
            said.variables,
            self.lane.reads.coerced(operation, said.variables),
            documents.cost(operation, said.variables),
            key_of(document.digest, operation, said.variables) if public else None,
            None if sources.open_to_all and said.query is not None else mark,
            _line(document, operation),
        )

    def _mark(self) -> int:
        """How many notices there were; below zero while none would reach us."""
        notices = self.lane.remembered.notices
        return notices.heard if notices.listening else -1


def head_of(headers: list[tuple[bytes, bytes]]) -> Head | None:
    """What the headers of a request say, if none of them is unusual."""
    told = dict(headers)
    length = told.get(b"content-length", b"")
    plain = (
        len(told) == len(headers)
        and _UNUSUAL.isdisjoint(told)
        and told.get(b"content-type") in _JSON
        and length.isdigit()
        and len(length) <= _DIGITS
        and int(length) <= BODY
    )
    media = _media(told.get(b"accept"), http.OFFERED)
    if not plain or media is None:
        return None
    try:
        return Head(media, _bearer(told), called(told), int(length), told.get(b"x-request-id", b"").decode("latin-1"))
    except (Fault, Surprise):
        return None


def _bearer(told: dict[bytes, bytes]) -> str | None:
    """The bearer, or None for a stranger. Raises Surprise for who says in another way who they are."""
    said = told.get(b"authorization")
    if said is None and b"cookie" not in told:
        return None
    if said is None or said[:7].lower() != _BEARER or not said[7:].strip():
        raise Surprise("whoever asks says in another way who they are")
    return said[7:].strip().decode("latin-1")


@lru_cache(maxsize=512)
def _media(accept: bytes | None, offers: tuple[str, ...]) -> str | None:
    """Which of the offers an answer is sent as; None for who accepts none of them, or takes streams."""
    said = None if accept is None else accept.decode("latin-1")
    return None if said and EVENTS in said.lower() else negotiate(said, offers)


@lru_cache(maxsize=16)
def _always(media: str, vary: str) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in shown_with(media, vary).items())


def _line(document: Document, operation: Operation) -> Line:
    told = Note("query", operation.name, document.digest[:12]).shown()
    return Line.of("request", {"method": "POST", "path": PATH, "status": 200}, told)


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
