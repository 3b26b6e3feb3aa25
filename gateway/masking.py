"""Masking: what a client may see of an error.

A `Fault` speaks for itself. What GraphQL itself refuses (syntax, validation,
variables) is the caller's mistake. Everything else is ours or our database's: the
client gets one sentence with a reference, and the log gets the traceback under the
same reference, once, however many fields failed for the same reason. No message
and no log line is made from the literals of a document.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

import asyncpg
import sqlalchemy.exc
import structlog
from graphql import GraphQLError

from kernel.errors import Code, Fault, Unreachable

OURS = "Something went wrong on our side. Quote this reference to support: {reference}."
DOWN = "The database is not answering. Try again in a moment, or quote this reference to support: {reference}."

STATUS = {
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.INVALID_INPUT: 400,
    Code.CONFLICT: 409,
    Code.RATE_LIMITED: 429,
    Code.TOO_COMPLEX: 422,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
"""The HTTP status of a request that failed as a whole, by its code."""

_LOST = (
    OSError,  # refused, reset, timed out, or no such socket
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    Unreachable,
)
_LONGEST = 500

log = structlog.get_logger("gateway.masking")


def refused(error: GraphQLError) -> dict[str, Any]:
    """The client's view of an error in the request itself: its document, operation or variables."""
    cause = error.original_error
    if isinstance(cause, Fault):
        return _told(cause) | _place(error)
    return _shown(error.message, Code.INVALID_INPUT) | _place(error)


def masked(errors: Iterable[GraphQLError]) -> list[dict[str, Any]]:
    """The client's view of the errors of an execution, in their order."""
    seen: dict[object, dict[str, Any]] = {}
    return [_masked(error, seen) | _place(error) for error in errors]


def masked_exception(error: Exception) -> dict[str, Any]:
    """The client's view of an exception outside of any field."""
    return _told(error) if _speaks(error) else _hidden(error)


def _masked(error: GraphQLError, seen: dict[object, dict[str, Any]]) -> dict[str, Any]:
    cause = _cause(error)
    if _speaks(cause):
        return _told(cause)
    if isinstance(cause, GraphQLError) and cause.nodes:
        # Only the coercion of arguments blames a place in the document.
        return _shown(cause.message, Code.INVALID_INPUT)
    reason = _reason(cause)
    if reason not in seen:
        seen[reason] = _hidden(cause)
    return seen[reason]


def _speaks(error: Exception) -> TypeGuard[Fault]:
    """Whether the sentence of an exception is meant for the client."""
    return isinstance(error, Fault) and not isinstance(error, Unreachable)


def _cause(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error:
        cause = cause.original_error
    return cause


def _reason(error: Exception) -> object:
    """What equal failures have in common: the kind of exception and the line that raised it."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return type(error), trace and (trace.tb_frame.f_code, trace.tb_lineno)


def _told(fault: Fault) -> dict[str, Any]:
    shown = _shown(fault.message, fault.code)
    if fault.details:
        shown["extensions"]["details"] = {name: _plain(value) for name, value in fault.details.items()}
    return shown


def _hidden(error: Exception) -> dict[str, Any]:
    reference = secrets.token_hex(6)
    lost = any(isinstance(each, _LOST) for each in _chain(error))
    code = Code.UNAVAILABLE if lost else Code.INTERNAL
    log.error("masked", reference=reference, code=code.value, exc_info=error)
    return _shown((DOWN if lost else OURS).format(reference=reference), code)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what caused it, at most ten deep."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = getattr(error, "orig", None) or error.__cause__


def _shown(message: str, code: Code) -> dict[str, Any]:
    says = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
    return {"message": says, "extensions": {"code": code.value}}


def _place(error: GraphQLError) -> dict[str, Any]:
    """Where in the document and in the response it happened."""
    place: dict[str, Any] = {}
    if error.locations:
        place["locations"] = [{"line": at.line, "column": at.column} for at in error.locations[:20]]
    if error.path:
        place["path"] = error.path
    return place


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | list | dict | None) else str(value)
