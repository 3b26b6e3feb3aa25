"""The words that types are declared in, and all of Strawberry's tricks.

A type is declared once: the table it stands for, who sees its rows, and what is
behind each field. From that come the Strawberry type (what clients see) and a
`resolvers.graph.Face` (how it is read). A field's docstring is its public
description. Fields of a face never pass through Strawberry's own resolvers:
`install` gives graphql-core a function per field that takes the value off the
row, which costs a fraction.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import asyncpg
import strawberry
from graphql import GraphQLObjectType
from sqlalchemy import inspect as inspected
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from kernel import ids
from kernel.money import Money as Amounts
from resolvers.deprecation import Deprecation, deprecation
from resolvers.graph import (
    BY_PREFIX,
    BY_TABLE,
    FACES,
    Amount,
    Column,
    Computed,
    Face,
    Kind,
    Localized,
    Many,
    One,
    Page,
    PublicId,
    Source,
    Visible,
)
from schema.scalars import Long, Money
from schema.weights import Weight, of_source, weighed

Resolve = Callable[..., Any]

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_COMPILED = "compiled"
"""What a way into the graph keeps its source under."""

TYPES: dict[str, Any] = {"Money": Money, "datetime": datetime, "Long": Long}
"""Every type of the graph by its name, so that a declaration may name one that comes later."""

RESOLVES: dict[str, dict[str, Resolve]] = {
    "Money": {
        "minor": lambda money, _: money.minor,
        "currency": lambda money, _: money.currency,
        "text": lambda money, _: money.text,
    }
}
"""How graphql-core takes each field off its row: type name, then public field name."""


@dataclass(frozen=True)
class Word:
    """A declared field: what is behind it, its type as Python writes it, and its arguments."""

    source: Source
    annotation: str
    arguments: tuple[StrawberryArgument, ...] = ()
    resolve: Resolve | None = None
    needs: tuple[str, ...] = ()
    """Further columns that `resolve` looks at."""

    deprecated: Deprecation | None = None
    cost: Weight | None = None
    """What it costs, if not what its kind does."""

    compiled: Source | None = None
    """What PostgreSQL says in the place of `resolve`: the same answer, for every row."""

    @property
    def mapped(self) -> Source | None:
        """What is behind the field without any function of ours; None where there is one."""
        return self.source if self.resolve is None else self.compiled


@strawberry.interface(description="Anything with an id that `node(id:)` finds.")
class Node:
    """What has a public id."""

    id: strawberry.ID = strawberry.field(description="The public id, opaque and prefixed: `seat_9f3ac1d2e4b70`.")


TYPES["Node"] = Node


# The words


def one(target: str, *, by: str, of: str = "id", sql: str | None = None, required: bool = False) -> Any:
    """A relation to one row of another type, or to none the reader may see; `sql` finds `by` if it is no column."""
    return Word(One(target, by, of, sql), target if required else f"{target} | None")


def via(
    resolve: Resolve,
    annotation: str,
    compiled: Source | None = None,
    *,
    cost: Weight | None = None,
    public: bool = False,
) -> Any:
    """A way into the graph that a resolver answers, and so does what is `compiled` of it.

    One that is `public` answers everybody alike. An argument is on its way out whose annotation says `deprecation(…)`.
    """
    made = strawberry.field(resolver=resolve, metadata=weighed(cost, public=public) | {_COMPILED: compiled})
    made.type_annotation = StrawberryAnnotation(annotation, namespace=TYPES)
    for taken in made.arguments:
        taken.deprecation_reason = _leaving(taken.type_annotation.annotation)
    return made


def _leaving(annotation: Any) -> str | None:
    """Why an argument is on its way out, if it is."""
    told = get_args(annotation) if get_origin(annotation) is Annotated else ()
    return next((each.reason for each in told if isinstance(each, Deprecation)), None)


def many(target: str, *, by: str, of: str = "id", order: str = "id", where: str = "true") -> Any:
    """A relation to a short list that is always read whole."""
    return Word(Many(target, by, of, order, where), f"list[{target}]")


def money(minor: str, currency: str = "currency") -> Any:
    """Money, from a column of minor units."""
    return Word(Amount(minor, currency), "Money")


def computed(sql: str, annotation: str) -> Any:
    """A value that PostgreSQL computes from the row: `{row}` is the row."""
    return Word(Computed(sql), annotation)


def localized(column: str) -> Any:
    """A text in the reader's language, or in the one asked for."""
    language = argument(
        "language", "str | None", "A language such as `de`; yours when left out.", default=strawberry.UNSET
    )
    return Word(Localized(column), "str", (language,))


def argument(name: str, annotation: str, description: str, **default: Any) -> StrawberryArgument:
    """An argument of a declared field."""
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(annotation, namespace=TYPES),
        description=description,
        **default,
    )


def deprecated(word: Any = None, *, since: str, until: str, use: str) -> Any:
    """A declared field that is on its way out, a plain column where no word is given; an argument, or a value.

    The days are written as in `2026-01-31`. `use` is what takes its place: a field beside it, or a coordinate.
    """
    told = deprecation(since, until, use)
    if word is None:
        return told
    if isinstance(word, Word):
        return replace(word, deprecated=told)
    word.deprecation_reason = told.reason
    return word


def words(
    kind: type[Enum], description: str, name: str | None = None, leaving: Mapping[str, Deprecation] | None = None
) -> type[Enum]:
    """Show an enumeration of ours in the graph, under a name of its own if its own means something else there.

    Values that are `leaving` are named with their deprecations.
    """
    shown = strawberry.enum(kind, name=name, description=description)
    docs = described(kind)
    for member in vars(shown)["__strawberry_definition__"].values:
        member.description = docs[member.name]
        if going := (leaving or {}).get(member.name):
            member.deprecation_reason = going.reason
    TYPES[name or kind.__name__] = shown
    return shown


# Declaring


def face(table: type[SQLModel], prefix: str | None, *, visible: Visible, part: bool = False) -> Callable[[type], Any]:
    """Declare the type that stands for a table's rows; with a prefix it is a Node.

    One that shows a `part` of rows beside the type that stands for them is never what a change answers with.
    """

    def declare(declared: type) -> Any:
        record = type(f"{declared.__name__}Record", (asyncpg.Record,), {"__getattr__": _column_of})
        kinds = {column.name: _kind(column) for column in inspected(table).local_table.columns}
        sources, shown = _declared(declared, prefix)
        kept = {f"_{name}": Column(name) for name in ("account_id",) if name in kinds}
        made = Face(
            declared.__name__,
            sources | kept,
            table=inspected(table).local_table.name,
            prefix=prefix,
            visible=visible,
            record=record,
            kinds=kinds,
            mapped=_mapped(declared, sources),
            taken=_taken(declared, sources),
        )
        if not part:
            BY_TABLE[table] = made
        if prefix:
            BY_PREFIX[prefix] = made
        return _type(declared, made, shown, (record, table))

    return declare


def value(kind: type) -> Callable[[type], Any]:
    """Declare the type that shows a plain value of ours, such as a payload; its relations work as a row's do."""

    def declare(declared: type) -> Any:
        sources, shown = _declared(declared, None)
        mapped, taken = _mapped(declared, sources), _taken(declared, sources)
        return _type(declared, Face(declared.__name__, sources, mapped=mapped, taken=taken), shown, (kind,))

    return declare


def install(schema: strawberry.Schema) -> strawberry.Schema:
    """Give graphql-core the declared fields' own functions."""
    for type_name, resolves in RESOLVES.items():
        made = schema._schema.type_map.get(type_name)  # noqa: SLF001 - Strawberry offers no other way in
        if isinstance(made, GraphQLObjectType):
            for name, resolve in resolves.items():
                made.fields[name].resolve = resolve
    if followed := schema._schema.subscription_type:  # noqa: SLF001 - the same
        for field in followed.fields.values():
            # The resolver gives the events, and each event is what the field shows.
            field.subscribe, field.resolve = field.resolve, _event
    return schema


def _event(event: Any, _info: Any, **_: Any) -> Any:
    return event


def _declared(declared: type, prefix: str | None) -> tuple[dict[str, Source], dict[str, StrawberryField]]:
    docs = described(declared)
    hints = get_type_hints(declared, localns=TYPES)
    sources: dict[str, Source] = {"id": PublicId()} if prefix else {}
    shown: dict[str, StrawberryField] = {}
    for name, doc in docs.items():
        word = vars(declared).get(name)
        if isinstance(word, StrawberryField):
            word.description, shown[name] = doc, word
            continue
        if not isinstance(word, Word):
            word = Word(Column(name), "", deprecated=word if isinstance(word, Deprecation) else None)
        sources[name] = word.source
        sources |= {f"_{column}": Column(column) for column in word.needs}
        annotation: Any = word.annotation or hints[name]
        shown[name] = StrawberryField(
            python_name=name,
            type_annotation=StrawberryAnnotation(annotation, namespace=TYPES),
            description=doc,
            deprecation_reason=word.deprecated.reason if word.deprecated else None,
            metadata=weighed(word.cost or of_source(word.source)),
        )
        shown[name].arguments = list(word.arguments)
    return sources, shown


def _mapped(declared: type, sources: Mapping[str, Source]) -> dict[str, Source]:
    """By its public name, what is behind each field that PostgreSQL can answer alone."""
    found: dict[str, Source | None] = {}
    for name, source in sources.items():
        word = vars(declared).get(name)
        found[name] = word.mapped if isinstance(word, Word) else source
    for name, way in vars(declared).items():
        if isinstance(way, StrawberryField):
            found[name] = way.metadata.get(_COMPILED)
    return {to_camel_case(name): source for name, source in found.items() if source and not name.startswith("_")}


def _taken(declared: type, sources: Mapping[str, Source]) -> dict[str, Source]:
    """By its public name, what is behind each field that is as its row says; lists and pages only seem to differ."""
    found = {}
    for name, source in sources.items():
        word = vars(declared).get(name)
        if not isinstance(word, Word) or word.resolve is None or isinstance(source, Many | Page):
            found[to_camel_case(name)] = replace(source, named=name) if isinstance(source, Computed) else source
    return found


def _kind(column: Any) -> Kind:
    return Kind(column.type.compile(dialect=_DIALECT).lower(), bool(column.nullable))


def _type(declared: Any, made: Face, shown: Mapping[str, StrawberryField], kinds: tuple[type, ...]) -> Any:
    bases = (Node,) if made.prefix else ()
    body = {"is_type_of": classmethod(lambda _, row, __: isinstance(row, kinds))}
    kind = assembled(declared.__name__, declared.__doc__, shown, bases=bases, body=body)
    FACES[made.name] = made
    TYPES[made.name] = kind
    RESOLVES[made.name] = {
        to_camel_case(name): _given(declared, name) or resolve_of(name, source, made.prefix)
        for name, source in made.sources.items()
        if not name.startswith("_")
    }
    return kind


def _column_of(record: asyncpg.Record, name: str) -> Any:
    try:
        return record[name]
    except KeyError:
        raise AttributeError(name) from None


def _given(declared: type, name: str) -> Resolve | None:
    word = vars(declared).get(name)
    return word.resolve if isinstance(word, Word) else None


def assembled(
    name: str,
    description: str,
    shown: Mapping[str, StrawberryField],
    *,
    bases: tuple[type, ...] = (),
    body: Mapping[str, Any] | None = None,
    made_by: Callable[..., Any] = strawberry.type,
) -> Any:
    """A Strawberry type (or input) of these fields, whose types may be named before they exist."""
    wanted = {key: field.type_annotation for key, field in shown.items()}
    annotations = dict.fromkeys(shown, object)
    members = {"__annotations__": annotations, "__module__": __name__, **shown, **(body or {})}
    kind = made_by(type(name, bases, members), description=inspect.cleandoc(description))
    for made in kind.__strawberry_definition__.fields:
        # The dataclass machinery has put its own annotation there, without our names.
        made.type_annotation = wanted.get(made.python_name, made.type_annotation)
    return kind


def shown_field(name: str, annotation: str, description: str, **default: Any) -> StrawberryField:
    """A field of an assembled type."""
    typed = StrawberryAnnotation(annotation, namespace=TYPES)
    return StrawberryField(python_name=name, type_annotation=typed, description=description, **default)


@lru_cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """The classes of a module as they are written; each module is read once, for the start has to be quick."""
    written = ast.parse(inspect.getsource(sys.modules[module]))
    return {statement.name: statement for statement in written.body if isinstance(statement, ast.ClassDef)}


def described(declared: type) -> dict[str, str]:
    """The attributes of a class in order, each with the docstring below it."""
    docs: dict[str, str] = {}
    name = ""
    for statement in _classes(declared.__module__)[declared.__name__].body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=found)) | ast.Assign(targets=[ast.Name(id=found)]):
                name = found
            case ast.Expr(value=ast.Constant(value=str(doc))) if name:
                docs[name] = inspect.cleandoc(doc)
                name = ""
    return docs


# Answering


def resolve_of(name: str, source: Source, prefix: str | None) -> Resolve:  # noqa: PLR0911 - one for each word
    """The function that takes a declared field off its row."""
    match source:
        case PublicId():
            assert prefix
            return lambda row, _info: ids.encode(prefix, row.id)
        case Computed():
            return lambda row, _info: getattr(row, name)
        case Column(column):
            return lambda row, _info: getattr(row, column)
        case Amount(minor, currency):
            return lambda row, _info: Amounts(getattr(row, minor), getattr(row, currency))
        case Localized(column):
            return lambda row, info, language=None: _translated(getattr(row, column), language or info.context.locale)
        case One():
            return lambda row, info: _one(source, row, info)
        case Many():
            return lambda row, info: info.context.many(source, getattr(row, source.of))
        case _:
            raise AssertionError(f"{name} brings its own way to be answered")


def _one(relation: One, row: Any, info: Any) -> Any:
    number = getattr(row, relation.by)
    return None if number is None else info.context.one(relation, number)


def _translated(texts: Any, language: str) -> str:
    said: dict[str, str] = json.loads(texts) if isinstance(texts, str) else texts
    return said.get(language) or said.get(language.partition("-")[0]) or said["en"]
