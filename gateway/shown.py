"""Shown: values of one GraphQL type as a response shows them, many at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from graphql import GraphQLEnumType, GraphQLLeafType, GraphQLObjectType, Undefined

Completed = list[Any] | Awaitable[list[Any]]
"""Values as the response shows them, at once or in a moment."""

Spread = Callable[[list[Any]], list[Any]]


class Unusual(Exception):  # noqa: N818 - an outcome
    """Something that only graphql-core can answer, or tell the error of."""


class Shown(Protocol):
    """How values of one type are completed."""

    @property
    def required(self) -> bool:
        """Whether none may be null."""

    def complete(self, values: list[Any]) -> Completed:
        """What is shown of them. Raises Unusual, or whatever is wrong with one."""


class Objects(Protocol):
    """Makes objects of rows, none of which is missing."""

    kind: GraphQLObjectType

    def objects(self, rows: list[Any]) -> Completed:
        """The objects of these rows."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """Texts, numbers, instants and the like."""

    kind: GraphQLLeafType
    required: bool
    plain: type | None
    """The Python type of values that are shown as they are."""

    known: dict[Any, Any] = field(default_factory=dict)
    """How words of an enumeration are shown."""

    @classmethod
    def of(cls, kind: GraphQLLeafType, *, required: bool) -> Leaves:
        """Those of one type."""
        return cls(kind, required, _PLAIN.get(kind.name))

    def complete(self, values: list[Any]) -> list[Any]:
        """Each as the type says."""
        if self.plain and all(type(each) is self.plain for each in values):
            return values
        said = self._word if isinstance(self.kind, GraphQLEnumType) else self._leaf
        made = [None if each is None or each is Undefined else said(each) for each in values]
        if self.required and None in made:
            raise Unusual
        return made

    def _word(self, value: Any) -> Any:
        found = self.known.get(value)
        if found is None:
            found = self.known[value] = self._leaf(value)
        return found

    def _leaf(self, value: Any) -> Any:
        made = self.kind.coerce_output_value(value)
        if made is None or made is Undefined:
            raise Unusual
        return made


_PLAIN: dict[str, type] = {"String": str, "ID": str, "Boolean": bool}


@dataclass(frozen=True, slots=True)
class Rows:
    """Objects of one type; rows that are not `trusted` are asked whether they are of it."""

    sweep: Objects
    required: bool
    trusted: bool

    def complete(self, values: list[Any]) -> Completed:
        """An object of each row."""
        present = [each for each in values if each is not None]
        if self.required and len(present) < len(values):
            raise Unusual
        if not self.trusted and self.sweep.kind.is_type_of:
            is_type_of: Any = self.sweep.kind.is_type_of
            if not all(is_type_of(each, None) is True for each in present):
                raise Unusual
        made = self.sweep.objects(present) if present else []
        return made if len(present) == len(values) else then(made, lambda shown: _among(values, shown))


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of one type."""

    inside: Shown
    required: bool

    def complete(self, values: list[Any]) -> Completed:
        """A list for each list; what they hold is completed together."""
        if not all(each is None or isinstance(each, list | tuple) for each in values):
            raise Unusual
        if self.required and None in values:
            raise Unusual
        together = [item for each in values if each is not None for item in each]
        made = self.inside.complete(together) if together else []
        return then(made, lambda shown: _parted(values, shown))


def then(made: Completed, spread: Spread) -> Completed:
    """What becomes of values once they are completed."""
    return spread(made) if isinstance(made, list) else _later(made, spread)


async def _later(made: Awaitable[list[Any]], spread: Spread) -> list[Any]:
    return spread(await made)


def _among(values: Sequence[Any], shown: list[Any]) -> list[Any]:
    came = iter(shown)
    return [None if each is None else next(came) for each in values]


def _parted(values: Sequence[Any], shown: list[Any]) -> list[Any]:
    came = iter(shown)
    return [None if each is None else list(islice(came, len(each))) for each in values]
