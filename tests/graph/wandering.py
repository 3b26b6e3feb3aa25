"""Wandering: queries that nobody has thought of, made from the schema.

A strategy draws a document and its variables: fields, aliases, fragments, conditions,
pages with their arguments, as deep as it likes within a budget of fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
    is_required_argument,
)
from hypothesis import strategies as st

from resolvers.graph import FACES
from tests.graph.crawling import graph

DEEPEST = 5
MOST = 60
"""How many fields one document has at most."""


@dataclass(slots=True)
class Wander:
    """One document while it is drawn."""

    draw: Any
    ids: Sequence[str]
    anywhere: bool = False
    """Whether it also asks for what a function of ours answers."""

    unlike: frozenset[str] = frozenset()
    """Fields of several types, one in each of the fragments that are drawn: each needs a name of its own."""

    left: int = MOST
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)

    def document(self) -> str:
        query = graph().query_type
        assert query is not None
        ways = [name for name, made in query.fields.items() if name in FACES["Query"].mapped and name != "nodes"]
        chosen = self.draw(st.lists(st.sampled_from(sorted(ways)), min_size=1, max_size=3, unique=True))
        asked = " ".join(self._field(name, query.fields[name], 0) for name in chosen)
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        return f"query Wander{declared} {{ {asked} }}"

    def _field(self, name: str, made: GraphQLField, depth: int) -> str:
        self.left -= 1
        kind = get_named_type(made.type)
        alias = f"a{MOST - self.left}_{name}: " if name in self.unlike or self.draw(st.integers(0, 5)) == 0 else ""
        asked = f"{alias}{name}{self._arguments(made)}{self._condition()}"
        if is_leaf_type(kind):
            return asked
        if kind.name == "Node":
            return f"{asked} {{ __typename id {self._fragments(depth)} }}"
        assert isinstance(kind, GraphQLObjectType)
        return f"{asked} {{ {self._selection(kind, depth + 1)} }}"

    def _selection(self, kind: GraphQLObjectType, depth: int) -> str:
        names = [name for name in kind.fields if self._fits(kind, name, depth)] or ["__typename"]
        chosen = self.draw(st.lists(st.sampled_from([*names, "__typename"]), min_size=1, max_size=6, unique=True))
        said = [name if name == "__typename" else self._field(name, kind.fields[name], depth) for name in chosen]
        if len(said) > 1 and self.draw(st.integers(0, 4)) == 0:
            said[-1] = f"... on {kind.name}{self._condition()} {{ {said[-1]} }}"
        return " ".join(said)

    def _fits(self, kind: GraphQLObjectType, name: str, depth: int) -> bool:
        """Whether there is room for a field, of those that PostgreSQL can say, or of all that ask for no more."""
        mapped = FACES[kind.name].mapped if kind.name in FACES else kind.fields
        made = kind.fields[name]
        plain = self.anywhere and not any(is_required_argument(argument) for argument in made.args.values())
        shown = get_named_type(made.type)
        leaf, room = is_leaf_type(shown), depth < DEEPEST and self.left > 0
        return (name in mapped or plain) and (leaf or (room and isinstance(shown, GraphQLObjectType)))

    def _fragments(self, depth: int) -> str:
        kinds = [_object(name) for name in self.draw(st.lists(st.sampled_from(_NODES), max_size=3, unique=True))]
        self.unlike |= _unlike(kinds)
        return " ".join(f"... on {kind.name} {{ {self._selection(kind, depth + 1)} }}" for kind in kinds)

    def _condition(self) -> str:
        if self.draw(st.integers(0, 9)):
            return ""
        name = f"c{len(self.declared)}"
        self.declared.append(f"${name}: Boolean!")
        self.variables[name] = self.draw(st.booleans())
        return f" @{self.draw(st.sampled_from(['skip', 'include']))}(if: ${name})"

    def _arguments(self, made: GraphQLField) -> str:
        given = {}
        if "first" in made.args:
            given[self.draw(st.sampled_from(["first", "last"]))] = str(self.draw(st.integers(1, 5)))
        for name, argument in made.args.items():
            kind = get_named_type(argument.type)
            if is_non_null_type(argument.type):
                given[name] = self._variable(f"{kind.name}!", self._required(name))
            elif name == "orderBy" and isinstance(kind, GraphQLInputObjectType) and self.draw(st.booleans()):
                fields = get_named_type(kind.fields["field"].type)
                assert isinstance(fields, GraphQLEnumType)
                asked = {"field": self.draw(st.sampled_from(sorted(fields.values))), "direction": self._direction()}
                given[name] = self._variable(kind.name, asked)
            elif name in {"currency", "language"} and self.draw(st.booleans()):
                given[name] = self._variable("String", self.draw(st.sampled_from(["USD", "EUR", "de", ""])))
        return "" if not given else "(" + ", ".join(f"{name}: {value}" for name, value in given.items()) + ")"

    def _direction(self) -> str:
        chosen: str = self.draw(st.sampled_from(["ASC", "DESC"]))
        return chosen

    def _required(self, name: str) -> str:
        return "t_pro" if name == "key" else self.draw(st.sampled_from(sorted(self.ids)))

    def _variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {kind}")
        self.variables[name] = value
        return f"${name}"


_NODES = sorted(name for name, face in FACES.items() if face.prefix)


def _object(name: str) -> GraphQLObjectType:
    kind = graph().type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind


def _unlike(kinds: Sequence[GraphQLObjectType]) -> frozenset[str]:
    """The fields that don't have one type in all of these."""
    types: dict[str, set[str]] = {}
    for kind in kinds:
        for name, made in kind.fields.items():
            types.setdefault(name, set()).add(str(made.type))
    return frozenset(name for name, found in types.items() if len(found) > 1)


@st.composite
def wanders(draw: Any, ids: Sequence[str], *, anywhere: bool = False) -> tuple[str, dict[str, Any]]:
    """A document and its variables, which may name any of these ids; from `anywhere`, or of what can be compiled."""
    wander = Wander(draw, ids, anywhere)
    return wander.document(), wander.variables
