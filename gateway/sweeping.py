"""Sweeping: how the objects of one type are made of many rows, as one operation asks for them."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Any

from graphql import GraphQLError, GraphQLField, GraphQLObjectType, get_argument_values
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor import to_nodes
from graphql.pyutils import Path

from gateway.columns import Column, Constant, Related, Resolved, Taken, taking
from gateway.declared import Declared, declared
from gateway.shown import Completed, Shown
from kernel.errors import Fault
from resolvers.graph import Many, One, Page
from resolvers.info import Context
from resolvers.reading import asked_of, choose


class Sweep:
    """The selection of one type."""

    def __init__(self, kind: GraphQLObjectType, columns: dict[str, Column], executor: Executor[Any]) -> None:
        self.kind = kind
        self._keys = tuple(columns)
        self._columns = tuple(columns.values())
        self._executor = executor

    def objects(self, rows: list[Any]) -> Completed:
        """The objects of these rows. Raises Unusual, or what a resolver raises."""
        begun: list[Any] = []
        made: list[list[Any]] = []
        try:
            begun.extend(column.begin(rows) for column in self._columns)
            for column, each in zip(self._columns, begun, strict=True):
                done = column.finish(each)
                if not isinstance(done, list):
                    return self._rest(rows, begun, made, done)
                made.append(done)
        except Exception:
            self._let_go(begun)
            raise
        return self._zipped(rows, made)

    async def _rest(
        self, rows: list[Any], begun: list[Any], made: list[list[Any]], done: Awaitable[list[Any]]
    ) -> list[Any]:
        try:
            made.append(await done)
            for column, each in list(zip(self._columns, begun, strict=True))[len(made) :]:
                more = column.finish(each)
                made.append(more if isinstance(more, list) else await more)
        except Exception:
            self._let_go(begun)
            raise
        return self._zipped(rows, made)

    def _zipped(self, rows: list[Any], made: list[list[Any]]) -> list[Any]:
        if not made:
            return [{} for _ in rows]
        keys = self._keys
        return [dict(zip(keys, values, strict=True)) for values in zip(*made, strict=True)]

    def _let_go(self, begun: list[Any]) -> None:
        """Let end what was begun and nobody waits for any more."""
        for each in begun:
            if isinstance(each, list):
                self._executor.track_async_work(each)


class Sweeping:
    """The sweeps of one operation while it is executed."""

    def __init__(self, executor: Executor[Any], context: Context) -> None:
        self._executor = executor
        self._context = context
        self._known: dict[tuple[str, int], tuple[FieldDetailsList, Sweep | None]] = {}

    def of(self, kind: GraphQLObjectType, details: FieldDetailsList, path: Path) -> Sweep | None:
        """How objects of a type are made as these nodes ask for them; None where graphql-core has to make them."""
        key = (kind.name, id(details))
        found = self._known.get(key)
        if found is None:
            # The list stays here with its sweep, so that no other gets its id.
            found = self._known[key] = (details, self._sweep(kind, details, path))
        return found[1]

    def _sweep(self, kind: GraphQLObjectType, details: FieldDetailsList, path: Path) -> Sweep | None:
        asked = self._executor.collect_subfields(kind, details).grouped_field_set
        columns: dict[str, Column] = {}
        for key, nodes in asked.items():
            column = self._column(kind, nodes, path, key)
            if column is None:
                return None
            columns[key] = column
        return Sweep(kind, columns, self._executor)

    def _column(self, kind: GraphQLObjectType, details: FieldDetailsList, path: Path, key: str) -> Column | None:
        name = details[0].node.name.value
        if name == "__typename":
            return Constant(kind.name)
        field = declared(kind, name)
        if field is None or field.column is not None:
            return field.column if field else None
        here, shown = Path(path, key, kind.name), field.leaves
        if field.objects and (sweep := self.of(field.objects, details, here)):
            shown = field.shown(sweep)
        if shown is None:
            return None
        if field.take:
            return Taken(field.take, shown)
        try:
            given = self._arguments(field.made, details)
            return self._related(field, shown, given) or self._resolved(kind, field, shown, given, details, here)
        except (Fault, GraphQLError):
            # The arguments are refused, for each row by itself.
            return None

    def _related(self, field: Declared, shown: Shown, given: dict[str, Any]) -> Column | None:
        match field.source:
            case One(by=by) as one:
                return Related(taking(by), partial(self._context.ones, one), shown)
            case Many(of=of, filters=filters) as many:
                return Related(taking(of), partial(self._context.lists, many, choose(filters, given)), shown)
            case Page(by=by, of=of) as page:
                asked = asked_of(page, given)
                if asked.slice.place is not None:
                    # A cursor is of one parent's list; each row says by itself whether it is its own.
                    return None
                number = taking(of) if by else _nobody
                return Related(number, partial(self._context.pages, asked), shown)
            case _:
                return None

    def _resolved(  # noqa: PLR0917 - what an `info` is made of
        self,
        kind: GraphQLObjectType,
        field: Declared,
        shown: Shown,
        given: dict[str, Any],
        details: FieldDetailsList,
        path: Path,
    ) -> Column:
        executor, resolve = self._executor, field.made.resolve
        assert resolve is not None, "it is a function of ours"
        info = executor.build_resolve_info(field.made, to_nodes(details), kind, path)
        return Resolved(partial(_said, resolve, info, given), shown, executor.is_awaitable, executor.gather_async_work)

    def _arguments(self, made: GraphQLField, details: FieldDetailsList) -> dict[str, Any]:
        node, executor = details[0].node, self._executor
        if not made.args and not node.arguments:
            return {}
        return get_argument_values(
            made, node, executor.variable_values, details[0].fragment_variable_values, executor.hide_suggestions
        )


def _said(resolve: Any, info: Any, given: dict[str, Any], row: Any) -> Any:
    return resolve(row, info, **given)


def _nobody(rows: list[Any]) -> list[Any]:
    """The number of the parent of a list that has none."""
    return [0] * len(rows)
