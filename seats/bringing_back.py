"""Bringing back: people whose seats went with a subscription, or because nobody used them, are seated again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kernel.work import Work
from seats import allotting, bulk, queries, restoring
from seats.restoring import RestoreOutcome, Verdict
from seats.restoring_queries import lost
from seats.seating import BulkOutcome, Outcome, PoolClosed

MOST_NAMED = 500
"""How many people a preview names at most."""

_OUTCOMES = {
    BulkOutcome.ASSIGNED: RestoreOutcome.RESTORED,
    BulkOutcome.ALREADY_SEATED: RestoreOutcome.ALREADY_SEATED,
    BulkOutcome.NO_SEAT_LEFT: RestoreOutcome.NO_SEAT_LEFT,
}


@dataclass(frozen=True, slots=True)
class Restored:
    """Who sat in a pool a short time ago, and what comes of each."""

    verdicts: list[Verdict]
    pool_id: int | None = None
    """Which pool seats them."""

    @property
    def restored(self) -> int:
        """How many sit again, or would."""
        return sum(one.outcome is RestoreOutcome.RESTORED for one in self.verdicts)

    @property
    def named(self) -> list[Verdict]:
        """As many as a preview names."""
        return self.verdicts[:MOST_NAMED]


async def preview(work: Work, account_id: int, sat_in: int, pool_id: int | None) -> Restored:
    """Who would be seated again by a pool, or by one with room for all of them; nothing changes."""
    people = await lost(work, account_id, sat_in, sat_in if pool_id is None else pool_id)
    if pool_id is None:
        return Restored(restoring.verdicts(people))
    pool = await queries.pool(work, account_id, pool_id)
    room = allotting.free(pool.purchased, pool.assigned, pool.set_apart) if pool.closed_at is None else 0
    return Restored(restoring.verdicts(people, room), pool_id)


async def restore(work: Work, account_id: int, sat_in: int, pool_id: int) -> Restored:
    """Seat people again by a pool, as many as it has room for; done again, nothing changes. Raises PoolClosed.

    It buys nothing, and up to 10,000 people are seated at once.
    """
    await queries.keep_members(work, account_id)
    pool = await queries.pool(work, account_id, pool_id)
    if pool.closed_at is not None:
        raise PoolClosed(pool.name)
    told = restoring.verdicts(await lost(work, account_id, sat_in, pool_id))
    wanted = {one.email: one for one in told if one.outcome is RestoreOutcome.RESTORED}
    if not wanted:
        return Restored(told, pool_id)

    sources = {email: one.lost.source for email, one in wanted.items()}
    outcomes = {one.email: one for one in await bulk.assign_all(work, account_id, pool_id, [*wanted], sources=sources)}
    return Restored([_became(one, outcomes.get(one.email)) for one in told], pool_id)


def _became(verdict: Verdict, came: Outcome | None) -> Verdict:
    """What came of somebody, if they were to be seated."""
    if verdict.outcome is not RestoreOutcome.RESTORED or came is None:
        return verdict
    return replace(verdict, outcome=_OUTCOMES[came.outcome], seat_id=came.seat_id)
