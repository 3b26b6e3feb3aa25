"""Finding: the SQL of one row that another points at, or that an argument names, and of whoever reads."""

from __future__ import annotations

from functools import partial
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLNonNull

from kernel import ids
from resolvers.compiled.asking import Asking, Call
from resolvers.compiled.draft import GIVE_UP, NotCompiled
from resolvers.compiled.objects import Writer
from resolvers.compiled.row import Row
from resolvers.graph import BY_PREFIX, FACES, Called, Face, Given, Kind, Named, One, Source


def one(writer: Writer, row: Row, source: One, shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """The row that this one points at."""
    if source.of != "id":
        raise NotCompiled("a row is found by another column than its id")
    by = row.computed(source.sql) if source.sql else row.column(source.by)
    return _joined(writer, row, FACES[source.target], f"{{row}}.id = {by}", shown, nodes)


def called(writer: Writer, row: Row, source: Called, shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """The row whose column is what an argument says."""
    call = Call(shown, nodes[0])
    wanted = writer.draft.bound((call, "called"), lambda asking: asking.arguments(call)[source.argument], "text")
    return _joined(writer, row, FACES[source.target], f"{{row}}.{source.column} = {wanted}", shown, nodes)


def named(writer: Writer, row: Row, source: Named, shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """The row that an argument names by its public id."""
    call, (prefix, face) = Call(shown, nodes[0]), _named(writer.asking, source, shown, nodes)

    def number(asking: Asking) -> int:
        return ids.decode(prefix, asking.arguments(call)[source.argument])

    wanted = writer.draft.bound((call, "number"), number, "bigint")
    return _joined(writer, row, face, f"{{row}}.id = {wanted}", shown, nodes)


def given(writer: Writer, _row: Row, source: Given, _shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """The value that is made from whoever reads."""

    def read(name: str, asking: Asking) -> Any:
        return getattr(asking.given(source), name)

    writer.draft.personal = True
    kind = writer.kind(source.target)
    row = Row(FACES[source.target], writer.draft.alias(), kinds_of(source))
    columns = writer.columns(row, kind, writer.below(nodes, kind))
    bound = ", ".join(
        f"{writer.draft.bound((source.target, name), partial(read, name), stored)} as {name}"
        for name, stored in source.kinds.items()
    )
    # Read once even where nothing of it is shown, because the reading may refuse.
    return f"(select row_to_json(o) from (select {columns} from (select {bound}) {row.alias} {' '.join(row.joins)}) o)"


def kinds_of(source: Given) -> dict[str, Kind]:
    """What PostgreSQL knows of the attributes of such a value."""
    return {name: Kind(stored, optional=True) for name, stored in source.kinds.items()}


def found_by(asking: Asking, source: Source, shown: GraphQLField, nodes: list[FieldNode]) -> Face | None:
    """Of what the one object is that is behind a field; None where it is none, or many. Raises NotCompiled."""
    match source:
        case One(target=target, of="id") | Called(target=target) | Given(target=target):
            return FACES[target]
        case Named():
            return _named(asking, source, shown, nodes)[1]
        case _:
            return None


def _named(asking: Asking, source: Named, shown: GraphQLField, nodes: list[FieldNode]) -> tuple[str, Face]:
    prefix, _ = ids.parse(asking.arguments(Call(shown, nodes[0]))[source.argument])
    face = BY_PREFIX.get(prefix)
    if face is None or (source.target and source.target != face.name):
        raise NotCompiled("an id is of another kind")
    return prefix, face


def _joined(writer: Writer, row: Row, face: Face, where: str, shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """An object made of the only visible row that holds to a condition."""
    kind, found = writer.kind(face.name), writer.row_of(face)
    columns = writer.columns(found, kind, writer.below(nodes, kind))
    shape, alias = writer.draft.alias(), writer.draft.alias()
    row.joins.append(
        f"left join lateral (select {found.alias}.id as k, {shape} as j from {face.table} {found.alias}"
        f" {' '.join(found.joins)} cross join lateral (select {columns}) {shape}"
        f" where {where.format(row=found.alias)} and {writer.seen(face, found.alias)}) {alias} on true"
    )
    row.wide = True
    if isinstance(shown.type, GraphQLNonNull):
        return f"case when {alias}.k is null then {GIVE_UP} else row_to_json({alias}.j) end"
    return f"{alias}.j"
