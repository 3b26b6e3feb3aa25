"""Gathering: rows of several tables, written with one statement.

A session writes each table by itself, one round trip after another, while others may wait for what is locked.
Here what is new and what has changed becomes one statement, which constraints judge as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Column, LargeBinary, Table, inspect
from sqlalchemy.orm import Session, make_transient, make_transient_to_detached
from sqlmodel import SQLModel

from kernel.rows import plain

Parts = list[tuple[str, str]]
"""Pieces of the statement, each with its rows as JSON."""


def gathered(session: Session) -> tuple[str, list[str], int] | None:
    """What a session has to write as one statement, its values, and how many rows it writes; None for nothing.

    The statement gives how many it wrote.
    """
    assert not session.deleted, "rows that go are written by a flush"
    parts, count = _new(session.new), len(session.new)
    for row in session.dirty:
        changed = _changed(row)
        if changed:
            parts.append(_update(row, changed))
            count += 1
    return (*_statement(parts), count) if parts else None


def inserting(rows: Iterable[SQLModel]) -> tuple[str, list[str]]:
    """One statement that writes these new rows, and its values; it gives how many it wrote."""
    return _statement(_new(rows))


def settled(session: Session, written: Iterable[SQLModel]) -> None:
    """Let a session know that these rows are written, so that it writes what changes from now on."""
    for row in written:
        make_transient(row)
        make_transient_to_detached(row)
        session.add(row)


def _statement(parts: Parts) -> tuple[str, list[str]]:
    said = ", ".join(f"w{place} as ({sql.format(place)} returning 1)" for place, (sql, _) in enumerate(parts, 1))
    sums = " + ".join(f"(select count(*) from w{place})" for place in range(1, len(parts) + 1))  # noqa: S608 - numbers
    return f"with {said} select {sums} as written", [told for _, told in parts]


def _new(rows: Iterable[SQLModel]) -> Parts:
    by_table: dict[type[SQLModel], list[SQLModel]] = {}
    for row in rows:
        by_table.setdefault(type(row), []).append(row)
    return [(_insert(kind), _told([_values(row, _written(kind)) for row in same])) for kind, same in by_table.items()]


@cache
def _insert(kind: type[SQLModel]) -> str:
    table, names = _table(kind), ", ".join(f'"{name}"' for name in _written(kind))
    return f'insert into "{table}" ({names}) select {names} from json_populate_recordset(null::"{table}", ${{}})'  # noqa: S608 - our tables


def _update(row: SQLModel, changed: Sequence[str]) -> tuple[str, str]:
    kind, keys = type(row), [column.name for column in inspect(type(row)).primary_key]
    table, sets = _table(kind), ", ".join(f'"{name}" = r."{name}"' for name in changed)
    same = " and ".join(f't."{name}" = r."{name}"' for name in keys)
    sql = f'update "{table}" t set {sets} from json_populate_recordset(null::"{table}", ${{}}) r where {same}'  # noqa: S608 - our tables
    return sql, _told([_values(row, [*keys, *changed])])


def _changed(row: SQLModel) -> list[str]:
    state = inspect(row)
    return [name for name in state.committed_state if state.attrs[name].history.has_changes()]


def _values(row: SQLModel, names: Iterable[str]) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in names}


def _told(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


def _table(kind: type[SQLModel]) -> str:
    return str(_columns(kind).name)


@cache
def _written(kind: type[SQLModel]) -> list[str]:
    """The columns that we write: not those that PostgreSQL fills."""
    return [column.name for column in _columns(kind).columns if not _filled(column)]


def _filled(column: Column[Any]) -> bool:
    return column.computed is not None or column.server_default is not None


def _columns(kind: type[SQLModel]) -> Table:
    table = inspect(kind).local_table
    assert isinstance(table, Table)
    assert not any(isinstance(column.type, LargeBinary) for column in table.columns), "JSON has no words for bytes"
    return table
