"""Entities: the things of ours that a greater graph asks for by their keys, many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NewType

import strawberry

from kernel.errors import InvalidInput
from kernel.ids import decode
from resolvers import reading
from resolvers.graph import BY_PREFIX
from resolvers.info import Info

MOST_ENTITIES = 1_000
"""The most entities one request may ask for."""

Representation = NewType("Representation", object)
"""What a router knows of an entity: `{"__typename": "Person", "id": "person_9f3ac1d2e4b70"}`."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a router composes the greater graph from."""

    sdl: str


async def entities(
    info: Info,
    representations: Annotated[
        list[Representation], strawberry.argument(description="Up to 1,000 of them, each with `__typename` and `id`.")
    ],
) -> Any:
    """The things of these representations, None for each that is not there or not visible, in the order asked.

    Each type is one statement. Raises InvalidInput for what can't be the key of a thing of ours.
    """
    if len(representations) > MOST_ENTITIES:
        says = f"Ask for at most {MOST_ENTITIES:,} entities at once; {len(representations):,} were asked for."
        raise InvalidInput(says)
    keys = [_key(representation) for representation in representations]
    asked: dict[str, list[int]] = defaultdict(list)
    for prefix, number in keys:
        asked[prefix].append(number)
    found: dict[tuple[str, int], Any] = {}
    for prefix, numbers in asked.items():
        rows = await reading.by_number(info.context.work, info.context.actor, BY_PREFIX[prefix], numbers)
        found |= {(prefix, number): row for number, row in rows.items()}
    return [found.get(key) for key in keys]


def _key(representation: object) -> tuple[str, int]:
    """The prefix and number of a representation. Raises InvalidInput."""
    match representation:
        case {"__typename": str(name), "id": str(id)}:
            prefix = _prefixes().get(name)
            if prefix is None:
                raise InvalidInput(f"'{name[:60]}' is no entity of ours.")
            return prefix, decode(prefix, id)
    raise InvalidInput("A representation is an object with '__typename' and 'id', both of them texts.")


def _prefixes() -> Mapping[str, str]:
    return {face.name: prefix for prefix, face in BY_PREFIX.items()}
