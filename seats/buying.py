"""Buying seats, giving them back, and renewing: where a pool and its subscription item move together.

More seats are there at once, and billed when the account collects. Fewer take
effect at renewal: until then what is paid can be used, so seats that are taken
up again cost nothing. Where the plan credits at once, as many as are free go now.
When a decrease takes effect, nobody who sits is put out, unless the workspace chose
that: the quantity is what was asked for, or what is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from auth import queries as people
from auth.tables import Account
from billing import changes, previews, subscriptions
from billing import fact_queries as facts
from billing import queries as billing
from billing.changes import PriceNotForSubscription, Wish
from billing.charging import Bill
from billing.collecting import SeatCollection, collected_at, grown_far
from billing.facts import Facts
from billing.pricing import Decrease
from billing.subscriptions import CancelAt
from billing.tables import Invoice, ScheduledChange, Subscription, SubscriptionClock
from kernel.errors import InvalidInput
from kernel.rows import became
from kernel.work import Work
from seats import events, place_queries, queries, releasing, seat_group_queries, waiting
from seats.allotting import SeatsSetApart
from seats.seating import PoolClosed
from seats.tables import LicensePool

UNPAID = "It was not paid."
"""Why a subscription ends whose invoice was never paid."""


@dataclass(frozen=True, slots=True)
class Resized:
    """What came of another number of seats."""

    pool: LicensePool
    invoice: Invoice | None = None
    waiting: ScheduledChange | None = None
    """What takes effect at renewal: fewer seats than could be given back now."""

    collected_at: datetime | None = None
    """When what they cost is billed at the latest; None for what is billed already, and for nothing."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What another number of seats would come to, and what would wait for the end of the period."""

    billed: Bill
    wish: Wish
    waits: ScheduledChange | None = None
    collected_at: datetime | None = None
    """When it would be billed at the latest; None for at once."""


async def preview(work: Work, account: Account, pool_id: int, seats: int, *, by_itself: bool = False) -> Quote:
    """What so many seats would bill, and when, bought by somebody or by itself. Raises the refusals of `resize`."""
    subscriptions.quantity_of(seats)
    pool = await _open(work, account.id, pool_id)
    await _keep_groups(work, pool, seats)
    wish = Wish(pool.subscription_item_id, quantity=seats)
    known = await changes.standing(work, account.id, pool.subscription_id, lock=False)
    now = _possible_now(known, pool, seats)
    if seats == now == pool.purchased and any(changes.gives_way(due, wish) for due in _pending(known)):
        return Quote(Bill(known, None, work.now), wish)
    quote = await _waiting_for(work, account, known, wish) if seats != now else None
    if quote and now == pool.purchased:
        return quote
    billed = await changes.preview(work, account, pool.subscription_id, replace(wish, quantity=now), known=known)
    later_at = await _collected_at(work, account, known, pool, now, by_itself=by_itself)
    return Quote(billed, wish, quote.waits if quote else None, later_at)


async def _waiting_for(work: Work, account: Account, known: Facts, wish: Wish) -> Quote:
    billed, waits = await previews.scheduling(work, account, known.subscription.id, wish, known=known)
    return Quote(billed, wish, waits)


async def resize(
    work: Work,
    account: Account,
    pool_id: int,
    seats: int,
    reason: str | None,
    *,
    kept: int = 0,
    by_itself: bool = False,
) -> Resized:
    """Have so many seats: more at once, fewer from the next period on. Raises billing's refusals, or PoolClosed.

    Those `kept` are for whom they are bought, and go to nobody who waits. Seats that a pool
    buys `by_itself` are billed at once where it has grown far; what somebody buys, as the account chose.
    """
    subscriptions.quantity_of(seats)
    # Whoever changes or renews waits for the clock first, and only then looks how many seats there are.
    number, due_at = await queries.take_clock(work, account.id, pool_id)
    if due_at <= work.now:
        await begin_due(work, account, number)
    pool = await _open(work, account.id, pool_id)
    # All that is to be read comes before the pool is locked: of the subscription nothing moves behind its clock.
    known = await changes.locked(work, account.id, pool.subscription_id)
    now = _possible_now(known, pool, seats)
    if now < pool.purchased:
        # Where none is free to be given back at once, nothing of the pool changes now, and nobody has to wait.
        pool = _sold(await queries.pool_in_turn(work, account.id, pool_id))
        now = max(seats, pool.assigned)
    await _keep_groups(work, pool, seats)
    # Asking for as many again, or for more, takes back a decrease that was waiting.
    wish = Wish(pool.subscription_item_id, quantity=seats)
    waited = await changes.replace_pending(work, account.id, pool.subscription_id, wish, known=known)
    done = Resized(pool)
    if now != pool.purchased or (seats == now and not waited):
        later_at = await _collected_at(work, account, known, pool, now, by_itself=by_itself)
        done = await _resize_now(work, account, pool, known, now, kept=kept, later_at=later_at)
    if seats == now:
        return done
    return replace(done, waiting=await changes.schedule(work, account, pool.subscription_id, wish, reason))


async def _resize_now(
    work: Work,
    account: Account,
    pool: LicensePool,
    known: Facts,
    seats: int,
    *,
    kept: int,
    later_at: datetime | None,
) -> Resized:
    wish = Wish(pool.subscription_item_id, quantity=seats)
    later = later_at is not None
    _, invoice = await changes.change(work, account, pool.subscription_id, wish, later=later, known=known)
    owes = later_at and _clock(known).unbilled_since
    await _set_at_last(work, pool, seats, kept)
    return Resized(pool, invoice, collected_at=later_at if owes else None)


async def _keep_groups(work: Work, pool: LicensePool, seats: int) -> None:
    """Refuse fewer seats than belong to the groups of a pool. Raises SeatsSetApart."""
    if seats < pool.purchased:
        allocated, _ = await seat_group_queries.allocated(work, pool.account_id, pool.id)
        if seats < allocated:
            raise SeatsSetApart(allocated, seats)


def _possible_now(known: Facts, pool: LicensePool, seats: int) -> int:
    """How many seats there are at once when so many are wanted: fewer only where the plan credits them."""
    if seats >= pool.purchased:
        return seats
    (item,) = (item for item in known.items if item.id == pool.subscription_item_id)
    return max(seats, pool.assigned) if known.prices[item.price_id].decrease is Decrease.NOW else pool.purchased


async def _collected_at(
    work: Work, account: Account, known: Facts, pool: LicensePool, seats: int, *, by_itself: bool
) -> datetime | None:
    """When a change of a pool to so many seats is billed at the latest; None for at once.

    So is everything when a renewal is overdue, and what a pool buys by itself once it has grown far.
    """
    how, due_at = SeatCollection(account.seat_collection), _clock(known).due_at
    if how is SeatCollection.IMMEDIATELY or due_at <= work.now:
        return None
    if by_itself and grown_far(await facts.began_with(work, account.id, pool.subscription_item_id), seats):
        return None
    return collected_at(how, work.now, due_at, account.time_zone)


def _clock(known: Facts) -> SubscriptionClock:
    assert known.standing is not None, "whoever buys has asked how it stands"
    return known.standing.clock


def _pending(known: Facts) -> list[ScheduledChange]:
    assert known.standing is not None, "whoever buys has asked how it stands"
    return known.standing.pending


async def check(work: Work, account_id: int, subscription_id: int, wish: Wish) -> None:
    """Refuse what would part a pool from the item that pays for it: its seats are changed with the pool.

    Raises InvalidInput, or PriceNotForSubscription for a price of another plan.
    """
    pools = await queries.pools_of(work, account_id, subscription_id)
    pool = next((pool for pool in pools if pool.subscription_item_id == wish.item_id), None)
    if pool is None:
        return
    if wish.drop:
        raise InvalidInput("This item pays for the seats of a pool: cancel its subscription instead.")
    if wish.quantity is not None:
        raise InvalidInput("This item pays for the seats of a pool: change them with changeSeats.")
    if wish.price_id is not None and (await billing.offer(work, wish.price_id))[2].id != pool.plan_id:
        raise PriceNotForSubscription("of another plan than the pool's")


async def taken(work: Work, account_id: int, subscription_id: int) -> dict[int, int]:
    """How many seats are taken of each item that pays for a pool."""
    pools = await queries.pools_of(work, account_id, subscription_id)
    return {pool.subscription_item_id: pool.assigned for pool in pools}


async def renew(work: Work, account: Account, subscription_id: int) -> list[Invoice]:
    """Begin the next period of a subscription, with the pools it pays for; whoever renews calls this.

    An account that wants one invoice has all of its subscriptions that are due on that
    day begun with it, once the last of them is due, and one invoice for each currency.
    """
    together = [subscription_id]
    if account.one_invoice:
        together = await billing.due_together(work, account.id, subscription_id)
    bills = [billed for number in together if (billed := await _begun(work, account, number))]
    return await changes.renewed(work, account, bills)


async def _begun(work: Work, account: Account, subscription_id: int) -> Bill | None:
    await billing.take_clock(work, account.id, subscription_id)
    pools, freed = await releasing.make_room(work, account.id, subscription_id)
    least = {pool.subscription_item_id: pool.assigned - freed[pool.id] for pool in pools}
    billed = await changes.begun(work, account, subscription_id, least)
    await work.flush()
    quantities = await queries.quantities(work, account.id, subscription_id)
    for pool in pools:
        quantity = quantities[pool.subscription_item_id]
        if quantity != pool.purchased:
            await _set(work, pool, quantity, freed=freed[pool.id])
    return billed


async def begin_due(work: Work, account: Account, subscription_id: int) -> None:
    """Begin every period that is due, so that what waited for it comes before whatever is changed now."""
    if await billing.take_clock(work, account.id, subscription_id) > work.now:
        return
    while await billing.is_due(work, account.id, subscription_id):
        begun = await _begun(work, account, subscription_id)
        await changes.renewed(work, account, [begun] if begun else [])


async def cancel(
    work: Work,
    account: Account,
    subscription_id: int,
    at: CancelAt,
    reason: str | None,
    *,
    credit: bool = False,
) -> Subscription:
    """End a subscription now, or when its period does, once every period that has begun is billed.

    Raises `subscriptions.cancel`'s refusals.
    """
    await begin_due(work, account, subscription_id)
    return await subscriptions.cancel(work, account.id, subscription_id, at, reason, credit=credit)


async def cancel_unpaid(work: Work, account_id: int, subscription_ids: Iterable[int]) -> None:
    """End subscriptions now that were never paid, but for those that have ended already."""
    account = await people.account(work, account_id)
    for number in subscription_ids:
        await billing.take_clock(work, account_id, number)
        if (await billing.subscription(work, account_id, number)).ended_at is None:
            await cancel(work, account, number, CancelAt.NOW, UNPAID)


async def begin_next(work: Work, account_id: int, subscription_id: int) -> None:
    """Begin the next period of a subscription, when it is due."""
    await renew(work, await people.account(work, account_id), subscription_id)


async def _open(work: Work, account_id: int, pool_id: int) -> LicensePool:
    return _sold(await queries.pool(work, account_id, pool_id))


def _sold(pool: LicensePool) -> LicensePool:
    if pool.closed_at:
        raise PoolClosed(pool.name)
    return pool


async def _set_at_last(work: Work, pool: LicensePool, seats: int, kept: int) -> None:
    """The same in the round trip that commits, so that the pool is locked for no other; unless somebody waits."""
    call = place_queries.resized(pool, seats)

    async def step_by_step(_: str) -> None:
        met = _sold(await queries.pool_in_turn(work, pool.account_id, pool.id))
        became(pool, {"purchased": met.purchased})
        await _set(work, pool, seats, kept)

    _tell(work, pool, seats, grown=kept > 0)
    became(pool, {"purchased": seats})
    await work.at_last(call, step_by_step)


def _tell(work: Work, pool: LicensePool, seats: int, *, grown: bool) -> None:
    event = events.PoolResized(pool.account_id, pool.id, grown=grown)
    work.emit(event, before={"purchased": pool.purchased}, after={"purchased": seats})


async def _set(work: Work, pool: LicensePool, seats: int, kept: int = 0, freed: int = 0) -> None:
    _tell(work, pool, seats, grown=kept > 0)
    line = await waiting.moved(work, pool.account_id, pool.id, freed=freed, purchased=seats, kept=kept)
    became(pool, {"purchased": line.purchased, "assigned": line.assigned, "set_apart": line.set_apart})
