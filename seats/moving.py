"""Moving: people keep a seat of the workspace, of another pool.

The old seat is freed and the new one taken in one transaction: rows first, and the
counters of both pools last, in the order of their numbers. What the old pool paid for
stays its own, and goes to whoever waits there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError

from kernel.errors import InvalidInput, NotFound
from kernel.work import Work
from seats import events, leaving, queries, seating
from seats.leaving import SEATED
from seats.places import room, seated
from seats.seating import CONSUMING, AlreadySeated, PoolClosed, PoolExhausted, SeatSource
from seats.tables import Assignment, LicensePool

MOST_MOVED = 500
"""How many seats one call moves at most."""

MOVED = "moved to another pool"


async def move(work: Work, account_id: int, seats: Sequence[int], pool_id: int) -> list[Assignment]:
    """Give whoever holds these seats one of another pool instead: all of them, or nobody.

    Raises SeatNotHeld, AlreadySeated, PoolClosed, or PoolExhausted: a move buys nothing.
    """
    if not 1 <= len(set(seats)) == len(seats) <= MOST_MOVED:
        raise InvalidInput(f"One call moves 1 to {MOST_MOVED} seats, each of them once.")
    await queries.keep_members(work, account_id)
    pool, freed = await room(work, account_id, pool_id, len(seats))
    left = await queries.assignments(work, account_id, seats)
    if len(left) < len(seats):
        raise NotFound
    await _check(work, pool, left, leaving.for_all(freed, pool_id))

    waits = await queries.places_of(work, account_id, pool_id, [one.person_key for one in left])
    await work.reserve(3 * len(left))
    taken = {one.id: _taken(work, pool, one) for one in left}
    freed += await leaving.leave(work, waits, SEATED)
    freed += await leaving.leave(work, left, MOVED)
    await _sit(work, list(taken.values()))
    if not await leaving.count(work, account_id, {pool_id: len(left)}, freed):
        raise PoolExhausted(pool.purchased)
    return [taken[number] for number in seats]


async def _check(work: Work, pool: LicensePool, left: Sequence[Assignment], freed: int) -> None:
    if pool.closed_at:
        raise PoolClosed(pool.name)
    for one in left:
        seating.movable(one.state, CONSUMING)
    held = await queries.held_keys(work, pool.account_id, pool.id, [one.person_key for one in left])
    for one in left:
        if one.person_key in held:
            raise AlreadySeated(one.email)
    if pool.assigned + pool.set_apart - freed + len(left) > pool.purchased:
        raise PoolExhausted(pool.purchased, pool.set_apart)


def _taken(work: Work, pool: LicensePool, left: Assignment) -> Assignment:
    """The seat that somebody has instead, in the state that the old one was in."""
    taken = seated(work, pool, left.person_id, left.email, SeatSource.TRANSFER)
    taken.state, taken.suspended_at, taken.protected_at = left.state, left.suspended_at, left.protected_at
    taken.kept_since, taken.kept_until = left.kept_since, left.kept_until
    return taken


async def _sit(work: Work, taken: Sequence[Assignment]) -> None:
    for one in taken:
        work.add(one)
    try:
        await work.flush()
    except IntegrityError as conflict:
        if "one_seat_a_person" in str(conflict.orig):
            raise AlreadySeated(taken[0].email) from None
        raise
    for one in taken:
        work.emit(events.SeatAssigned(one.account_id, one.id, one.pool_id), one)
