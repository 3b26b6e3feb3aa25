"""Leaves: the SQL of single values, as JSON shows them.

What GraphQL says is never null is checked wherever the table doesn't insist on it.
"""

from __future__ import annotations

from graphql import GraphQLEnumType, GraphQLList, GraphQLNonNull, GraphQLOutputType

from resolvers.compiled.draft import GIVE_UP, NotCompiled

_TYPES = {
    "String": "text",
    "Int": "int4",
    "Long": "int8",
    "Boolean": "bool",
    "Date": "date",
    "Instant": "timestamptz",
}
_STORED = {
    "text": "text",
    "integer": "int4",
    "bigint": "int8",
    "boolean": "bool",
    "date": "date",
    "timestamp with time zone": "timestamptz",
}
_INSTANT = "replace(to_char({value} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '.000000', '')"


def leaf(value: str, shown: GraphQLOutputType, *, stored: str | None = None, optional: bool = True) -> str:
    """A value of this GraphQL type from SQL of it; `stored` is its PostgreSQL type, where it is known."""
    required = isinstance(shown, GraphQLNonNull)
    kind = shown.of_type if isinstance(shown, GraphQLNonNull) else shown
    if isinstance(kind, GraphQLEnumType):
        return _word(value, kind, stored, required=required, optional=optional)
    if isinstance(kind, GraphQLList):
        return _texts(value, kind, stored, required=required, optional=optional)
    wanted = _TYPES.get(str(kind))
    if wanted is None:
        raise NotCompiled(f"values of the type {kind} are made by us")
    known = _STORED.get(stored or "")
    if stored and known != wanted and (known, wanted) not in {("int4", "int8"), ("int8", "int4")}:
        raise NotCompiled(f"a column of the type {stored} is shown as {kind}")
    said = value if known == wanted else f"({value})::{wanted}"
    if wanted == "timestamptz":
        said = _INSTANT.format(value=said)
    return f"coalesce(to_json({said}), {GIVE_UP})" if required and optional else said


def _word(value: str, kind: GraphQLEnumType, stored: str | None, *, required: bool, optional: bool) -> str:
    if stored not in {None, "text"}:
        raise NotCompiled(f"a column of the type {stored} is shown as {kind}")
    cases = " ".join(f"when {_text(each.value)} then '\"{name}\"'::json" for name, each in kind.values.items())
    said = f"case {value} {cases} else {GIVE_UP} end"
    return f"case when {value} is not null then {said} end" if optional and not required else said


def _texts(
    value: str, kind: GraphQLList[GraphQLOutputType], stored: str | None, *, required: bool, optional: bool
) -> str:
    if stored != "text[]" or str(kind.of_type) != "String!":
        raise NotCompiled(f"lists of the type {kind} are made by us")
    said = f"case when array_position({value}, null) is null then to_json({value}) else {GIVE_UP} end"
    if not optional:
        return said
    return f"case when {value} is null then {GIVE_UP if required else 'null'} else {said} end"


def _text(word: object) -> str:
    return "'" + str(word).replace("'", "''") + "'"
