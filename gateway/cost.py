"""Cost: what an operation asks for, in points, before anything is looked up; and what it then took.

A document is priced once, after it was found valid and small: its fields are merged as
the executor merges them, and each has the weight that its declaration gives it. What
doesn't depend on variables is added up there and then, so that most requests only look
at a number. Where rows are of several types, the dearest type counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from gateway.shape import NOTHING, Condition, Entry, Shape, Size, Variables
from gateway.tally import Tally
from resolvers.graph import FACES, everyone
from schema import weights
from schema.weights import CHANGE, FOUND, PAGED, SHORT, Weight

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
_ROWS = ("nodes", "edges")
_INTROSPECTED = Weight(own=10)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation costs, and whether everybody gets the same answer to it."""

    shape: Shape = NOTHING
    public: bool = False
    tally: Tally | None = None
    """How what an answer took is counted in its text, where that can be."""

    def asked(self, given: Variables) -> int:
        """The points it may cost with these variables, at least one."""
        return max(1, self.shape.asked(given))

    @property
    def begun(self) -> int:
        """The points of the fields at the root by themselves: what it costs to begin to follow."""
        return sum(entry.own for entry in self.shape.entries)

    def asked_each(self, given: Variables) -> int:
        """The points that each change may cost whoever follows, at least one."""
        return max(1, self.shape.asked(given) - self.begun)

    def used_each(self, data: Mapping[str, Any] | None) -> int:
        """The points that it took to tell this change, at least one."""
        return max(1, self.used(data) - self.begun)

    def used_by(self, text: bytes) -> int:
        """The points that an answer took whose data is JSON text of PostgreSQL's; read only where it has to be."""
        if self.shape.flat:
            return max(1, self.shape.fixed or 0)
        return max(1, self.tally.used(text)) if self.tally else self.used(orjson.loads(text))

    def used(self, data: Mapping[str, Any] | None) -> int:
        """The points that this answer took, at least one."""
        if data is None:
            return max(1, sum(entry.own for entry in self.shape.entries))
        return max(1, self.shape.used(data))


FREE = Cost()
"""Before an operation is priced."""


def priced(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Cost:
    """The cost of an operation of a valid document."""
    root = schema.get_root_type(operation.operation)
    assert root is not None
    pricing = _Pricing(schema, operation, fragments)
    shape = pricing.shape(root, [operation.selection_set])
    return Cost(shape, pricing.public and root is schema.query_type, Tally.of(shape, pricing.shown))


def weight_of(schema: GraphQLSchema, kind: GraphQLNamedType, made: GraphQLField) -> Weight:
    """What a field of a type weighs: what its declaration says, or what its kind does."""
    weight = told(made).get("weight")
    if isinstance(weight, Weight):
        return weight
    if kind in (schema.mutation_type, schema.subscription_type):
        return CHANGE
    if is_leaf_type(get_named_type(made.type)):
        return weights.FREE
    if "first" in made.args:
        return PAGED
    return SHORT if _is_list(made) else FOUND


class _Pricing:
    """One walk over one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self.public = True
        self.shown: Counter[str] = Counter()
        """In how many places a key is shown."""

        self._lists: list[str] = []
        """Of what the short lists are that the walk is below."""

    def shape(self, kind: Composite, sets: list[SelectionSetNode], rows: Size | None = None) -> Shape:
        """What these selections ask of an object of this type; `rows` is the size of the page that it is."""
        self.public = self.public and _is_public(kind)
        fields: dict[str, list[tuple[FieldNode, tuple[Condition, ...]]]] = {}
        apart: dict[str, list[SelectionSetNode]] = {}
        for selections in sets:
            self._gather(kind, selections, (), fields, apart)
        entries = tuple(self._entry(kind, key, nodes, rows) for key, nodes in fields.items())
        kinds = tuple(self.shape(_composite(self._schema, name), inside) for name, inside in apart.items())
        self.shown.update(fields.keys())
        certain = (key for key, nodes in fields.items() if not all(conditions for _, conditions in nodes))
        return Shape.of(entries, kinds, tuple(certain))

    def _gather(
        self,
        kind: Composite,
        selections: SelectionSetNode,
        conditions: tuple[Condition, ...],
        fields: dict[str, list[tuple[FieldNode, tuple[Condition, ...]]]],
        apart: dict[str, list[SelectionSetNode]],
    ) -> None:
        """Sort selections by the key they show, and those of one of several types by that type."""
        for node in selections.selections:
            more = self._conditions(node)
            if more is None:
                continue
            if isinstance(node, FieldNode):
                key = (node.alias or node.name).value
                fields.setdefault(key, []).append((node, conditions + more))
                continue
            fragment = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode), "there is no other selection"
            named = fragment.type_condition.name.value if fragment.type_condition else kind.name
            one_of_several = not isinstance(kind, GraphQLObjectType) and isinstance(
                self._schema.type_map[named], GraphQLObjectType
            )
            if one_of_several:
                apart.setdefault(named, []).append(fragment.selection_set)
            elif self._meets(kind, named):
                self._gather(kind, fragment.selection_set, conditions + more, fields, apart)

    def _meets(self, kind: Composite, named: str) -> bool:
        """Whether a fragment on the type of this name says anything of this type."""
        condition = self._schema.type_map[named]
        if condition is kind or not isinstance(kind, GraphQLObjectType):
            return True
        if not isinstance(condition, GraphQLInterfaceType | GraphQLUnionType):
            return False
        return self._schema.is_sub_type(condition, kind)

    def _conditions(self, node: SelectionNode) -> tuple[Condition, ...] | None:
        """The variables that decide whether a selection is shown; None where it is not."""
        found: list[Condition] = []
        for directive in node.directives or ():
            wanted = {"include": True, "skip": False}.get(directive.name.value)
            if wanted is None:
                continue
            value = next(argument.value for argument in directive.arguments or () if argument.name.value == "if")
            if isinstance(value, VariableNode):
                found.append((value.name.value, wanted))
            elif isinstance(value, BooleanValueNode) and value.value is not wanted:
                return None
        return tuple(found)

    def _entry(
        self,
        kind: Composite,
        key: str,
        nodes: list[tuple[FieldNode, tuple[Condition, ...]]],
        rows: Size | None,
    ) -> Entry:
        first, _ = nodes[0]
        made = _field(self._schema, kind, first.name.value)
        if made is None:
            return Entry(key, 0, 0, None, NOTHING)
        if first.name.value in {"__schema", "__type"}:
            self.public = False
            return Entry(key, _INTROSPECTED.own, 0, None, NOTHING)
        if kind is self._schema.query_type:
            self.public = self.public and told(made).get("public", False)
        weight = weight_of(self._schema, kind, made)
        below = get_named_type(made.type)
        size = self._size(first, weight) if weight.sized_by or _is_list(made) else None
        short = size is not None and not weight.sized_by and (rows is None or first.name.value not in _ROWS)
        if short and below.name in self._lists:
            # Lists below their own kind multiply: ten rows of ten rows are soon more than anybody has.
            size = Size(weight.most)
        sets = [node.selection_set for node, _ in nodes if node.selection_set]
        inside = NOTHING
        if not is_leaf_type(below):
            self._lists.append(below.name if short else "")
            inside = self.shape(_composite(self._schema, below.name), sets, size if weight.paged else None)
            self._lists.pop()
        if weight.paged:
            size = None
        elif rows is not None and first.name.value in _ROWS and _is_list(made):
            weight, size = replace(weight, each=1), rows
        terms = tuple(dict.fromkeys(each for _, each in nodes))
        each = 0 if weight.paged else weight.each
        optional = not isinstance(made.type, GraphQLNonNull)
        return Entry(key, weight.own, each, size, inside, () if () in terms else terms, _is_list(made), optional)

    def _size(self, node: FieldNode, weight: Weight) -> Size:
        """How many rows the arguments ask for."""
        named = [argument.value for argument in node.arguments or () if argument.name.value in weight.sized_by]
        variables = tuple(value.name.value for value in named if isinstance(value, VariableNode))
        known = [self._known(value) for value in named]
        first = next((number for number in known if number is not None), weight.rows)
        return Size(min(max(first, 0), weight.most), variables, weight.most)

    def _known(self, value: ValueNode | None) -> int | None:
        match value:
            case IntValueNode(value=digits):
                return int(digits[:12])
            case ListValueNode(values=values):
                return len(values)
            case VariableNode(name=name):
                return self._known(self._defaults.get(name.value))
        return None


def _composite(schema: GraphQLSchema, name: str) -> Composite:
    kind = schema.type_map[name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)
    return kind


def _field(schema: GraphQLSchema, kind: Composite, name: str) -> GraphQLField | None:
    """The field of this name; None for `__typename`."""
    return schema.get_field(kind, name) if name != "__typename" else None


def told(made: GraphQLField) -> Mapping[str, Any]:
    """What the declaration of a field carries along."""
    declared = made.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    found: Mapping[str, Any] = getattr(declared, "metadata", None) or {}
    return found


def _is_list(made: GraphQLField) -> bool:
    return "[" in str(made.type)


def _is_public(kind: GraphQLNamedType) -> bool:
    """Whether everybody sees the same rows of a type; one that stands for no rows hides nothing."""
    face = FACES.get(kind.name)
    return face is None or face.visible is None or face.visible is everyone
