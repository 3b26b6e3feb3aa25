"""Releasing: where a workspace wants it so, seats go that are too many when a pool becomes smaller.

Which ones is decided when the decrease takes effect, and not when it was asked for.
Whoever is chosen is locked before the pool is, as whoever frees a seat does it; whoever
sat down meanwhile is looked at once more, without waiting for anybody, when nobody can
sit down any more. A preview names those who would go now.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth import queries as people
from auth.tables import Workspace
from billing import fact_queries
from billing import queries as billing
from kernel.errors import InvalidInput
from kernel.work import Work
from seats import events, leaving, queries, seating, shrinking, shrinking_queries
from seats.leaving import Freed
from seats.overage import MOST_SEATS
from seats.seating import CONSUMING, Loss
from seats.shrinking import DecreasePolicy, ReleaseReason, Sitting
from seats.tables import Assignment, LicensePool

ANNOUNCED_AHEAD = timedelta(days=7)
"""How long before a pool becomes smaller than what is taken whoever looks after it is told, every day."""

ANNOUNCED_EVERY = timedelta(days=1)

MOST_NAMED = 500
"""How many seats a preview names at most."""


@dataclass(frozen=True, slots=True)
class Going:
    """A seat that would go."""

    seat_id: int
    reason: ReleaseReason
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReleasePreview:
    """What fewer seats would come to, if they took effect now."""

    pool_id: int
    policy: DecreasePolicy
    wanted: int
    """How many seats the pool is to have."""

    at: datetime | None
    """When that takes effect, if it waits already."""

    too_many: int
    """How many are taken beyond them."""

    remaining: int
    """How many seats the pool would have."""

    going: list[Going]


async def preview(work: Work, account_id: int, pool_id: int, seats: int | None, *, names: bool) -> ReleasePreview:
    """What so many seats would come to, or those that wait; with names, which seats would go. It locks nothing."""
    pool = await queries.pool(work, account_id, pool_id)
    waiting = await shrinking_queries.waiting_for(work, account_id, pool_id)
    wanted = seats if seats is not None else waiting[0] if waiting else pool.purchased
    if not 0 <= wanted <= MOST_SEATS:
        raise InvalidInput(f"A pool has 0 to {MOST_SEATS:,} seats; {wanted:,} were given.")
    policy = await shrinking_queries.policy(work, account_id)
    too_many = max(pool.assigned - wanted, 0)
    gone: list[Sitting] = []
    if policy is DecreasePolicy.AUTO_RELEASE and too_many:
        gone = shrinking.leaving(await shrinking_queries.sitting(work, account_id, pool_id), too_many)
    going = [Going(one.seat_id, shrinking.reason(one), one.last_used_at) for one in gone[:MOST_NAMED] if names]
    at = waiting[1] if waiting and waiting[0] == wanted else None
    return ReleasePreview(pool_id, policy, wanted, at, too_many, max(wanted, pool.assigned - len(gone)), going)


async def make_room(work: Work, account_id: int, subscription_id: int) -> tuple[list[LicensePool], Freed]:
    """The pools of a subscription whose next period begins, locked; what was freed in them is yet to count.

    Whoever calls it has the subscription's clock.
    """
    wanted = await _wanted(work, account_id, subscription_id)
    freed: Freed = Counter()
    for pool in await queries.pools_of(work, account_id, subscription_id) if wanted else []:
        too_many = pool.assigned - wanted.get(pool.subscription_item_id, pool.assigned)
        freed += await _free(work, pool, too_many, wait=True)
    pools = await queries.pools_to_change(work, account_id, subscription_id)
    for pool in pools if wanted else []:
        too_many = pool.assigned - freed[pool.id] - wanted.get(pool.subscription_item_id, pool.assigned)
        freed += await _free(work, pool, too_many, wait=False)
    return pools, freed


async def _wanted(work: Work, account_id: int, subscription_id: int) -> dict[int, int]:
    """How many units the items are to have once what is due takes effect, where seats that are too many go then."""
    if await shrinking_queries.policy(work, account_id) is not DecreasePolicy.AUTO_RELEASE:
        return {}
    clock = await fact_queries.clock(work, account_id, subscription_id, lock=True)
    if clock.due_at > work.now or clock.held:
        return {}
    subscription = await billing.subscription(work, account_id, subscription_id)
    if subscription.ended_at or (subscription.cancel_at and subscription.cancel_at <= clock.due_at):
        return {}
    due = await billing.pending(work, account_id, subscription_id)
    return {
        one.item_id: one.quantity
        for one in due
        if one.due_at <= clock.due_at and one.item_id is not None and one.quantity is not None
    }


async def _free(work: Work, pool: LicensePool, too_many: int, *, wait: bool) -> Freed:
    """Release as many seats of a pool as are too many, as far as any may go."""
    if too_many <= 0:
        return Counter()
    gone = shrinking.leaving(await shrinking_queries.sitting(work, pool.account_id, pool.id), too_many)
    chosen = {one.seat_id: one for one in gone}
    locked = await shrinking_queries.taken(work, pool.account_id, list(chosen), wait=wait)
    # Whoever came back, became an owner or moved to a group while their seat was waited for keeps it.
    still = await shrinking_queries.sitting(work, pool.account_id, pool.id) if locked else []
    going = {one.seat_id for one in still if one == chosen.get(one.seat_id)}
    return await leaving.leave(work, [seat for seat in locked if seat.id in going], Loss.DECREASED)


async def change_policy(work: Work, account_id: int, policy: DecreasePolicy) -> Workspace:
    """Say what becomes of taken seats when a pool is to have fewer, from now on."""
    workspace = await people.workspace(work, account_id, lock=True)
    workspace.decrease = policy.value
    await work.flush()
    work.emit(events.DecreaseChanged(account_id, account_id), workspace)
    return workspace


async def protect(work: Work, account_id: int, seat_id: int, *, protected: bool) -> Assignment:
    """Keep a seat from being released by itself, or no longer. Raises SeatNotHeld."""
    seat = await queries.assignment(work, account_id, seat_id)
    seating.movable(seat.state, CONSUMING)
    seat.protected_at = (seat.protected_at or work.now) if protected else None
    await work.flush()
    kind = events.SeatProtected if protected else events.SeatUnprotected
    work.emit(kind(account_id, seat.id, seat.pool_id), seat)
    return seat


async def announce(work: Work, account_id: int, change_id: int) -> None:
    """Tell, at most once a day, that a pool is about to become smaller than what is taken of it."""
    due = await shrinking_queries.announced(work, account_id, change_id, ANNOUNCED_EVERY)
    if due is not None:
        event = events.PoolDecreaseAnnounced(account_id, due.pool_id)
        work.emit(event, after={"seats": due.seats, "taken": due.taken, "at": due.at.isoformat()})
