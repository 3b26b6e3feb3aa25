"""Reading: the statements that answer relations, for many rows at once.

Each is made from a declaration in `graph`; names in it are ours, values are
always bound. A reader's visibility is part of every statement, and row-level
security asks again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import asyncpg

from kernel import ids, pages
from kernel.errors import InvalidInput
from kernel.work import Work
from resolvers.auditing import subject_named
from resolvers.graph import FACES, Bind, Face, Filter, Many, Page, Reader

COUNTED = 10_000
"""`totalCount` stops here: counting further would cost more than anybody learns from it."""

LISTED = 1_000
"""The most rows one parent's short list may have."""

_OF_A_PLACE = 3
"""What a cursor holds: the value and the number of a row, and whose list it is in."""

NODE = "node"
"""In place of a prefix, it stands for the id of anything."""

Chosen = tuple[tuple[str, Any], ...]
"""Filter names and what a client chose for them, decoded and in one order."""


@dataclass(frozen=True, slots=True)
class PageAsked:
    """A page relation with a client's arguments: what the rows of one batch have in common."""

    page: Page
    slice: pages.Slice
    order: str
    descending: bool
    chosen: Chosen

    @property
    def list_name(self) -> str:
        """What a cursor of this list is sealed with."""
        return f"{self.page.name}:{self.order}:{int(self.descending)}"

    def insist_on(self, parent: Any) -> None:
        """Refuse a cursor of another parent's list. Raises InvalidInput."""
        if self.slice.place is not None and self.slice.place[2] != parent:
            raise InvalidInput(pages.ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Connection:
    """One keyset page of rows, and the parent it hangs from, for counting."""

    rows: Sequence[asyncpg.Record]
    asked: PageAsked
    parent: Any
    more: bool

    @property
    def column(self) -> str:
        """The column this page is ordered by."""
        return self.asked.page.orders[self.asked.order][0]

    def cursor(self, row: asyncpg.Record) -> str:
        """The place of a row in this list."""
        return pages.write(self.asked.list_name, (row["place"], row["id"], self.parent))


async def by_number(work: Work, reader: Reader, face: Face, numbers: Sequence[int], of: str = "id") -> dict[int, Any]:
    """The visible rows whose column `of` is one of the numbers, by that number."""
    bind = Bind()
    sql = _select(face, f"r.{of} = any({bind(list(numbers), 'bigint[]')})", bind, reader)
    return {row[of]: row for row in await work.fetch(sql, *bind.values, record=face.record)}


async def recorded(work: Work, reader: Reader, account_id: int, seq: int) -> Any:
    """The record with this number in an account's audit log, or None."""
    face, bind = FACES["AuditRecord"], Bind()
    sql = _select(face, f"r.account_id = {bind(account_id, 'bigint')} and r.seq = {bind(seq, 'bigint')}", bind, reader)
    return next(iter(await work.fetch(sql, *bind.values, record=face.record)), None)


async def lists(
    work: Work, reader: Reader, relation: Many, chosen: Chosen, parents: Sequence[int]
) -> dict[int, list[Any]]:
    """The short lists of many parents, by the parent's number."""
    face, bind = FACES[relation.target], Bind()
    where = f"r.{relation.by} = any({bind(list(parents), 'bigint[]')}) and ({relation.where.format(row='r')})"
    where += _chosen(relation.filters, chosen, bind)
    sql = _select(face, where, bind, reader, extra=f", r.{relation.by} as parent")
    found: dict[int, list[Any]] = {parent: [] for parent in parents}
    limit = LISTED * len(parents)
    for row in await work.fetch(
        f"{sql} order by r.{relation.by}, r.{relation.order} limit {limit}", *bind.values, record=face.record
    ):
        found[row["parent"]].append(row)
    return found


async def page_of(work: Work, reader: Reader, asked: PageAsked, parents: Sequence[int]) -> dict[int, Connection]:
    """The same page of many parents' lists, by the parent's number (0 stands for a list without parents)."""
    face, bind = FACES[asked.page.target], Bind()
    column, kind = asked.page.orders[asked.order]
    keys = bind(list(parents), f"{asked.page.kind}[]")
    where = _narrowed(face, asked, bind, reader)
    if asked.slice.place:
        sign = "<" if asked.descending != asked.slice.backward else ">"
        place, number, _ = asked.slice.place
        where += f" and (r.{column}, r.id) {sign} ({bind(place, kind)}, {bind(number, 'bigint')})"
    way = "desc" if asked.descending != asked.slice.backward else "asc"
    sql = (
        f"select k.parent, t.* from unnest({keys}) as k(parent) cross join lateral ("
        f"select {face.selected}, r.{column} as place from {face.table} r where {where}"
        f" order by r.{column} {way}, r.id {way} limit {asked.slice.size + 1}) t"
    )
    found: dict[int, list[Any]] = {parent: [] for parent in parents}
    for row in await work.fetch(sql, *bind.values, record=face.record):
        found[row["parent"]].append(row)
    return {parent: _cut(rows, asked, parent) for parent, rows in found.items()}


async def count_of(work: Work, reader: Reader, asked: PageAsked, parents: Sequence[int]) -> dict[int, int]:
    """How many rows the lists of many parents have, up to COUNTED."""
    face, bind = FACES[asked.page.target], Bind()
    keys = bind(list(parents), f"{asked.page.kind}[]")
    where = _narrowed(face, asked, bind, reader)
    sql = (
        f"select k.parent, (select count(*) from (select from {face.table} r where {where} limit {COUNTED}) t) as n"
        f" from unnest({keys}) as k(parent)"
    )
    return {row["parent"]: row["n"] for row in await work.fetch(sql, *bind.values)}


async def offered(work: Work, reader: Reader) -> list[Any]:
    """The plans sold now, in the order of the price list."""
    bind = Bind()
    sql = _select(FACES["Plan"], "r.archived_at is null", bind, reader)
    return await work.fetch(f"{sql} order by r.position, r.id", *bind.values, record=FACES["Plan"].record)


async def plan_called(work: Work, reader: Reader, key: str) -> Any:
    """The plan with this key, or None."""
    if "\x00" in key:
        return None
    bind = Bind()
    sql = _select(FACES["Plan"], f"r.key = {bind(key, 'text')}", bind, reader)
    return next(iter(await work.fetch(sql, *bind.values, record=FACES["Plan"].record)), None)


def asked_of(page: Page, arguments: Mapping[str, Any]) -> PageAsked:
    """What a client's arguments, as GraphQL has coerced them, ask of a page relation. Raises InvalidInput."""
    given = dict(arguments)
    order = {name: chosen.value for name, chosen in (given.pop("orderBy", None) or {}).items()}
    return ask(page, order_by=order, **given)


def ask(
    page: Page,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    filter: dict[str, Any] | None = None,
    order_by: dict[str, Any] | None = None,
) -> PageAsked:
    """What a client's arguments ask of a page relation. Raises InvalidInput."""
    order = (order_by or {}).get("field") or next(iter(page.orders))
    descending = (order_by or {}).get("direction", "ASC") == "DESC"
    chosen = choose(page.filters, filter or {})
    asked = PageAsked(page, pages.Slice(1), order, descending, chosen)
    slice_ = pages.wanted(asked.list_name, first, after, last, before)
    if slice_.place is not None:
        slice_ = replace(slice_, place=_place(slice_.place, page.orders[order][1], page.kind))
    return PageAsked(page, slice_, order, descending, chosen)


def choose(filters: Mapping[str, Filter], given: Mapping[str, Any]) -> Chosen:
    """What a client chose of a list's filters; one left out or null narrows nothing. Raises InvalidInput."""
    return tuple((name, _decoded(filters[name], value)) for name, value in sorted(given.items()) if value is not None)


def _chosen(filters: Mapping[str, Filter], chosen: Chosen, bind: Bind) -> str:
    parts = []
    for name, value in chosen:
        filter_ = filters[name]
        bound = bind(list(value) if isinstance(value, tuple) else value, filter_.kind.rpartition(":")[2])
        parts.append(" and " + filter_.compared(f"r.{filter_.column}", bound, value))
    return "".join(parts)


def _decoded(filter_: Filter, value: Any) -> Any:
    prefix, _, kind = filter_.kind.rpartition(":")
    if prefix == NODE:
        return subject_named(value)
    if prefix:
        return tuple(ids.decode(prefix, item) for item in value) if kind.endswith("[]") else ids.decode(prefix, value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInput("An instant needs its offset, as in 2026-01-31T00:00:00Z.")
        return value.astimezone(UTC)
    if kind == "text" and "\x00" in value:
        raise InvalidInput("Text can't hold the NUL character.")
    return tuple(value) if isinstance(value, list) else value


def _narrowed(face: Face, asked: PageAsked, bind: Bind, reader: Reader) -> str:
    assert face.visible is not None
    parts, seen = [f"({asked.page.where.format(row='r')})"], face.visible("r", bind, reader)
    if asked.page.by:
        parts.append(f"r.{asked.page.by} = k.parent")
        # As in `compiled.connecting`: a column that is compared twice makes a list look short, and it is sorted whole.
        seen = re.sub(rf"\br\.{asked.page.by}\b", "k.parent", seen)
    return " and ".join([*parts, seen]) + _chosen(asked.page.filters, asked.chosen, bind)


def _select(face: Face, where: str, bind: Bind, reader: Reader, extra: str = "") -> str:
    assert face.visible is not None
    return f"select {face.selected}{extra} from {face.table} r where {where} and {face.visible('r', bind, reader)}"


def _place(place: tuple[Any, ...], kind: str, kept_by: str) -> tuple[Any, int, Any]:
    """Where a cursor stands: the value and the number of a row, and whose list it is in. Raises InvalidInput."""
    # We sealed it, and yet another version of us may have.
    if len(place) != _OF_A_PLACE:
        raise InvalidInput(pages.ELSEWHERE)
    value, number, parent = place
    return _value(value, kind), _value(number, "bigint"), _value(parent, kept_by)


def _value(value: Any, kind: str) -> Any:
    match kind, value:
        case "timestamptz", str():
            with suppress(ValueError, OverflowError):
                return pages.instant_of(value).astimezone(UTC)
        case "bigint", int() if not isinstance(value, bool) and -(2**63) <= value < 2**63:
            return value
        case "text", str() if "\x00" not in value:
            return value
    raise InvalidInput(pages.ELSEWHERE)


def _cut(rows: list[Any], asked: PageAsked, parent: Any) -> Connection:
    size = asked.slice.size
    kept = rows[:size]
    if asked.slice.backward:
        kept.reverse()
    return Connection(kept, asked, parent, more=len(rows) > size)
