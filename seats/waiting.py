"""Waiting: whoever wants a seat of a full pool stands in its line, which moves when a seat frees or is bought.

A place in the line takes no seat. Whoever frees seats or buys some moves the line in
the same transaction, after the pool is locked, so that no seat stays free while
somebody waits, and nobody who comes later is served first.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.rows import plain
from kernel.work import Work
from seats import events, place_queries
from seats.seating import SeatState


@dataclass(frozen=True, slots=True)
class Line:
    """Who was served, and the pool's figures after that."""

    served: set[int]
    purchased: int
    assigned: int
    set_apart: int


async def move_line(
    work: Work,
    account_id: int,
    pool_id: int,
    *,
    freed: int = 0,
    purchased: int | None = None,
    kept: int = 0,
    apart: int = 0,
) -> set[int]:
    """The same as `moved`; the numbers of the assignments that are served."""
    line = await moved(work, account_id, pool_id, freed=freed, purchased=purchased, kept=kept, apart=apart)
    return line.served


async def moved(
    work: Work,
    account_id: int,
    pool_id: int,
    *,
    freed: int = 0,
    purchased: int | None = None,
    kept: int = 0,
    apart: int = 0,
) -> Line:
    """Let a pool's figures follow seats that were freed, or bought, and give what is free to those who wait.

    First come, first served, but for the seats `kept` for those they are bought for, and for those
    that are set apart for groups, which are `apart` more. It locks the pool, so call it when everything
    else is done. The row is changed once: PostgreSQL looks at the workspace again when a transaction
    changes a row for the second time, and somebody may hold the workspace who waits for this pool.
    """
    await work.flush()
    pool = await place_queries.turn(work, account_id, pool_id)
    seats = pool["purchased"] if purchased is None else purchased
    taken, set_apart = pool["assigned"] - freed, pool["set_apart"] + apart
    free = 0 if pool["closed_at"] is not None else seats - taken - set_apart - kept
    served = await place_queries.serve(work, account_id, pool_id, free, (seats, taken, set_apart))
    for number, waited in served:
        # They sit from now on; how long they waited is in the audit log.
        before = {"state": SeatState.WAITLISTED.value, "since": plain(waited)}
        after = {"state": SeatState.ACTIVE.value, "since": plain(work.now)}
        work.emit(events.SeatActivated(account_id, number, pool_id), before=before, after=after)
    return Line({number for number, _ in served}, seats, taken + len(served), set_apart)
