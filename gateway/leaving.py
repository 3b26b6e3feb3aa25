"""Leaving: what a schema has deprecated, by coordinate, and whether what is gone was announced.

A coordinate is what a change of the schema is described with: `Account.name`,
`Account.invoices(first:)`, `Role.OWNER`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphql import (
    BreakingChange,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from resolvers.deprecation import Deprecation, read

_GONE = re.compile(r"(?:(?:Field|Enum value|Argument) )?(\w+(?:\.\w+)?(?:\(\w+:\))?) was removed\.")


def reasons(schema: GraphQLSchema) -> dict[str, str]:
    """Why each deprecated thing is, by its coordinate."""
    return {place: reason for place, reason in _reasons(schema) if reason is not None}


def announced(change: BreakingChange, before: GraphQLSchema) -> Deprecation | None:
    """The deprecation that announced a removal; None for any other change, and for what nobody announced."""
    gone = _GONE.fullmatch(change.description)
    if gone is None:
        return None
    if gone[1] in before.type_map:
        return _last_of(before, gone[1])
    return read(reasons(before).get(gone[1]))


def there(schema: GraphQLSchema, place: str) -> bool:
    """Whether a schema has something at a coordinate."""
    return place in dict(_reasons(schema))


def replaced(schema: GraphQLSchema, place: str, use: str) -> bool:
    """Whether what a deprecation names instead is there, and stays: beside it, or anywhere by its coordinate."""
    owner, field = place.partition(".")[0], place.partition("(")[0]
    names = [use, f"{owner}.{use}", f"{field}({use}:)"]
    told = dict(_reasons(schema))
    return any(told.get(name, "missing") is None for name in names)


def _last_of(schema: GraphQLSchema, name: str) -> Deprecation | None:
    """The deprecation that holds longest, if all that gives or takes a type is deprecated."""
    told = reasons(schema)
    found = [read(told.get(place)) for place in _uses(schema, name)]
    known = [each for each in found if each is not None]
    return max(known, key=lambda each: each.until) if known and len(known) == len(found) else None


def _uses(schema: GraphQLSchema, name: str) -> Iterator[str]:
    """The fields that give a type or take it, directly or as one of a union."""
    for kind in _ours(schema):
        if isinstance(kind, GraphQLUnionType) and any(each.name == name for each in kind.types):
            yield from _uses(schema, kind.name)
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            continue
        for field, made in kind.fields.items():
            kinds = [made.type, *(taken.type for taken in getattr(made, "args", {}).values())]
            if any(get_named_type(each).name == name for each in kinds):
                yield f"{kind.name}.{field}"


def _reasons(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for kind in _ours(schema):
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{kind.name}.{value}", made.deprecation_reason) for value, made in kind.values.items())
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            continue
        for field, made in kind.fields.items():
            yield f"{kind.name}.{field}", made.deprecation_reason
            for argument, taken in getattr(made, "args", {}).items():
                yield f"{kind.name}.{field}({argument}:)", taken.deprecation_reason


def _ours(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    return [kind for name, kind in schema.type_map.items() if not name.startswith("__")]
