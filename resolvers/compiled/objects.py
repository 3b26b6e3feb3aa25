"""Objects: the SQL of an object, field by field, whatever is behind each of them.

An object is a whole row, which PostgreSQL turns into JSON with its columns as keys.
What belongs to the same row, or to the one row it points at, is joined to it; lists
and pages are statements inside. A limit always comes before the joins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, GraphQLSchema

from auth.policy import Actor, sees
from resolvers.compiled.asking import Asking, ListCall, PageCall
from resolvers.compiled.choosing import Chooser, Chosen
from resolvers.compiled.draft import Draft, Marked, NotCompiled
from resolvers.compiled.row import Row
from resolvers.graph import FACES, Face, Filter

LONGEST_KEY = 63
"""PostgreSQL cuts longer names."""

MOST_FIELDS = 1_000
"""A row of PostgreSQL's has room for 1,600 columns."""

_ALWAYS = {"person", "key"}
"""What row-level security is always told: who reads. The key of a mark is the name of what it stands for."""

Answer = Callable[["Writer", Row, Any, GraphQLField, list[FieldNode]], str]
"""Writes the SQL of a field of a row, from what is behind it, as these nodes ask for it. Raises NotCompiled."""


class Writer:
    """Writes the statement of one operation, for one kind of reader and one form of variables.

    `answers` says by the kind of what is behind a field how that is written.
    """

    def __init__(self, schema: GraphQLSchema, chooser: Chooser, asking: Asking, answers: Mapping[type, Answer]) -> None:
        self.draft = Draft()
        self.asking = asking
        self._schema = schema
        self._chooser = chooser
        self._answers = answers
        self._reader = Marked(asking.actor, self.draft)

    def statement(self, chosen: Chosen, query: GraphQLObjectType) -> str:
        """The statement of a whole query, whose only value is the response's data as JSON text, in bytes."""
        row = Row(FACES[query.name], "", {})
        columns = self.columns(row, query, chosen)
        return f"select json_send(row_to_json(q)) from (select {columns} from (select) root {' '.join(row.joins)}) q"

    @property
    def told(self) -> tuple[str, ...]:
        """What row-level security has to be told of whoever reads, by the names that `sees` has.

        Of customers, whom and which accounts the statement itself asks about: whoever tells less sees less, and each
        thing takes PostgreSQL as long as a row or two.
        """
        asked = self.draft.known | _ALWAYS
        return tuple(name for name in sees(Actor()) if name in asked or not self.asking.actor.plain)

    def columns(self, row: Row, kind: GraphQLObjectType, chosen: Chosen) -> str:
        """The fields of an object as columns with their keys."""
        if len(chosen) > MOST_FIELDS:
            raise NotCompiled("an object is asked for too many fields")
        return ", ".join(f'{self.value(row, kind, nodes)} as "{keyed(key)}"' for key, nodes in chosen.items())

    def value(self, row: Row, kind: GraphQLObjectType, nodes: list[FieldNode]) -> str:
        """One field of an object."""
        name = nodes[0].name.value
        if name == "__typename":
            return f"'{kind.name}'"
        source, shown = row.face.mapped.get(name), kind.fields.get(name)
        if source is None or shown is None:
            raise NotCompiled(of_ours(kind, name))
        return self._answers[type(source)](self, row, source, shown, nodes)

    def beside(self, row: Row, columns: str) -> str:
        """An object made of the row itself."""
        alias = self.draft.alias()
        row.joins.append(f"cross join lateral (select {columns}) {alias}")
        return alias

    # What all need

    def row_of(self, face: Face) -> Row:
        """A row of a face's table, of which nothing was asked yet."""
        if face.table is None:
            raise NotCompiled(f"{face.name} is a value of ours")
        return Row(face, self.draft.alias(), dict(face.kinds))

    def seen(self, face: Face, alias: str) -> str:
        """The predicate for who sees the rows of a face."""
        assert face.visible is not None
        return face.visible(alias, self.draft, self._reader)

    def below(self, nodes: Sequence[FieldNode], kind: GraphQLObjectType) -> Chosen:
        """What these nodes ask of the object that they show."""
        return self._chooser.chosen([node.selection_set for node in nodes], kind)

    def kind(self, name: str) -> GraphQLObjectType:
        """The type of a name."""
        kind = self._schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        return kind

    def object_of(self, shown: GraphQLOutputType) -> GraphQLObjectType:
        """The type of the objects that a field shows."""
        kind: Any = shown
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        assert isinstance(kind, GraphQLObjectType)
        return kind

    # What narrows lists

    def compared(self, filter_: Filter, column: str, call: PageCall | ListCall, name: str, place: int) -> str:
        """The condition of a filter; `place` is its own among those chosen."""
        picked = _picked(call, place)
        value = self.draft.bound((call, name), picked, filter_.kind.rpartition(":")[2])
        return filter_.compared(column, value, picked(self.asking))


def of_ours(kind: GraphQLObjectType, name: str) -> str:
    """Why a field isn't compiled of which PostgreSQL can say nothing."""
    return f"{kind.name}.{name} is answered by a function of ours"


def keyed(key: str) -> str:
    """A key of the response as the name of a column."""
    if len(key) > LONGEST_KEY:
        raise NotCompiled("a name is longer than PostgreSQL's names")
    return key


def _picked(call: PageCall | ListCall, place: int) -> Callable[[Asking], Any]:
    """The value that a filter of a list compares with, by its place among those chosen."""

    def read(asking: Asking) -> Any:
        chosen = asking.page(call).chosen if isinstance(call, PageCall) else asking.chosen(call)
        value = chosen[place][1]
        return list(value) if isinstance(value, tuple) else value

    return read
