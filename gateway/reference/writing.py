"""Writing: sentences and tables of the reference, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_specified_scalar_type,
)

_LINKED = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    """One file."""
    return "\n\n".join([f"# {title}", lead, *sections]) + "\n"


def section(name: str, *parts: str) -> str:
    """What is said of one thing, under its name; empty parts are left out."""
    return "\n\n".join([f"## {name}", *filter(None, parts)])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing for no rows. A column that says nothing in any row is left out."""
    found = [[_cell(each) for each in row] for row in rows]
    if not found:
        return ""
    kept = [place for place in range(len(heads)) if any(row[place] for row in found)]
    lines = [[heads[place] for place in kept], ["---"] * len(kept), *([row[place] for place in kept] for row in found)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def said(description: str | None, deprecated: str | None = None) -> str:
    """A description, and how long it still holds. Links lead out of the house, so their words alone are kept."""
    text = _LINKED.sub(r"\1", description or "")
    return f"{text} **Deprecated.** {deprecated}" if deprecated else text


def linked(kind: object) -> str:
    """A type as the schema writes it, linked to where it is told."""
    named = get_named_type(kind)  # type: ignore[call-overload]
    where = place_of(named)
    return f"[`{kind}`]({where})" if where else f"`{kind}`"


def listed(kinds: Iterable[GraphQLNamedType]) -> str:
    """Types in a row."""
    return ", ".join(linked(kind) for kind in kinds)


def place_of(kind: GraphQLNamedType) -> str:
    """Where a type is told; nothing for what GraphQL itself knows, and for what stands beside its mutation."""
    if kind.name.endswith(("Connection", "Edge")):
        target = kind.name.removesuffix("Connection").removesuffix("Edge")
        return f"types.md#{target.lower()}"
    page = _page_of(kind)
    return f"{page}.md#{kind.name.lower()}" if page else ""


def is_problem(kind: GraphQLNamedType) -> bool:
    """Whether it is what the product declines with."""
    return isinstance(kind, GraphQLObjectType) and any(each.name == "Problem" for each in kind.interfaces)


def is_page(kind: GraphQLNamedType) -> bool:
    """Whether it is a page of a list, or one of its edges: told once for all, in the documentation of lists."""
    return isinstance(kind, GraphQLObjectType) and kind.name.endswith(("Connection", "Edge"))


def _page_of(kind: GraphQLNamedType) -> str:
    match kind:
        case GraphQLEnumType():
            return "enumerations"
        case GraphQLInputObjectType():
            return "inputs"
        case GraphQLObjectType() if is_problem(kind):
            return "problems"
        case GraphQLObjectType() | GraphQLInterfaceType():
            return "types"
        case GraphQLUnionType():
            return ""
        case _:
            return "" if is_specified_scalar_type(kind) else "scalars"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")
