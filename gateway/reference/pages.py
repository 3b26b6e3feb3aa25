"""Pages: what can be asked, changed and followed, and every type that comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    NullValueNode,
    get_named_type,
    is_specified_scalar_type,
    print_ast,
)
from graphql.utilities.get_default_value_ast import get_default_value_ast

from auth.policy import DESKS, DIRECTORY, DOING, ROLES, SCOPES, SELF, Permission
from gateway.reference.told import Graph, doing, sentences, shown_to, who_may
from gateway.reference.writing import is_page, is_problem, linked, listed, page, said, section, table

_WRITTEN = "Written from the code by `seatgraph reference --write`."
_PAGING = {"first", "after", "last", "before"}
_KEY = "idempotencyKey"


def all_pages(graph: Graph) -> dict[str, str]:
    """Every page, by the name of its file."""
    return {
        "queries.md": _queries(graph),
        "mutations.md": _mutations(graph),
        "subscriptions.md": _subscriptions(graph),
        "types.md": _types(graph),
        "problems.md": _problems(graph),
        "inputs.md": _inputs(graph),
        "enumerations.md": _enumerations(graph),
        "scalars.md": _scalars(graph),
        "permissions.md": _permissions(),
    }


# Ways in


def _queries(graph: Graph) -> str:
    lead = (
        f"What can be asked. {_WRITTEN} Every page of a list takes `first`, `after`, `last` and `before` besides"
        " what is told ([lists](../clients.md#lists)); what a field costs stands in [points](../clients.md#cost)."
    )
    return page("Queries", lead, _ways(graph, graph.schema.query_type))


def _subscriptions(graph: Graph) -> str:
    lead = f"What can be followed, [as it happens](../clients.md#following). {_WRITTEN}"
    return page("Subscriptions", lead, _ways(graph, graph.schema.subscription_type))


def _ways(graph: Graph, root: GraphQLObjectType | None) -> Iterator[str]:
    assert root is not None
    for name, made in sorted(root.fields.items()):
        facts = _facts(graph, root, made)
        yield section(name, _told(made), f"{_given(made)}{facts}", _arguments(made.args))


def _facts(graph: Graph, kind: GraphQLNamedType, made: GraphQLField) -> str:
    points = graph.points(kind, made)
    asked = who_may(made)
    return "".join(
        [
            f" Points: {points}." if points else "",
            f" For whoever may {', and in part '.join(doing(each) for each in asked)}." if asked else "",
        ]
    )


def _given(made: GraphQLField) -> str:
    return f"Gives {linked(made.type)}."


def _mutations(graph: Graph) -> str:
    lead = (
        f"What can be changed. {_WRITTEN} Every change takes an `input` with the fields told, and an"
        f" `{_KEY}` besides ([doing it once](../clients.md#doing-it-once))."
    )
    root = graph.schema.mutation_type
    assert root is not None
    return page("Mutations", lead, (_mutation(graph, root, *each) for each in sorted(root.fields.items())))


def _mutation(graph: Graph, root: GraphQLObjectType, name: str, made: GraphQLField) -> str:
    asked = who_may(made)
    may = (
        f"For whoever may {', and in part '.join(doing(each) for each in asked)}."
        if asked
        else "For whoever is signed in, about themselves."
    )
    taken = get_named_type(made.args["input"].type)
    assert isinstance(taken, GraphQLInputObjectType)
    fields = {each: told for each, told in taken.fields.items() if each != _KEY}
    return section(name, _told(made), f"{_answers(made)} {may} Points: {graph.points(root, made)}.", _taken(fields))


def _answers(made: GraphQLField) -> str:
    kind = get_named_type(made.type)
    if not isinstance(kind, GraphQLUnionType):
        return _given(made)
    wanted = [each for each in kind.types if not is_problem(each)]
    problems = [each for each in kind.types if is_problem(each)]
    return f"Gives {listed(wanted)}, or declines with {listed(problems)}."


# Types


def _types(graph: Graph) -> str:
    lead = (
        f"What answers are made of. {_WRITTEN} A `…Connection` is a [page](../clients.md#lists) of the type that it"
        " links to: `edges { cursor node }`, `nodes`, `pageInfo` and `totalCount`. [Points](../clients.md#cost) are"
        " those of a field by itself."
    )
    return page("Types", lead, (_type(graph, kind) for kind in graph.kinds if _is_type(kind)))


def _is_type(kind: GraphQLNamedType) -> bool:
    return isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not (is_problem(kind) or is_page(kind))


def _type(graph: Graph, kind: GraphQLNamedType) -> str:
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    rows = (row for name, made in kind.fields.items() for row in _rows(graph, kind, name, made))
    heads = ("Field", "Type", "", "Points")
    return section(kind.name, said(kind.description), shown_to(kind), table(heads, rows))


def _rows(graph: Graph, kind: GraphQLNamedType, name: str, made: GraphQLField) -> Iterator[tuple[str, ...]]:
    yield f"`{name}`", linked(made.type), _told(made), graph.points(kind, made)
    for argument, taken in _worth_telling(made.args).items():
        yield f"`{name}({argument}:)`", linked(taken.type), said(taken.description, taken.deprecation_reason), ""


def _problems(graph: Graph) -> str:
    lead = (
        f"Why the product declines: outcomes of [changes](../clients.md#changes), to be shown to people. {_WRITTEN}"
        " Each has a `message`, which reads as told here with its own fields in the places."
    )
    kinds = (kind for kind in graph.kinds if isinstance(kind, GraphQLObjectType) and is_problem(kind))
    return page("Problems", lead, (_problem(graph, kind) for kind in kinds))


def _problem(graph: Graph, kind: GraphQLObjectType) -> str:
    fields = {name: made for name, made in kind.fields.items() if name != "message"}
    rows = ((f"`{name}`", linked(made.type), _told(made)) for name, made in fields.items())
    of = ", ".join(f"[`{name}`](mutations.md#{name.lower()})" for name in graph.comes_of(kind))
    sentence = sentences().get(kind.name, "")
    quoted = f"> {sentence}" if sentence else ""
    return section(kind.name, said(kind.description), quoted, table(("Field", "Type", ""), rows), f"Comes of {of}.")


def _inputs(graph: Graph) -> str:
    lead = f"What arguments are made of: filters, orders, and parts of a change. {_WRITTEN}"
    root = graph.schema.mutation_type
    assert root is not None
    known = {get_named_type(made.args["input"].type) for made in root.fields.values()}
    kinds = (kind for kind in graph.kinds if isinstance(kind, GraphQLInputObjectType) and kind not in known)
    return page("Inputs", lead, (section(kind.name, said(kind.description), _taken(kind.fields)) for kind in kinds))


def _enumerations(graph: Graph) -> str:
    lead = f"Words that stand for one of several things. {_WRITTEN}"
    kinds = (kind for kind in graph.kinds if isinstance(kind, GraphQLEnumType))
    return page("Enumerations", lead, map(_enumeration, kinds))


def _enumeration(kind: GraphQLEnumType) -> str:
    rows = ((f"`{name}`", said(made.description, made.deprecation_reason)) for name, made in kind.values.items())
    return section(kind.name, said(kind.description), table(("Value", ""), rows))


def _scalars(graph: Graph) -> str:
    ours = (kind for kind in graph.kinds if isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind))
    return page(
        "Scalars", f"Values of our own. {_WRITTEN}", (section(each.name, said(each.description)) for each in ours)
    )


# Who may


def _permissions() -> str:
    lead = (
        f"What there is to be allowed, and who is. {_WRITTEN} Everybody may see and do most of it on an account of"
        " their own. [For admins](../admins.md) has the roles in one table."
    )
    return page("Permissions", lead, map(_permission, Permission))


def _permission(permission: Permission) -> str:
    held = {
        "Roles in a workspace": [role.name for role in ROLES if permission in ROLES[role]],
        "Scopes of a key": [scope.name for scope in SCOPES if permission in SCOPES[scope]],
        "Desks of our own staff": [desk.name for desk in DESKS if permission in DESKS[desk]],
    }
    rows = [(who, ", ".join(f"`{name}`" for name in names)) for who, names in held.items() if names]
    own = [("A person", "on an account of their own")] if permission in SELF else []
    directory = [("A directory", "at its own door")] if permission in DIRECTORY else []
    return section(DOING[permission], table(("Who", "Which"), [*rows, *own, *directory]))


# Rows


def _told(made: GraphQLField) -> str:
    return said(made.description, made.deprecation_reason)


def _worth_telling(arguments: Mapping[str, GraphQLArgument]) -> dict[str, GraphQLArgument]:
    paged = arguments.keys() >= _PAGING
    return {name: taken for name, taken in arguments.items() if not (paged and name in _PAGING)}


def _arguments(arguments: Mapping[str, GraphQLArgument]) -> str:
    return _taken(_worth_telling(arguments))


def _taken(fields: Mapping[str, Any]) -> str:
    """A table of arguments, or of an input's fields; what has to be given is marked by its type."""
    rows = (
        (f"`{name}`", linked(taken.type), said(taken.description, taken.deprecation_reason), _default(taken))
        for name, taken in fields.items()
    )
    return table(("Takes", "Type", "", "When left out"), rows)


def _default(taken: Any) -> str:
    """What holds when it is left out, if that is something."""
    written = get_default_value_ast(taken)
    return f"`{print_ast(written)}`" if written and not isinstance(written, NullValueNode) else ""
