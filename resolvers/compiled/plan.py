"""The plan: how one operation is answered by one statement, kept for as long as its document is.

What a plan depends on is in its key: which operation, which kind of reader, and the
form of the variables' values. Everything else is bound when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)

from kernel import pages
from resolvers.compiled.asking import Asking, form, standpoint
from resolvers.compiled.choosing import Chooser, Chosen
from resolvers.compiled.draft import MARK, Draft, NotCompiled, Read
from resolvers.compiled.objects import Writer
from resolvers.compiled.parting import Parting, Parts, compiled, executed
from resolvers.compiled.writing import writer

MOST_PLANS = 64
"""How many plans one document keeps: its variables may have more forms than anybody needs."""

LONGEST_STATEMENT = 200_000
"""Characters of SQL that are worth planning."""

_ROOM = 2 * 1024 * 1024
"""Bytes that the plans of one document may take."""

_BESIDE = 2 * 1024
"""Bytes that a plan takes beside its statement, or that tell why there is none, roughly."""


class Surprise(Exception):  # noqa: N818 - an outcome
    """The statement met what only the usual way can tell: an error, or a null where none may be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement, and where the values it binds come from."""

    sql: str
    reads: Sequence[Read]
    lists: Sequence[tuple[str, str]]
    moment: int | None
    """Which of the values is the instant of the request."""

    personal: bool
    """Whether it was asked who reads; nobody else gets such an answer."""

    told: Sequence[str]
    """What row-level security is told of whoever reads, for a connection that belongs to nobody."""

    fenced: str
    """The same statement, which tells that first; its values follow those of the statement."""

    entered: str
    """The same for somebody who still stands as they did: see `behind`."""

    @classmethod
    def of(cls, sql: str, draft: Draft, told: Sequence[str]) -> Plan:
        """The plan of one statement, of whose reader row-level security is told these things."""
        first = len(draft.reads) + 1
        # In words of the statement itself: it takes PostgreSQL half as long as a function of ours that does it.
        seen = " || ".join(f"set_config('app.{name}', ${place}::text, true)" for place, name in enumerate(told, first))
        # What a `case` shows is read after it was decided: what decides is asked first, and changes what is seen.
        fenced = f"case when {seen} is not null then ({sql}) end"
        stood = "standing_told({}::bigint, {}::bigint, {}::bigint) = {}::text".format(
            *(f"${place}" for place in range(first + len(told), first + len(told) + 4))
        )
        entered = f"select case when {stood} then {fenced} end"
        return cls(
            sql, tuple(draft.reads), tuple(draft.lists), draft.moment, draft.personal, told, f"select {fenced}", entered
        )

    def behind(self, stands: Sequence[Any], sees: Mapping[str, str], values: Sequence[Any]) -> Sequence[Any]:
        """The values of `entered`: it reads if somebody still stands as they did, and sees what they see."""
        return (*values, *(sees[name] for name in self.told), *stands)

    def at(self, values: Sequence[Any], now: datetime) -> Sequence[Any]:
        """The same values at another instant."""
        if self.moment is None:
            return values
        moved = list(values)
        moved[self.moment] = now
        return moved

    def bare(self) -> Plan:
        """The same, without its reads: they hold on to the document."""
        return replace(self, reads=())

    @property
    def size(self) -> int:
        """The bytes it takes, roughly."""
        return _BESIDE + len(self.sql) + len(self.fenced) + len(self.entered)

    def values(self, asking: Asking) -> list[Any]:
        """What the statement binds, in order. Raises whatever is wrong with what is asked."""
        return [read(asking) for read in self.reads]

    def finished(self, text: bytes) -> bytes:
        """The JSON text, with cursors in the place of what is marked. Raises Surprise."""
        pieces: list[bytes] = []
        after = 0
        # Finding one character takes a fraction of what splitting by it does.
        while (mark := text.find(MARK, after)) >= 0:
            end = text.find(MARK, mark + 1)
            if end < 0:
                raise Surprise("what a row can't say was met")
            pieces += text[after:mark], self._sealed(text[mark + 1 : end])
            after = end + 1
        return b"".join((*pieces, text[after:])) if pieces else text

    def _sealed(self, marked: bytes) -> bytes:
        if not marked.startswith(b"["):
            raise Surprise("what a row can't say was met")
        place, value, number, parent = orjson.loads(marked)
        name, kind = self.lists[place]
        at = datetime.fromisoformat(value).astimezone(UTC) if kind == "timestamptz" else value
        return b'"%b"' % pages.write(name, (at, number, parent)).encode()


@dataclass(frozen=True, slots=True)
class Half:
    """What one statement answers of an operation, and what it leaves to the executor."""

    plan: Plan
    parts: Parts
    rest: DocumentNode

    @property
    def size(self) -> int:
        """The bytes it takes, roughly: the nodes of the rest are mostly those of the document."""
        return _BESIDE + self.plan.size


Found = Plan | Half | NotCompiled
"""How an operation is answered: by one statement, by one and the executor, or by the executor, and why."""


class Plans:
    """The plans of one document, bounded in number and size; all go together, for a client that asks so much."""

    def __init__(self) -> None:
        self.met = 0
        """How often the executor has answered the document."""

        self.grown: Callable[[int], object] = lambda _: None
        """Hears by how many bytes they have grown, or shrunk."""

        self.size = 0
        self._found: dict[Hashable, Found] = {}

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: Hashable) -> Found | None:
        """The plan of this key."""
        return self._found.get(key)

    def put(self, key: Hashable, found: Found) -> None:
        """Keep a plan, in place of all others where there is no room beside them."""
        before, size = self.size, _BESIDE if isinstance(found, NotCompiled) else found.size
        if len(self._found) >= MOST_PLANS or self.size + size > _ROOM:
            self._found.clear()
            self.size = 0
        self._found[key] = found
        self.size += size
        self.grown(self.size - before)


def planned(
    plans: Plans, schema: GraphQLSchema, syntax: DocumentNode, operation: OperationDefinitionNode, asking: Asking
) -> Found:
    """How an operation is answered for this request, found out when it is the first of its kind.

    It raises whatever is wrong with the arguments.
    """
    key = ("compiled", operation.name and operation.name.value, standpoint(asking.actor), form(asking.variables))
    found = plans.get(key)
    if found is None:
        found = _made(schema, syntax, operation, asking)
        plans.put(key, found)
    return found


def _made(schema: GraphQLSchema, syntax: DocumentNode, operation: OperationDefinitionNode, asking: Asking) -> Found:
    query = schema.query_type
    if operation.operation is not OperationType.QUERY or query is None:
        return NotCompiled("only queries are compiled")
    if operation.directives:
        return NotCompiled("the operation has directives")
    fragments = {node.name.value: node for node in syntax.definitions if isinstance(node, FragmentDefinitionNode)}
    chooser = Chooser(schema, fragments, asking.variables)
    writing, chosen = partial(writer, schema, chooser, asking), chooser.chosen([operation.selection_set], query)
    try:
        return _plan(writing(), chosen, query)
    except NotCompiled as reason:
        why = str(reason)
    parts = Parting(schema, chooser, asking, writing).parts(query, chosen)
    try:
        if half := compiled(parts):
            return Half(_plan(writing(), half, query), parts, executed(syntax, operation, parts))
    except NotCompiled as reason:
        why = str(reason)
    return NotCompiled(why)


def _plan(writer: Writer, chosen: Chosen, query: GraphQLObjectType) -> Plan:
    sql = writer.statement(chosen, query)
    if len(sql) > LONGEST_STATEMENT:
        raise NotCompiled("the statement would be too long")
    return Plan.of(sql, writer.draft, writer.told)
