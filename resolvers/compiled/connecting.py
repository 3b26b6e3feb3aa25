"""Connecting: the SQL of a Relay connection, around the rows of one keyset page."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType

from resolvers import reading
from resolvers.compiled.asking import Asking, PageCall
from resolvers.compiled.choosing import Chosen
from resolvers.compiled.draft import GIVE_UP, NotCompiled
from resolvers.compiled.objects import Writer, keyed, of_ours
from resolvers.compiled.paging import Paging
from resolvers.compiled.row import Row
from resolvers.graph import FACES, Page


def page(writer: Writer, row: Row, source: Page, shown: GraphQLField, nodes: list[FieldNode]) -> str:
    """One page of a long list."""
    kind = writer.object_of(shown.type)
    chosen = writer.below(nodes, kind)
    call = PageCall(shown, nodes[0], source)
    paging = _paging(writer, row, source, call)
    standing = [below for below in chosen.values() if below[0].name.value == "pageInfo"]
    paging.more = any(_asks_for_more(writer, below, paging) for below in standing)
    found = writer.row_of(FACES[source.target])
    columns = [f'{_part(writer, paging, found, kind, each)} as "{keyed(key)}"' for key, each in chosen.items()]
    sources = paging.sources(found.needed(paging.alias))
    said = f"(with {sources} select row_to_json(o) from (select {', '.join(columns)}) o)"
    if paging.asked.slice.place is None:
        return said
    # Whose list a cursor is of, only the usual way can say that it is another's.
    own = writer.draft.bound((call, "parent"), lambda asking: _place(asking, call)[2], source.kind)
    return f"case when {paging.parent} = {own} then {said} else {GIVE_UP} end"


def _paging(writer: Writer, row: Row, source: Page, call: PageCall) -> Paging:
    asked, face, alias = writer.asking.page(call), FACES[source.target], writer.draft.alias()
    seen, wanted = writer.seen(face, alias), [f"({source.where.format(row=alias)})"]
    above = row.column(source.of) if source.by else "0"
    if source.by:
        wanted.append(f"{alias}.{source.by} = {above}")
        # Told twice of one column, PostgreSQL believes the list to be short, and sorts the whole of it for each page.
        seen = re.sub(rf"\b{alias}\.{source.by}\b", above, seen)
    wanted.append(seen)
    wanted += [
        writer.compared(source.filters[name], f"{alias}.{source.filters[name].column}", call, name, place)
        for place, (name, _) in enumerate(asked.chosen)
    ]
    return Paging(
        writer.draft,
        asked,
        str(face.table),
        alias,
        above,
        " and ".join(wanted),
        _behind(writer, alias, call, asked),
        found=writer.draft.alias(),
        kept=writer.draft.alias(),
    )


def _behind(writer: Writer, alias: str, call: PageCall, asked: reading.PageAsked) -> str:
    """The condition of rows behind a cursor."""
    if asked.slice.place is None:
        return ""
    column, kind = asked.page.orders[asked.order]
    sign = "<" if asked.descending != asked.slice.backward else ">"
    place = writer.draft.bound((call, "place"), lambda asking: _place(asking, call)[0], kind)
    number = writer.draft.bound((call, "number"), lambda asking: _place(asking, call)[1], "bigint")
    return f" and ({alias}.{column}, {alias}.id) {sign} ({place}, {number})"


def _asks_for_more(writer: Writer, nodes: list[FieldNode], paging: Paging) -> bool:
    ahead = "hasPreviousPage" if paging.asked.slice.backward else "hasNextPage"
    below = writer.below(nodes, writer.kind("PageInfo"))
    return any(each[0].name.value == ahead for each in below.values())


def _part(writer: Writer, paging: Paging, found: Row, kind: GraphQLObjectType, nodes: list[FieldNode]) -> str:
    """One field of a connection."""
    match nodes[0].name.value:
        case "__typename":
            return f"'{kind.name}'"
        case "totalCount":
            return paging.total()
        case "pageInfo":
            below = writer.below(nodes, writer.kind("PageInfo"))
            columns = ", ".join(f'{_stands(paging, each)} as "{keyed(key)}"' for key, each in below.items())
            return f"(select row_to_json(o) from (select {columns}) o)"
        case "nodes" | "edges" as name:
            row = Row(found.face, writer.draft.alias(), found.kinds)
            shown = writer.object_of(kind.fields[name].type)
            of_row = writer.columns if name == "nodes" else partial(_edge, writer, paging)
            said = of_row(row, shown, writer.below(nodes, shown))
            found.columns |= row.columns
            found.whole |= row.whole
            return (
                f"(select coalesce(json_agg(o), '[]') from (select {said} from {paging.rows} {row.alias}"
                f" {' '.join(row.joins)} order by {paging.shown(row.alias)}) o)"
            )
        case name:
            raise NotCompiled(of_ours(kind, name))


def _edge(writer: Writer, paging: Paging, row: Row, kind: GraphQLObjectType, chosen: Chosen) -> str:
    columns = []
    for key, nodes in chosen.items():
        match nodes[0].name.value:
            case "__typename":
                said = f"'{kind.name}'"
            case "cursor":
                said = paging.cursor(row.alias)
            case _:
                shown = writer.object_of(kind.fields["node"].type)
                said = writer.beside(row, writer.columns(row, shown, writer.below(nodes, shown)))
        columns.append(f'{said} as "{keyed(key)}"')
    return ", ".join(columns)


def _stands(paging: Paging, nodes: list[FieldNode]) -> str:
    name = nodes[0].name.value
    return "'PageInfo'" if name == "__typename" else paging.standing(name)


def _place(asking: Asking, call: PageCall) -> tuple[Any, ...]:
    place = asking.page(call).slice.place
    assert place is not None, "the form of the variables tells whether there is a cursor"
    return place
