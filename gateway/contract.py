"""The contract: the schema that clients rely on, committed as text and compared with the graph we build."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from graphql import BreakingChange, DangerousChange, GraphQLError, SchemaChange, build_schema
from graphql.utilities import find_schema_changes

import schema
from kernel.errors import InvalidInput
from schema import subgraph

COMMITTED = Path(schema.__file__).with_name("schema.graphql")
"""The contract that clients rely on."""


def text() -> str:
    """The schema of the graph in the schema definition language."""
    return schema.build().as_str() + "\n"


def part() -> str:
    """The schema of the graph as a part of a federated one."""
    return subgraph.sdl()


def write() -> None:
    """Commit to the graph as it is."""
    COMMITTED.write_text(text())


def differences() -> list[str]:
    """How the graph differs from the committed contract, a line for each, what breaks clients first.

    Raises InvalidInput when the contract is missing, or can't be read.
    """
    try:
        committed = COMMITTED.read_text()
        before = build_schema(committed)
    except FileNotFoundError:
        raise InvalidInput(f"There is no {COMMITTED.name} yet: `seatgraph schema --write` writes it.") from None
    except GraphQLError as mistake:
        raise InvalidInput(f"{COMMITTED.name} can't be read: {mistake.message}") from None
    now = text()
    changes = sorted(find_schema_changes(before, build_schema(now)), key=_gravity)
    # What the comparison doesn't look at, such as deprecations, still shows in the text.
    return [f"{_GRAVITY[_gravity(change)]}: {change.description}" for change in changes] or list(_lines(committed, now))


_GRAVITY = ("breaks clients", "may surprise clients", "harmless")


def _gravity(change: SchemaChange) -> int:
    if isinstance(change, BreakingChange):
        return 0
    return 1 if isinstance(change, DangerousChange) else 2


def _lines(before: str, after: str) -> Iterator[str]:
    """The first line that differs."""
    for number, (was, becomes) in enumerate(zip_longest(before.splitlines(), after.splitlines()), 1):
        if was != becomes:
            yield f"line {number}: was {(was or '').strip()!r} and becomes {(becomes or '').strip()!r}"
            return
    if before != after:
        yield "the ends of the files differ"
