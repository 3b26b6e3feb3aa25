"""What is asked of the table in which all processes keep what is left of everybody's budget."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg


async def settle(
    connections: asyncpg.Pool, spent: Sequence[tuple[str, int]], most: int, restored: int
) -> dict[str, int]:
    """Take what these spent from their budgets; how many points each has left, by name."""
    names, points = [name for name, _ in spent], [each for _, each in spent]
    rows = await connections.fetch("select * from settle_budgets($1, $2, $3, $4)", names, points, most, restored)
    return {row["name"]: row["points"] for row in rows}


async def forget(connections: asyncpg.Pool) -> None:
    """Forget the budgets that have long been full again."""
    await connections.execute("delete from budget where at < clock_timestamp() - interval '1 day'")
