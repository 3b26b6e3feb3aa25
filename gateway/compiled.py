"""Compiled reads at the door: a query is answered by one statement where that is possible.

Whoever asks has been recognized before, and the statement runs in their transaction,
behind the same fence as any other. Whatever is unusual about a query, its arguments or
its rows is left to the executor, which answers reads as often as it is asked. Where only
some of the fields need it, it answers those, and the statement has answered the others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import strawberry
import structlog
from graphql import GraphQLError, OperationType, get_variable_values
from graphql.execution.values import VariableValues

from gateway.documents import Document, Operation, core
from gateway.executor import Outcome
from gateway.mixing import Differing, Read, joined
from kernel.errors import Fault
from resolvers.compiled.asking import Asking
from resolvers.compiled.draft import NotCompiled
from resolvers.compiled.parting import told
from resolvers.compiled.plan import Half, Plan, Surprise, planned
from resolvers.info import Context

log = structlog.get_logger("gateway.compiled")

Witness = Callable[[Document, Operation, dict[str, Any], Context, bytes], Awaitable[None]]
"""Sees every answer of a statement before it is sent, with what was asked, and may ask the same another way."""

Onlooker = Callable[[Document, Operation, dict[str, Any], Context, Outcome], Awaitable[None]]
"""Sees every answer that a statement and the executor gave together."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How a query was answered: the JSON text of its data, or of a part of it, or why there is none."""

    text: bytes | None
    why: str | None = None
    half: Read | None = None
    """What was read of a query that the executor has yet to answer the rest of."""


class Reads:
    """The queries of one schema, each answered by one statement where that is possible.

    With `explain`, the log says which way a query went, and so does an extension of the
    response for our own staff. PostgreSQL takes longer to plan a statement than the executor
    takes to answer once, so a document is compiled `after` the executor has answered it so often.
    """

    def __init__(self, schema: strawberry.Schema, *, explain: bool = False, after: int = 1) -> None:
        self.explain = explain
        self.after = after
        self.witness: Witness | None = None
        self.onlooker: Onlooker | None = None
        self.schema = schema
        self._core = core(schema)

    async def read(
        self, document: Document, operation: Operation, variables: dict[str, Any], context: Context
    ) -> Answered:
        """The answer of one statement, or what it answers of it, or the reason why it answers nothing."""
        try:
            found, text = await self._read(document, operation, variables, context)
        except (NotCompiled, Surprise) as reason:
            return Answered(None, str(reason))
        except (Fault, GraphQLError):
            return Answered(None, "the arguments are refused")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, OverflowError) as failure:
            # A transaction in which a statement failed answers nothing more.
            await context.work.rest()
            return Answered(None, f"the statement failed: {type(failure).__name__}")
        if isinstance(found, Half):
            return Answered(None, half=Read(found, text))
        if self.witness:
            await self.witness(document, operation, variables, context, text)
        return Answered(text)

    async def finish(
        self,
        answered: Answered,
        execute: Callable[[Document], Awaitable[Outcome]],
        document: Document,
        *,
        operation: Operation,
        variables: dict[str, Any],
        context: Context,
    ) -> Outcome:
        """What the executor says of a query that no statement has answered, or not whole."""
        if answered.half is None:
            return await execute(document)
        rest = await execute(answered.half.rest_of(document))
        try:
            outcome = joined(answered.half, rest)
        except Differing:
            # Somebody has changed a row in between.
            return await execute(document)
        if self.onlooker:
            await self.onlooker(document, operation, variables, context, outcome)
        return outcome

    async def _read(
        self, document: Document, operation: Operation, variables: dict[str, Any], context: Context
    ) -> tuple[Plan | Half, bytes]:
        if operation.kind is not OperationType.QUERY:
            raise NotCompiled("it is no query")
        if context.actor.setting is not None:
            raise Surprise("whoever asks came with a setup link")
        if self.is_new(document):
            document.plans.met += 1
            raise Surprise("the document is new here")
        values = self.coerced(operation, variables)
        asking = Asking(context.actor, context.locale, context.work.now, values)
        found = self._found(document, operation, asking)
        plan = found.plan if isinstance(found, Half) else found
        rows = await context.work.fetch(plan.sql, *plan.values(asking))
        return found, plan.finished(rows[0][0])

    def is_new(self, document: Document) -> bool:
        """Whether the executor has yet to answer a document before it is compiled."""
        return document.plans.met < self.after

    def coerced(self, operation: Operation, variables: dict[str, Any]) -> VariableValues:
        """The variables as the schema takes them. Raises Surprise for those it refuses."""
        values = get_variable_values(self._core, operation.node.variable_definitions or (), variables)
        if isinstance(values, list):
            raise Surprise("the variables are refused")
        return values

    def planned(self, document: Document, operation: Operation, asking: Asking) -> tuple[Plan, list[Any]]:
        """The statement that answers a query, and what it binds. Raises NotCompiled, Surprise, or what is refused."""
        found = self._found(document, operation, asking)
        if isinstance(found, Half):
            raise NotCompiled("the executor answers the rest")
        return found, found.values(asking)

    def _found(self, document: Document, operation: Operation, asking: Asking) -> Plan | Half:
        found = planned(document.plans, self._core, document.syntax, operation.node, asking)
        if isinstance(found, NotCompiled):
            raise NotCompiled(str(found))
        return found

    def explained(self, answered: Answered, context: Context) -> dict[str, Any]:
        """What the response's extensions say of it: nothing, unless our own staff ask for it."""
        if not self.explain:
            return {}
        said = _said(answered)
        log.info("read", **said)
        return {"seatgraph": said} if context.actor.desk else {}


def _said(answered: Answered) -> dict[str, Any]:
    if answered.text is not None:
        return {"way": "compiled"}
    if answered.half is None:
        return {"way": "executed"} | ({"why": answered.why} if answered.why else {})
    fields = dict(told(answered.half.found.parts))
    return {
        "way": "mixed",
        "compiled": [path for path, why in fields.items() if why is None],
        "executed": {path: why for path, why in fields.items() if why is not None},
    }
