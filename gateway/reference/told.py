"""What the graph tells of itself, ready to be written down: kinds of types, points, and who may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import GraphQLField, GraphQLNamedType, GraphQLObjectType, GraphQLSchema, GraphQLUnionType
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.policy import DOING, Permission
from gateway.cost import told, weight_of
from gateway.reference.rights import asked_by, needed_for
from kernel.errors import Problem
from resolvers.graph import FACES
from schema.changes import DONE_BY


@dataclass(frozen=True)
class Graph:
    """The graph."""

    schema: GraphQLSchema

    @cached_property
    def kinds(self) -> list[GraphQLNamedType]:
        """Every type that is ours, by name; the roots are none."""
        roots = (self.schema.query_type, self.schema.mutation_type, self.schema.subscription_type)
        found = (kind for kind in self.schema.type_map.values() if not kind.name.startswith("__"))
        return sorted((kind for kind in found if kind not in roots), key=lambda kind: kind.name)

    @cached_property
    def unions(self) -> list[GraphQLUnionType]:
        """What changes answer with."""
        return [kind for kind in self.kinds if isinstance(kind, GraphQLUnionType)]

    def points(self, kind: GraphQLNamedType, made: GraphQLField) -> str:
        """What a field costs by itself, such as `1`, or `1 and 1 a row`; nothing for what is free."""
        weight = weight_of(self.schema, kind, made)
        return " and ".join(
            [*([str(weight.own)] if weight.own else []), *([f"{weight.each} a row"] if weight.each else [])]
        )

    def comes_of(self, problem: GraphQLObjectType) -> list[str]:
        """The changes that may be declined with a problem."""
        return sorted(_change(union) for union in self.unions if problem in union.types)


def _change(union: GraphQLUnionType) -> str:
    return union.name[0].lower() + union.name[1:].removesuffix("Result")


def who_may(made: GraphQLField) -> list[Permission]:
    """The permissions that a way into the graph asks for."""
    declared: Any = made.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    resolver = getattr(declared, "base_resolver", None)
    resolve: Callable[..., Any] | None = told(made).get(DONE_BY) or getattr(resolver, "wrapped_func", None)
    return asked_by(resolve) if resolve else []


def shown_to(kind: GraphQLNamedType) -> str:
    """Who sees the rows of a type, in a sentence; nothing for what is no row."""
    face = FACES.get(kind.name)
    if face is None or face.table is None or face.visible is None:
        return ""
    if doc := face.visible.__doc__:
        return doc
    needed, own = needed_for(face)
    seen = f"Rows of accounts of which one may {' or '.join(doing(each) for each in needed)}"
    return f"{seen}, and one's own." if own else f"{seen}."


def doing(permission: Permission) -> str:
    """What a permission lets one do, linked to who holds it."""
    words = DOING[permission]
    return f"[{words}](permissions.md#{words.replace(chr(39), '').replace(',', '').replace(' ', '-')})"


def sentences() -> dict[str, str]:
    """The sentence that each problem says, with places for its fields."""
    return {kind.__name__: kind.says for kind in _below(Problem)}


def _below(kind: type[Problem]) -> Iterator[type[Problem]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
