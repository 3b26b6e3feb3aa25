"""Paging: the SQL of one keyset page, of which any part may be asked for.

found    the rows of the page, and one more where it matters whether there is more
kept     the rows of the page
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from resolvers.compiled.draft import Draft, NotCompiled
from resolvers.reading import COUNTED, PageAsked

PLACE, NUMBER = '"_place"', '"_id"'
"""What a kept row is ordered by; no column of ours is called so."""


@dataclass(slots=True)
class Paging:
    """One page: what was asked, which rows its list has, and what is asked of it."""

    draft: Draft
    asked: PageAsked
    table: str
    alias: str
    parent: str
    """The SQL of whose list it is."""

    list_where: str
    place_where: str
    found: str
    kept: str
    more: bool = False
    """Whether it was asked if there is more."""

    @property
    def natural(self) -> str:
        """The direction in which rows are shown."""
        return "desc" if self.asked.descending else "asc"

    @property
    def reverse(self) -> str:
        """The other one."""
        return "asc" if self.asked.descending else "desc"

    def sources(self, needed: str) -> str:
        """The statements before the page's own; `needed` are the columns that its rows have."""
        slice_ = self.asked.slice
        way = self.reverse if slice_.backward else self.natural
        column, _ = self.asked.page.orders[self.asked.order]
        columns = ", ".join(filter(None, [needed, f"{self.alias}.{column} as {PLACE}", f"{self.alias}.id as {NUMBER}"]))
        said = (
            f"{self.found} as (select {columns} from {self.table} {self.alias}"
            f" where {self.list_where}{self.place_where}"
            f" order by {self.alias}.{column} {way}, {self.alias}.id {way} limit {slice_.size + self.more})"
        )
        if self.more:
            said += (
                f", {self.kept} as (select * from {self.found} order by {PLACE} {way}, {NUMBER} {way}"
                f" limit {slice_.size})"
            )
        return said

    @property
    def rows(self) -> str:
        """What the page's rows are selected from. Ask once it is known whether there is `more`."""
        return self.kept if self.more else self.found

    def shown(self, alias: str) -> str:
        """The order in which rows are shown."""
        return f"{alias}.{PLACE} {self.natural}, {alias}.{NUMBER} {self.natural}"

    def cursor(self, alias: str) -> str:
        """A mark from which the cursor of a row is made."""
        _, kind = self.asked.page.orders[self.asked.order]
        if (self.asked.list_name, kind) not in self.draft.lists:
            self.draft.lists.append((self.asked.list_name, kind))
        place = self.draft.lists.index((self.asked.list_name, kind))
        of_row = f"{place}, {alias}.{PLACE}, {alias}.{NUMBER}, {self.parent}"
        return f"(E'\\t' || json_build_array({of_row})::text || E'\\t')::json"

    def total(self) -> str:
        """How many rows the whole list has, up to a limit."""
        every = f"select from {self.table} {self.alias} where {self.list_where} limit {COUNTED}"
        return f"(select count(*)::int from ({every}) c)"

    def standing(self, name: str) -> str:
        """One field of PageInfo."""
        slice_ = self.asked.slice
        ahead = "hasPreviousPage" if slice_.backward else "hasNextPage"
        if name == ahead:
            return f"((select count(*) from {self.found}) > {slice_.size})"
        fields: dict[str, Callable[[], str]] = {
            "hasNextPage": lambda: str(slice_.place is not None).lower(),
            "hasPreviousPage": lambda: str(slice_.place is not None).lower(),
            "startCursor": lambda: self._end(self.natural),
            "endCursor": lambda: self._end(self.reverse),
        }
        if name not in fields:
            raise NotCompiled(f"PageInfo.{name} is answered by a function of ours")
        return fields[name]()

    def _end(self, way: str) -> str:
        return f"(select {self.cursor('e')} from {self.rows} e order by e.{PLACE} {way}, e.{NUMBER} {way} limit 1)"
