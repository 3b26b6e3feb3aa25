"""Columns: one field of many rows at once, from what is behind it to what the response shows.

A column is begun for all columns before any is finished, so that relations of the same
rows are loaded while others wait, and together with those of other objects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

import asyncpg

from gateway.shown import Completed, Shown, Unusual
from kernel import ids
from kernel.money import Money
from resolvers.batches import Batches

Rows = list[Any]


class Column(Protocol):
    """One field of many rows."""

    def begin(self, rows: Rows) -> Any:
        """What `finish` needs; whatever has to be loaded is asked for."""

    def finish(self, begun: Any) -> Completed:
        """What the response shows of each row. Raises Unusual, or what a resolver raises."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same word for every row."""

    word: str

    def begin(self, rows: Rows) -> int:
        """How many rows there are."""
        return len(rows)

    def finish(self, begun: int) -> Completed:
        """The word for each."""
        return [self.word] * begun


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken off each row as it is."""

    take: Callable[[Rows], list[Any]]
    shown: Shown

    def begin(self, rows: Rows) -> Rows:
        """The rows themselves."""
        return rows

    def finish(self, begun: Rows) -> Completed:
        """Their values."""
        return self.shown.complete(self.take(begun))


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a function of ours says of each row."""

    resolve: Callable[[Any], Any]
    shown: Shown
    is_awaitable: Callable[[Any], bool]
    gather: Callable[[Sequence[Any]], Awaitable[list[Any]]]

    def begin(self, rows: Rows) -> list[Any]:
        """What it says, some of which may have to be awaited."""
        return [self.resolve(row) for row in rows]

    def finish(self, begun: list[Any]) -> Completed:
        """The same, completed."""
        awaited = [each for each in begun if self.is_awaitable(each)]
        return self._awaited(begun, awaited) if awaited else self._complete(begun)

    async def _awaited(self, begun: list[Any], awaited: list[Any]) -> list[Any]:
        came = iter(await self.gather(awaited) if len(awaited) > 1 else [await awaited[0]])
        made = self._complete([next(came) if self.is_awaitable(each) else each for each in begun])
        return made if isinstance(made, list) else await made

    def _complete(self, values: list[Any]) -> Completed:
        if any(isinstance(each, Exception) for each in values):
            raise Unusual
        return self.shown.complete(values)


@dataclass(frozen=True, slots=True)
class Related:
    """Rows, lists or pages that rows point at: each is loaded and completed once, however many point at it."""

    number: Callable[[Rows], list[Any]]
    batches: Callable[[], Batches]
    shown: Shown

    def begin(self, rows: Rows) -> tuple[list[Any], list[Hashable], Batches]:
        """To what each row points, and the batches that will have it."""
        numbers, batches = self.number(rows), self.batches()
        distinct = list(dict.fromkeys(number for number in numbers if number is not None))
        batches.ask(distinct)
        return numbers, distinct, batches

    def finish(self, begun: tuple[list[Any], list[Hashable], Batches]) -> Completed:
        """What is there, by row."""
        numbers, distinct, batches = begun
        if self.shown.required and len(distinct) < len(numbers) and None in numbers:
            raise Unusual
        return self._finished(numbers, distinct, batches) if distinct else [None] * len(numbers)

    async def _finished(self, numbers: list[Any], distinct: list[Hashable], batches: Batches) -> list[Any]:
        made = self.shown.complete(await batches.get(distinct))
        by = dict(zip(distinct, made if isinstance(made, list) else await made, strict=True))
        by[None] = None
        return [by[number] for number in numbers]


def taking(name: str) -> Callable[[Rows], list[Any]]:
    """Takes a column, or an attribute of this name, off rows."""
    item = itemgetter(name)

    def take(rows: Rows) -> list[Any]:
        if rows and isinstance(rows[0], asyncpg.Record):
            # Quicker than as an attribute, which a record doesn't have itself.
            return list(map(item, rows))
        return [getattr(row, name) for row in rows]

    return take


def taking_id(prefix: str) -> Callable[[Rows], list[Any]]:
    """Takes public ids off rows."""
    take = taking("id")
    return lambda rows: [ids.encode(prefix, number) for number in take(rows)]


def taking_money(minor: str, currency: str) -> Callable[[Rows], list[Any]]:
    """Takes money off rows."""
    minors, currencies = taking(minor), taking(currency)
    return lambda rows: list(map(Money, minors(rows), currencies(rows)))
