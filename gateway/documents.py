"""Documents: each source text is parsed, limited and validated once, then remembered.

Limits come before validation, because validation has a rule that is not linear.
That rule has a budget of its own, so the dearest document costs a few ten
milliseconds, once, beside other requests. What is remembered is bounded by the size of all documents
and their plans together, the least recently used going first; refusals have a shelf of their own,
so that nonsense never pushes good documents out.

A `Document` is where everything hangs that is worked out from a source text once:
its figures (for a cost), its digest (the `sha256:` id of trusted documents) and its
`plans` (compiled ways to answer it).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any, Generic, TypeVar

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    ValidationContext,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import OverlappingFieldsCanBeMergedRule
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.cost import FREE, Cost, priced
from gateway.limits import Figures, Limits, Reach, Walk
from gateway.masking import refused
from kernel.errors import Fault, Forbidden, InvalidInput, TooComplex
from resolvers.compiled.plan import Plans

_MOST_ERRORS = 20
_SHORT = 1_000
"""Characters of a text that is read at once: what others wait for then are a few milliseconds."""

_REFUSALS = 500
_TOKEN = 350
"""The bytes that a token takes in a syntax tree, measured."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, and how far it reaches."""

    name: str | None
    kind: OperationType
    reach: Reach
    node: OperationDefinitionNode
    cost: Cost = FREE


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A source text that may be executed."""

    digest: str
    """SHA-256 of the source text in UTF-8, 64 hexadecimal digits."""

    syntax: DocumentNode
    figures: Figures
    operations: tuple[Operation, ...]
    plans: Plans = field(default_factory=Plans)
    """The statements that answer it; weighed and forgotten together with it."""

    def operation(self, name: str | None) -> Operation:
        """The operation of this name, or the only one. Raises InvalidInput."""
        if name is None and len(self.operations) == 1:
            return self.operations[0]
        if name is None:
            raise InvalidInput("The document has several operations. Say which one with 'operationName'.")
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise InvalidInput("The document has no operation of the name in 'operationName'.")


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """A source text that may not be executed, and the errors to tell."""

    digest: str
    errors: tuple[dict[str, Any], ...]
    parsed: bool
    """Whether it is a GraphQL document at all."""


class Documents:
    """All documents that this process has met lately.

    `introspection` and `suggestions` ("did you mean …") show the schema to whoever
    asks; in production strangers get neither. Where introspection is closed, `open`
    is asked before an operation runs. `room` is how many bytes all that is
    remembered may take, roughly.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        limits: Limits | None = None,
        introspection: bool = True,
        suggestions: bool = True,
        room: int = 32 * 1024 * 1024,
    ) -> None:
        self.schema = core(schema)
        self.limits = limits or Limits()
        self.introspection = introspection
        self.suggestions = suggestions
        bounded = _bounded(self.limits.comparisons)
        self._rules = tuple(bounded if rule is _OVERLAPS else rule for rule in specified_rules)
        self._documents: _Shelf[Document] = _Shelf(room)
        self._refusals: _Shelf[Refusal] = _Shelf(_REFUSALS)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="documents")

    def read(self, source: str) -> Document | Refusal:
        """The document that this text is, or why it may not be executed."""
        digest = sha256(source.encode()).hexdigest()
        return self.known(digest) or self._kept(*self._first_read(source, digest))

    async def read_beside(self, source: str) -> Document | Refusal:
        """The same, while others are answered: a text that is new and long is read in a thread, one at a time."""
        if len(source) <= _SHORT:
            return self.read(source)
        digest = sha256(source.encode()).hexdigest()
        if found := self.known(digest):
            return found
        first = await asyncio.get_running_loop().run_in_executor(self._reader, self._first_read, source, digest)
        return self.known(digest) or self._kept(*first)

    def known(self, digest: str) -> Document | Refusal | None:
        """The document whose text has this SHA-256, if this process has met it lately."""
        return self._documents.get(digest) or self._refusals.get(digest)

    def open(self, operation: Operation, *, allowed: bool) -> None:
        """Let only those see the schema who are `allowed` to, where it is closed. Raises Forbidden."""
        if operation.reach.introspects and not self.introspection and not allowed:
            raise Forbidden("Introspection is closed here. The schema is published with the documentation.")

    def cost(self, operation: Operation, variables: dict[str, Any]) -> int:
        """The points that an operation may cost with these variables. Raises TooComplex."""
        cost = operation.cost.asked(variables)
        if cost > self.limits.cost:
            most = self.limits.cost
            says = f"The operation may cost {cost:,} points; one request may cost {most:,}. Ask for smaller pages."
            raise TooComplex(says, limit="cost", most=most)
        return cost

    def _first_read(self, source: str, digest: str) -> tuple[Document | Refusal, int]:
        """A document or a refusal, and what it weighs."""
        try:
            syntax = self._parse(source)
        except GraphQLError as error:
            return _refusal(digest, [error], parsed=not isinstance(error, GraphQLSyntaxError)), 1
        try:
            document = self._limited(syntax, digest)
        except Fault as fault:
            return _refusal(digest, [GraphQLError(fault.message, original_error=fault)]), 1
        if errors := self._validate(syntax):
            return _refusal(digest, errors), 1
        document = self._priced(document)
        return document, len(source) + _TOKEN * document.figures.tokens

    def _kept(self, found: Document | Refusal, weight: int) -> Document | Refusal:
        if isinstance(found, Refusal):
            self._refusals.put(found.digest, found, weight)
        else:
            found.plans.grown = partial(self._documents.grow, found.digest)
            self._documents.put(found.digest, found, weight)
        return found

    def _parse(self, source: str) -> DocumentNode:
        try:
            self.limits.check_length(source)
        except TooComplex as refusal:
            raise GraphQLError(refusal.message, original_error=refusal) from None
        try:
            return parse(
                source,
                max_source_length=self.limits.characters,
                max_lexical_tokens=self.limits.tokens,
                max_comments=self.limits.comments,
            )
        except GraphQLSyntaxError as error:
            if error.message.endswith("Parsing aborted."):
                says = error.message.removeprefix("Syntax Error: ").removesuffix(" Parsing aborted.")
                raise GraphQLError(says, original_error=TooComplex(says)) from None
            raise

    def _limited(self, syntax: DocumentNode, digest: str) -> Document:
        walk = Walk(syntax, self.limits)
        nodes = [node for node in syntax.definitions if isinstance(node, OperationDefinitionNode)]
        operations = tuple(
            Operation(node.name.value if node.name else None, node.operation, reach, node)
            for node, reach in zip(nodes, walk.reaches, strict=True)
        )
        if not operations:
            raise InvalidInput("The document has no operation.")
        return Document(digest, syntax, walk.figures, operations)

    def _priced(self, document: Document) -> Document:
        nodes = document.syntax.definitions
        fragments = {node.name.value: node for node in nodes if isinstance(node, FragmentDefinitionNode)}
        operations = (
            replace(operation, cost=priced(self.schema, operation.node, fragments)) for operation in document.operations
        )
        return replace(document, operations=tuple(operations))

    def _validate(self, syntax: DocumentNode) -> list[GraphQLError]:
        errors = self._broken(syntax, self._rules)
        if errors and type(errors[-1]) is ValidationAbortedError and len(errors) <= _MOST_ERRORS:
            says = "The document repeats or nests its fields and fragments too often to be checked."
            return [GraphQLError(says, original_error=TooComplex(says))]
        # Strawberry's own rules expect a document that the specification's rules passed.
        return errors[:_MOST_ERRORS] or self._broken(syntax, (MaybeNullValidationRule, _OneOf))

    def _broken(self, syntax: DocumentNode, rules: tuple[type[ASTValidationRule], ...]) -> list[GraphQLError]:
        return validate(self.schema, syntax, rules, _MOST_ERRORS, hide_suggestions=not self.suggestions)


def _refusal(digest: str, errors: list[GraphQLError], *, parsed: bool = True) -> Refusal:
    return Refusal(digest, tuple(refused(error) for error in errors), parsed)


def core(schema: strawberry.Schema) -> GraphQLSchema:
    """The graphql-core schema that a Strawberry schema is made of."""
    return schema._schema  # noqa: SLF001 - Strawberry has no public name for it


_OVERLAPS = OverlappingFieldsCanBeMergedRule


def _bounded(comparisons: int) -> type[ASTValidationRule]:
    """The rule about overlapping fields, which gives up after so many units of comparison."""

    class Bounded(_OVERLAPS):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self.rule_context.remaining_complexity_budget = comparisons

    return Bounded


class _OneOf(OneOfInputValidationRule):
    """Strawberry's rule, knowing the variables of all operations: fragments are checked without their operation."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.variable_definitions = {
            definition.variable.name.value: definition
            for operation in context.document.definitions
            if isinstance(operation, OperationDefinitionNode)
            for definition in operation.variable_definitions or ()
        }

    def enter_operation_definition(self, node: object, *_args: object) -> None:
        """Keep what is known from the start."""

    def enter_variable_definition(self, node: object, *_args: object) -> None:
        """Keep what is known from the start."""


class _Shelf(Generic[Item]):
    """Items by key, of bounded total weight; the least recently used one goes first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._items: OrderedDict[str, tuple[Item, int]] = OrderedDict()

    def get(self, key: str) -> Item | None:
        found = self._items.get(key)
        if found is None:
            return None
        self._items.move_to_end(key)
        return found[0]

    def put(self, key: str, item: Item, weight: int) -> None:
        self._items[key] = (item, weight)
        self._make_room(weight)

    def grow(self, key: str, more: int) -> None:
        """An item has become heavier by so much, or lighter; one that is gone weighs nothing."""
        found = self._items.get(key)
        if found is not None:
            self._items[key] = (found[0], found[1] + more)
            self._make_room(more)

    def _make_room(self, weight: int) -> None:
        self._room -= weight
        while self._room < 0 and len(self._items) > 1:
            _, (_, freed) = self._items.popitem(last=False)
            self._room += freed
