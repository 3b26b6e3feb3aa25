"""Rows: the words that tables are written in.

Tables are columns, without relationships or methods. Integers are 64 bits wide,
instants are aware, and a state is text that its own enumeration reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Dialect,
    Integer,
    String,
    Text,
    TypeDecorator,
    inspect,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import manager_of_class, set_committed_value
from sqlmodel import Field, SQLModel

Word = TypeVar("Word", bound=StrEnum)
RowT = TypeVar("RowT", bound=SQLModel)


class WordType(TypeDecorator[StrEnum]):
    """Text in the database, a member of one enumeration in Python."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """Read the stored text as a member."""
        return None if value is None else self.words(value)


def key() -> Any:
    """A 64-bit number that is (part of) the primary key."""
    return Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})


def whole(*, default: Any = ..., optional: bool = False) -> Any:
    """A 64-bit number."""
    return Field(default=None if optional else default, sa_type=BigInteger, nullable=optional)


def instant(*, optional: bool = False) -> Any:
    """An aware instant."""
    return Field(default=None if optional else ..., sa_type=DateTime(timezone=True), nullable=optional)


def word(words: type[StrEnum], default: Any = ..., *, optional: bool = False) -> Any:
    """A member of an enumeration, stored as its text."""
    return Field(default=None if optional else default, sa_type=WordType(words), nullable=optional)


def text(*, default: Any = ..., optional: bool = False) -> Any:
    """Text of any length."""
    return Field(default=None if optional else default, sa_type=Text, nullable=optional)


def texts() -> Any:
    """A list of texts."""
    return Field(default_factory=_none_yet, sa_type=ARRAY(Text), nullable=False)


def _none_yet() -> list[Any]:
    # Of a builtin, such as list, the signature is parsed from its text for each row that is made.
    return []


def document(*, default: Any = ..., optional: bool = False, private: bool = False) -> Any:
    """A JSON document; a private one is told to no audit record and no log."""
    kept = {"info": {"secret": private}}
    return Field(default=None if optional else default, sa_type=JSONB, nullable=optional, sa_column_kwargs=kept)


def secret(*, optional: bool = False) -> Any:
    """Bytes that never leave the database: no audit record, no log and no answer holds them."""
    return Field(default=None if optional else ..., nullable=optional, sa_column_kwargs={"info": {"secret": True}})


def computed(expression: str) -> Any:
    """Text that PostgreSQL computes from the row's other columns; no audit record repeats it."""
    made = Column(Text, Computed(expression, persisted=True), info={"secret": True})
    return Field(default=None, sa_column=made)


def columns(row: SQLModel) -> dict[str, Any]:
    """A row's columns, without its secrets, as plain JSON values."""
    return {name: plain(getattr(row, name)) for name in _told(type(row))}


@cache
def _told(table: type[SQLModel]) -> list[str]:
    """The columns that may be told of, in order."""
    return [column.name for column in inspect(table).local_table.columns if not column.info.get("secret")]


def change(row: SQLModel) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What a row was and what it has become since it was loaded: changed columns only, all for a new one."""
    state = inspect(row)
    if not state.persistent:
        return None, columns(row)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name in columns(row):
        history = state.attrs[name].history
        if history.has_changes():
            before[name] = plain(history.deleted[0]) if history.deleted else None
            after[name] = plain(history.added[0]) if history.added else None
    return before, after


def made(table: type[RowT], values: Mapping[str, Any]) -> RowT:
    """A row of these values, as they are in Python; what is not said is None. No session knows it.

    It takes a tenth of what the table's own `__init__` does, which looks at each value.
    """
    row: RowT = manager_of_class(table).new_instance()
    vars(row).update({name: values.get(name) for name, _ in _readers(table)})
    return row


def read(table: type[RowT], told: Mapping[str, Any]) -> RowT:
    """A row that a statement of its own has read, as PostgreSQL's JSON says it; no session knows it."""
    row: RowT = manager_of_class(table).new_instance()
    columns = vars(row)
    for name, reader in _readers(table):
        value = told[name]
        columns[name] = value if value is None or reader is None else reader(value)
    return row


def known(session: Session, table: type[RowT], told: Mapping[str, Any], *, fresh: bool = False) -> RowT:
    """The same, known to a session; one that knows the row already keeps it as it is, unless it is to be `fresh`."""
    key = session.identity_key(table, tuple(told[column.name] for column in inspect(table).primary_key))
    there: RowT | None = session.identity_map.get(key)
    if there is not None and not fresh:
        return there
    row = read(table, told)
    if there is not None:
        for name, _ in _readers(table):
            set_committed_value(there, name, vars(row)[name])
        return there
    make_transient_to_detached(row)
    session.add(row)
    return row


@cache
def _readers(table: type[SQLModel]) -> list[tuple[str, Callable[[Any], Any] | None]]:
    """How each column is read from JSON, if it is not what it says there."""
    return [(column.name, _reader(column.type)) for column in inspect(table).local_table.columns]


def _reader(kind: Any) -> Callable[[Any], Any] | None:
    if isinstance(kind, WordType):
        return kind.words
    if isinstance(kind, DateTime):
        return _instant if kind.timezone else datetime.fromisoformat
    assert isinstance(kind, (Integer, String, Boolean, JSONB, ARRAY)), f"JSON says {kind!r} in another way"
    return None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def became(row: SQLModel, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let a row that is here be what a statement has made of it, with nothing left to write; what it was, and is."""
    before = {name: plain(getattr(row, name)) for name in values}
    for name, value in values.items():
        set_committed_value(row, name, value)
    return before, {name: plain(value) for name, value in values.items()}


def plain(value: Any) -> Any:
    """A column's value as JSON can say it: instants in ISO 8601, words as their text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
