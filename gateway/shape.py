"""Shape: what an operation selects, as far as it costs something, and what it may cost with these variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Variables = Mapping[str, Any]
Condition = tuple[str, bool]
"""A variable, and what it has to be for a field to be shown."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows a list is asked for."""

    known: int
    """As written in the document, or when its variables are left out."""

    variables: tuple[str, ...] = ()
    most: int = 0

    def of(self, given: Variables) -> int:
        """The number with these variables, which may be anything."""
        for name in self.variables:
            value = given.get(name)
            asked = len(value) if isinstance(value, list) else value
            # GraphQL takes 100.0 for 100, which JSON can say.
            if isinstance(asked, int | float):
                return int(min(max(asked, 0), self.most))
        return self.known


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of an answer, by its key there."""

    key: str
    own: int
    each: int
    size: Size | None
    """How many rows there are; None for what is no list."""

    inside: Shape
    terms: tuple[tuple[Condition, ...], ...] = ()
    """On which terms it is shown, on any of them; none where it always is."""

    listed: bool = False
    """Whether it is a list."""

    optional: bool = False
    """Whether nothing may be there."""

    def asked(self, given: Variables) -> int:
        """What it may cost with these variables."""
        if self.terms and not any(_met(each, given) for each in self.terms):
            return 0
        rows = 1 if self.size is None else self.size.of(given)
        return self.own + rows * (self.each + self.inside.asked(given))

    def used(self, shown: Any) -> int:
        """What it took to show this."""
        if isinstance(shown, list):
            rows = sum(1 for row in shown if row is not None) if self.each else 0
            return self.own + rows * self.each + self.inside.used_for(shown)
        return self.own + (self.inside.used(shown) if shown is not None else 0)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is selected of one object: fields that cost something, and those of one of several types."""

    entries: tuple[Entry, ...] = ()
    kinds: tuple[Shape, ...] = ()
    fixed: int | None = None
    """What it may cost, where that depends on no variable."""

    flat: bool = False
    """Whether that is what it takes, too, because no number of rows is in it."""

    keys: tuple[str, ...] = ()
    """The keys that an answer has for certain, beginning with its first."""

    @classmethod
    def of(cls, entries: tuple[Entry, ...], kinds: tuple[Shape, ...], keys: tuple[str, ...] = ()) -> Shape:
        """The shape, with what can be added up at once."""
        dear = tuple(entry for entry in entries if entry.own or entry.each or entry.inside.fixed != 0)
        kinds = tuple(kind for kind in kinds if kind.fixed != 0)
        made = cls(dear, kinds, keys=keys)
        settled = all(
            entry.inside.fixed is not None and not entry.terms and not (entry.size and entry.size.variables)
            for entry in dear
        )
        if not settled or any(kind.fixed is None for kind in kinds):
            return made
        flat = not kinds and all(entry.size is None and entry.inside.flat for entry in dear)
        return replace(made, fixed=made.asked({}), flat=flat)

    def asked(self, given: Variables) -> int:
        """What it may cost with these variables."""
        if self.fixed is not None:
            return self.fixed
        own = sum(entry.asked(given) for entry in self.entries)
        return own + max((kind.asked(given) for kind in self.kinds), default=0)

    def used(self, shown: Any) -> int:
        """What it took to show this object."""
        own = sum(entry.used(shown[entry.key]) for entry in self.entries if entry.key in shown)
        return own + max((kind.used(shown) for kind in self.kinds), default=0)

    def used_for(self, rows: list[Any]) -> int:
        """What it took to show these objects."""
        if self.flat and self.fixed is not None:
            return self.fixed * sum(1 for row in rows if row is not None)
        return sum(self.used(row) for row in rows if row is not None)


def _met(term: tuple[Condition, ...], given: Variables) -> bool:
    """Whether a field is shown on this term, for all that these variables say."""
    return all(bool(given.get(name, wanted)) is wanted for name, wanted in term)


NOTHING = Shape(fixed=0, flat=True)
"""What costs nothing."""
