"""Foreseeing: what seating people would buy, from the rules and the facts that seating them has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auth import queries as people
from auth.tables import Account
from billing import changes
from kernel.money import Money
from kernel.work import Work
from seats import buying, growing, queries
from seats.bulk import listed
from seats.buying import Quote
from seats.overage import Overage, missing
from seats.places import key_of
from seats.seating import BulkOutcome
from seats.tables import LicensePool


@dataclass(frozen=True, slots=True)
class Seating:
    """What seating people would come to."""

    seated: int
    """How many would get a seat."""

    bought: int = 0
    """How many seats would be bought for them."""

    cost: Money | None = None
    """What would be asked for those, with tax."""

    quote: Quote | None = None


async def assigning(work: Work, account: Account, pool_id: int, emails: Sequence[str]) -> Seating:
    """What seating these addresses would buy now. It locks nothing. Raises billing's refusals of more seats."""
    wanted = [one.email for one in listed(emails) if one.outcome is BulkOutcome.INVITED]
    pool = await queries.pool(work, account.id, pool_id)
    workspace = await people.workspace(work, account.id)
    members = await people.members_by_address(work, account.id, wanted)
    overdue = await queries.overdue_seats(work, account.id, pool_id, work.now)
    held = await queries.held_keys(work, account.id, pool_id, [key_of(members.get(one), one) for one in wanted])
    new = len(wanted) - len(held - overdue)
    taken = pool.assigned + pool.set_apart
    taken -= len(overdue) if taken + len(wanted) > pool.purchased else 0
    more = 0
    if workspace.overage == Overage.BUY and not pool.closed_at:
        more = missing(pool.purchased, taken, new, workspace.overage_limit)
    seated = min(new, max(pool.purchased + more - taken, 0))
    if not more:
        return Seating(seated)
    cost, quote = await growth(work, account, pool, more)
    return Seating(seated, more, cost, quote)


async def growth(work: Work, account: Account, pool: LicensePool, more: int) -> tuple[Money, Quote]:
    """What so many more seats would cost that a pool buys by itself, and how; nothing is locked. Raises `resize`'s."""
    standing = await changes.standing(work, account.id, pool.subscription_id, lock=False)
    before = await growing.asked(work, account, standing)
    quote = await buying.preview(work, account, pool.id, pool.purchased + more, by_itself=True)
    return growing.total(quote.billed) - before, quote
