"""Mixing: one answer of what a statement has read and what the executor says of the rest.

Both ways have found the same rows on the way to their fields, so their objects are put
together key by key, in the order of the query. Only the executor fails: where an error of
its own has left a null, there is a null, whatever was read below it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from graphql import GraphQLError

from gateway.documents import Document
from gateway.executor import Outcome
from resolvers.compiled.parting import Parts
from resolvers.compiled.plan import Half

Path = tuple[str | int, ...]


class Differing(Exception):  # noqa: N818 - an outcome
    """One of both ways has found a row that the other hasn't."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a statement has read of a query, as JSON text."""

    found: Half
    text: bytes

    def rest_of(self, document: Document) -> Document:
        """The document with nothing but what the executor has yet to answer."""
        return replace(document, syntax=self.found.rest)


def joined(read: Read, rest: Outcome) -> Outcome:
    """The whole answer. Raises Differing."""
    if not rest.began:
        return rest
    nulled = {_path(error) for error in rest.errors}
    data = _joined(read.found.parts, orjson.loads(read.text), rest.data, (), nulled)
    return replace(rest, data=data)


def _joined(parts: Parts, compiled: Any, executed: Any, path: Path, nulled: Collection[Path]) -> dict[str, Any] | None:
    if executed is None and any(error[: len(path)] == path for error in nulled):
        return None
    if compiled is None and executed is None:
        return None
    if compiled is None or executed is None:
        raise Differing
    return dict(_fields(parts, compiled, executed, path, nulled))


def _fields(
    parts: Parts, compiled: Mapping[str, Any], executed: Mapping[str, Any], path: Path, nulled: Collection[Path]
) -> Any:
    for key, part in parts.items():
        if part.inside is not None:
            yield key, _joined(part.inside, compiled[key], executed[key], (*path, key), nulled)
        else:
            yield key, (compiled if part.compiled else executed)[key]


def _path(error: GraphQLError) -> Path:
    return tuple(error.path or ())
