"""Buying seats, giving them back, and renewing: where a pool and its subscription item move together.

More seats are there at once, and paid for as the account collects. Fewer take
effect at renewal: until then what is paid can be used, so seats that are taken
up again cost nothing. When a decrease takes effect, nobody who sits is put out:
the quantity is what was asked for, or what is taken.
"""

from __future__ import annotations

from auth import queries as people
from auth.tables import Account
from billing import changes, previews
from billing import queries as billing
from billing.changes import PriceNotForSubscription, Wish
from billing.charging import Bill
from billing.tables import Invoice, ScheduledChange
from kernel.errors import InvalidInput
from kernel.work import Work
from seats import events, queries
from seats.seating import PoolClosed
from seats.tables import LicensePool


async def preview(work: Work, account: Account, pool_id: int, seats: int) -> tuple[Bill, Wish, ScheduledChange | None]:
    """What so many seats would bill now, what is wished, and the change that would wait for fewer of them."""
    pool = await _open(work, account.id, pool_id)
    wish = Wish(pool.subscription_item_id, quantity=seats)
    if seats < pool.purchased:
        billed, waits = await previews.scheduling(work, account, pool.subscription_id, wish)
        return billed, wish, waits
    waiting = await billing.pending(work, account.id, pool.subscription_id)
    if seats == pool.purchased and any(changes.gives_way(change, wish) for change in waiting):
        return await previews.unchanged(work, account, pool.subscription_id), wish, None
    return await changes.preview(work, account, pool.subscription_id, wish), wish, None


async def resize(
    work: Work, account: Account, pool_id: int, seats: int, reason: str | None
) -> tuple[LicensePool, Invoice | None, ScheduledChange | None]:
    """Have so many seats: more at once, fewer from the next period on. Raises billing's refusals, or PoolClosed."""
    pool = await _open(work, account.id, pool_id)
    # Whoever changes or renews waits for the clock first, and only then looks how many seats there are.
    await billing.take_clock(work, account.id, pool.subscription_id)
    pool = await _open(work, account.id, pool_id)
    wish = Wish(pool.subscription_item_id, quantity=seats)
    if seats < pool.purchased:
        return pool, None, await changes.schedule(work, account, pool.subscription_id, wish, reason)
    # Asking for as many again, or for more, takes back a decrease that was waiting.
    waited = await changes.replace_pending(work, account.id, pool.subscription_id, wish)
    if waited and seats == pool.purchased:
        return pool, None, None
    _, invoice = await changes.change(work, account, pool.subscription_id, wish)
    await _set(work, pool, seats)
    return await queries.pool(work, account.id, pool_id), invoice, None


async def check(work: Work, account_id: int, subscription_id: int, wish: Wish) -> None:
    """Refuse what would part a pool from the item that pays for it: its seats are changed with the pool.

    Raises InvalidInput, or PriceNotForSubscription for a price of another plan.
    """
    pools = await queries.pools_of(work, account_id, subscription_id)
    pool = next((pool for pool in pools if pool.subscription_item_id == wish.item_id), None)
    if pool is None:
        return
    if wish.quantity is not None:
        raise InvalidInput("This item pays for the seats of a pool: change them with changeSeats.")
    if wish.price_id is not None and (await billing.offer(work, wish.price_id))[2].id != pool.plan_id:
        raise PriceNotForSubscription("of another plan than the pool's")


async def taken(work: Work, account_id: int, subscription_id: int) -> dict[int, int]:
    """How many seats are taken of each item that pays for a pool."""
    pools = await queries.pools_of(work, account_id, subscription_id)
    return {pool.subscription_item_id: pool.assigned for pool in pools}


async def renew(work: Work, account: Account, subscription_id: int) -> Invoice | None:
    """Begin the next period of a subscription, with the pools it pays for."""
    await billing.take_clock(work, account.id, subscription_id)
    pools = await queries.pools_to_change(work, account.id, subscription_id)
    least = {pool.subscription_item_id: pool.assigned for pool in pools}
    invoice = await changes.renew(work, account, subscription_id, least)
    quantities = await queries.quantities(work, account.id, subscription_id)
    for pool in pools:
        quantity = quantities[pool.subscription_item_id]
        if quantity != pool.purchased:
            await _set(work, pool, quantity)
    return invoice


async def begin_next(work: Work, account_id: int, subscription_id: int) -> None:
    """Begin the next period of a subscription, when it is due."""
    await renew(work, await people.account(work, account_id), subscription_id)


async def _open(work: Work, account_id: int, pool_id: int) -> LicensePool:
    pool = await queries.pool(work, account_id, pool_id)
    if pool.closed_at:
        raise PoolClosed(pool.name)
    return pool


async def _set(work: Work, pool: LicensePool, seats: int) -> None:
    before = {"purchased": pool.purchased}
    await queries.set_purchased(work, pool.account_id, pool.id, seats)
    work.emit(events.PoolResized(pool.account_id, pool.id), before=before, after={"purchased": seats})
