"""Keeping: the seat of somebody whom their directory deactivates waits for them, where the directory is told so.

They are no member meanwhile, so that they can't come in. The seat is suspended, and paid as any other. Whoever comes
back in time, whichever way, has it as it was; then it is free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime

from auth import queries as people
from kernel.work import Work
from seats import events, leaving, queries
from seats.leaving import SEATED, Freed
from seats.seating import SeatState
from seats.tables import Assignment

_Told = type[events.SeatSuspended | events.SeatResumed | events.SeatKeepingChanged]

LATE = "not back in time"
"""Why a seat is released that was kept."""


async def keep(work: Work, seats: Iterable[Assignment], until: datetime) -> None:
    """Keep the active and suspended seats of somebody who leaves, until then."""
    for seat in seats:
        seat.kept_since, seat.kept_until = work.now, until
        told: _Told = events.SeatKeepingChanged
        if seat.state is SeatState.ACTIVE:
            seat.state, seat.suspended_at, told = SeatState.SUSPENDED, work.now, events.SeatSuspended
        work.emit(told(seat.account_id, seat.id, seat.pool_id), seat)
    await work.flush()


async def take_up(work: Work, account_id: int, person_id: int, taken: Collection[int] = ()) -> Freed:
    """Give a member back the seats that were kept for them, but in pools where they have `taken` another by now.

    A seat that was suspended before they left stays so. What is too late is given up, and yet to count.
    """
    kept = await queries.kept_seats(work, account_id, person_id)
    seated = [seat for seat in kept if seat.pool_id in {*taken}]
    late = [seat for seat in kept if seat not in seated and _is_late(seat, work.now)]
    back = [seat for seat in kept if seat not in seated and seat not in late]
    for seat in back:
        told: _Told = events.SeatKeepingChanged
        if seat.suspended_at == seat.kept_since:
            seat.state, seat.suspended_at, told = SeatState.ACTIVE, None, events.SeatResumed
        seat.kept_since = seat.kept_until = None
        work.emit(told(account_id, seat.id, seat.pool_id), seat)
    await work.flush()
    return await leaving.leave(work, seated, SEATED) + await leaving.leave(work, late, LATE)


async def give_up(work: Work, account_id: int, person_id: int, reason: str) -> None:
    """Free the seats that are kept for somebody who is not coming back."""
    kept = await queries.kept_seats(work, account_id, person_id)
    await leaving.count(work, account_id, {}, await leaving.leave(work, kept, reason))


async def settle(work: Work, account_id: int, most: int) -> None:
    """Free the seats of a workspace that were kept for people who are not back in time; done again, nothing changes.

    Whoever is a member again by single sign-on has theirs. All of them take turns on the workspace.
    """
    await people.workspace(work, account_id, lock=True)
    freed: Freed = Counter()
    for person_id in await queries.back_again(work, account_id, most):
        freed += await take_up(work, account_id, person_id)
    late = await queries.kept_overdue(work, account_id, work.now, most)
    await leaving.count(work, account_id, {}, freed + await leaving.leave(work, late, LATE))


def _is_late(seat: Assignment, now: datetime) -> bool:
    return seat.kept_until is not None and seat.kept_until <= now
