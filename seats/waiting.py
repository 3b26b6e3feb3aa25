"""Waiting: whoever wants a seat of a full pool stands in its line, which moves when a seat frees or is bought.

A place in the line takes no seat. Whoever frees seats or buys some moves the line in
the same transaction, after the pool is locked, so that no seat stays free while
somebody waits, and nobody who comes later is served first.
"""

from __future__ import annotations

from kernel.work import Work
from seats import events, queries
from seats.seating import SeatState


async def move_line(
    work: Work,
    account_id: int,
    pool_id: int,
    *,
    freed: int = 0,
    purchased: int | None = None,
    kept: int = 0,
    apart: int = 0,
) -> None:
    """Let a pool's figures follow seats that were freed, or bought, and give what is free to those who wait.

    First come, first served, but for the seats `kept` for those they are bought for, and for those
    that are set apart for groups, which are `apart` more. It locks the pool, so call it when
    everything else is done. The row is changed once: PostgreSQL looks at the workspace again when a
    transaction changes a row for the second time, and somebody may hold the workspace who waits for
    this pool.
    """
    await queries.take_turn(work, account_id, pool_id)
    pool = await queries.pool(work, account_id, pool_id)
    seats = pool.purchased if purchased is None else purchased
    taken, set_apart = pool.assigned - freed, pool.set_apart + apart
    free = 0 if pool.closed_at is not None else seats - taken - set_apart - kept
    served = await queries.first_waiting(work, account_id, pool_id, free) if free > 0 else []
    for assignment in served:
        # They sit from now on; how long they waited is in the audit log.
        assignment.state, assignment.since = SeatState.ACTIVE, work.now
        work.emit(events.SeatActivated(account_id, assignment.id, pool_id), assignment)
    await work.flush()
    taken += len(served)
    if (seats, taken, set_apart) != (pool.purchased, pool.assigned, pool.set_apart):
        await queries.set_figures(work, account_id, pool_id, seats, taken, set_apart=set_apart)
