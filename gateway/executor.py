"""Execution: one operation of a validated document, run to its very end.

graphql-core's executor is built directly, with the class that Strawberry gives its
schema (`gateway.abreast` adds to it). So `strawberry.Info`, its context and its input extensions are what they
always are, while three things differ from `schema.execute`: the document is not
parsed and validated again, an error in variables is told apart from an error in a
field, and nothing logs the document. Strawberry's schema extensions and operation
directives live in `schema.execute` alone; a schema that has some is refused.

A failed operation may leave resolvers running. They are awaited, and in the end
cancelled, before `execute` returns, because they hold the unit of work of the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any, cast

import strawberry
import structlog
from graphql import ExecutionResult, GraphQLError
from graphql.execution import Executor, create_source_event_stream
from strawberry.execution import optimized_is_awaitable

from gateway import abreast
from gateway.documents import Document, Operation, core

_GRACE = 0.5
"""Seconds in which a resolver whose answer nobody needs may end by itself."""

_PATIENCE = 5
"""Seconds that a cancelled resolver may take to end."""

log = structlog.get_logger("gateway.executor")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation; without `began`, its variables were refused and nothing ran."""

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    began: bool = True


class NotBegun(Exception):  # noqa: N818 - an outcome
    """A subscription that never began, and why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("a subscription was refused")
        self.outcome = outcome


def check(schema: strawberry.Schema) -> None:
    """Insist that nothing of the schema would be passed over."""
    assert not schema.extensions, "schema extensions run in schema.execute alone"
    assert not schema.directives, "operation directives run in schema.execute alone"


async def execute(
    schema: strawberry.Schema,
    document: Document,
    operation: Operation,
    variables: dict[str, Any],
    context: object,
    *,
    root: object = None,
    extensions: dict[str, Any] | None = None,
    suggestions: bool = False,
    by: type[Executor[Any]] = abreast.Executor,
) -> Outcome:
    """Run the operation with these variables; what fails in a field ends up in the outcome.

    For a subscription, `root` is the event that is told. `by` is graphql-core's executor, or what is made of it.
    """
    executor = _built(
        schema,
        document,
        operation,
        variables,
        context,
        root=root,
        extensions=extensions,
        suggestions=suggestions,
        by=by,
    )
    if isinstance(executor, list):
        return Outcome(None, executor, began=False)
    try:
        result = executor.execute_operation()
        result = await result if isinstance(result, Awaitable) else result
    finally:
        await _settle(executor)
    done = cast("ExecutionResult", result)  # incremental delivery is not in our schema
    return Outcome(done.data, done.errors or [])


async def subscribe(
    schema: strawberry.Schema,
    document: Document,
    operation: Operation,
    variables: dict[str, Any],
    context: object,
    *,
    extensions: dict[str, Any] | None = None,
    suggestions: bool = False,
) -> AsyncIterator[Any]:
    """The events that a subscription asks for; each is a `root` for `execute`. Raises NotBegun."""
    executor = _built(schema, document, operation, variables, context, extensions=extensions, suggestions=suggestions)
    if isinstance(executor, list):
        raise NotBegun(Outcome(None, executor, began=False))
    source = create_source_event_stream(executor)
    source = await source if isinstance(source, Awaitable) else source
    if isinstance(source, ExecutionResult):
        raise NotBegun(Outcome(None, source.errors or []))
    return aiter(source)


def _built(
    schema: strawberry.Schema,
    document: Document,
    operation: Operation,
    variables: dict[str, Any],
    context: object,
    *,
    root: object = None,
    extensions: dict[str, Any] | None,
    suggestions: bool,
    by: type[Executor[Any]] = abreast.Executor,
) -> Executor[Any] | list[GraphQLError]:
    return by.build(
        core(schema),
        document.syntax,
        root,
        context,
        raw_variable_values=variables,
        operation_name=operation.name,
        is_awaitable=cast("Any", optimized_is_awaitable),
        hide_suggestions=not suggestions,
        operation_extensions=extensions,
    )


async def _settle(executor: Executor[Any]) -> None:
    """Wait for what still runs to end; cancel what does not."""
    if not executor.background_futures:
        return
    _, late = await asyncio.wait(executor.background_futures, timeout=_GRACE)
    for future in late:
        future.cancel()
    _, stuck = await asyncio.wait(late, timeout=_PATIENCE) if late else (None, None)
    if stuck:
        log.error("a cancelled resolver does not end", resolvers=len(stuck))
