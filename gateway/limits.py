"""Limits: how much one document may ask for, counted in a single walk.

A fragment is counted once, however often it is spread, so the walk is linear in
the length of the document even where the document stands for billions of fields.
Nothing is expanded. What the walk counts is kept with the document, and is what a
cost can be computed from. What is too long is refused before it is parsed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import reduce
from itertools import islice

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    TokenKind,
)

from kernel.errors import TooComplex

_DEEPEST = 64
"""Selection sets inside one another, fragments included, at which the walk turns back."""

_INTROSPECTION = frozenset({"__schema", "__type", "_service"})
"""Fields that show the schema itself. Their nesting is bounded by a validation rule, and counts as one level here."""

_TOKEN = re.compile(
    r'''
      """(?:\\"""|(?!""").)*(?:""")?   # a block of text
    | "(?:\\.|[^"\\\n\r])*"?        # a text
    | (\#)[^\n\r]*                   # a comment, which doesn't count
    | [_A-Za-z][_0-9A-Za-z]*
    | -?[0-9][0-9.eE+-]*
    | \.\.\.
    | [!$&()\[\]:=@{|}]
    ''',
    re.VERBOSE | re.DOTALL,
)
"""A token. What has no end ends with its line or the document, so that no place is looked at twice."""

_WORDS = {
    "tokens": "tokens",
    "literal": "characters in one literal",
    "operations": "operations",
    "fragments": "fragments",
    "directives": "directives",
    "aliases": "aliases",
    "depth": "levels of fields",
    "roots": "fields at the root",
    "fields": "fields once its fragments are spread",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may have of each thing, and that one operation may cost.

    `comparisons` is what the validation of overlapping fields may spend, in units of
    about 2 µs; it is the one rule of the specification that is not linear.
    """

    characters: int = 128 * 1024
    tokens: int = 2_500
    comments: int = 250
    literal: int = 10_000
    operations: int = 20
    fragments: int = 100
    directives: int = 50
    aliases: int = 100
    depth: int = 15
    roots: int = 50
    fields: int = 5_000
    comparisons: int = 15_000
    cost: int = 10_000

    def check(self, name: str, figure: int) -> None:
        """Refuse a figure above the limit of this name. Raises TooComplex."""
        most = getattr(self, name)
        if figure > most:
            says = f"The document has {min(figure, 10**12):,} {_WORDS[name]}; one request may have {most:,}."
            raise TooComplex(says, limit=name, most=most)

    def check_length(self, source: str) -> None:
        """Refuse a text that is too long, seen before it is parsed. Raises TooComplex."""
        says = "The document has more than {:,} {}; one request may have no more."
        if len(source) > self.characters:
            raise TooComplex(says.format(self.characters, "characters"), limit="characters", most=self.characters)
        if len(source) > self.tokens and self._has_more_tokens(source):
            raise TooComplex(says.format(self.tokens, "tokens"), limit="tokens", most=self.tokens)

    def _has_more_tokens(self, source: str) -> bool:
        """Whether a text surely has too many tokens; what breaks the grammar of one may count for less."""
        found = islice(_TOKEN.finditer(source), self.tokens + self.comments + 1)
        return sum(1 for each in found if each.lastindex is None) > self.tokens


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a selection reaches once its fragments are spread."""

    fields: int = 0
    """All its fields, at every level, repetitions included."""

    roots: int = 0
    """The fields of its own level."""

    depth: int = 0
    """The longest chain of fields inside one another."""

    introspects: bool = False
    """Whether it asks for the schema itself."""

    def __add__(self, other: Reach) -> Reach:
        return Reach(
            self.fields + other.fields,
            self.roots + other.roots,
            max(self.depth, other.depth),
            self.introspects or other.introspects,
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What a document has of each thing, as it is written."""

    tokens: int
    literal: int
    operations: int
    fragments: int
    directives: int
    aliases: int


class Walk:
    """One walk over a parsed document; `figures` and `reaches` are what it found.

    Raises TooComplex as soon as a limit is passed. A fragment that spreads itself
    counts for nothing the second time: validation refuses it.
    """

    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self._limits = limits
        self._aliases = 0
        self._directives = 0
        self._known: dict[str, Reach] = {}
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]

        limits.check("fragments", len(document.definitions) - len(operations))
        limits.check("operations", len(operations))
        self.reaches = [self._operation(node) for node in operations]
        for name in self._fragments:
            self._fragment(name, 0)
        self.figures = Figures(
            *_tokens(document), len(operations), len(self._fragments), self._directives, self._aliases
        )
        self._check()

    def _check(self) -> None:
        for figure in fields(Figures):
            self._limits.check(figure.name, getattr(self.figures, figure.name))
        whole = reduce(Reach.__add__, self.reaches, Reach())
        self._limits.check("depth", whole.depth)
        self._limits.check("roots", max((reach.roots for reach in self.reaches), default=0))
        self._limits.check("fields", whole.fields)

    def _operation(self, node: OperationDefinitionNode) -> Reach:
        self._count(node.directives)
        for variable in node.variable_definitions or ():
            self._count(variable.directives)
        return self._set(node.selection_set, 0)

    def _fragment(self, name: str, level: int) -> Reach:
        node = self._fragments.get(name)
        if node is None:
            return Reach()
        if name not in self._known:
            self._known[name] = Reach()
            self._count(node.directives)
            self._known[name] = self._set(node.selection_set, level + 1)
        return self._known[name]

    def _set(self, node: SelectionSetNode | None, level: int) -> Reach:
        if level > _DEEPEST:
            raise TooComplex(f"The document nests more than {_DEEPEST} selections.", limit="depth", most=_DEEPEST)
        reach = Reach()
        for selection in node.selections if node else ():
            reach += self._selection(selection, level)
        return reach

    def _selection(self, node: SelectionNode, level: int) -> Reach:
        self._count(node.directives)
        match node:
            case FieldNode():
                self._aliases += node.alias is not None
                below = self._set(node.selection_set, level + 1)
                if node.name.value in _INTROSPECTION:
                    return Reach(below.fields + 1, 1, 1, introspects=True)
                return Reach(below.fields + 1, 1, below.depth + 1, below.introspects)
            case InlineFragmentNode():
                return self._set(node.selection_set, level + 1)
            case FragmentSpreadNode():
                return self._fragment(node.name.value, level)
        raise AssertionError(f"{node.kind} is not a selection")

    def _count(self, directives: tuple[DirectiveNode, ...] | None) -> None:
        self._directives += len(directives or ())


def _tokens(document: DocumentNode) -> tuple[int, int]:
    """How many tokens the document has, and how long the longest text among them is."""
    count, longest = 0, 0
    token = document.loc.start_token if document.loc else None
    while token:
        count += 1
        if token.kind in {TokenKind.STRING, TokenKind.BLOCK_STRING}:
            longest = max(longest, len(token.value or ""))
        token = token.next
    return count, longest
