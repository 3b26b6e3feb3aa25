"""Agreeing: whatever a statement answers in a test, whole or in part, the executor is asked as well, and must agree."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import GraphQLError

from auth.policy import sees
from gateway.compiled import Reads
from gateway.documents import Document, Operation
from gateway.executor import Outcome, execute
from kernel.readers import Readers
from resolvers.compiled.asking import Asking
from resolvers.info import Context

_PATIENCE = 60.0


@dataclass(slots=True)
class Agreement:
    """How often both ways were asked, and where they differed."""

    schema: strawberry.Schema
    compared: int = 0
    mixed: int = 0
    """How often the executor had answered a part of it."""

    plain: bool = True
    """Whether graphql-core's own executor is asked besides."""

    reads: Reads | None = None
    readers: Readers | None = None
    """Who reads for customers, behind a fence of its own, if they are asked besides."""

    differences: list[str] = field(default_factory=list)

    async def witness(
        self, document: Document, operation: Operation, variables: dict[str, Any], context: Context, text: bytes
    ) -> None:
        """Ask the executor the same, in the same transaction, and note where it says something else."""
        outcome = await execute(self.schema, document, operation, variables, context)
        await self._insist_on_plain(document, operation, variables, context, outcome)
        self.compared += 1
        # The order of keys counts, so the texts are compared.
        compiled, executed = json.dumps(json.loads(text)), json.dumps(outcome.data)
        counted, read = operation.cost.used_by(text), operation.cost.used(outcome.data)
        if outcome.errors or compiled != executed or counted != read:
            costs = f"{counted} and {read} points"
            self._note(document, variables, f"{_told(outcome)}\n{costs}\ncompiled: {compiled}\nexecuted: {executed}")
        await self._insist_on_fence(document, operation, variables, context, text)

    async def _insist_on_fence(
        self, document: Document, operation: Operation, variables: dict[str, Any], context: Context, text: bytes
    ) -> None:
        """Insist that whoever reads for customers is shown the same, and no less for being told less of them."""
        if self.reads is None or self.readers is None or not context.actor.plain:
            return
        values = self.reads.coerced(operation, variables)
        asking = Asking(context.actor, context.locale, context.work.now, values)
        plan, bound = self.reads.planned(document, operation, asking)
        seen = sees(context.actor)
        found = await self.readers.ask(plan.fenced, (*bound, *(seen[name] for name in plan.told)), _PATIENCE)
        if plan.finished(found) != text:
            self._note(document, variables, f"shown: {text.decode()}\nfenced: {found.decode()}")

    async def onlooker(
        self, document: Document, operation: Operation, variables: dict[str, Any], context: Context, mixed: Outcome
    ) -> None:
        """Ask the executor the whole of what a statement and the executor have answered together."""
        await self._insist_on_plain(document, operation, variables, context, mixed)
        self.mixed += 1

    async def _insist_on_plain(
        self, document: Document, operation: Operation, variables: dict[str, Any], context: Context, outcome: Outcome
    ) -> None:
        """Insist that graphql-core's own executor, row by row, says the same."""
        if not self.plain:
            return
        by = self.schema.execution_context_class
        plain = await execute(self.schema, document, operation, variables, context, by=by)
        first, second = json.dumps(outcome.data), json.dumps(plain.data)
        if first != second or _told(outcome) != _told(plain):
            told = f"{_told(outcome)}\n{_told(plain)}"
            self._note(document, variables, f"{told}\nmixed: {first}\nexecuted: {second}")

    def _note(self, document: Document, variables: dict[str, Any], difference: str) -> None:
        source = document.syntax.loc.source.body if document.syntax.loc else ""
        self.differences.append(f"{source}\n{variables}\n{difference}")
        raise AssertionError(self.differences[-1][:5_000])


def _told(outcome: Outcome) -> list[str]:
    """The errors, by their places: in which order siblings fail is nobody's to say."""
    return sorted(_said(error) for error in outcome.errors)


def _said(error: GraphQLError) -> str:
    return f"{error.path} {error.locations} {error.message}"
