"""Seats for whom a directory, a rule or single sign-on names: one of a pool, or a place in its line."""

from __future__ import annotations

from auth import queries as people
from kernel import rows
from kernel.work import Work
from seats import asking, events, growing, leaving, operations, place_queries, places, queries, waiting
from seats.growing import Growth
from seats.seating import CONSUMING, SeatSource, SeatState
from seats.tables import Assignment, LicensePool


async def want(work: Work, account_id: int, pool_id: int, member: tuple[int, str], source: SeatSource) -> SeatState:
    """Give a member (a person, by their address) a seat of a pool, or a place in its line; which they have then.

    Asked again, nothing changes. Whoever asks has locked the workspace.
    """
    person_id, email = member
    growth = await growing.allowed(work, account_id, pool_id)
    seen = await place_queries.outlook(work, account_id, pool_id, email)
    if growth or seen.overdue or seen.person_id != person_id:
        return await _want(work, account_id, pool_id, member, source, growth)
    if seen.held or seen.waits:
        return SeatState.ACTIVE if seen.held else SeatState.WAITLISTED
    assignment = places.seated(work, seen, person_id, email, source)
    if seen.closed or seen.assigned + seen.set_apart >= seen.purchased:
        assignment.state = SeatState.WAITLISTED
        await work.put(assignment)
        return await _wait(work, assignment, person_id)
    came = await place_queries.sit(work, assignment, counted=True)
    if came.sat and not came.counted:
        # Others took the last one at this moment.
        assignment.state = SeatState.WAITLISTED
        await place_queries.wait(work, account_id, assignment.id)
        return await _wait(work, assignment, person_id)
    if came.sat:
        work.emit(events.SeatAssigned(account_id, assignment.id, pool_id), assignment)
    return SeatState.ACTIVE


async def _want(  # noqa: PLR0917 - what `want` is told, and the growth
    work: Work, account_id: int, pool_id: int, member: tuple[int, str], source: SeatSource, growth: Growth | None
) -> SeatState:
    """The same step by step, where seats are bought, or given up by whoever didn't answer in time."""
    person_id, email = member
    pool, freed = await places.room(work, account_id, pool_id, 1)
    if freed:
        await leaving.count(work, account_id, {}, freed)
        pool = await queries.pool(work, account_id, pool_id)
    known = await queries.wanted(work, account_id, pool_id, places.key_of(person_id, email))
    if known is not None:
        return SeatState.ACTIVE if known.state in CONSUMING else SeatState.WAITLISTED
    if growth:
        pool = await growth.room_if_sold(work, pool, 1)
    assignment = places.seated(work, pool, person_id, email, source)
    full = pool.closed_at is not None or pool.assigned + pool.set_apart >= pool.purchased
    assignment.state = SeatState.WAITLISTED if full else SeatState.ACTIVE
    await places.sit(work, assignment)
    if not full and not await _counts(work, pool, growth):
        assignment.state = SeatState.WAITLISTED
        await work.flush()
    if assignment.state is SeatState.ACTIVE:
        work.emit(events.SeatAssigned(account_id, assignment.id, pool_id), assignment)
        return assignment.state
    return await _wait(work, assignment, person_id)


async def _wait(work: Work, assignment: Assignment, person_id: int) -> SeatState:
    """Tell that somebody waits; unless the line has come to them by then."""
    account_id, pool_id = assignment.account_id, assignment.pool_id
    work.emit(events.SeatWaitlisted(account_id, assignment.id, pool_id), assignment)
    if await asking.asks(work, account_id):
        await asking.ask_all(work, account_id, pool_id, [assignment.email], {assignment.email: person_id})
    # A seat may have come free since we looked, and whoever freed it can't have seen who waits here.
    if assignment.id in await waiting.move_line(work, account_id, pool_id):
        rows.became(assignment, {"state": SeatState.ACTIVE, "since": work.now})
    return assignment.state


async def _counts(work: Work, pool: LicensePool, growth: Growth | None) -> bool:
    """Count one more seat of a pool that had room; where others were faster, buy one, if the workspace does."""
    counted = await queries.take_seats(work, pool.account_id, pool.id)
    if counted or not growth:
        return counted
    await growth.room_if_sold(work, await queries.pool(work, pool.account_id, pool.id), 1)
    return await queries.take_seats(work, pool.account_id, pool.id)


async def want_no_more(
    work: Work, account_id: int, person_id: int, source: SeatSource, reason: str, *, keep: int | None = None
) -> None:
    """Free what a person got from one source, seats and places in lines, but for those of the pool to keep."""
    held = await queries.seats_of(work, account_id, person_id)
    gone = [one for one in held if one.source is source and one.pool_id != keep]
    await leaving.free(work, account_id, gone, reason)


async def seat_if_free(work: Work, account_id: int, pool_id: int, email: str) -> None:
    """Give a newcomer a seat of a pool that has one; told again, nothing changes."""
    growth = await growing.allowed(work, account_id, pool_id)
    pool = await queries.pool(work, account_id, pool_id)
    person_id = (await people.members_by_address(work, account_id, [email])).get(email)
    if person_id is None or await queries.held(work, account_id, pool_id, places.key_of(person_id, email)):
        return
    if growth:
        pool = await growth.room_if_sold(work, pool, 1)
    if pool.closed_at is None and pool.assigned + pool.set_apart < pool.purchased:
        await operations.assign(work, account_id, pool_id, email, SeatSource.SSO, growth=growth)
    elif pool.closed_at is None and await asking.asks(work, account_id):
        await asking.ask_all(work, account_id, pool_id, [email], {email: person_id})
