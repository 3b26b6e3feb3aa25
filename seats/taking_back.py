"""Taking back: seats that nobody uses go by themselves, where a workspace wants it so, after two notices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from auth import queries as people
from auth.tables import Workspace
from kernel.work import Work
from seats import events, leaving, queries, reclaiming, reclaiming_queries
from seats.reclaiming import NOTICE, REMINDER, ReclaimStep, days_of
from seats.seating import Loss
from seats.tables import Assignment

MOST_NAMED = 500
"""How many seats a preview names at most."""


@dataclass(frozen=True, slots=True)
class Unused:
    """A seat that nobody uses."""

    seat_id: int
    last_used_at: datetime | None
    unused_since: datetime
    noticed_at: datetime | None
    reclaim_at: datetime
    step: ReclaimStep | None


@dataclass(frozen=True, slots=True)
class ReclaimPreview:
    """Whose seats would be taken back."""

    after_days: int | None
    count: int
    seats: list[Unused]


async def preview(work: Work, account_id: int, days: int | None) -> ReclaimPreview:
    """Whose seats would be taken back after so many days, or after as many as it is now; nothing changes."""
    after = days_of(days) or (await people.workspace(work, account_id)).reclaim_after_days
    found = []
    for idle in await reclaiming_queries.idle_in(work, account_id, after):
        step = reclaiming.step(idle, work.now)
        if idle.reclaim_at is None or step is ReclaimStep.FORGET or (step is None and idle.notice is None):
            continue
        at = reclaiming.announced(idle, work.now, NOTICE) if idle.notice is None else idle.reclaim_at
        told = idle.notice.noticed_at if idle.notice else None
        found.append(Unused(idle.sitting.seat_id, idle.sitting.last_used_at, idle.since, told, at, step))
    return ReclaimPreview(after, len(found), found[:MOST_NAMED])


async def change_policy(work: Work, account_id: int, days: int | None) -> Workspace:
    """Say after how many days without use seats are taken back from now on, if they are. Raises InvalidInput."""
    after = days_of(days)
    workspace = await people.workspace(work, account_id, lock=True)
    workspace.reclaim_after_days = after
    await work.flush()
    work.emit(events.ReclaimChanged(account_id, account_id), workspace)
    return workspace


async def take_step(work: Work, account_id: int, seat_id: int) -> None:
    """Do what is due about a seat that nobody uses: whoever came back keeps it. Done again, nothing changes."""
    idle = await reclaiming_queries.idle_of(work, account_id, seat_id)
    due = reclaiming.step(idle, work.now) if idle else None
    if idle is None or due is None:
        return
    seat = await queries.assignment(work, account_id, seat_id)
    if due is ReclaimStep.RECLAIM:
        freed = await leaving.leave(work, [seat], Loss.RECLAIMED)
        await leaving.count(work, account_id, {}, freed)
    elif due is ReclaimStep.FORGET:
        seat.reclaim_noticed_at = seat.reclaim_at = seat.reclaim_reminded_at = None
        await work.flush()
        work.emit(events.SeatReclaimForgotten(account_id, seat_id, seat.pool_id), seat)
    elif due is ReclaimStep.NOTICE:
        seat.reclaim_noticed_at, seat.reclaim_at = work.now, reclaiming.announced(idle, work.now, NOTICE)
        await _told(work, seat)
    else:
        seat.reclaim_reminded_at, seat.reclaim_at = work.now, reclaiming.announced(idle, work.now, REMINDER)
        await _told(work, seat)


async def _told(work: Work, seat: Assignment) -> None:
    await work.flush()
    work.emit(events.SeatReclaimAnnounced(seat.account_id, seat.id, seat.pool_id), seat)
