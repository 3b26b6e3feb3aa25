"""The graph as part of a greater one: a subgraph of Apollo Federation 2.

It has all that the graph can be asked and changed, and the two fields that a router needs.
Whatever has an id is an entity, which a router finds by it. The graph that clients rely on
stays free of them. What can be followed is left out: the greater graph calls all of that
`Subscription`, which is the name of what people pay for here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig
from strawberry.types.union import StrawberryUnion

import schema
from resolvers import federating as resolve
from resolvers.graph import BY_PREFIX
from schema.base import TYPES
from schema.scalars import CONFIG
from schema.viewer import Query
from schema.weights import Weight

SPECIFICATION = "https://specs.apollo.dev/federation/v2.9"
"""The newest that the composers of Apollo and of The Guild both accept."""

_HEAD = f"""extend schema @link(url: "{SPECIFICATION}", import: ["@key", "@shareable"])

schema {{
  query: Query
  mutation: Mutation
}}"""
_ENTITY = re.compile(r"^(type \w+ implements Node) \{$", re.MULTILINE)
_SHARED = re.compile(r"^(type (?:Money|PageInfo)) \{$", re.MULTILINE)
"""Values that other subgraphs may well have, too."""


@cache
def graph() -> strawberry.Schema:
    """The subgraph, made once in a process."""
    return schema.build(Subgraph, None, _CONFIG)


@cache
def sdl() -> str:
    """What a router composes from: the graph, with its entities by their ids, and the values that others share."""
    text = _ENTITY.sub(r'\1 @key(fields: "id") {', schema.build(subscription=None).as_str())
    text = _SHARED.sub(r"\1 @shareable {", text)
    return f"{_HEAD}\n\n{text}\n"


def _representation(value: object) -> object:
    if not isinstance(value, dict):
        raise GraphQLError("A representation is an object with '__typename' and 'id'.")
    return value


_ANY = strawberry.scalar(name="_Any", description="What a router knows of an entity.", parse_value=_representation)
_CONFIG = StrawberryConfig(scalar_map={**CONFIG.scalar_map, resolve.Representation: _ANY})


@strawberry.type(name="_Service", description="What a router composes the greater graph from.")
class Service:
    """See its description."""

    sdl: str = strawberry.field(description="The schema of this part, with its entities.")


def _entities() -> Any:
    """The type of a list of whatever has an id."""
    names = sorted(face.name for face in BY_PREFIX.values())
    entity: Any = StrawberryUnion(
        name="_Entity",
        type_annotations=tuple(StrawberryAnnotation(name, namespace=TYPES) for name in names),
        description="Whatever a router finds by its id.",
    )
    return list[entity | None]


async def service() -> Service:
    """What a router composes from."""
    return Service(sdl=sdl())


def _way(name: str, answer: Callable[..., Any], annotation: Any, description: str, **weight: Weight) -> Any:
    """A way into the graph for routers, which clients don't know of."""
    made = strawberry.field(resolver=answer, name=name, description=description, metadata=weight)
    made.type_annotation = StrawberryAnnotation(annotation)
    return made


@strawberry.type(name="Query", description="Everything that can be asked, and what a router asks.")
class Subgraph(Query):
    """The ways into the graph, and a router's."""

    service = _way("_service", service, Service, "What a router composes from.", weight=Weight(own=10))
    entities = _way(
        "_entities",
        resolve.entities,
        _entities(),
        "The things with these keys, null for each that is not there or not visible, in the order asked.",
        weight=Weight(own=1, each=1, sized_by=("representations",), most=resolve.MOST_ENTITIES),
    )
