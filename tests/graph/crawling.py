"""Crawling: everything that somebody can reach in the graph, found by asking for every field of every type.

The documents are made from the schema, so a new field is asked for from its first
day. Things with ids are fetched by `nodes` with all their fields, one level deep;
the ids that come back are fetched in turn, until there are no new ones. So every
way through the graph is walked, whatever its length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

import schema
from gateway.documents import Document, Documents
from gateway.limits import Limits
from resolvers.graph import BY_PREFIX
from tests.scenery import Asker, World

_ID = re.compile(r"\b([a-z]{2,12})_[0-9a-f]{13}\b")
_TRIED_WITH_EVERY_TYPE = {"node", "nodes"}
_PREVIEWS = {name for name in schema.graph()._schema.query_type.fields if name.startswith("preview")}
_ASKED = {"accountStatement", "creditBalance", "disputeFigures", "explainInvoice", "revenueSchedule", "trialBalance"}
_ASKED |= {"joinPreview", "moneyAtRisk", "seatTimeline", "suggestionPreview", "usageEvents"}
_TRIED_ALONE = _ASKED | _PREVIEWS
"""Questions that are refused in words like a change.

`test_previews`, `test_finance`, `test_joining`, `test_overage`, `test_seat_timeline` and `test_suggestions` ask them as
everybody.
"""

_MOST = 100
_PAGE = 60
"""Rows of a page: more than any list of a furnished workspace has, and few enough for one request."""


@dataclass(slots=True)
class Found:
    """What came back: every id, the text of every answer, and whatever went wrong."""

    ids: set[str] = field(default_factory=set)
    text: str = ""
    errors: list[Any] = field(default_factory=list)
    miscounted: list[Any] = field(default_factory=list)
    """Lists that count rows which they don't show."""


async def crawl(world: World, asker: Asker, others: Mapping[str, str]) -> Found:
    """All that the asker finds; `others` are ids of another tenant, by prefix, with which every door is tried."""
    found = Found()
    for document in ways_in(others):
        await _ask(world, asker, found, document, {})
    waiting = found.ids | set(others.values())
    done: set[str] = set()
    while waiting:
        for prefix, ids in _by_prefix(waiting):
            await _ask_for(world, asker, found, everything(prefix, others), ids[:_MOST])
            done |= set(ids[:_MOST])
        waiting = found.ids - done
    return found


async def _ask_for(world: World, asker: Asker, found: Found, document: str, ids: list[str]) -> None:
    """Ask for everything of these things, in as many requests as their cost makes it."""
    read = _documents().read(document)
    assert isinstance(read, Document), read
    (operation,) = read.operations
    together = max(1, Limits().cost // operation.cost.asked({"ids": ids[:1]}))
    for start in range(0, len(ids), together):
        await _ask(world, asker, found, document, {"ids": ids[start : start + together]})


@cache
def _documents() -> Documents:
    return Documents(schema.graph())


async def _ask(world: World, asker: Asker, found: Found, document: str, variables: dict[str, Any]) -> None:
    reply = await world.ask(document, asker, **variables)
    data = reply.json.get("data")
    found.errors += reply.json.get("errors", [])
    found.text += json.dumps(data, ensure_ascii=False)
    found.ids |= {match.group() for match in _ID.finditer(json.dumps(data)) if match[1] in BY_PREFIX}
    found.miscounted += [each for each in _lists(data) if each["totalCount"] != len(each["nodes"])]


def _lists(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        for item in data:
            yield from _lists(item)
    if isinstance(data, dict):
        if "totalCount" in data:
            yield data
        for value in data.values():
            yield from _lists(value)


def _by_prefix(ids: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for each in sorted(ids):
        found.setdefault(each.partition("_")[0], []).append(each)
    yield from found.items()


# Documents


def graph() -> GraphQLSchema:
    """The schema, as graphql-core knows it."""
    return schema.graph()._schema


def ways_in(others: Mapping[str, str]) -> list[str]:
    """A document for every field of the query type, `node` and `nodes` apart, which are tried with every type."""
    query = graph().query_type
    assert query is not None
    named = {name: made for name, made in query.fields.items() if name not in _TRIED_WITH_EVERY_TYPE | _TRIED_ALONE}
    return [f"{{ {_field(name, made, others)} }}" for name, made in named.items()]


def everything(prefix: str, others: Mapping[str, str]) -> str:
    """The document that asks things of one type for all their fields, one level deep."""
    name = BY_PREFIX[prefix].name
    kind = graph().type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ __typename ... on {name} {{ {_all(kind, others)} }} }} }}"


def _all(kind: GraphQLObjectType, others: Mapping[str, str]) -> str:
    return " ".join(_field(name, made, others) for name, made in kind.fields.items())


def _field(name: str, made: GraphQLField, others: Mapping[str, str]) -> str:
    """A field with what is below it, and a list once more for each way to narrow it by somebody else's id."""
    kind = get_named_type(made.type)
    given = _arguments(made, others)
    if is_leaf_type(kind):
        return name + _written(given)
    below = _below(kind, others)
    asked = f"{name}{_written(given)} {{ {below} }}"
    for place, narrowed in enumerate(_narrowed(made, others)):
        asked += f" f{place}_{name}: {name}{_written({**given, 'filter': narrowed})} {{ {below} }}"
    return asked


def _below(kind: Any, others: Mapping[str, str]) -> str:
    assert isinstance(kind, GraphQLObjectType), "only `node` and `nodes` answer with an interface"
    if _is_list(kind):
        row = get_named_type(kind.fields["nodes"].type)
        return f"totalCount pageInfo {{ hasNextPage }} edges {{ cursor node {{ __typename }} }} nodes {{ {_row(row)} }}"
    return _row(kind) if _is_node(kind) else _all(kind, others)


def _row(kind: Any) -> str:
    """All that a row holds, and the ids of what it points at."""
    assert isinstance(kind, GraphQLObjectType)
    return " ".join(["__typename", *filter(None, (_held(name, made) for name, made in kind.fields.items()))])


def _held(name: str, made: GraphQLField) -> str:
    kind = get_named_type(made.type)
    if is_leaf_type(kind):
        return name
    assert isinstance(kind, GraphQLObjectType)
    if _is_node(kind):
        return f"{name} {{ __typename id }}"
    return "" if _is_list(kind) else f"{name} {{ {_row(kind)} }}"


def _is_list(kind: GraphQLObjectType) -> bool:
    return "totalCount" in kind.fields


def _is_node(kind: GraphQLObjectType) -> bool:
    return any(interface.name == "Node" for interface in kind.interfaces)


# Arguments

NAMED = {"key": "t_pro", "meter": "searches"}
"""What is asked for by a name from the catalog."""
MOMENTS = {"Instant": "2026-01-31T00:00:00Z", "Date": "2026-01-31"}


def _arguments(made: GraphQLField, others: Mapping[str, str]) -> dict[str, str]:
    given = {"first": str(_PAGE)} if "first" in made.args else {}
    for name, argument in made.args.items():
        if is_required_argument(argument):
            moment = MOMENTS.get(get_named_type(argument.type).name)
            given[name] = f'"{moment}"' if moment else _other(name, get_named_type(made.type).name, others)
    return given


def _narrowed(made: GraphQLField, others: Mapping[str, str]) -> list[str]:
    """Each filter of a list that takes an id, with one of somebody else's."""
    kind = get_named_type(made.args["filter"].type) if "filter" in made.args else None
    if not isinstance(kind, GraphQLInputObjectType):
        return []
    by_id = [name for name, made in kind.fields.items() if get_named_type(made.type).name == "ID"]
    return [f"{{ {name}: {_other(name, '', others)} }}" for name in by_id]


def _other(name: str, answer: str, others: Mapping[str, str]) -> str:
    """What to give for an argument: an id of the answer's type, or of the kind that the argument is called by."""
    prefix = next((prefix for prefix, face in BY_PREFIX.items() if face.name == answer), name.lower())
    if name in NAMED:
        return f'"{NAMED[name]}"'
    # What an audit record is about may be anything.
    return f'"{others["workspace" if prefix == "subject" else prefix]}"'


def _written(given: Mapping[str, str]) -> str:
    return "" if not given else "(" + ", ".join(f"{name}: {value}" for name, value in given.items()) + ")"
