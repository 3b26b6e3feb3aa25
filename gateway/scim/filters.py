"""Filters as conditions in SQL: what a directory compares is bound as a value, never written into the text.

What is a column is compared as one; everything else is read out of the document that
the directory told. Texts are compared in lower case unless their attribute tells upper
from lower.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttrPath,
    Comparison,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)
from scim2_models.path.resolution import AttributeBinding, coerce_value

from auth.directories.listing import Where

LONGEST = 2_000
MOST_PARENTHESES = 20
MOST_TERMS = 50
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMPARED = {
    "eq": "{x} = {v}",
    "co": "strpos({x}, {v}) > 0",
    "sw": "starts_with({x}, {v})",
    "ew": "right({x}, length({v})) = {v}",
    "gt": "{x} > {v}",
    "ge": "{x} >= {v}",
    "lt": "{x} < {v}",
    "le": "{x} <= {v}",
}

_ORDERED = {"eq", "gt", "ge", "lt", "le"}


def bounded(text: str) -> None:
    """Refuse a filter that is longer or deeper than anybody needs, before it is read. Raises InvalidFilterException."""
    bare = _QUOTED.sub('""', text) if len(text) <= LONGEST else text
    if len(text) > LONGEST:
        raise InvalidFilterException(detail=f"A filter is at most {LONGEST:,} characters.")
    if bare.count("(") + bare.count("[") > MOST_PARENTHESES:
        raise InvalidFilterException(detail=f"A filter has at most {MOST_PARENTHESES} parentheses and brackets.")
    if len(bare.split()) > 4 * MOST_TERMS:
        raise InvalidFilterException(detail=f"A filter has at most {MOST_TERMS} terms.")


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute that is a column: its SQL, and how a value is read for it."""

    sql: str
    kind: str = "text"
    read: Any = None
    """From the text of the filter to the column's value; None for a text."""

    lower: str | None = None
    """The column that has the same in lower case, if there is one."""


def condition(told: ScimFilter[Any], columns: Mapping[str, Column], document: str, first: int) -> Where:
    """The condition of a filter that is bound to one model. Values are numbered from `first` on."""
    made = _Condition(told, columns, document, first)
    sql = made.visit(told.ast)
    return Where(sql, tuple(made.values))


@dataclass
class _Condition(FilterVisitor[str]):
    told: ScimFilter[Any]
    columns: Mapping[str, Column]
    document: str
    first: int
    values: list[Any] = field(default_factory=list)

    def visit_not(self, node: Not) -> str:
        return f"not ({self.visit(node.expr)})"

    def visit_logical_expr(self, node: LogicalExpr) -> str:
        joined = " and " if node.op == LogicalOperator.and_ else " or "
        return "(" + joined.join(self.visit(term) for term in node.terms) + ")"

    def visit_present(self, node: Present) -> str:
        binding = self._bound(node.attr_path, compared=False)
        column = self.columns.get(_name(binding))
        if column and column.kind != "member":
            return f"({column.sql} is not null)"
        path = _path(binding)
        if binding.is_multivalued and len(path) > 1 and binding.sub_field_name:
            inner = self._value(path[-1])
            return f"exists (select from {self._items(path[:-1])} where nullif(e ->> {inner}::text, '') is not null)"
        return f"coalesce({self._json(path)} not in ('null', '\"\"', '[]', '{{}}'), false)"

    def visit_comparison(self, node: Comparison) -> str:
        binding = self._bound(node.attr_path, compared=True)
        column = self.columns.get(_name(binding))
        if column:
            return self._of_column(column, binding, node)
        path = _path(binding)
        if not binding.is_multivalued:
            return self._test(self._text(path), binding, node)
        item = f"(e ->> {self._value(path[-1])}::text)" if binding.sub_field_name else "(e #>> '{}')"
        items = self._items(path[:-1] if binding.sub_field_name else path)
        if node.op == "ne":
            same = self._test(item, binding, Comparison(node.attr_path, type(node.op)("eq"), node.value))
            return f"not exists (select from {items} where {same})"
        return f"exists (select from {items} where {self._test(item, binding, node)})"

    def visit_value_path(self, node: ValuePath) -> str:
        binding = self._bound(node.attr_path, compared=False)
        if f"{_name(binding)}.value" in self.columns:
            inner = node.val_filter
            if not isinstance(inner, Comparison) or inner.attr_path.attr.lower() != "value":
                raise InvalidFilterException(detail=f"{node.attr_path} is selected from by `value` alone.")
            whole = AttrPath(attr=node.attr_path.attr, sub_attr="value", uri=node.attr_path.uri)
            return self.visit_comparison(Comparison(whole, inner.op, inner.value))
        inner_sql = _Inner(self, node.attr_path).visit(node.val_filter)
        return f"exists (select from {self._items(_path(binding))} where {inner_sql})"

    def _of_column(self, column: Column, binding: AttributeBinding, node: Comparison) -> str:
        if column.kind == "text":
            return self._test(column.sql, binding, node, column)
        if column.kind == "member" and node.op == "eq":
            return column.sql.format(v=f"{self._value(column.read(node.value))}::bigint")
        if column.kind == "member" or node.op not in _ORDERED or node.value is None:
            raise InvalidFilterException(detail=f"{node.attr_path} can't be compared by {node.op.value} here.")
        value = f"{self._value(column.read(node.value))}::{column.kind}"
        return f"({_COMPARED[node.op].format(x=column.sql, v=value)})"

    def _test(self, sql: str, binding: AttributeBinding, node: Comparison, column: Column | None = None) -> str:
        """A comparison of a text; what isn't there equals nothing."""
        value = coerce_value(binding, node.value, node.op)
        if value is None:
            return f"({sql} is {'not ' if node.op == 'ne' else ''}null)"
        if isinstance(value, bool):
            value, x = "true" if value else "false", sql
        else:
            exact = binding.case_exact
            lower = (column and column.lower) or f"lower({sql})"
            value, x = (str(value), sql) if exact else (str(value).lower(), lower)
        if "\0" in value:
            raise InvalidFilterException(detail="A text holds the character that ends texts.")
        if node.op == "ne":
            return f"({x} is distinct from {self._value(value)}::text)"
        compared = _COMPARED[node.op].format(x=x, v=self._value(value) + "::text")
        if column and node.op == "eq":
            # In these words PostgreSQL finds a column by its index.
            return f"({sql} is not null and {compared})"
        return f"coalesce({compared}, false)"

    def _bound(self, path: AttrPath, *, compared: bool) -> AttributeBinding:
        resolve = self.told.resolve_comparison if compared else self.told.resolve
        binding = resolve(path, strict=True)
        assert binding is not None, "the filter is bound to a model"
        return binding

    def _value(self, value: Any) -> str:
        self.values.append(value)
        return f"${self.first + len(self.values) - 1}"

    def _json(self, path: list[str]) -> str:
        return f"({self.document} #> {self._value(path)}::text[])::text"

    def _text(self, path: list[str]) -> str:
        return f"({self.document} #>> {self._value(path)}::text[])"

    def _items(self, path: list[str]) -> str:
        found = f"{self.document} #> {self._value(path)}::text[]"
        return f"jsonb_array_elements(case jsonb_typeof({found}) when 'array' then {found} else '[]' end) as e"


class _Inner(FilterVisitor[str]):
    """What stands in the brackets of a value selection: its attributes are those of one value."""

    def __init__(self, outer: _Condition, head: AttrPath) -> None:
        self._outer = outer
        self._head = head

    def visit_not(self, node: Not) -> str:
        return f"not ({self.visit(node.expr)})"

    def visit_logical_expr(self, node: LogicalExpr) -> str:
        joined = " and " if node.op == LogicalOperator.and_ else " or "
        return "(" + joined.join(self.visit(term) for term in node.terms) + ")"

    def visit_present(self, node: Present) -> str:
        _, item = self._item(node.attr_path)
        return f"(nullif({item}, '') is not null)"

    def visit_comparison(self, node: Comparison) -> str:
        binding, item = self._item(node.attr_path)
        return self._outer._test(item, binding, node)  # noqa: SLF001 - one thing in two classes

    def visit_value_path(self, node: ValuePath) -> str:
        raise InvalidFilterException(detail=f"{node.attr_path}[…] can't stand inside of brackets.")

    def _item(self, path: AttrPath) -> tuple[AttributeBinding, str]:
        whole = AttrPath(attr=self._head.attr, sub_attr=path.attr, uri=self._head.uri)
        binding = self._outer._bound(whole, compared=True)  # noqa: SLF001 - one thing in two classes
        return binding, f"(e ->> {self._outer._value(_path(binding)[-1])}::text)"  # noqa: SLF001 - one thing in two classes


def _name(binding: AttributeBinding) -> str:
    """An attribute's name in our columns: without its schema."""
    return binding.urn.rpartition(":")[2]


def _path(binding: AttributeBinding) -> list[str]:
    """Where an attribute stands in a document: those of an extension under its schema."""
    schema, _, name = binding.urn.rpartition(":")
    return ([schema] if ":extension:" in schema else []) + name.split(".")


def instant(text: Any) -> datetime:
    """An instant as a filter says it. Raises InvalidFilterException."""
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise InvalidFilterException(detail="An instant is written as in 2026-01-31T09:30:00Z.") from None
    if found.tzinfo is None:
        raise InvalidFilterException(detail="An instant tells its zone, as in 2026-01-31T09:30:00Z.")
    return found
