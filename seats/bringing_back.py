"""Bringing back: people whose seats went with a subscription, or because nobody used them, are seated again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from auth import queries as workspaces
from kernel.work import Work
from seats import allotting, bulk, queries, restoring, ruling
from seats.restoring import RestoreOutcome, Verdict
from seats.restoring_queries import lost
from seats.seating import BulkOutcome, Outcome, PoolClosed, SeatSource

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
    # What waits for people who didn't answer in time is free for whoever comes.
    overdue = await queries.overdue_seats(work, account_id, pool_id, work.now)
    free = allotting.free(pool.purchased, pool.assigned - len(overdue), pool.set_apart)
    return Restored(restoring.verdicts(people, free if pool.closed_at is None else 0), pool_id)


async def restore(work: Work, account_id: int, sat_in: int, pool_id: int) -> Restored:
    """Seat people again by a pool, as many as it has room for; done again, nothing changes. Raises PoolClosed.

    It buys nothing and invites nobody, and up to 10,000 people are seated at once.
    """
    # Of two at once, by two pools, the second sees whom the first has seated.
    await workspaces.take_turn(work, account_id)
    pool = await queries.pool(work, account_id, pool_id)
    if pool.closed_at is not None:
        raise PoolClosed(pool.name)
    told = restoring.verdicts(await lost(work, account_id, sat_in, pool_id))
    wanted = {one.email: one for one in told if one.outcome is RestoreOutcome.RESTORED}
    if not wanted:
        return Restored(told, pool_id)

    people = {email: one.lost.person_id for email, one in wanted.items()}
    sources = await _sources(work, account_id, pool_id, list(wanted.values()))
    former = {email: one.former_id for email, one in wanted.items()}
    came = await bulk.assign_members(work, account_id, pool_id, people, sources, former)
    outcomes = {one.email: one for one in came}
    return Restored([_became(one, outcomes.get(one.email)) for one in told], pool_id)


async def _sources(work: Work, account_id: int, pool_id: int, wanted: Sequence[Verdict]) -> dict[str, SeatSource]:
    """Which way people come to the seats they have again, by their addresses: each as before.

    But from a rule for a group only where one gives this seat: else it would go again as one that no rule gives.
    """
    sources = {one.email: one.lost.source for one in wanted}
    if SeatSource.GROUP not in sources.values():
        return sources
    ruled = await ruling.given(work, account_id, pool_id)
    for one in wanted:
        if one.lost.source is SeatSource.GROUP and one.lost.person_id not in ruled:
            sources[one.email] = SeatSource.MANUAL
    return sources


def _became(verdict: Verdict, came: Outcome | None) -> Verdict:
    """What came of somebody, if they were to be seated."""
    if verdict.outcome is not RestoreOutcome.RESTORED or came is None:
        return verdict
    return replace(verdict, outcome=_OUTCOMES[came.outcome], seat_id=came.seat_id)
