"""Questions: what bodies ask, each read, limited and priced once, and remembered by its bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson
from graphql import GraphQLError, OperationType
from graphql.execution.values import VariableValues

from gateway.cards import free_of
from gateway.compiled import Reads
from gateway.documents import Document, Documents, Operation
from gateway.logs import Line
from gateway.observability import Note
from gateway.public_answers import key_of
from gateway.remembering import Remembered
from gateway.requests import Asked, Malformed, asked
from kernel.errors import Fault
from resolvers.compiled.plan import Surprise

PATH = "/graphql"

_LONGEST = 4 * 1024
"""Bytes of a body that is remembered."""

_MOST = 2_000
_NUMBERS = count()

_REFUSED = (Malformed, Fault, Surprise, GraphQLError, ValueError, AttributeError)
"""What may come of a body; the doors behind say what is wrong with it."""


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


class Questions:
    """What bodies asked that came lately; the least recently asked one goes first."""

    def __init__(self, documents: Documents, reads: Reads, remembered: Remembered) -> None:
        self.documents = documents
        self.reads = reads
        self.remembered = remembered
        self._known: OrderedDict[tuple[bytes, str | None], Question] = OrderedDict()

    def known(self, body: bytes, client: str | None) -> Question | None:
        """What a client asks with this body, if that was asked before and still counts."""
        found = self._known.get((body, client))
        if found is None or (found.mark is not None and found.mark != self._mark()):
            return None
        self._known.move_to_end((body, client))
        return found

    async def read(self, body: bytes, client: str | None) -> Question | None:
        """What a client asks with this body for the first time; None if it can't be answered here."""
        mark = self._mark()
        try:
            made = await self._read(asked(orjson.loads(body), harmless=free_of(body)), client, mark)
        except _REFUSED:
            return None
        if made is not None and (made.mark is None or (made.mark >= 0 and made.mark == self._mark())):
            self._put(body, client, made)
        return made

    def _put(self, body: bytes, client: str | None, question: Question) -> None:
        if len(body) > _LONGEST:
            return
        self._known[body, client] = question
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    async def _read(self, said: Asked, client: str | None, mark: int) -> Question | None:
        """What is asked, if every limit allows it and it can be answered here. Raises what refuses it."""
        sources = self.remembered.sources
        document = await sources.read(said, client)
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
            self.reads.coerced(operation, said.variables),
            self.documents.cost(operation, said.variables),
            key_of(document.digest, operation, said.variables) if public else None,
            None if sources.open_to_all and said.query is not None else mark,
            _line(document, operation),
        )

    def _mark(self) -> int:
        """How many notices there were; below zero while none would reach us."""
        notices = self.remembered.notices
        return notices.heard if notices.listening else -1


def _line(document: Document, operation: Operation) -> Line:
    told = Note("query", operation.name, document.digest[:12]).shown()
    return Line.of("request", {"method": "POST", "path": PATH, "status": 200}, told)
