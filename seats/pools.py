"""Pools: bought with a subscription, opened for one that came over, and closed when it ends."""

from __future__ import annotations

from auth import queries as people
from auth.operations import named
from auth.tables import Account
from billing import queries as billing
from billing import subscriptions
from billing.tables import SubscriptionItem
from kernel.work import Work
from seats import events, leaving, queries, seat_group_queries
from seats.seating import Loss
from seats.tables import LicensePool


async def create_pool(
    work: Work, account: Account, price_id: int, seats: int, name: str, *, code: str | None = None
) -> LicensePool:
    """Buy seats: a subscription with one item, and the pool it pays for. Raises billing's refusals."""
    name = named(name, what="A pool's name")
    _, item = await subscriptions.subscribe(work, account, price_id, seats, code)
    _, version, plan = await billing.offer(work, price_id)
    if not version.seats:
        raise subscriptions.PlanNotOffered(plan.key, "not sold per seat")
    return await _opened(work, item, name)


async def open_pools(work: Work, account_id: int, subscription_id: int) -> None:
    """Give a subscription that came over the pools its seats are in, unless it has them."""
    subscription = await billing.subscription(work, account_id, subscription_id)
    if subscription.ended_at:
        return
    known = {pool.subscription_item_id for pool in await queries.pools_of(work, account_id, subscription_id)}
    for item in await billing.items(work, account_id, subscription_id):
        price, version, plan = await billing.offer(work, item.price_id)
        if version.seats is None or price.meter or item.id in known:
            continue
        await _opened(work, item, plan.name["en"])


async def _opened(work: Work, item: SubscriptionItem, name: str) -> LicensePool:
    """A new pool, with the seats that an item pays for."""
    pool = LicensePool(
        account_id=item.account_id,
        id=work.new_id(),
        name=name,
        plan_id=item.plan_id,
        subscription_id=item.subscription_id,
        subscription_item_id=item.id,
        purchased=item.quantity,
        created_at=work.now,
    )
    work.add(pool)
    await work.flush()
    work.emit(events.PoolCreated(pool.account_id, pool.id), pool)
    return pool


async def close_pools(work: Work, account_id: int, subscription_id: int) -> None:
    """Free every seat that an ended subscription paid for; doing it again changes nothing.

    The workspace is locked first, as whoever seats somebody shares it: nobody sits down meanwhile.
    """
    if not await queries.pools_of(work, account_id, subscription_id):
        return
    await people.workspace(work, account_id, lock=True)
    for pool in await queries.pools_of(work, account_id, subscription_id):
        freed = await _close(work, pool)
        before = {"assigned": freed, "closed_at": None}
        after = {"assigned": 0, "closed_at": work.now.isoformat()}
        work.emit(events.PoolClosed(account_id, pool.id), before=before, after=after)


async def _close(work: Work, pool: LicensePool) -> int:
    """Free every seat and close the pool, with its groups. How many there were."""
    seats = await queries.taken_seats(work, pool.account_id, pool.id)
    for group in await seat_group_queries.groups_of(work, pool.account_id, pool.id):
        group.allocation, group.assigned, group.removed_at = 0, 0, work.now
        await seat_group_queries.dismiss_all(work, pool.account_id, group_id=group.id)
    freed = (await leaving.leave(work, seats, Loss.ENDED))[pool.id]
    closed = await queries.close(work, pool.account_id, pool.id, freed, work.now)
    assert closed, "somebody sat down in a locked workspace"
    return freed
