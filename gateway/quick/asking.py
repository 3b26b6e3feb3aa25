"""Asking: one request at the quick door, from whoever asks to the bytes of the answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from time import perf_counter
from typing import Any

import asyncpg
import structlog
from graphql import GraphQLError
from starlette.requests import Request
from starlette.types import Scope

from gateway.documents import Document
from gateway.http import FAILED, around
from gateway.observability import request_id_of
from gateway.patience import overdue
from gateway.public_answers import PublicAnswers
from gateway.quick.entrance import Entrance, Lane
from gateway.quick.heads import Head
from gateway.quick.questions import Question
from gateway.recalling import STANDS, Bound, Recalled
from kernel.errors import Fault, Unavailable
from kernel.readers import Readers
from resolvers.compiled import asking
from resolvers.compiled.draft import NotCompiled
from resolvers.compiled.plan import Surprise

_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unavailable, ValueError, OverflowError)
"""What may come of a statement; the doors behind say what it means."""

_UNPLANNED = (NotCompiled, Surprise, Fault, GraphQLError, ValueError, OverflowError)

ENGLISH = "en"
"""The language of whoever has chosen none."""

log = structlog.get_logger("gateway.quick")


class Asking:
    """One request at the door."""

    __slots__ = ("_began", "_body", "_entrance", "_head", "_lane", "_scope", "question")

    question: Question | None

    def __init__(self, entrance: Entrance, lane: Lane, scope: Scope, head: Head, body: bytes) -> None:
        self._began = perf_counter()
        self._entrance = entrance
        self._lane = lane
        self._scope = scope
        self._head = head
        self._body = body
        self.question = lane.questions.known(body, head.client)

    @property
    def _answers(self) -> PublicAnswers:
        return self._lane.questions.remembered.answers

    @property
    def request_id(self) -> str:
        """The id of the request: its own, if that is a sane one."""
        said = self._head.request_id
        return request_id_of(said) if said else os.urandom(12).hex()

    def tell(self, request_id: str) -> None:
        """The line and the figures of a request that was answered."""
        assert self.question, "what was answered had been asked"
        seconds = perf_counter() - self._began
        self._entrance.answered += 1
        self._entrance.metrics.count("query", 200, seconds)
        self.question.line.tell(request_id, seconds)

    def at_once(self) -> bytes | None:
        """The answer that everybody gets, if it is in memory and nobody in particular asks."""
        question = self.question
        if question is None or question.key is None or self._head.bearer is not None:
            return None
        found = self._answers.get(question.key)
        return found.body if found else None

    async def answer(self) -> bytes | None:
        """The answer, if it can be given here."""
        self._entrance.room.here += 1
        self._entrance.metrics.here += 1
        try:
            if self.question is None:
                self.question = await self._lane.questions.read(self._body, self._head.client)
            if self.question is None:
                return None
            if self._head.bearer is None:
                return self.at_once()
            return await self._read(self.question, self._head.bearer)
        except Exception:
            # Nothing was changed, so that whoever stands behind may try.
            log.exception("the quick door failed")
            return None
        finally:
            self._entrance.room.here -= 1
            self._entrance.metrics.here -= 1

    async def _read(self, question: Question, bearer: bytes) -> bytes | None:
        """The answer of one statement to somebody who was here."""
        lane, reads = self._lane, self._lane.questions.reads
        document = lane.questions.documents.known(question.digest)
        if not isinstance(document, Document) or lane.closed_to(document):
            return None
        now = await lane.door.clock.now()
        who = lane.door.recollection.known(bearer, now)
        readers = who and lane.reading.of_actor(who.actor)
        if not who or not readers:
            return None
        key = question.key and question.key + (who.locale or ENGLISH).encode()
        kept = self._answers.get(key) if key else None
        bound = None if kept else self._bound(question, document, who, now)
        if not (kept or bound):
            return None
        try:
            bill = await lane.budgets.take(who.name, question.cost)
        except Fault:
            return None
        text = await self._fetched(readers, bound, key, now) if bound else None
        if kept and await self._told(readers, STANDS, who.stands):
            text = kept.body
        if text is None:
            bill.settle(0)
            return None
        operation = document.operation(question.name)
        if reads.witness:
            async with lane.door.context(Request(self._scope), now=now) as context:
                await reads.witness(document, operation, question.variables, context, text)
        bill.settle(operation.cost.used_by(text))
        return around(text, bill, {})

    def _bound(self, question: Question, document: Document, who: Recalled, now: datetime) -> Bound | None:
        """The statement of a question and what it binds for somebody, if it can be compiled."""
        found = who.bound.get(question.number)
        if found is None:
            asked = asking.Asking(who.actor, who.locale or ENGLISH, now, question.values)
            try:
                plan, values = self._lane.questions.reads.planned(document, document.operation(question.name), asked)
            except _UNPLANNED:
                return None
            found = Bound(plan.bare(), plan.behind(who.stands, who.sees, values))
            who.bind(question.number, found)
        return found

    async def _fetched(self, readers: Readers, bound: Bound, key: bytes | None, now: datetime) -> bytes | None:
        """What was read, if they still may what they might and nothing else is unusual."""
        plan, mark = bound.plan, self._answers.mark()
        told = await self._told(readers, plan.entered, plan.at(bound.values, now))
        try:
            text = None if told is None else plan.finished(told)
        except Surprise:
            return None
        if text is not None and key and plan.moment is None and not plan.personal:
            self._answers.put(key, text, mark)
        return text

    async def _told(self, readers: Readers, sql: str, values: Sequence[Any]) -> Any:
        """What PostgreSQL says, or None where something is unusual."""
        try:
            return await readers.ask(sql, values, self._lane.patience)
        except TimeoutError:
            self._scope.setdefault("state", {})[FAILED] = overdue(self._lane.patience)
        except _FAILURES:
            pass
        return None
