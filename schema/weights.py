"""Weights: what a field costs, in points, by the kind of its declaration.

What is on the row already costs nothing. A row that has to be found costs a point, and
so does each row of a list; a page has as many as it is asked for. What a field shows
below costs as much again for each row it is shown of. A declaration may weigh itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernel import pages
from resolvers.graph import Amount, Column, Computed, Localized, Many, One, Page, PublicId, Source

LISTED = 5
"""How many rows a short list is taken to have, before it is read."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What one field costs, apart from what is selected below it."""

    own: int = 0
    """Points for the field itself."""

    each: int = 0
    """Points for each row of its list."""

    rows: int = LISTED
    """How many rows a list is taken to have that is not asked for a number of them."""

    sized_by: tuple[str, ...] = ()
    """The arguments that say how many rows are asked for: a number, or a list with one value for each."""

    most: int = pages.MOST
    """More rows than this are never given, whatever is asked for."""

    paged: bool = False
    """Whether the rows are below it, in `nodes` and `edges`."""


FREE = Weight()
FOUND = Weight(own=1)
SHORT = Weight(own=1, each=1)
PAGED = Weight(own=1, each=1, rows=pages.USUAL, sized_by=("first", "last"), paged=True)
COUNTING = Weight(own=5)
"""Counting a list looks at thousands of rows."""

CHANGE = Weight(own=10)
"""Changing something, or following it."""


def of_source(source: Source) -> Weight:
    """What a declared field costs unless its declaration says otherwise."""
    match source:
        case Column() | Computed() | PublicId() | Amount() | Localized():
            return FREE
        case One():
            return FOUND
        case Many():
            return SHORT
        case Page():
            return PAGED
        case _:
            raise AssertionError("a way into the graph says itself what it costs")


def weighed(weight: Weight | None, *, public: bool = False) -> dict[str, Any]:
    """What a field carries along for whoever computes a cost; a `public` way into the graph answers everybody alike."""
    return ({"weight": weight} if weight else {}) | ({"public": True} if public else {})
