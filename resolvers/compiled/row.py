"""The row: what an object is made from, and what has been asked of it so far."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from resolvers.graph import Face, Kind

_COLUMN = re.compile(r"\{row\}\.(\w+)")


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

    def ordered_by(self, order: str) -> None:
        """Ask for the columns of an order that is written for this row's alias."""
        for name in _COLUMN.findall(order.replace(f"{self.alias}.", "{row}.")):
            self.column(name)

    def needed(self, alias: str) -> str:
        """What has to be selected of a row of this alias, so that all this can be asked of it."""
        if self.whole:
            return f"{alias}.*"
        return ", ".join(f"{alias}.{name}" for name in self.columns)
