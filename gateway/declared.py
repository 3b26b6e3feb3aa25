"""Declared fields: what `gateway.sweeping` knows of a field before anybody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_leaf_type,
)

from gateway.columns import Column, Taken, taking, taking_id, taking_money
from gateway.shown import Leaves, Lists, Objects, Rows, Shown
from resolvers.graph import FACES, Amount, Computed, Many, One, Page, PublicId, Source
from resolvers.graph import Column as Stored
from schema.base import RESOLVES

Take = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True, slots=True)
class Declared:
    """A field whose function is ours, and shows leaves or objects of one type."""

    made: GraphQLField
    source: Source | None
    """What is behind it, where the row says it."""

    objects: GraphQLObjectType | None
    """Of which type the objects are that it shows; None for leaves."""

    take: Take | None
    """Takes its values off rows, where that is all there is to do."""

    leaves: Shown | None
    column: Column | None
    """All of it, where nothing depends on who asks, and how."""

    def shown(self, objects: Objects) -> Shown:
        """How its values are completed, with what makes the objects."""
        related = isinstance(self.source, One | Many | Page | Amount)
        return _shown(self.made.type, lambda required: Rows(objects, required, related))


@cache  # as many as the schema has fields
def declared(kind: GraphQLObjectType, name: str) -> Declared | None:
    """What is known of a field; None where graphql-core has to answer it."""
    made, resolve = kind.fields.get(name), RESOLVES.get(kind.name, {}).get(name)
    if made is None or resolve is None or made.resolve is not resolve:
        return None
    bare: Any = get_named_type(made.type)
    leaf = is_leaf_type(bare)
    if not leaf and not isinstance(bare, GraphQLObjectType):
        return None
    face = FACES.get(kind.name)
    source = face.taken.get(name) if face else None
    take = _take(source, (face and face.prefix) or "")
    leaves = _shown(made.type, lambda required: Leaves.of(bare, required=required)) if leaf else None
    column = Taken(take, leaves) if take and leaves and not made.args else None
    return Declared(made, source, None if leaf else bare, take, leaves, column)


def _take(source: Source | None, prefix: str) -> Take | None:
    match source:
        case Stored(name) | Computed(named=name):
            return taking(name)
        case PublicId():
            return taking_id(prefix)
        case Amount(minor, currency):
            return taking_money(minor, currency)
        case _:
            return None


def _shown(kind: GraphQLOutputType, bare: Callable[[bool], Shown]) -> Shown:
    required = isinstance(kind, GraphQLNonNull)
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    return Lists(_shown(inner.of_type, bare), required) if isinstance(inner, GraphQLList) else bare(required)
