"""Growing: where a workspace wants it so, a full pool buys the seats that are missing for whoever is seated.

They are bought by the very code that buys seats otherwise, in the transaction that
seats people. Whoever may grow a pool takes its subscription's clock before they look
how full it is, so that nobody buys a seat that another has just bought: the order is
the workspace, the clock, invitations, assignments, and the pool's counter.
"""

from __future__ import annotations

from dataclasses import dataclass

from auth import queries as people
from auth.tables import Account, Workspace
from billing import changes, charging
from billing import queries as billing
from billing.charging import Bill
from billing.facts import Facts
from kernel.errors import Problem
from kernel.money import Money
from kernel.work import Work
from seats import buying, events, queries
from seats.overage import Overage, OverageLimitReached, limit_of, missing
from seats.tables import LicensePool


@dataclass(frozen=True, slots=True)
class Bought:
    """The seats that were bought for whoever was seated, and what they cost."""

    seats: int
    cost: Money
    """What is asked for them, with tax: for the rest of the period."""

    resized: buying.Resized


@dataclass(slots=True)
class Growth:
    """A workspace whose pools buy what is missing, and what was bought meanwhile."""

    limit: int | None = None
    by_itself: bool = False
    """Whether the workspace's policy buys, and nobody decided it by hand."""

    bought: Bought | None = None
    also: int = 0
    """How many more sit down right after, whose seats are bought with the first."""

    async def room(self, work: Work, pool: LicensePool, freed: int, wanted: int) -> LicensePool:
        """The pool as it stands once it has room for so many, or for as many as it may have.

        Of its seats, `freed` have been given up and are still counted. Raises billing's refusals of more seats.
        """
        account_id, pool_id, wanted = pool.account_id, pool.id, wanted + self.also
        pool = await queries.pool(work, account_id, pool_id)
        if pool.closed_at or not missing(pool.purchased, _taken(pool) - freed, wanted, self.limit):
            return pool
        account = await people.account(work, account_id)
        await buying.begin_due(work, account, pool.subscription_id)
        pool = await queries.pool(work, account_id, pool_id)
        more = missing(pool.purchased, _taken(pool) - freed, wanted, self.limit)
        if more:
            self.bought = await _buy(work, account, pool, more, kept=wanted, by_itself=self.by_itself)
        return await queries.pool(work, account_id, pool_id)

    async def room_if_sold(self, work: Work, pool: LicensePool, wanted: int) -> LicensePool:
        """The same; where no more seats are sold, the pool as it is."""
        more = missing(pool.purchased, _taken(pool), wanted, self.limit)
        if more and not pool.closed_at:
            try:
                # A preview refuses what the purchase would, and has changed nothing by then.
                account, seats = await people.account(work, pool.account_id), pool.purchased + more
                await buying.preview(work, account, pool.id, seats, by_itself=self.by_itself)
            except Problem:
                return pool
        return await self.room(work, pool, 0, wanted)

    def check(self, purchased: int, taken: int) -> None:
        """Refuse whoever found no seat because the pool grows no further."""
        if self.limit is not None and taken >= purchased:
            raise OverageLimitReached(purchased, self.limit)


async def allowed(work: Work, account_id: int, pool_id: int) -> Growth | None:
    """Growth of a pool, where the workspace buys what is missing; ask before anybody is looked for, or locked.

    With growth, the policy stays what it is until this transaction ends, and nobody else seats people in the pool.
    """
    if await queries.overage(work, account_id) != Overage.BUY:
        # Whoever finds no seat now is told so, whatever is decided a moment later: they wait for nobody.
        return None
    await queries.keep_members(work, account_id)
    workspace = await people.workspace(work, account_id)
    if workspace.overage != Overage.BUY:
        return None
    pool = await queries.pool(work, account_id, pool_id)
    await billing.take_clock(work, account_id, pool.subscription_id)
    return Growth(workspace.overage_limit, by_itself=True)


async def by_hand(work: Work, account_id: int, pool_id: int) -> Growth:
    """Growth of a pool that somebody asked for who may buy, whatever the policy is; ask before anybody is locked."""
    pool = await queries.pool(work, account_id, pool_id)
    await billing.take_clock(work, account_id, pool.subscription_id)
    return Growth()


async def change_policy(work: Work, account_id: int, overage: Overage, limit: int | None) -> Workspace:
    """Say what becomes of whoever wants a seat of a full pool from now on. Raises InvalidInput."""
    limit = limit_of(overage, limit)
    workspace = await people.workspace(work, account_id, lock=True)
    workspace.overage, workspace.overage_limit = overage.value, limit
    await work.flush()
    work.emit(events.OverageChanged(account_id, account_id), workspace)
    return workspace


async def _buy(work: Work, account: Account, pool: LicensePool, more: int, *, kept: int, by_itself: bool) -> Bought:
    """Buy so many seats, and keep as many for whoever is about to sit down."""
    seats, free = pool.purchased + more, pool.purchased + more - _taken(pool)
    before = await asked(work, account, await changes.standing(work, account.id, pool.subscription_id, lock=True))
    wish = changes.Wish(pool.subscription_item_id, quantity=seats)
    cost = total(await changes.preview(work, account, pool.subscription_id, wish)) - before
    keeps = max(min(kept, free), 0)
    resized = await buying.resize(work, account, pool.id, seats, None, kept=keeps, by_itself=by_itself)
    return Bought(more, cost, resized)


def _taken(pool: LicensePool) -> int:
    """How many seats are taken, or set apart for groups, so that nobody else gets them."""
    return pool.assigned + pool.set_apart


async def asked(work: Work, account: Account, facts: Facts) -> Money:
    """What is asked for as things stand, and is not billed yet."""
    return total(await charging.bill(work, account, facts, await charging.names(work, account, facts)))


def total(billed: Bill) -> Money:
    """What a bill asks for, with tax."""
    return billed.document.total if billed.document else Money(0, billed.facts.subscription.currency)
