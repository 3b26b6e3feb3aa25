"""Buying seats, giving them back, and renewing: where a pool and its subscription item move together.

More seats are there at once, and paid for as the account collects. Fewer take
effect at renewal: until then what is paid can be used, so seats that are taken
up again cost nothing. When a decrease takes effect, nobody who sits is put out:
the quantity is what was asked for, or what is taken.
"""

from __future__ import annotations

from auth.tables import Account
from billing import changes
from billing.changes import Wish
from billing.charging import Bill
from billing.tables import Invoice, ScheduledChange
from kernel.work import Work
from seats import events, queries
from seats.seating import PoolClosed
from seats.tables import LicensePool


async def preview(work: Work, account: Account, pool_id: int, seats: int) -> Bill:
    """The document that buying up to so many seats would make now."""
    pool = await _open(work, account.id, pool_id)
    return await changes.preview(work, account, pool.subscription_id, Wish(pool.subscription_item_id, quantity=seats))


async def resize(
    work: Work, account: Account, pool_id: int, seats: int, reason: str | None
) -> tuple[LicensePool, Invoice | None, ScheduledChange | None]:
    """Have so many seats: more at once, fewer from the next period on. Raises billing's refusals, or PoolClosed."""
    pool = await _open(work, account.id, pool_id)
    wish = Wish(pool.subscription_item_id, quantity=seats)
    if seats < pool.purchased:
        return pool, None, await changes.schedule(work, account, pool.subscription_id, wish, reason)
    # Asking for as many again, or for more, takes back a decrease that was waiting.
    waited = await changes.replace_pending(work, account.id, pool.subscription_id, pool.subscription_item_id)
    if waited and seats == pool.purchased:
        return pool, None, None
    _, invoice = await changes.change(work, account, pool.subscription_id, wish)
    await _set(work, pool, seats)
    return await queries.pool(work, account.id, pool_id), invoice, None


async def renew(work: Work, account: Account, subscription_id: int) -> Invoice | None:
    """Begin the next period of a subscription, with the pools it pays for."""
    pools = await queries.pools_to_change(work, account.id, subscription_id)
    least = {pool.subscription_item_id: pool.assigned for pool in pools}
    invoice = await changes.renew(work, account, subscription_id, least)
    quantities = await queries.quantities(work, account.id, subscription_id)
    for pool in pools:
        quantity = quantities[pool.subscription_item_id]
        if quantity != pool.purchased:
            await _set(work, pool, quantity)
    return invoice


async def _open(work: Work, account_id: int, pool_id: int) -> LicensePool:
    pool = await queries.pool(work, account_id, pool_id)
    if pool.closed_at:
        raise PoolClosed(pool.name)
    return pool


async def _set(work: Work, pool: LicensePool, seats: int) -> None:
    before = {"purchased": pool.purchased}
    await queries.set_purchased(work, pool.account_id, pool.id, seats)
    work.emit(events.PoolResized(pool.account_id, pool.id), before=before, after={"purchased": seats})
