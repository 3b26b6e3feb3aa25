"""Writing: the SQL of objects, lists and pages, from the declarations behind their types.

An object is a whole row, which PostgreSQL turns into JSON with its columns as keys.
What belongs to the same row, or to the one row it points at, is joined to it; lists
and pages are statements inside. A limit always comes before the joins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLOutputType, GraphQLSchema

from kernel import ids
from kernel.money import text_expression
from resolvers import reading
from resolvers.compiled.asking import Asking, Call, ListCall, PageCall
from resolvers.compiled.choosing import Chooser, Chosen
from resolvers.compiled.draft import GIVE_UP, Draft, Marked, NotCompiled
from resolvers.compiled.leaves import leaf
from resolvers.compiled.paging import Paging
from resolvers.graph import (
    BY_PREFIX,
    FACES,
    Amount,
    Called,
    Column,
    Computed,
    Face,
    Filter,
    Given,
    Kind,
    Listed,
    Localized,
    Many,
    Named,
    One,
    Page,
    PublicId,
    Source,
)

LONGEST_KEY = 63
"""PostgreSQL cuts longer names."""

MOST_FIELDS = 1_000
"""A row of PostgreSQL's has room for 1,600 columns."""

_COLUMN = re.compile(r"\{row\}\.(\w+)")
_MONEY: dict[str, Callable[[str, str], str]] = {
    "minor": lambda minor, _: minor,
    "currency": lambda _, currency: currency,
    "text": text_expression,
}


@dataclass(slots=True)
class Row:
    """A row that an object is made from: its alias, and what has been asked of it."""

    face: Face
    alias: str
    kinds: dict[str, Kind]
    columns: dict[str, None] = field(default_factory=dict)
    """The columns that were asked for, in order."""

    whole: bool = False
    """Whether something asked for the row itself."""

    joins: list[str] = field(default_factory=list)
    wide: bool = False
    """Whether other rows are joined, before which a limit has to come."""

    def column(self, name: str) -> str:
        """The SQL of a column."""
        self.columns[name] = None
        return f"{self.alias}.{name}"

    def computed(self, sql: str, now: str = "") -> str:
        """The SQL of an expression over the row, and over the instant of the request."""
        names = _COLUMN.findall(sql)
        self.columns.update(dict.fromkeys(names))
        self.whole = self.whole or len(names) < sql.count("{row}")
        return f"({sql.format(row=self.alias, now=now)})"

    def needed(self, alias: str) -> str:
        """What has to be selected of a row of this alias, so that all this can be asked of it."""
        if self.whole:
            return f"{alias}.*"
        return ", ".join(f"{alias}.{name}" for name in self.columns)


class Writer:
    """Writes the statement of one operation, for one kind of reader and one form of variables."""

    def __init__(self, schema: GraphQLSchema, chooser: Chooser, asking: Asking) -> None:
        self.draft = Draft()
        self._schema = schema
        self._chooser = chooser
        self._asking = asking
        self._reader = Marked(asking.actor)

    def statement(self, chosen: Chosen, query: GraphQLObjectType) -> str:
        """The statement of a whole query, whose only value is the response's data as JSON text."""
        row = Row(FACES[query.name], "", {})
        columns = self._columns(row, query, chosen)
        return f"select row_to_json(q)::text from (select {columns} from (select) root {' '.join(row.joins)}) q"

    # Objects

    def _columns(self, row: Row, kind: GraphQLObjectType, chosen: Chosen) -> str:
        if len(chosen) > MOST_FIELDS:
            raise NotCompiled("an object is asked for too many fields")
        return ", ".join(f'{self._value(row, kind, nodes)} as "{_key(key)}"' for key, nodes in chosen.items())

    def _value(self, row: Row, kind: GraphQLObjectType, nodes: list[FieldNode]) -> str:
        name = nodes[0].name.value
        if name == "__typename":
            return f"'{kind.name}'"
        source, shown = row.face.mapped.get(name), kind.fields.get(name)
        if source is None or shown is None:
            raise NotCompiled(f"{kind.name}.{name} is answered by a function of ours")
        return self._answer(row, source, shown, nodes)

    def _answer(  # noqa: C901, PLR0911 - one for each word
        self, row: Row, source: Source, shown: GraphQLField, nodes: list[FieldNode]
    ) -> str:
        match source:
            case PublicId():
                assert row.face.prefix
                return self.draft.id(row.face.prefix, row.column("id"))
            case Column(column):
                known = row.kinds.get(column)
                return leaf(
                    row.column(column),
                    shown.type,
                    stored=known.type if known else None,
                    optional=known.optional if known else True,
                )
            case Computed(sql):
                now = self.draft.now() if "{now}" in sql else ""
                return leaf(row.computed(sql, now), shown.type)
            case Amount():
                return self._amount(row, source, shown, nodes)
            case Localized(column):
                return self._localized(row, column, shown, nodes[0])
            case One():
                return self._one(row, source, shown, nodes)
            case Many():
                return self._many(row, source, shown, nodes)
            case Page():
                return self._page(row, source, shown, nodes)
            case Listed():
                return self._listed(source, nodes)
            case Called() | Named():
                return self._found(row, source, shown, nodes)
            case Given():
                return self._given(source, nodes)

    def _amount(self, row: Row, source: Amount, shown: GraphQLField, nodes: list[FieldNode]) -> str:
        unknown = Kind("", optional=True)
        optional = any(row.kinds.get(name, unknown).optional for name in (source.minor, source.currency))
        required = isinstance(shown.type, GraphQLNonNull)
        if optional and required and not source.sql:
            raise NotCompiled(f"{row.face.name}.{nodes[0].name.value} may be missing")
        minor = row.computed(source.sql) if source.sql else row.column(source.minor)
        currency, kind = row.column(source.currency), self._object(shown.type)
        columns = []
        for key, below in self._below(nodes, kind).items():
            name = below[0].name.value
            said = "'Money'" if name == "__typename" else _MONEY[name](minor, currency)
            columns.append(f'{said} as "{_key(key)}"')
        made = self._beside(row, ", ".join(columns))
        if required:
            return f"case when {minor} is null then {GIVE_UP} else row_to_json({made}) end" if source.sql else made
        return f"case when {minor} is not null then {made} end"

    def _beside(self, row: Row, columns: str) -> str:
        """An object made of the row itself."""
        alias = self.draft.alias()
        row.joins.append(f"cross join lateral (select {columns}) {alias}")
        return alias

    def _localized(self, row: Row, column: str, shown: GraphQLField, node: FieldNode) -> str:
        call = Call(shown, node)

        def language(asking: Asking) -> str:
            return asking.arguments(call).get("language") or asking.locale

        whole = self.draft.bound((call, "language"), language, "text")
        base = self.draft.bound((call, "base"), lambda asking: language(asking).partition("-")[0], "text")
        texts = row.column(column)
        said = f"coalesce(nullif({texts} ->> {whole}, ''), nullif({texts} ->> {base}, ''), {texts} ->> 'en')"
        return leaf(said, shown.type, stored="text")

    # One row

    def _one(self, row: Row, source: One, shown: GraphQLField, nodes: list[FieldNode]) -> str:
        if source.of != "id":
            raise NotCompiled("a row is found by another column than its id")
        by = row.computed(source.sql) if source.sql else row.column(source.by)
        return self._joined(row, source.target, f"{{row}}.id = {by}", shown, nodes)

    def _joined(self, row: Row, target: str, where: str, shown: GraphQLField, nodes: list[FieldNode]) -> str:
        """An object made of the only visible row that holds to a condition."""
        face, kind = FACES[target], self._kind(target)
        found = self._row(face)
        columns = self._columns(found, kind, self._below(nodes, kind))
        shape, alias = self.draft.alias(), self.draft.alias()
        row.joins.append(
            f"left join lateral (select {found.alias}.id as k, {shape} as j from {face.table} {found.alias}"
            f" {' '.join(found.joins)} cross join lateral (select {columns}) {shape}"
            f" where {where.format(row=found.alias)} and {self._seen(face, found.alias)}) {alias} on true"
        )
        row.wide = True
        if isinstance(shown.type, GraphQLNonNull):
            return f"case when {alias}.k is null then {GIVE_UP} else row_to_json({alias}.j) end"
        return f"{alias}.j"

    def _found(self, row: Row, source: Called | Named, shown: GraphQLField, nodes: list[FieldNode]) -> str:
        call = Call(shown, nodes[0])
        given = self._asking.arguments(call)[source.argument]
        if isinstance(source, Called):
            wanted = self.draft.bound((call, "called"), lambda asking: asking.arguments(call)[source.argument], "text")
            return self._joined(row, source.target, f"{{row}}.{source.column} = {wanted}", shown, nodes)
        prefix, _ = ids.parse(given)
        face = BY_PREFIX.get(prefix)
        if face is None or (source.target and source.target != face.name):
            raise NotCompiled("an id is of another kind")

        def number(asking: Asking) -> int:
            return ids.decode(prefix, asking.arguments(call)[source.argument])

        wanted = self.draft.bound((call, "number"), number, "bigint")
        return self._joined(row, face.name, f"{{row}}.id = {wanted}", shown, nodes)

    def _given(self, source: Given, nodes: list[FieldNode]) -> str:
        def read(name: str, asking: Asking) -> Any:
            return getattr(asking.given(source), name)

        kind = self._kind(source.target)
        row = Row(
            FACES[source.target], self.draft.alias(), {n: Kind(k, optional=True) for n, k in source.kinds.items()}
        )
        columns = self._columns(row, kind, self._below(nodes, kind))
        bound = ", ".join(
            f"{self.draft.bound((source.target, name), partial(read, name), stored)} as {name}"
            for name, stored in source.kinds.items()
        )
        # Read once even where nothing of it is shown, because the reading may refuse.
        return (
            f"(select row_to_json(o) from (select {columns} from (select {bound}) {row.alias} {' '.join(row.joins)}) o)"
        )

    # Short lists

    def _many(self, row: Row, source: Many, shown: GraphQLField, nodes: list[FieldNode]) -> str:
        face = FACES[source.target]
        found = self._row(face)
        wanted = [f"{found.alias}.{source.by} = {row.column(source.of)}", f"({source.where.format(row=found.alias)})"]
        wanted += self._filtered(found, source, shown, nodes[0])
        said = self._rows(found, wanted, f"{found.alias}.{source.order}", reading.LISTED + 1, nodes)
        # More than this many and those of its siblings share one limit, which only the usual way knows.
        counted = f"case when count(*) > {reading.LISTED} then {GIVE_UP} else coalesce(json_agg(o), '[]') end"
        return f"(select {counted} from ({said}) o)"

    def _filtered(self, found: Row, source: Many, shown: GraphQLField, node: FieldNode) -> list[str]:
        if not source.filters:
            return []
        call = ListCall(shown, node, source)
        chosen = self._asking.chosen(call)
        return [
            source.filters[name].compare.format(
                column=found.column(source.filters[name].column),
                value=self.draft.bound((call, name), _picked(call, place), _kind_of(source.filters[name])),
            )
            for place, (name, _) in enumerate(chosen)
        ]

    def _listed(self, source: Listed, nodes: list[FieldNode]) -> str:
        found = self._row(FACES[source.target])
        said = self._rows(found, [found.computed(source.where)], source.order.format(row=found.alias), None, nodes)
        return f"(select coalesce(json_agg(o), '[]') from ({said}) o)"

    def _rows(self, found: Row, wanted: list[str], order: str, most: int | None, nodes: list[FieldNode]) -> str:
        """The rows of a list as objects, in order: those limited first, and what is joined to them after."""
        kind = self._kind(found.face.name)
        columns = self._columns(found, kind, self._below(nodes, kind))
        where = " and ".join([*wanted, self._seen(found.face, found.alias)])
        limit = f" limit {most}" if most else ""
        if not (found.wide and most):
            inner = f"{found.face.table} {found.alias}"
            return f"select {columns} from {inner} {' '.join(found.joins)} where {where} order by {order}{limit}"
        for name in _COLUMN.findall(order.replace(f"{found.alias}.", "{row}.")):
            found.column(name)
        own = f"select {found.needed(found.alias)} from {found.face.table} {found.alias}"
        limited = f"({own} where {where} order by {order}{limit}) {found.alias}"
        return f"select {columns} from {limited} {' '.join(found.joins)} order by {order}"

    # Pages

    def _page(self, row: Row, source: Page, shown: GraphQLField, nodes: list[FieldNode]) -> str:
        kind = self._object(shown.type)
        chosen = self._below(nodes, kind)
        paging = self._paging(row, source, PageCall(shown, nodes[0], source))
        standing = [below for below in chosen.values() if below[0].name.value == "pageInfo"]
        paging.more = any(self._asks_for_more(below, paging) for below in standing)
        found = self._row(FACES[source.target])
        columns = [f'{self._part(paging, found, kind, each)} as "{_key(key)}"' for key, each in chosen.items()]
        sources = paging.sources(found.needed(paging.alias))
        return f"(with {sources} select row_to_json(o) from (select {', '.join(columns)}) o)"

    def _paging(self, row: Row, source: Page, call: PageCall) -> Paging:
        asked, face, alias = self._asking.page(call), FACES[source.target], self.draft.alias()
        wanted = [self._seen(face, alias), f"({source.where.format(row=alias)})"]
        if source.by:
            wanted.append(f"{alias}.{source.by} = {row.column(source.of)}")
        wanted += [
            source.filters[name].compare.format(
                column=f"{alias}.{source.filters[name].column}",
                value=self.draft.bound((call, name), _picked(call, place), _kind_of(source.filters[name])),
            )
            for place, (name, _) in enumerate(asked.chosen)
        ]
        return Paging(
            self.draft,
            asked,
            str(face.table),
            alias,
            " and ".join(wanted),
            self._behind(alias, call, asked),
            found=self.draft.alias(),
            kept=self.draft.alias(),
        )

    def _behind(self, alias: str, call: PageCall, asked: reading.PageAsked) -> str:
        """The condition of rows behind a cursor."""
        if asked.slice.place is None:
            return ""
        column, kind = asked.page.orders[asked.order]
        sign = "<" if asked.descending != asked.slice.backward else ">"
        place = self.draft.bound((call, "place"), lambda asking: _place(asking, call)[0], kind)
        number = self.draft.bound((call, "number"), lambda asking: _place(asking, call)[1], "bigint")
        return f" and ({alias}.{column}, {alias}.id) {sign} ({place}, {number})"

    def _asks_for_more(self, nodes: list[FieldNode], paging: Paging) -> bool:
        ahead = "hasPreviousPage" if paging.asked.slice.backward else "hasNextPage"
        below = self._below(nodes, self._kind("PageInfo"))
        return any(each[0].name.value == ahead for each in below.values())

    def _part(self, paging: Paging, found: Row, kind: GraphQLObjectType, nodes: list[FieldNode]) -> str:
        """One field of a connection."""
        match nodes[0].name.value:
            case "__typename":
                return f"'{kind.name}'"
            case "totalCount":
                return paging.total()
            case "pageInfo":
                below = self._below(nodes, self._kind("PageInfo"))
                columns = ", ".join(f'{self._stands(paging, each)} as "{_key(key)}"' for key, each in below.items())
                return f"(select row_to_json(o) from (select {columns}) o)"
            case "nodes" | "edges" as name:
                row = Row(found.face, self.draft.alias(), found.kinds)
                shown = self._object(kind.fields[name].type)
                of_row = self._columns if name == "nodes" else partial(self._edge, paging)
                said = of_row(row, shown, self._below(nodes, shown))
                found.columns |= row.columns
                found.whole |= row.whole
                return (
                    f"(select coalesce(json_agg(o), '[]') from (select {said} from {paging.rows} {row.alias}"
                    f" {' '.join(row.joins)} order by {paging.shown(row.alias)}) o)"
                )
            case name:
                raise NotCompiled(f"{kind.name}.{name} is answered by a function of ours")

    def _edge(self, paging: Paging, row: Row, kind: GraphQLObjectType, chosen: Chosen) -> str:
        columns = []
        for key, nodes in chosen.items():
            match nodes[0].name.value:
                case "__typename":
                    said = f"'{kind.name}'"
                case "cursor":
                    said = paging.cursor(row.alias)
                case _:
                    shown = self._object(kind.fields["node"].type)
                    said = self._beside(row, self._columns(row, shown, self._below(nodes, shown)))
            columns.append(f'{said} as "{_key(key)}"')
        return ", ".join(columns)

    def _stands(self, paging: Paging, nodes: list[FieldNode]) -> str:
        name = nodes[0].name.value
        return "'PageInfo'" if name == "__typename" else paging.standing(name)

    # What all need

    def _row(self, face: Face) -> Row:
        if face.table is None:
            raise NotCompiled(f"{face.name} is a value of ours")
        return Row(face, self.draft.alias(), dict(face.kinds))

    def _seen(self, face: Face, alias: str) -> str:
        assert face.visible is not None
        return face.visible(alias, self.draft, self._reader)

    def _below(self, nodes: Sequence[FieldNode], kind: GraphQLObjectType) -> Chosen:
        return self._chooser.chosen([node.selection_set for node in nodes], kind)

    def _kind(self, name: str) -> GraphQLObjectType:
        kind = self._schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        return kind

    def _object(self, shown: GraphQLOutputType) -> GraphQLObjectType:
        kind: Any = shown
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        assert isinstance(kind, GraphQLObjectType)
        return kind


def _key(key: str) -> str:
    if len(key) > LONGEST_KEY:
        raise NotCompiled("a name is longer than PostgreSQL's names")
    return key


def _kind_of(filter_: Filter) -> str:
    return filter_.kind.rpartition(":")[2]


def _picked(call: PageCall | ListCall, place: int) -> Callable[[Asking], Any]:
    """The value that a filter of a list compares with, by its place among those chosen."""

    def read(asking: Asking) -> Any:
        chosen = asking.page(call).chosen if isinstance(call, PageCall) else asking.chosen(call)
        value = chosen[place][1]
        return list(value) if isinstance(value, tuple) else value

    return read


def _place(asking: Asking, call: PageCall) -> tuple[Any, ...]:
    place = asking.page(call).slice.place
    assert place is not None, "the form of the variables tells whether there is a cursor"
    return place
