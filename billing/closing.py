"""Closing: when a local day is over, what was earned on it moves from deferred revenue to revenue.

Each account and currency has a clock that tells up to which midnight its books are
closed. The days that are over since are closed for many accounts in one statement
and one transaction: a day's entry is what brings the deferred balance to the
unrecognized rest at its end (LAW 16). Whoever is killed leaves the clocks where
they were, and the next one goes on from there; days that were missed are closed one
by one. What is written late, by somebody who began before midnight, is counted by
the next closing, for each remembers what it has seen.
"""

from __future__ import annotations

from datetime import datetime
from itertools import count

from billing import closing_queries
from billing.run.chunks import connected
from kernel.id_blocks import IdBlocks

CHUNK = 1_000
"""How many clocks one transaction moves."""


async def sweep(
    url: str, now: datetime, blocks: IdBlocks, *, look: bool = True, chunk: int = CHUNK, most: int | None = None
) -> int:
    """Close every day that is over, of every account, or of so many chunks of accounts; how many books were closed.

    `look` looks for accounts that were billed since somebody looked before.
    """
    connection, closed = await connected(url), 0
    try:
        if look:
            await closing_queries.look(connection, now)
        for _ in count() if most is None else range(most):
            async with connection.transaction():
                found = await closing_queries.closings(connection, now, chunk)
                await closing_queries.book(connection, found, now, blocks)
                await closing_queries.advance(connection, found)
            closed += len(found)
            if not found:
                break
    finally:
        await connection.close()
    return closed
