"""Waiting: whoever wants a seat of a full pool stands in its line, which moves when a seat frees or is bought.

A place in the line takes no seat. Whoever frees seats or buys some moves the line in
the same transaction, after the pool is locked, so that no seat stays free while
somebody waits, and nobody who comes later is served first.
"""

from __future__ import annotations

from kernel.work import Work
from seats import events, queries
from seats.seating import SeatState


async def move_line(work: Work, account_id: int, pool_id: int) -> None:
    """Give what is free in a pool to those who wait for it, first come, first served.

    It locks the pool, so call it when everything else is done.
    """
    await queries.take_turn(work, account_id, pool_id)
    pool = await queries.pool(work, account_id, pool_id)
    free = pool.purchased - pool.assigned
    if pool.closed_at is not None or free <= 0:
        return
    served = await queries.first_waiting(work, account_id, pool_id, free)
    for assignment in served:
        # They sit from now on; how long they waited is in the audit log.
        assignment.state, assignment.since = SeatState.ACTIVE, work.now
        work.emit(events.SeatActivated(account_id, assignment.id, pool_id), assignment)
    await work.flush()
    if served:
        taken = await queries.take_seats(work, account_id, pool_id, len(served))
        assert taken, "seats that are free in a locked pool are there to be taken"
