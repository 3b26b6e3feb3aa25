"""Patience: how long a query may take, and what is told of one that took longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graphql import OperationType

from kernel.errors import TooComplex

PATIENCE = 30.0
"""Seconds that a query may take. What it waits for in the database is canceled then."""


@asynccontextmanager
async def timely(kind: OperationType, patience: float = PATIENCE) -> AsyncIterator[None]:
    """Stop a query that takes too long, or the telling of a change. Raises TooComplex."""
    # A change is not left halfway: whom it waits for outside has a patience of its own.
    limit = None if kind is OperationType.MUTATION else patience
    try:
        async with asyncio.timeout(limit) as waiting:
            yield
    except TimeoutError:
        if not waiting.expired():
            raise
        raise overdue(patience) from None


def overdue(patience: float) -> TooComplex:
    """What is told of a query that was stopped after so many seconds."""
    says = f"The query took longer than {patience:g} seconds and was stopped. Ask for less at a time."
    return TooComplex(says, limit="seconds", most=int(patience))
