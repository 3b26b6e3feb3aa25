"""The contract: the schema that clients rely on, committed as text and compared with the graph we build."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import zip_longest
from pathlib import Path

from graphql import BreakingChange, DangerousChange, GraphQLError, GraphQLSchema, SchemaChange, build_schema
from graphql.utilities import find_schema_changes

import schema
from gateway import leaving
from kernel.errors import InvalidInput
from schema import subgraph

COMMITTED = Path(schema.__file__).with_name("schema.graphql")
"""The contract that clients rely on."""


def text() -> str:
    """The schema of the graph in the schema definition language."""
    return schema.graph().as_str() + "\n"


def part() -> str:
    """The schema of the graph as a part of a federated one."""
    return subgraph.sdl()


def write() -> list[str]:
    """Commit to the graph as it is; what that breaks."""
    broken = [line for line in differences() if line.startswith(_BREAKS)] if COMMITTED.exists() else []
    COMMITTED.write_text(text())
    return broken


def differences() -> list[str]:
    """How the graph differs from the committed contract, a line for each, what breaks clients first.

    Raises InvalidInput when the contract is missing, or can't be read.
    """
    try:
        return compared(COMMITTED.read_text(), text(), datetime.now(UTC).date())
    except FileNotFoundError:
        raise InvalidInput(f"There is no {COMMITTED.name} yet: `seatgraph schema --write` writes it.") from None
    except GraphQLError as mistake:
        raise InvalidInput(f"{COMMITTED.name} can't be read: {mistake.message}") from None


def compared(committed: str, now: str, today: date) -> list[str]:
    """How one schema differs from another, in lines; what was deprecated long enough by today breaks nobody."""
    before, after = build_schema(committed), build_schema(now)
    found = [_told(change, before, today) for change in find_schema_changes(before, after)]
    told = sorted([*found, *_deprecated(before, after)])
    # What no comparison looks at still shows in the text.
    return [line for _, line in told] or list(_lines(committed, now))


_BREAKS = "breaks clients"
_GRAVITY = (_BREAKS, "was announced", "may surprise clients", "harmless")


def _told(change: SchemaChange, before: GraphQLSchema, today: date) -> tuple[int, str]:
    """How grave a change is, and its line."""
    if not isinstance(change, BreakingChange):
        return _line(2 if isinstance(change, DangerousChange) else 3, change.description)
    promise = leaving.announced(change, before)
    if promise is None:
        return _line(0, change.description)
    if promise.over(today):
        return _line(1, change.description)
    return _line(0, f"{change.description} It is promised until {promise.until}.")


def _deprecated(before: GraphQLSchema, after: GraphQLSchema) -> Iterator[tuple[int, str]]:
    """What is deprecated now, and what is so no more."""
    old, new = leaving.reasons(before), leaving.reasons(after)
    yield from (_line(3, f"{place} is deprecated. {why}") for place, why in new.items() if old.get(place) != why)
    back = (place for place in old.keys() - new.keys() if leaving.there(after, place))
    yield from (_line(3, f"{place} is deprecated no more.") for place in back)


def _line(gravity: int, description: str) -> tuple[int, str]:
    return gravity, f"{_GRAVITY[gravity]}: {description}"


def _lines(before: str, after: str) -> Iterator[str]:
    """The first line that differs."""
    for number, (was, becomes) in enumerate(zip_longest(before.splitlines(), after.splitlines()), 1):
        if was != becomes:
            yield f"line {number}: was {(was or '').strip()!r} and becomes {(becomes or '').strip()!r}"
            return
    if before != after:
        yield "the ends of the files differ"
