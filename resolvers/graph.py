"""The declaration behind the graph: which table, columns and relations each type stands for.

`schema` writes these values once per type; the batched loaders are made from
them, and so is anything else that answers a query from rows. No value here
knows GraphQL, and none holds a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import asyncpg

from auth.policy import Permission, Setting


class Reader(Protocol):
    """Who reads: what a visibility predicate asks of an actor."""

    @property
    def person_id(self) -> int | None:
        """The person who reads, if one does."""

    @property
    def email(self) -> str | None:
        """Their verified address."""

    @property
    def setting(self) -> Setting | None:
        """The setup link with which they came."""

    @property
    def seat_groups(self) -> Sequence[int]:
        """The seat groups whose seats the reader gives."""

    def accounts(self, permission: Permission) -> list[int] | None:
        """The accounts on which the reader holds a permission; None means all."""


class Bind:
    """The values of one statement, and the $1, $2 … that stand for them."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def __call__(self, value: Any, kind: str) -> str:
        """A placeholder for a value of a PostgreSQL type."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


Visible = Callable[[str, Bind, Reader], str]
"""Given a table's alias, the SQL predicate that holds for the rows a reader may see."""


@dataclass(frozen=True, slots=True)
class Column:
    """A field that is a column of the row."""

    column: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A field that PostgreSQL computes from the row; `{row}` in the SQL is the row's alias.

    Where it is compiled in the place of a function, `{now}` is the instant of the request.
    """

    sql: str
    named: str = ""
    """The attribute of the row that has it."""


@dataclass(frozen=True, slots=True)
class PublicId:
    """The field `id`: the row's number, shuffled and prefixed."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A field of money, from a column of minor units and one with the currency."""

    minor: str
    currency: str = "currency"
    sql: str | None = None
    """How PostgreSQL computes the minor units, where they are no column."""


@dataclass(frozen=True, slots=True)
class Localized:
    """A field whose column holds a text per language."""

    column: str


@dataclass(frozen=True, slots=True)
class One:
    """A relation to at most one row of another face: this row's `by` is that row's `of`."""

    target: str
    by: str
    of: str = "id"
    sql: str | None = None
    """How PostgreSQL finds `by`, where it is not a column."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A way to narrow a list: how a column compares with what the client gives."""

    column: str
    compare: str
    """SQL with `{column}` and `{value}`."""

    kind: str
    """The value's PostgreSQL type, or an id prefix and a colon before it ("person:bigint")."""

    usual: str = ""
    """The word that nearly all rows have: whoever leaves it out asks for few rows, which an index has apart."""

    def compared(self, column: str, value: str, given: Any) -> str:
        """The SQL of the comparison; `value` is the SQL of what is `given`."""
        said = self.compare.format(column=column, value=value)
        # PostgreSQL takes an index of part of a table only where the statement itself says that no other part matters.
        return f"{said} and {column} <> '{self.usual}'" if self.usual and self.usual not in given else said


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """A relation to a short list: every row of the target whose `by` is this row's `of`."""

    target: str
    by: str
    of: str = "id"
    order: str = "id"
    where: str = "true"
    filters: Mapping[str, Filter] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A relation to a long list, read in keyset pages. Without `by` it is everything the reader sees."""

    target: str
    by: str | None
    of: str = "id"
    filters: Mapping[str, Filter] = field(default_factory=dict)
    orders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The public order's name to (column, its PostgreSQL type); each has an index behind it."""

    where: str = "true"
    name: str = ""
    """Names the list in its cursors."""

    kind: str = "bigint"
    """The PostgreSQL type of `of`."""


# Ways into the graph, beside the resolver that answers them


@dataclass(frozen=True, slots=True)
class Listed:
    """All rows of a face that hold to a condition, in an order; in both `{row}` is the row's alias."""

    target: str
    where: str
    order: str


@dataclass(frozen=True, slots=True)
class Called:
    """The row of a face whose column is what an argument says."""

    target: str
    column: str
    argument: str


@dataclass(frozen=True, slots=True)
class Named:
    """The row that an argument names by its public id: of one kind, or of whichever kind the id tells."""

    target: str | None
    argument: str = "id"


@dataclass(frozen=True, slots=True)
class Given:
    """A plain value that is made from who reads, without a question to the database."""

    target: str
    read: Callable[[Any], Any]
    """Makes the value from the reader. Raises a Fault for a reader who has none."""

    kinds: Mapping[str, str]
    """The PostgreSQL types of its attributes."""


Source = Column | Computed | PublicId | Amount | Localized | One | Many | Page | Listed | Called | Named | Given


@dataclass(frozen=True, slots=True)
class Kind:
    """What PostgreSQL knows of a column: its type, and whether it may be null."""

    type: str
    optional: bool


@dataclass(frozen=True)
class Face:
    """How one type of the graph is read: its table, who sees its rows, and what is behind its fields."""

    name: str
    sources: Mapping[str, Source]
    table: str | None = None
    prefix: str | None = None
    visible: Visible | None = None
    record: type[asyncpg.Record] = asyncpg.Record
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """The table's columns."""

    mapped: Mapping[str, Source] = field(default_factory=dict)
    """By its public name, what PostgreSQL can say of a field without us; others need their own function."""

    taken: Mapping[str, Source] = field(default_factory=dict)
    """By its public name, what is behind a field that no function of its own answers: it is as the row says."""

    @cached_property
    def needs(self) -> Sequence[str]:
        """The columns and expressions that a row is selected with, for the alias `{row}`."""
        wanted: dict[str, str] = {"id": "{row}.id"}
        for name, source in self.sources.items():
            match source:
                case Computed(sql):
                    wanted[name] = f"({sql}) as {name}"
                case Amount(minor, currency):
                    wanted |= {minor: f"{{row}}.{minor}", currency: f"{{row}}.{currency}"}
                case One(by=by, sql=str(sql)):
                    wanted[by] = f"({sql}) as {by}"
                case Column(column) | Localized(column) | One(by=column) | Many(of=column) | Page(of=column):
                    wanted[column] = f"{{row}}.{column}"
                case _:
                    pass
        return list(wanted.values())

    @cached_property
    def selected(self) -> str:
        """The same for rows of the alias `r`, as a statement selects them."""
        return ", ".join(self.needs).format(row="r")


FACES: dict[str, Face] = {}
"""Every face, by the name of its type."""

BY_PREFIX: dict[str, Face] = {}
"""The faces that `node(id:)` finds, by the prefix of their ids."""

BY_TABLE: dict[type, Face] = {}
"""The faces of the rows that operations return, by their table's class."""


# Who sees a table's rows


def everyone(alias: str, bind: Bind, reader: Reader) -> str:  # noqa: ARG001 - a public table asks nobody
    """Public rows, such as the catalog's."""
    return "true"


def holders(
    permission: Permission,
    *,
    account: str = "account_id",
    own: str | None = None,
    setup: tuple[str, str] | None = None,
    group: str | None = None,
) -> Visible:
    """Rows of accounts on which the reader holds a permission, and those whose `own` column is the reader.

    Whoever gives the seats of a seat group also sees the rows whose `group` column is that.

    Whoever came with a setup link sees nothing but what was made with it: `setup` is the purpose that makes such
    rows, and the column that holds its number.
    """

    def visible(alias: str, bind: Bind, reader: Reader) -> str:
        accounts = reader.accounts(permission)
        if accounts is None:
            return "true"
        if reader.setting is not None:
            return _made_with(alias, bind, reader.setting, setup, accounts, account)
        held = f"{alias}.{account} = any({bind(accounts, 'bigint[]')})"
        ways = [held]
        if own is not None and reader.person_id is not None:
            ways.append(f"{alias}.{own} = {bind(reader.person_id, 'bigint')}")
        if group is not None and reader.seat_groups:
            ways.append(f"{alias}.{group} = any({bind(reader.seat_groups, 'bigint[]')})")
        return held if len(ways) == 1 else f"({' or '.join(ways)})"

    return visible


def _made_with(
    alias: str, bind: Bind, setting: Setting, setup: tuple[str, str] | None, accounts: list[int], account: str
) -> str:
    purpose, column = setup or ("", "")
    if purpose not in {setting.purpose, "any"}:
        return "false"
    held = f"{alias}.{account} = any({bind(accounts, 'bigint[]')})"
    return held if purpose == "any" else f"({held} and {alias}.{column} = {bind(setting.made_id or 0, 'bigint')})"
