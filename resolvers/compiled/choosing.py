"""Choosing: which fields an object is asked for, with fragments dissolved and conditions decided.

It is what GraphQL's specification calls CollectFields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_directive_values,
    is_abstract_type,
)
from graphql.execution.values import VariableValues

Chosen = dict[str, list[FieldNode]]
"""By its key in the response, the nodes that ask for a field; what is below them is asked for together."""


class Chooser:
    """The selections of one document with these values of variables."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], variables: VariableValues
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def chosen(self, sets: Iterable[SelectionSetNode | None], kind: GraphQLObjectType) -> Chosen:
        """What these selection sets ask of an object of this type."""
        found: Chosen = {}
        met: set[str] = set()
        for each in sets:
            if each is not None:
                self._collect(each, kind, found, met)
        return found

    def _collect(self, asked: SelectionSetNode, kind: GraphQLObjectType, found: Chosen, met: set[str]) -> None:
        for node in asked.selections:
            if not self._included(node):
                continue
            match node:
                case FieldNode():
                    key = node.alias.value if node.alias else node.name.value
                    found.setdefault(key, []).append(node)
                case InlineFragmentNode():
                    if self._applies(node, kind):
                        self._collect(node.selection_set, kind, found, met)
                case FragmentSpreadNode():
                    name = node.name.value
                    if name not in met:
                        met.add(name)
                        fragment = self._fragments[name]
                        if self._applies(fragment, kind):
                            self._collect(fragment.selection_set, kind, found, met)

    def _included(self, node: SelectionNode) -> bool:
        if not node.directives:
            return True
        skipped = get_directive_values(GraphQLSkipDirective, node, self._variables)
        if skipped and skipped["if"]:
            return False
        included = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not included or bool(included["if"])

    def _applies(self, fragment: FragmentDefinitionNode | InlineFragmentNode, kind: GraphQLObjectType) -> bool:
        if fragment.type_condition is None:
            return True
        wanted = self._schema.type_map[fragment.type_condition.name.value]
        return wanted is kind or (is_abstract_type(wanted) and self._schema.is_sub_type(wanted, kind))
