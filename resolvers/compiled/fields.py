"""Fields: the SQL of what a row says itself: its id, its columns, money, and texts in a language."""

from __future__ import annotations

from collections.abc import Callable

from graphql import FieldNode, GraphQLField, GraphQLNonNull

from kernel.money import text_expression
from resolvers.compiled.asking import Asking, Call
from resolvers.compiled.draft import GIVE_UP, NotCompiled
from resolvers.compiled.leaves import leaf
from resolvers.compiled.objects import Writer, keyed
from resolvers.compiled.row import Row
from resolvers.graph import Amount, Column, Computed, Kind, Localized, PublicId

_MONEY: dict[str, Callable[[str, str], str]] = {
    "minor": lambda minor, _: minor,
    "currency": lambda _, currency: currency,
    "text": text_expression,
}


def public_id(writer: Writer, row: Row, _source: PublicId, _shown: GraphQLField, _nodes: list[FieldNode]) -> str:
    """The row's number, shuffled and prefixed."""
    assert row.face.prefix
    return writer.draft.id(row.face.prefix, row.column("id"))


def column(_writer: Writer, row: Row, source: Column, shown: GraphQLField, _nodes: list[FieldNode]) -> str:
    """A column of the row."""
    known = row.kinds.get(source.column)
    return leaf(
        row.column(source.column),
        shown.type,
        stored=known.type if known else None,
        optional=known.optional if known else True,
    )


def computed(writer: Writer, row: Row, source: Computed, shown: GraphQLField, _nodes: list[FieldNode]) -> str:
    """What PostgreSQL computes from the row."""
    now = writer.draft.now() if "{now}" in source.sql else ""
    return leaf(row.computed(source.sql, now), shown.type)


def amount(writer: Writer, row: Row, source: Amount, shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """Money."""
    unknown = Kind("", optional=True)
    optional = any(row.kinds.get(name, unknown).optional for name in (source.minor, source.currency))
    required = isinstance(shown.type, GraphQLNonNull)
    if optional and required and not source.sql:
        raise NotCompiled(f"{row.face.name}.{nodes[0].name.value} may be missing")
    minor = row.computed(source.sql) if source.sql else row.column(source.minor)
    currency, kind = row.column(source.currency), writer.object_of(shown.type)
    columns = []
    for key, below in writer.below(nodes, kind).items():
        name = below[0].name.value
        said = "'Money'" if name == "__typename" else _MONEY[name](minor, currency)
        columns.append(f'{said} as "{keyed(key)}"')
    made = writer.beside(row, ", ".join(columns))
    if required:
        return f"case when {minor} is null then {GIVE_UP} else row_to_json({made}) end" if source.sql else made
    return f"case when {minor} is not null then {made} end"


def localized(writer: Writer, row: Row, source: Localized, shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """A text in the reader's language, or in the one asked for."""
    call = Call(shown, nodes[0])

    def language(asking: Asking) -> str:
        return asking.arguments(call).get("language") or asking.locale

    whole = writer.draft.bound((call, "language"), language, "text")
    base = writer.draft.bound((call, "base"), lambda asking: language(asking).partition("-")[0], "text")
    texts = row.column(source.column)
    said = f"coalesce(nullif({texts} ->> {whole}, ''), nullif({texts} ->> {base}, ''), {texts} ->> 'en')"
    return leaf(said, shown.type, stored="text")
