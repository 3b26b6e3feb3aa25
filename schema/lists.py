"""Lists: Relay connections with keyset cursors, filters and orders, made from one word.

`page("Seat", by="account_id", …)` makes the field, `SeatConnection`, `SeatEdge`,
a filter input and an order input. Every order named here has an index behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, NamedTuple

import strawberry
from strawberry.utils.str_converters import to_camel_case

from resolvers.graph import Filter, Many, Page
from resolvers.reading import COUNTED, Connection, asked_of, choose
from schema.base import RESOLVES, TYPES, Resolve, Word, argument, assembled, shown_field, words
from schema.weights import COUNTING, FREE, weighed


class Direction(StrEnum):
    """Which way an order runs."""

    ASC = "ASC"
    """Smallest, earliest or first in the alphabet first."""

    DESC = "DESC"
    """Largest, latest or last in the alphabet first."""


words(Direction, "Which way an order runs.")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Relay's page information."""

    has_next_page: bool = strawberry.field(description="Whether rows follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether rows precede this page.")
    start_cursor: str | None = strawberry.field(description="The first row's cursor, for `before`.")
    end_cursor: str | None = strawberry.field(description="The last row's cursor, for `after`.")


TYPES["PageInfo"] = PageInfo
RESOLVES["PageInfo"] = {
    "hasNextPage": lambda info, _: info.has_next_page,
    "hasPreviousPage": lambda info, _: info.has_previous_page,
    "startCursor": lambda info, _: info.start_cursor,
    "endCursor": lambda info, _: info.end_cursor,
}


@dataclass(frozen=True)
class Narrow:
    """A declared filter: how it compares, its input type, and its sentence."""

    filter: Filter
    annotation: str
    description: str


def among(column: str, kind: str, description: str, *, usual: str = "") -> Narrow:
    """Rows whose word is one of those given; where nearly all rows have the `usual` one, the others have an index."""
    return Narrow(Filter(column, "{column} = any({value})", "text[]", usual), f"list[{kind}]", description)


def exactly(column: str, kind: str, description: str) -> Narrow:
    """Rows whose word is this one."""
    return Narrow(Filter(column, "{column} = {value}", "text"), kind, description)


def same(column: str, prefix: str, description: str) -> Narrow:
    """Rows that point at the thing with this id."""
    return Narrow(Filter(column, "{column} = {value}", f"{prefix}:bigint"), "strawberry.ID", description)


def since(column: str, description: str) -> Narrow:
    """Rows from an instant on."""
    return Narrow(Filter(column, "{column} >= {value}", "timestamptz"), "datetime", description)


def until(column: str, description: str) -> Narrow:
    """Rows before an instant."""
    return Narrow(Filter(column, "{column} < {value}", "timestamptz"), "datetime", description)


def equal(column: str, description: str) -> Narrow:
    """Rows whose text is exactly this."""
    return Narrow(Filter(column, "{column} = {value}", "text"), "str", description)


def containing(column: str, description: str) -> Narrow:
    """Rows whose text contains this, whatever its case."""
    return Narrow(Filter(column, "strpos(lower({column}), lower({value})) > 0", "text"), "str", description)


TYPES["strawberry"] = strawberry


def page(
    target: str,
    *,
    by: str | None,
    of: str = "id",
    name: str,
    filters: Mapping[str, Narrow] | None = None,
    orders: Mapping[str, tuple[str, str, str]],
    where: str = "true",
    kind: str = "bigint",
) -> Any:
    """A relation to a long list. `name` is unique in the graph and names its inputs.

    Orders are public name to (column, PostgreSQL type, sentence); the first is the default.
    """
    declared = Page(
        target,
        by,
        of,
        {to_camel_case(key): narrow.filter for key, narrow in (filters or {}).items()},
        {key: (column, kind) for key, (column, kind, _) in orders.items()},
        where,
        name,
        kind,
    )
    _connection(target)
    arguments = page_arguments(name, orders)
    if filters:
        arguments.append(
            argument("filter", f"{_filter(name, filters)} | None", "Which rows to keep.", default=strawberry.UNSET)
        )
    return Word(declared, f"{target}Connection", tuple(arguments), resolve=_page_of(declared), compiled=declared)


def page_arguments(name: str, orders: Mapping[str, tuple[str, str, str]]) -> list[Any]:
    """What every page takes: how many rows, from where, and in which order."""
    return [
        argument(
            "first", "int | None", "How many rows from the start, or after `after`: 1 to 100.", default=strawberry.UNSET
        ),
        argument("after", "str | None", "The cursor behind which to go on.", default=strawberry.UNSET),
        argument(
            "last", "int | None", "How many rows from the end, or before `before`: 1 to 100.", default=strawberry.UNSET
        ),
        argument("before", "str | None", "The cursor before which to stop.", default=strawberry.UNSET),
        argument(
            "order_by",
            f"{_order(name, orders)} | None",
            "The order; ascending by the first when left out.",
            default=None,
        ),
    ]


def choosable(target: str, *, by: str, of: str = "id", order: str = "id", filters: Mapping[str, Narrow]) -> Any:
    """A relation to a short list that can be narrowed: each filter is an argument."""
    declared = Many(target, by, of, order, filters={to_camel_case(key): told.filter for key, told in filters.items()})
    arguments = tuple(
        argument(key, f"{told.annotation} | None", told.description, default=strawberry.UNSET)
        for key, told in filters.items()
    )

    def resolve(row: Any, info: Any, **given: Any) -> Any:
        return info.context.many(declared, getattr(row, declared.of), choose(declared.filters, given))

    return Word(declared, f"list[{target}]", arguments, resolve=resolve, compiled=declared)


def _page_of(declared: Page) -> Resolve:
    def resolve(row: Any, info: Any, **arguments: Any) -> Any:
        asked = asked_of(declared, arguments)
        number = 0 if declared.by is None else getattr(row, declared.of)
        return info.context.page(asked, number)

    return resolve


class _Edge(NamedTuple):
    connection: Connection
    row: Any


def _connection(target: str) -> None:
    if f"{target}Connection" in TYPES:
        return
    _shown(
        f"{target}Edge",
        f"A row of a list of {target}s, and its place there.",
        {
            "node": (target, "The row.", lambda edge, _: edge.row),
            "cursor": ("str", "Its place, for `after` and `before`.", lambda edge, _: edge.connection.cursor(edge.row)),
        },
    )
    _shown(
        f"{target}Connection",
        f"One page of a list of {target}s.",
        {
            "edges": (f"list[{target}Edge]", "The rows with their cursors.", _edges),
            "nodes": (f"list[{target}]", "The rows alone.", lambda page, _: page.rows),
            "page_info": ("PageInfo", "Whether there is more, and where to go on.", _page_info),
            "total_count": (
                "int",
                f"How many rows the whole list has; counting stops at {COUNTED:,}.",
                lambda page, info: info.context.count(page.asked, page.parent),
            ),
        },
    )


def _edges(page: Connection, _info: Any) -> list[_Edge]:
    return [_Edge(page, row) for row in page.rows]


def _page_info(page: Connection, _info: Any) -> PageInfo:
    backward, placed = page.asked.slice.backward, page.asked.slice.place is not None
    return PageInfo(
        has_next_page=placed if backward else page.more,
        has_previous_page=page.more if backward else placed,
        start_cursor=page.cursor(page.rows[0]) if page.rows else None,
        end_cursor=page.cursor(page.rows[-1]) if page.rows else None,
    )


def _shown(name: str, description: str, fields: Mapping[str, tuple[str, str, Resolve]]) -> None:
    # The page has paid for its rows; counting the others is a question of its own.
    shown = {
        key: shown_field(key, kind, doc, metadata=weighed(COUNTING if key == "total_count" else FREE))
        for key, (kind, doc, _) in fields.items()
    }
    TYPES[name] = assembled(name, description, shown)
    RESOLVES[name] = {to_camel_case(key): resolve for key, (_, _, resolve) in fields.items()}


def _filter(name: str, filters: Mapping[str, Narrow]) -> str:
    shown = {
        key: shown_field(key, f"{narrow.annotation} | None", narrow.description, default=strawberry.UNSET)
        for key, narrow in filters.items()
    }
    made, says = f"{name}Filter", f"Which {_spaced(name)} to keep; all conditions hold."
    TYPES[made] = assembled(made, says, shown, made_by=strawberry.input)
    return made


def _order(name: str, orders: Mapping[str, tuple[str, str, str]]) -> str:
    named, made = f"{name}OrderField", f"{name}Order"
    fields = Enum(named, {key: strawberry.enum_value(key, description=doc) for key, (_, _, doc) in orders.items()})  # type: ignore[misc]
    TYPES[named] = strawberry.enum(fields, description=f"What {_spaced(name)} can be ordered by.")
    shown = {
        "field": shown_field("field", named, "What to order by."),
        "direction": shown_field("direction", "Direction", "Which way.", default=Direction.ASC),
    }
    TYPES[made] = assembled(made, f"The order of {_spaced(name)}.", shown, made_by=strawberry.input)
    return made


def _spaced(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
