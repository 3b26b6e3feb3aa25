"""Abreast: the executor completes rows of declared types many at once, field by field.

For each value graphql-core looks up its field, makes an `info`, coerces arguments, and asks of
what comes back whether it is awaitable, null, a list or an object. What is declared in `schema`
needs that once for a field and not for each row: a column of the response is made of all rows,
and a relation is loaded for all of them in one go, without a future or a task for each.

Whatever is unusual is left to graphql-core, from the beginning of the objects in question: a field
with a resolver of Strawberry's, an interface, an error, a null where none may be. Resolvers of
declared fields read, and may be asked twice. So every error is told as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo, is_non_null_type
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.shown import Completed, Rows
from gateway.sweeping import Sweep, Sweeping
from resolvers.info import Context


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor, which sweeps over rows where it can."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        context = self.context_value
        self._sweeping = Sweeping(self, context) if isinstance(context, Context) else None

    def complete_iterable_value(  # noqa: PLR0917 - graphql-core calls it so
        self,
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> Any:
        """A list of objects, abreast where that can be."""
        usual = partial(
            super().complete_iterable_value, item_type, field_details_list, info, path, items, position_context
        )
        kind = item_type.of_type if is_non_null_type(item_type) else item_type
        if not isinstance(items, list) or not items or not (sweep := self._sweep(kind, field_details_list, path)):
            return usual()
        rows = Rows(sweep, required=kind is not item_type, trusted=False)
        return self._tried(partial(rows.complete, items), usual)

    def complete_object_value(  # noqa: PLR0917 - graphql-core calls it so
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """An object, and all below it, abreast where that can be."""
        usual = partial(
            super().complete_object_value, return_type, field_details_list, info, path, result, position_context
        )
        sweep = self._sweep(return_type, field_details_list, path)
        if sweep is None:
            return usual()
        rows = Rows(sweep, required=True, trusted=False)
        return self._tried(partial(rows.complete, [result]), usual, alone=True)

    def _sweep(self, kind: GraphQLOutputType, details: FieldDetailsList, path: Path) -> Sweep | None:
        if self._sweeping is None or not isinstance(kind, GraphQLObjectType):
            return None
        return self._sweeping.of(kind, details, path)

    def _tried(self, complete: Callable[[], Completed], usual: Callable[[], Any], *, alone: bool = False) -> Any:
        """What was completed abreast, or else what graphql-core makes of it."""
        try:
            made = complete()
        except Exception:  # noqa: BLE001 - graphql-core tells of it
            return self._given_up(usual)
        if isinstance(made, list):
            return made[0] if alone else made
        return self._awaited(made, usual, alone=alone)

    async def _awaited(self, made: Awaitable[list[Any]], usual: Callable[[], Any], *, alone: bool) -> Any:
        try:
            done = await made
        except Exception:  # noqa: BLE001 - graphql-core tells of it
            again = self._given_up(usual)
            return await again if self.is_awaitable(again) else again
        return done[0] if alone else done

    def _given_up(self, usual: Callable[[], Any]) -> Any:
        """What graphql-core makes of it; nothing more of this operation is tried."""
        self._sweeping = None
        return usual()
