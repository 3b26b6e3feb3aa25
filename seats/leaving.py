"""Leaving: seats are given up, and the counters of their pools follow.

The rows come first and the counters last, pool after pool in the order of their
numbers. Whoever both frees and takes seats counts once, at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from kernel import rows
from kernel.work import Work
from seats import events, place_queries, queries, seat_group_queries, waiting
from seats.seating import CONSUMING, Loss, SeatState
from seats.tables import Assignment

SEATED = "has a seat now"
"""Why a place in a line is given up whose holder came to a seat in another way."""

Freed = Counter[int]
"""How many seats of which pools were given up and are still counted.

A seat of a group counts twice more, under negative numbers that no pool has: its group's, and
its pool's, whose seats that are set apart for groups it is one of again.
"""


def of_group(pool_id: int, group_id: int) -> Freed:
    """One seat of a group, as it counts."""
    return Counter((pool_id, -pool_id, -group_id))


def for_all(freed: Freed, pool_id: int) -> int:
    """How many of the seats that were given up are for everybody."""
    return freed[pool_id] - freed[-pool_id]


async def leave(work: Work, assignments: Iterable[Assignment], reason: str) -> Freed:
    """Release seats, for a Loss or a reason somebody had; the counters have yet to follow."""
    freed: Freed = Counter()
    gone = list(assignments)
    if not gone:
        return freed
    await work.flush()
    await place_queries.leave(work, gone[0].account_id, [one.id for one in gone], reason, _loss(reason))
    for one in gone:
        freed[one.pool_id] += one.state in CONSUMING
        if one.seat_group_id is not None and one.state in CONSUMING:
            freed.update((-one.pool_id, -one.seat_group_id))
        left(work, one, reason)
    return freed


def left(work: Work, seat: Assignment, reason: str) -> None:
    """Know of a seat that it is released, and tell of it; a statement has written it, or is about to."""
    became = {"state": SeatState.RELEASED, "released_at": work.now, "release_reason": str(reason)}
    if _loss(reason):
        became["loss"] = reason
    if seat.state is SeatState.WAITLISTED:
        became["since"] = work.now
    before, after = rows.became(seat, became)
    work.emit(events.SeatReleased(seat.account_id, seat.id, seat.pool_id), before=before, after=after)


def _loss(reason: str) -> Loss | None:
    """What somebody wrote is none, whatever they wrote."""
    return reason if isinstance(reason, Loss) else None


async def count(work: Work, account_id: int, taken: Mapping[int, int], freed: Freed) -> bool:
    """Let the counters follow what was taken and freed; False when there is no room for what was taken.

    What is free then goes to those who wait. Call it last: it keeps the seat groups and the
    pools locked until the transaction ends, the groups first.
    """
    more = {number: taken.get(number, 0) - freed[number] for number in sorted(taken.keys() | freed.keys())}
    groups = [-number for number in more if number < 0 and -number not in more]
    for group_id in sorted(groups):
        if not await seat_group_queries.count_seats(work, account_id, group_id, more[-group_id]):
            return False
    for pool_id in [number for number in more if number > 0]:
        if not await _count(work, account_id, pool_id, more[pool_id], -more.get(-pool_id, 0)):
            return False
    return True


async def free(work: Work, account_id: int, assignments: Iterable[Assignment], reason: str) -> None:
    """Release seats, and let the counters follow."""
    await count(work, account_id, {}, await leave(work, assignments, reason))


async def _count(work: Work, account_id: int, pool_id: int, more: int, apart: int) -> bool:
    """Let a pool count so many more seats as taken, and as set apart; False when there is no room for them."""
    if more > 0 or apart > -more:
        return await queries.take_seats(work, account_id, pool_id, more, apart)
    if more or apart:
        await waiting.move_line(work, account_id, pool_id, freed=-more, apart=apart)
    return True
