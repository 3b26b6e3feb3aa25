"""Streams: one subscription, from its document to the answers that are told, whatever carries them.

A subscription is begun by the actor of its first moment. Each change is then answered
for the actor of *its* moment, in a unit of work of its own: the bearer is looked at
again, the permission is asked for again, and what may not be seen is not told. Following
is paid for as asking is: at its beginning, and for each change that is told.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import strawberry
from graphql import OperationType

from gateway.budgets import Bill, Budgets, Overspent
from gateway.documents import Document, Documents, Operation, Refusal
from gateway.executor import NotBegun, Outcome, execute, subscribe
from gateway.live.feed import Follower
from gateway.live.vigil import Vigil
from gateway.live.whole import whole
from gateway.masking import masked, refused
from gateway.metrics import Metrics
from gateway.patience import timely
from gateway.requests import Asked
from gateway.sources import Sources
from kernel.errors import Forbidden, InvalidInput, RateLimited, Unauthenticated, Unavailable
from resolvers.following import Change
from resolvers.info import Context

MOST_STREAMS = 100
"""The most subscriptions that one actor may have open in one process."""

MOST_SOCKETS = 50
"""The most WebSockets of one actor in one process."""

STREAMS = 5_000
"""The most subscriptions of everybody in one process."""

SOCKETS = 2_500
"""The most WebSockets of everybody in one process."""

NEWCOMERS = 500
"""The most WebSockets of those who have yet to say who they are; who came first has to leave then."""

AT_ONCE = 4
"""How many changes are answered at the same time."""

PATIENCE = 10.0
"""Seconds that a message may wait for a client to read what came before it."""

Answer = dict[str, Any]
Enter = Callable[[], AbstractAsyncContextManager[Context]]
"""Opens the context of whoever asks, as they are at this moment. Raises Unauthenticated."""


@dataclass(frozen=True, slots=True)
class Question:
    """A subscription that somebody asks for."""

    asked: Asked
    document: Document
    operation: Operation


class Refused(Exception):  # noqa: N818 - an outcome
    """A subscription that was not begun, and the errors to tell."""

    def __init__(self, errors: list[Answer]) -> None:
        super().__init__("a subscription was refused")
        self.errors = errors


@dataclass(slots=True)
class Streams:
    """All subscriptions of one process."""

    schema: strawberry.Schema
    sources: Sources
    vigil: Vigil
    metrics: Metrics
    budgets: Budgets
    patience: float = PATIENCE
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    """Where changes are answered: what is followed by many leaves connections to whoever asks something."""

    _streams: Tally[str] = field(default_factory=Tally)
    _sockets: Tally[str] = field(default_factory=Tally)
    _newcomers: dict[object, Callable[[], None]] = field(default_factory=dict)

    @property
    def documents(self) -> Documents:
        """What was read lately."""
        return self.sources.documents

    async def read(self, asked: Asked, client: str | None) -> Question:
        """The subscription that a client asks for. Raises Refused, or a Fault for what is none."""
        document = await self.sources.read(asked, client)
        if isinstance(document, Refusal):
            raise Refused(list(document.errors))
        operation = document.operation(asked.operation)
        if operation.kind is not OperationType.SUBSCRIPTION:
            raise InvalidInput("Only subscriptions are answered here. Send queries and mutations by POST.")
        self.documents.cost(operation, asked.variables)
        return Question(asked, document, operation)

    @asynccontextmanager
    async def opened(self, question: Question, enter: Enter, transport: str) -> AsyncIterator[AsyncIterator[Answer]]:
        """The answers of a subscription, one for each change. Raises Refused, or a Fault."""
        with ExitStack() as counted:
            source = await whole(self._begun(question, enter, counted), Follower.aclose)
            counted.enter_context(self.metrics.streams.labels(transport).track_inprogress())
            async with (
                aclosing(source),
                aclosing(self._answers(source, question, enter, transport)) as answers,
            ):
                yield answers

    @contextmanager
    def socket(self, name: str) -> Iterator[None]:
        """One more WebSocket of an actor. Raises RateLimited or Unavailable."""
        counted = self._counted(self._sockets, name, MOST_SOCKETS, SOCKETS, "WebSockets")
        with counted, self.metrics.sockets.track_inprogress():
            yield

    @contextmanager
    def newcomer(self, leave: Callable[[], None]) -> Iterator[None]:
        """A WebSocket of somebody who has yet to say who they are, and how to let go of it."""
        while len(self._newcomers) >= NEWCOMERS:
            self._newcomers.pop(next(iter(self._newcomers)))()
        place = object()
        self._newcomers[place] = leave
        try:
            yield
        finally:
            self._newcomers.pop(place, None)

    async def _begun(self, question: Question, enter: Enter, counted: ExitStack) -> Follower:
        async with enter() as context:
            name = identified(context)
            counted.enter_context(self._counted(self._streams, name, MOST_STREAMS, STREAMS, "subscriptions"))
            await self.budgets.take(name, question.operation.cost.begun)
            try:
                source = await subscribe(
                    self.schema,
                    question.document,
                    question.operation,
                    question.asked.variables,
                    context,
                    extensions=question.asked.extensions,
                    suggestions=self.documents.suggestions,
                )
            except NotBegun as refusal:
                raise Refused(_errors(refusal.outcome)) from None
        return cast("Follower", source)

    async def _answers(
        self, source: Follower, question: Question, enter: Enter, transport: str
    ) -> AsyncGenerator[Answer]:
        async for change in source:
            answer = await whole(self._answered(change, question, enter))
            if answer:
                self.metrics.told.labels(transport).inc()
                yield answer

    async def _answered(self, change: Change, question: Question, enter: Enter) -> Answer | None:
        """What a change is to its reader at this moment; None for nothing."""
        async with self.room, enter() as context:
            seen = await change.seen_by(context)
            if seen is None:
                return None
            bill = await self._charged(context, question)
            async with timely(OperationType.SUBSCRIPTION):
                outcome = await execute(
                    self.schema,
                    question.document,
                    question.operation,
                    question.asked.variables,
                    context,
                    root=seen,
                    extensions=question.asked.extensions,
                    suggestions=self.documents.suggestions,
                )
        bill.settle(question.operation.cost.used_each(outcome.data))
        told = {"data": outcome.data, "extensions": {"cost": bill.shown()}}
        return {"errors": masked(outcome.errors), **told} if outcome.errors else told

    async def _charged(self, context: Context, question: Question) -> Bill:
        """Let whoever follows pay for a change. Raises RateLimited."""
        asked = question.operation.cost.asked_each(question.asked.variables)
        try:
            return await self.budgets.take(context.actor.name, asked)
        except Overspent as refusal:
            left, seconds = max(0, refusal.bill.left), refusal.details["seconds"]
            says = f"To tell you of this change costs {asked:,} of your points, and {left:,} are left."
            more = f"Subscribe again after your last cursor, in {seconds} seconds."
            raise RateLimited(f"{says} {more}", seconds=seconds) from None

    @contextmanager
    def _counted(self, tally: Tally[str], name: str, most: int, in_all: int, what: str) -> Iterator[None]:
        if tally[name] >= most:
            raise RateLimited(f"You have {most} {what} open here. End one, or ask for several things in one.")
        if tally.total() >= in_all:
            raise Unavailable(f"As many {what} are open here as we can hold. Come back in some seconds.")
        tally[name] += 1
        try:
            yield
        finally:
            tally[name] -= 1
            if not tally[name]:
                del tally[name]


def identified(context: Context) -> str:
    """The name of whoever asks. Raises Unauthenticated for nobody we know."""
    actor = context.actor
    if actor.person_id is None and actor.key_id is None:
        raise Unauthenticated("Sign in first: send a bearer token.")
    if actor.viewed_by is not None:
        raise Forbidden("You look as somebody else, and nothing is told to you as it happens. Ask as yourself.")
    return actor.name


def _errors(outcome: Outcome) -> list[Answer]:
    return masked(outcome.errors) if outcome.began else [refused(error) for error in outcome.errors]
