"""Leaving: seats are given up, and the counters of their pools follow.

The rows come first and the counters last, pool after pool in the order of their
numbers. Whoever both frees and takes seats counts once, at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from kernel.work import Work
from seats import events, queries, waiting
from seats.seating import CONSUMING, SeatState
from seats.tables import Assignment

SEATED = "has a seat now"
"""Why a place in a line is given up whose holder came to a seat in another way."""

Freed = Counter[int]
"""How many seats of which pools were given up and are still counted."""


async def leave(work: Work, assignments: Iterable[Assignment], reason: str) -> Freed:
    """Release seats; the counters have yet to follow."""
    freed: Freed = Counter()
    for assignment in assignments:
        freed[assignment.pool_id] += assignment.state in CONSUMING
        if assignment.state is SeatState.WAITLISTED:
            # Who only waited never sat: their span is empty.
            assignment.since = work.now
        assignment.state, assignment.released_at, assignment.release_reason = SeatState.RELEASED, work.now, reason
        work.emit(events.SeatReleased(assignment.account_id, assignment.id, assignment.pool_id), assignment)
    await work.flush()
    return freed


async def count(work: Work, account_id: int, taken: Mapping[int, int], freed: Freed) -> bool:
    """Let the counters follow what was taken and freed; False when there is no room for what was taken.

    What is free then goes to those who wait. Call it last: it keeps the pools locked
    until the transaction ends.
    """
    for pool_id in sorted(taken.keys() | freed.keys()):
        more = taken.get(pool_id, 0) - freed[pool_id]
        if more > 0 and not await queries.take_seats(work, account_id, pool_id, more):
            return False
        if more < 0:
            await waiting.move_line(work, account_id, pool_id, freed=-more)
    return True
