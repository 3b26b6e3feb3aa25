"""Shapes: which documents can be exported, and the document that asks for one page of what they ask for.

A document that can be exported is a query without variables that goes down to one list:

    { invoices(filter: { state: [OPEN] }) { nodes { id number total { text } } } }
    { account(id: "account_…") { invoices { edges { node { id } } } } }

Each row of that list is a line. Other lists may hang from a row, a page of each: they say how
long it is, as they have to everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLNamedType,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    parse,
    print_ast,
)

from billing.bulk.rules import NotExportable
from gateway.documents import Document, Documents, Operation, Refusal, core
from kernel import pages
from kernel.errors import TooComplex

_SIZES = (pages.MOST, 50, 20, 10, 5, 2, 1)
_PAGING = {"first", "last", "before", "after"}
_TEMPLATE = parse(
    "query($first: Int!, $after: String)"
    " { list(first: $first, after: $after) { p: pageInfo { hasNextPage endCursor } } }"
)
_DOWN = "go down to one list, one field at a time."
_NODES = "below the list, ask for its 'nodes' and nothing else."
_NODE = "below 'edges', ask for 'node' and nothing else."


@dataclass(frozen=True, slots=True)
class Shape:
    """How an exported document is asked: page by page, with the variables `first` and `after`."""

    document: Document
    path: tuple[str, ...]
    """The names in the response that lead to the list."""

    rows_name: str
    """What the list calls its rows in the response."""

    size: int
    """How many rows a page may have, so that it costs no more than any request may."""

    @property
    def operation(self) -> Operation:
        """What is asked."""
        return self.document.operations[0]

    def page(self, data: Any) -> tuple[Sequence[Any], str | None]:
        """The rows of a page, and the cursor behind it, None after the last; no rows where nothing is there."""
        for name in self.path:
            data = data and data[name]
        if not data:
            return [], None
        rows = [each["node"] if self.rows_name == "edges" else each for each in data[self.rows_name]]
        return rows, data["p"]["endCursor"] if data["p"]["hasNextPage"] else None


class Shapes:
    """Recognizes documents that can be exported, of one schema and within the limits of everybody."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._core = core(schema)
        self._documents = Documents(schema, introspection=False, suggestions=False)

    def read(self, text: str) -> Shape:
        """The shape of a document. Raises NotExportable."""
        document = self._read(text)
        operation = document.operations[0].node
        if len(document.operations) != 1 or operation.operation is not OperationType.QUERY:
            raise NotExportable("it has to be one query, and nothing else.")
        if operation.variable_definitions:
            raise NotExportable("write its values into the document in place of variables.")
        found = _Found()
        assert self._core.query_type is not None, "something can be asked"
        selections = self._down(operation.selection_set, self._core.query_type, found)
        paged = self._read(print_ast(_asking(document.syntax, selections)))
        return Shape(paged, tuple(found.path), found.rows_name, self._size(paged))

    def _read(self, text: str) -> Document:
        document = self._documents.read(text)
        if isinstance(document, Refusal):
            raise NotExportable(document.errors[0]["message"])
        return document

    def _size(self, document: Document) -> int:
        """The longest page that costs no more than a request may. Raises NotExportable."""
        for size in _SIZES:
            try:
                self._documents.cost(document.operations[0], {"first": size})
            except TooComplex:
                continue
            return size
        raise NotExportable("a single row costs more than a request may. Ask for shorter lists below it.")

    def _down(self, selections: SelectionSetNode | None, parent: GraphQLNamedType, found: _Found) -> SelectionSetNode:
        """The same selections with the list below them paged. Raises NotExportable."""
        only = _only(selections)
        match only:
            case InlineFragmentNode():
                name = only.type_condition
                inner = parent if name is None else self._core.type_map[name.name.value]
                return _set(
                    InlineFragmentNode(
                        type_condition=name, directives=(), selection_set=self._down(only.selection_set, inner, found)
                    )
                )
            case FieldNode() if isinstance(parent, GraphQLObjectType) and only.name.value in parent.fields:
                return _set(self._field(only, get_named_type(parent.fields[only.name.value].type), found))
        raise NotExportable(_DOWN)

    def _field(self, field: FieldNode, kind: GraphQLNamedType, found: _Found) -> FieldNode:
        found.path.append(field.alias.value if field.alias else field.name.value)
        if isinstance(kind, GraphQLObjectType) and {"nodes", "edges", "pageInfo"} <= kind.fields.keys():
            return _paged(field, found)
        return _again(field, field.arguments or (), self._down(field.selection_set, kind, found))


class _Found:
    """What is found on the way down."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.rows_name = ""


def _only(selections: SelectionSetNode | None, why: str = _DOWN) -> SelectionNode:
    if selections is None or len(selections.selections) != 1 or selections.selections[0].directives:
        raise NotExportable(why)
    return selections.selections[0]


def _paged(field: FieldNode, found: _Found) -> FieldNode:
    """The list, a page of it. Raises NotExportable."""
    if _PAGING & {argument.name.value for argument in field.arguments or ()}:
        raise NotExportable(f"leave out {', '.join(sorted(_PAGING))}: all of the list is exported.")
    rows = _only(field.selection_set, _NODES)
    if not isinstance(rows, FieldNode) or rows.alias or rows.name.value not in {"nodes", "edges"}:
        raise NotExportable(_NODES)
    if rows.name.value == "edges":
        node = _only(rows.selection_set, _NODE)
        if not isinstance(node, FieldNode) or node.alias or node.name.value != "node":
            raise NotExportable(_NODE)
    found.rows_name = rows.name.value
    template = _template()
    arguments = (*(field.arguments or ()), *(template.arguments or ()))
    assert template.selection_set is not None, "a list has its place"
    return _again(field, arguments, _set(rows, *template.selection_set.selections))


def _asking(syntax: DocumentNode, selections: SelectionSetNode) -> DocumentNode:
    """The document with these selections and the variables of a page."""
    head = _TEMPLATE.definitions[0]
    assert isinstance(head, OperationDefinitionNode), "the template is a query"
    operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=head.variable_definitions,
        directives=(),
        selection_set=selections,
    )
    fragments = [each for each in syntax.definitions if isinstance(each, FragmentDefinitionNode)]
    return DocumentNode(definitions=(operation, *fragments))


def _template() -> FieldNode:
    head = _TEMPLATE.definitions[0]
    assert isinstance(head, OperationDefinitionNode), "the template is a query"
    only = head.selection_set.selections[0]
    assert isinstance(only, FieldNode), "of one field"
    return only


def _again(field: FieldNode, arguments: Sequence[ArgumentNode], selections: SelectionSetNode) -> FieldNode:
    return FieldNode(
        alias=field.alias, name=field.name, arguments=tuple(arguments), directives=(), selection_set=selections
    )


def _set(*selections: SelectionNode) -> SelectionSetNode:
    return SelectionSetNode(selections=selections)
