"""Agreeing: whatever one statement answers in a test, the executor is asked as well, and has to say the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import strawberry

from gateway.documents import Document, Operation
from gateway.executor import execute
from resolvers.info import Context


@dataclass(slots=True)
class Agreement:
    """How often both ways were asked, and where they differed."""

    schema: strawberry.Schema
    compared: int = 0
    differences: list[str] = field(default_factory=list)

    async def witness(
        self, document: Document, operation: Operation, variables: dict[str, Any], context: Context, text: str
    ) -> None:
        """Ask the executor the same, in the same transaction, and note where it says something else."""
        outcome = await execute(self.schema, document, operation, variables, context)
        self.compared += 1
        # The order of keys counts, so the texts are compared.
        compiled, executed = json.dumps(json.loads(text)), json.dumps(outcome.data)
        counted, read = operation.cost.used_by(text), operation.cost.used(outcome.data)
        if outcome.errors or compiled != executed or counted != read:
            source = document.syntax.loc.source.body if document.syntax.loc else ""
            told = [str(error) for error in outcome.errors]
            costs = f"{counted} and {read} points"
            self.differences.append(
                f"{source}\n{variables}\n{told}\n{costs}\ncompiled: {compiled}\nexecuted: {executed}"
            )
            raise AssertionError(self.differences[-1][:5_000])
