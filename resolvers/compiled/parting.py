"""Parting: which fields of an operation one statement answers, where others need a function of ours.

What is compiled is whole relations: a row, a list or a page, with everything below it. Where
one row has fields of both sorts below it, it is parted again, for both ways find the same row.
What is below a list is never parted, and a row's own values are left to whoever reads the row
anyway: so nobody asks the database more often than the executor alone would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
)

from resolvers.compiled.asking import Asking
from resolvers.compiled.choosing import Chooser, Chosen
from resolvers.compiled.draft import NotCompiled
from resolvers.compiled.finding import found_by, kinds_of
from resolvers.compiled.objects import Writer, of_ours
from resolvers.compiled.row import Row
from resolvers.graph import FACES, Amount, Face, Given, Kind

Writing = Callable[[], Writer]
"""Makes a writer of which nothing was asked yet."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field of an object: who answers it, or its own fields where both do."""

    nodes: list[FieldNode]
    compiled: bool = False
    why: str | None = None
    """Why it isn't compiled, where it would be worth it."""

    inside: Parts | None = None


Parts = Mapping[str, Part]
"""The fields of an object by their keys, in the order of the response."""


class Parting:
    """Parts the fields of one operation, for one kind of reader and one form of variables."""

    def __init__(self, schema: GraphQLSchema, chooser: Chooser, asking: Asking, writing: Writing) -> None:
        self._schema = schema
        self._chooser = chooser
        self._asking = asking
        self._writing = writing

    def parts(self, query: GraphQLObjectType, chosen: Chosen) -> Parts:
        """The fields of a query. Raises what is wrong with its arguments."""
        return self._parts(FACES[query.name], {}, query, chosen)

    def _parts(self, face: Face, kinds: Mapping[str, Kind], kind: GraphQLObjectType, chosen: Chosen) -> Parts:
        return {key: self._part(Row(face, "", dict(kinds)), kind, nodes) for key, nodes in chosen.items()}

    def _part(self, row: Row, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Part:
        name = nodes[0].name.value
        shown, source = kind.fields.get(name), row.face.mapped.get(name)
        if source is None or shown is None:
            return Part(nodes, why=None if name == "__typename" else of_ours(kind, name))
        if is_leaf_type(get_named_type(shown.type)) or isinstance(source, Amount):
            return Part(nodes)
        face, why = None, None
        try:
            face = found_by(self._asking, source, shown, nodes)
            if not isinstance(source, Given):
                self._writing().value(row, kind, nodes)
                return Part(nodes, compiled=True)
        except NotCompiled as reason:
            why = str(reason)
        if face is None:
            return Part(nodes, why=why)
        return self._parted(face, kinds_of(source) if isinstance(source, Given) else face.kinds, nodes, why)

    def _parted(self, face: Face, kinds: Mapping[str, Kind], nodes: list[FieldNode], why: str | None) -> Part:
        """A field that shows one object of a face: whoever answers all of the object's fields answers it."""
        kind = self._schema.type_map[face.name]
        assert isinstance(kind, GraphQLObjectType)
        inside = self._parts(face, kinds, kind, self._chooser.chosen([node.selection_set for node in nodes], kind))
        if all(part.compiled for part in inside.values()):
            return Part(nodes, compiled=why is None, why=why)
        if any(part.compiled or part.inside for part in inside.values()):
            return Part(nodes, inside=inside)
        return Part(nodes, why=why or next((part.why for part in inside.values() if part.why), None))


def compiled(parts: Parts) -> Chosen:
    """What of these fields a statement answers, chosen as for one."""
    return dict(_half(parts, compiled=True))


def executed(syntax: DocumentNode, operation: OperationDefinitionNode, parts: Parts) -> DocumentNode:
    """The document with nothing of this operation but what is left to the executor."""
    rest = replace(operation, selection_set=_selected(parts, compiled=False))
    return replace(syntax, definitions=tuple(rest if each is operation else each for each in syntax.definitions))


def _half(parts: Parts, *, compiled: bool) -> Iterator[tuple[str, list[FieldNode]]]:
    for key, part in parts.items():
        if part.inside is not None:
            first, *more = part.nodes
            below = _selected(part.inside, compiled=compiled)
            # The others stay, because an error is located at each of them.
            yield key, [replace(first, selection_set=below), *(replace(node, selection_set=None) for node in more)]
        elif part.compiled is compiled:
            yield key, part.nodes


def _selected(parts: Parts, *, compiled: bool) -> SelectionSetNode:
    return SelectionSetNode(selections=tuple(node for _, nodes in _half(parts, compiled=compiled) for node in nodes))


def told(parts: Parts, path: str = "") -> Iterator[tuple[str, str | None]]:
    """The fields that are answered one way, by their paths: why one is executed, or None where it is compiled."""
    for key, part in parts.items():
        if part.inside is not None:
            yield from told(part.inside, f"{path}{key}.")
        elif part.compiled or part.why:
            yield f"{path}{key}", part.why
