"""Asking: what one request brings to a plan, and what of that the plan itself depends on."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, cast

from graphql import FieldNode, GraphQLField, get_argument_values
from graphql.execution.values import VariableValues

from auth.policy import Actor
from kernel.pages import MOST
from resolvers import reading
from resolvers.graph import BY_PREFIX, Given, Many, Page


class Asking:
    """One request: who reads, in which language, when, and the values of variables."""

    def __init__(self, actor: Actor, locale: str, now: datetime, variables: VariableValues) -> None:
        self.actor = actor
        self.locale = locale
        self.now = now
        self.variables = variables
        self._known: dict[Hashable, Any] = {}

    def arguments(self, call: Call) -> dict[str, Any]:
        """The coerced arguments of a field. Raises GraphQLError."""
        return get_argument_values(call.field, call.node, self.variables)

    def page(self, call: PageCall) -> reading.PageAsked:
        """What the arguments of a page ask for. Raises InvalidInput or GraphQLError."""
        found = self._known.get(call)
        if found is None:
            found = self._known[call] = reading.asked_of(call.page, self.arguments(call))
        return cast("reading.PageAsked", found)

    def chosen(self, call: ListCall) -> reading.Chosen:
        """What the arguments of a short list choose. Raises InvalidInput or GraphQLError."""
        found = self._known.get(call)
        if found is None:
            found = self._known[call] = reading.choose(call.many.filters, self.arguments(call))
        return cast("reading.Chosen", found)

    def given(self, source: Given) -> Any:
        """The value that is made from whoever reads. Raises what it raises."""
        found = self._known.get(id(source))
        if found is None:
            found = self._known[id(source)] = source.read(self.actor)
        return found


class Call:
    """A field and the arguments it is asked with."""

    def __init__(self, field: GraphQLField, node: FieldNode) -> None:
        self.field = field
        self.node = node


class PageCall(Call):
    """A page and its arguments."""

    def __init__(self, field: GraphQLField, node: FieldNode, page: Page) -> None:
        super().__init__(field, node)
        self.page = page


class ListCall(Call):
    """A short list and its arguments."""

    def __init__(self, field: GraphQLField, node: FieldNode, many: Many) -> None:
        super().__init__(field, node)
        self.many = many


def form(variables: VariableValues) -> Hashable:
    """What a statement's words depend on among the values of variables; the values themselves are bound."""
    return _form(variables.coerced)


def standpoint(actor: Actor) -> Hashable:
    """What a statement's words depend on in who reads."""
    return actor.desk, actor.person_id is None, actor.email is None, not actor.groups


def _form(value: Any) -> Hashable:
    match value:
        case None | bool() | Enum():
            return value
        case str():
            prefix = value.partition("_")[0]
            # An id tells which type `node` answers with; a text may be empty, which some arguments take for absent.
            return prefix if prefix in BY_PREFIX else bool(value)
        case int() if 1 <= value <= MOST:
            # A page's size is written into the statement: PostgreSQL plans better for a limit that it knows.
            return value
        case list() if all(isinstance(each, Enum) for each in value):
            # Which words are left out may tell PostgreSQL which index to take.
            return frozenset(value)
        case Mapping():
            return tuple(sorted((name, _form(each)) for name, each in value.items()))
        case _:
            return type(value).__name__
