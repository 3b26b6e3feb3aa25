"""Listing: the SQL of short lists, which are read whole."""

from __future__ import annotations

from graphql import FieldNode, GraphQLField

from resolvers import reading
from resolvers.compiled.asking import ListCall
from resolvers.compiled.draft import GIVE_UP
from resolvers.compiled.objects import Writer
from resolvers.compiled.row import Row
from resolvers.graph import FACES, Listed, Many


def many(writer: Writer, row: Row, source: Many, shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """Every row that points at this one."""
    found = writer.row_of(FACES[source.target])
    wanted = [f"{found.alias}.{source.by} = {row.column(source.of)}", f"({source.where.format(row=found.alias)})"]
    wanted += _beside(found, row, source) + _filtered(writer, found, source, shown, nodes[0])
    said = _rows(writer, found, wanted, f"{found.alias}.{source.order}", reading.LISTED + 1, nodes)
    # More than this many and those of its siblings share one limit, which only the usual way knows.
    counted = f"case when count(*) > {reading.LISTED} then {GIVE_UP} else coalesce(json_agg(o), '[]') end"
    return f"(select {counted} from ({said}) o)"


def listed(writer: Writer, _row: Row, source: Listed, _shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """Every row that holds to a condition."""
    found = writer.row_of(FACES[source.target])
    said = _rows(writer, found, [found.computed(source.where)], source.order.format(row=found.alias), None, nodes)
    return f"(select coalesce(json_agg(o), '[]') from ({said}) o)"


def _beside(found: Row, row: Row, source: Many) -> list[str]:
    """That both rows are of one account, if they are of any: the keys of a tenant's tables begin with it."""
    if source.by == "account_id" or not (_owned(found) and _owned(row)):
        return []
    return [f"{found.alias}.account_id = {row.column('account_id')}"]


def _owned(row: Row) -> bool:
    """Whether a row always belongs to an account."""
    kind = row.kinds.get("account_id") if row.face.table else None
    return kind is not None and not kind.optional


def _filtered(writer: Writer, found: Row, source: Many, shown: GraphQLField, node: FieldNode) -> list[str]:
    if not source.filters:
        return []
    call = ListCall(shown, node, source)
    return [
        writer.compared(source.filters[name], found.column(source.filters[name].column), call, name, place)
        for place, (name, _) in enumerate(writer.asking.chosen(call))
    ]


def _rows(writer: Writer, found: Row, wanted: list[str], order: str, most: int | None, nodes: list[FieldNode]) -> str:
    """The rows of a list as objects, in order: those limited first, and what is joined to them after."""
    kind = writer.kind(found.face.name)
    columns = writer.columns(found, kind, writer.below(nodes, kind))
    where = " and ".join([*wanted, writer.seen(found.face, found.alias)])
    limit = f" limit {most}" if most else ""
    if not (found.wide and most):
        inner = f"{found.face.table} {found.alias}"
        return f"select {columns} from {inner} {' '.join(found.joins)} where {where} order by {order}{limit}"
    found.ordered_by(order)
    own = f"select {found.needed(found.alias)} from {found.face.table} {found.alias}"
    limited = f"({own} where {where} order by {order}{limit}) {found.alias}"
    return f"select {columns} from {limited} {' '.join(found.joins)} order by {order}"
