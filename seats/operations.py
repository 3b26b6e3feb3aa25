"""What is done with pools and seats: load, decide, record.

The order of locks is always the same: the workspace (so that nobody is removed
while they are seated), invitations, assignments, the pools' counters, and at the
commit the audit chain. Racing requests for one person meet at the unique index,
racing requests for the last seat at the counter.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from auth import operations as members
from auth.addresses import address
from auth.tables import Member
from billing import subscriptions
from kernel import rows
from kernel.errors import Problem
from kernel.work import Work
from seats import (
    events,
    keeping,
    leaving,
    place_queries,
    places,
    queries,
    seat_group_queries,
    seating,
)
from seats.growing import Growth
from seats.leaving import SEATED, Freed
from seats.place_queries import Came, Outlook
from seats.seating import (
    CONSUMING,
    AlreadySeated,
    PoolExhausted,
    SeatNotHeld,
    SeatSource,
    SeatState,
)
from seats.tables import Assignment

TRANSFERRED = "transferred"
"""Why a seat is released that somebody was given."""


async def assign(
    work: Work, account_id: int, pool_id: int, email: str, source: SeatSource, *, growth: Growth | None = None
) -> Assignment:
    """Give a person a seat: a member's is theirs at once, anybody else is invited and holds it for seven days.

    With growth, a full pool buys the seat that is missing.
    """
    email = address(email)
    seen = await place_queries.outlook(work, account_id, pool_id, email)
    _refuse_on_sight(seen, email, growth)
    if growth or not seen.usual:
        return await _assign(work, seen, email, source, work.new_id(), growth=growth)
    taken = places.seated(work, seen, seen.person_id, email, source)

    async def step_by_step(moved: str) -> None:
        if moved == "pool":
            raise await _why_not(work, account_id, pool_id)
        if moved == "seat":
            raise AlreadySeated(email)
        rows.became(taken, (await _assign_again(work, seen, email, source, taken.id, growth=None)).model_dump())

    work.wrote(taken)
    work.emit(events.SeatAssigned(account_id, taken.id, pool_id), taken)
    await work.at_last(place_queries.taken(taken), step_by_step)
    return taken


async def _assign(
    work: Work, seen: Outlook, email: str, source: SeatSource, number: int, *, growth: Growth | None
) -> Assignment:
    """Give a person a seat with this number, step by step."""
    account_id, pool_id, freed = seen.account_id, seen.id, Freed()
    if growth or seen.overdue or seen.person_id is None:
        seen, freed = await _prepared(work, seen, email, growth)
        _check(seen, email, freed)
    freed += await _wait_no_more(work, seen, email)
    assignment = places.seated(work, seen, seen.person_id, email, source)
    assignment.id = number
    came = await place_queries.sit(work, assignment, counted=not freed)
    if not came.there:
        # They were removed at this moment, and whoever is at the address is asked to come.
        return await _assign_again(work, seen, email, source, number, growth=growth)
    if not came.sat:
        raise AlreadySeated(email)
    if not came.counted and not (freed and await leaving.count(work, account_id, {pool_id: 1}, freed)):
        raise await _why_not(work, account_id, pool_id)
    work.emit(events.SeatAssigned(account_id, assignment.id, pool_id), assignment)
    return assignment


async def _assign_again(
    work: Work, seen: Outlook, email: str, source: SeatSource, number: int, *, growth: Growth | None
) -> Assignment:
    """The same, for whom something has moved since it was looked at."""
    await work.driver()
    seen = await place_queries.outlook(work, seen.account_id, seen.id, email)
    _refuse_on_sight(seen, email, growth)
    return await _assign(work, seen, email, source, number, growth=growth)


async def release(work: Work, account_id: int, assignment_id: int, reason: str | None) -> Assignment:
    """Free a seat, finally. Raises SeatNotHeld."""
    reason = subscriptions.reason_of(reason) or "released"
    seat = await place_queries.seat_as_it_is(work, account_id, assignment_id)
    seating.movable(seat.state, CONSUMING | {SeatState.WAITLISTED})
    if seat.seat_group_id is not None or seat.state is SeatState.WAITLISTED:
        return await _release(work, account_id, assignment_id, reason)

    async def step_by_step(_: str) -> None:
        rows.became(seat, (await _release(work, account_id, assignment_id, reason)).model_dump())

    freed = place_queries.freed(seat, work.now, reason)
    leaving.left(work, seat, reason)
    await work.at_last(freed, step_by_step)
    return seat


async def _release(work: Work, account_id: int, assignment_id: int, reason: str) -> Assignment:
    assignment = await place_queries.seat(work, account_id, assignment_id)
    seating.movable(assignment.state, CONSUMING | {SeatState.WAITLISTED})
    await leaving.free(work, account_id, [assignment], reason)
    return assignment


async def transfer(work: Work, account_id: int, assignment_id: int, email: str) -> Assignment:
    """Give a seat to another person; the pool holds as many as before. Raises SeatNotHeld, or AlreadySeated."""
    email = address(email)
    seen = await place_queries.outlook_at(work, account_id, assignment_id, email)
    left = await place_queries.seat_as_it_is(work, account_id, assignment_id)
    if left.seat_group_id is not None or not seen.usual:
        return await _transfer(work, seen, assignment_id, email, work.new_id())
    seating.movable(left.state, CONSUMING)
    if seen.held:
        raise AlreadySeated(email)
    taken = places.seated(work, seen, seen.person_id, email, SeatSource.TRANSFER)

    async def step_by_step(_: str) -> None:
        rows.became(taken, (await _transfer_again(work, seen, assignment_id, email, taken.id)).model_dump())

    handed_on = place_queries.handed_on(left, taken, TRANSFERRED)
    leaving.left(work, left, TRANSFERRED)
    work.wrote(taken)
    work.emit(events.SeatAssigned(account_id, taken.id, seen.id), taken)
    await work.at_last(handed_on, step_by_step, told=2)
    return taken


async def _transfer(work: Work, seen: Outlook, assignment_id: int, email: str, number: int) -> Assignment:
    """Give a seat to another person, who has one with this number then, step by step."""
    account_id, freed = seen.account_id, Freed()
    await queries.keep_members(work, account_id)
    if seen.overdue or seen.person_id is None:
        person_id, freed = await places.invited(work, account_id, email)
        held = await queries.held(work, account_id, seen.id, places.key_of(person_id, email))
        seen = replace(seen, person_id=person_id, held=held)
    left = await place_queries.seat(work, account_id, assignment_id)
    seating.movable(left.state, CONSUMING)
    taken = places.seated(work, seen, seen.person_id, email, SeatSource.TRANSFER)
    taken.id, taken.seat_group_id = number, left.seat_group_id
    came = Came(True, False, False) if seen.held else await place_queries.sit(work, taken, counted=False)
    if not came.there:
        return await _transfer_again(work, seen, assignment_id, email, number)
    if not came.sat:
        raise AlreadySeated(email)

    freed += await leaving.leave(work, [left], TRANSFERRED) + await _wait_no_more(work, seen, email)
    work.emit(events.SeatAssigned(account_id, taken.id, seen.id), taken)
    one = {seen.id: 1} if left.seat_group_id is None else leaving.of_group(seen.id, left.seat_group_id)
    counted = await leaving.count(work, account_id, one, freed)
    assert counted, "a seat that was freed is there to be taken"
    return taken


async def _transfer_again(work: Work, seen: Outlook, assignment_id: int, email: str, number: int) -> Assignment:
    """The same, where something has moved since it was looked at."""
    await work.driver()
    seen = await place_queries.outlook_at(work, seen.account_id, assignment_id, email)
    return await _transfer(work, seen, assignment_id, email, number)


async def suspend(work: Work, account_id: int, assignment_id: int) -> Assignment:
    """Keep a seat and let nobody use it. Raises SeatNotHeld."""
    assignment = await queries.assignment(work, account_id, assignment_id)
    seating.movable(assignment.state, frozenset({SeatState.ACTIVE}))
    assignment.state, assignment.suspended_at = SeatState.SUSPENDED, work.now
    await work.flush()
    work.emit(events.SeatSuspended(account_id, assignment.id, assignment.pool_id), assignment)
    return assignment


async def resume(work: Work, account_id: int, assignment_id: int) -> Assignment:
    """Let a suspended seat be used again. Raises SeatNotHeld."""
    assignment = await queries.assignment(work, account_id, assignment_id)
    seating.movable(assignment.state, frozenset({SeatState.SUSPENDED}))
    if assignment.kept_until is not None:
        raise SeatNotHeld("kept for somebody who left", "It is theirs again when they are back. Release it, or wait.")
    assignment.state, assignment.suspended_at = SeatState.ACTIVE, None
    await work.flush()
    work.emit(events.SeatResumed(account_id, assignment.id, assignment.pool_id), assignment)
    return assignment


async def sit_down(work: Work, account_id: int, person_id: int, email: str, freed: Freed | None = None) -> None:
    """Give a new member the seats that waited for their address, and those that were kept for them.

    What was `freed` before, and is yet to count, is counted with that.
    """
    freed = freed or Freed()
    if not await queries.awaited(work, account_id, person_id, email):
        await leaving.count(work, account_id, {}, freed)
        return
    waited = await queries.seats_for(work, account_id, email)
    freed = freed + await keeping.take_up(work, account_id, person_id, [one.pool_id for one in waited])
    for assignment in waited:
        assignment.state, assignment.person_id = SeatState.ACTIVE, person_id
        assignment.person_key = str(person_id)
        work.emit(events.SeatActivated(account_id, assignment.id, assignment.pool_id), assignment)
    await work.flush()
    await leaving.count(work, account_id, {}, freed)


async def remove_member(
    work: Work,
    account_id: int,
    member_id: int,
    reason: str = "member removed",
    *,
    kept_until: datetime | None = None,
    freed: Freed | None = None,
) -> Member:
    """End a membership and free its seats at once, or keep those that are theirs until then. Raises LastOwner.

    What was `freed` before, and is yet to count, is counted with that.
    """
    member = await members.remove_member(work, account_id, member_id)
    await seat_group_queries.dismiss_all(work, account_id, member_id=member_id)
    seats = await queries.seats_of(work, account_id, member.person_id)
    kept = [one for one in seats if kept_until and one.state is not SeatState.WAITLISTED]
    if kept_until is not None:
        await keeping.keep(work, kept, kept_until)
    gone = await leaving.leave(work, [one for one in seats if one not in kept], reason)
    await leaving.count(work, account_id, {}, (freed or Freed()) + gone)
    return member


async def give_up(work: Work, account_id: int, email: str, reason: str) -> None:
    """Free the seats that waited for an address."""
    await leaving.free(work, account_id, await queries.seats_for(work, account_id, email), reason)


async def _prepared(work: Work, seen: Outlook, email: str, growth: Growth | None) -> tuple[Outlook, Freed]:
    """What they meet once a stranger is invited, who didn't answer in time gave up, and what is missing was bought.

    With it, the seats that were given up and are yet to count.
    """
    await queries.keep_members(work, seen.account_id)
    pool, freed = await places.room(work, seen.account_id, seen.id, 1)
    person_id, gone = await places.invited(work, seen.account_id, email)
    freed += gone
    held = await queries.held(work, seen.account_id, seen.id, places.key_of(person_id, email))
    if growth and not held:
        pool = await growth.room(work, pool, leaving.for_all(freed, pool.id), 1)
        growth.check(pool.purchased, pool.assigned + pool.set_apart - leaving.for_all(freed, pool.id))
    met = replace(seen, purchased=pool.purchased, assigned=pool.assigned, set_apart=pool.set_apart)
    return replace(met, closed=pool.closed_at is not None, person_id=person_id, held=held), freed


def _refuse_on_sight(seen: Outlook, email: str, growth: Growth | None) -> None:
    """A moment at which there was no room is answer enough: whoever is refused waits for nobody."""
    if growth is None and not seen.overdue:
        _check(seen, email, Freed())


def _check(seen: Outlook, email: str, freed: Freed) -> None:
    taken, apart = seen.assigned - leaving.for_all(freed, seen.id), seen.set_apart
    seating.check(seen.name, seen.purchased, taken, closed=seen.closed, email=email, held=seen.held, set_apart=apart)


async def _wait_no_more(work: Work, seen: Outlook, email: str) -> Freed:
    """Give up the place in the line of a pool of whoever is given a seat of it."""
    if not seen.waits:
        return Freed()
    waits = await queries.places_of(work, seen.account_id, seen.id, [places.key_of(seen.person_id, email)])
    return await leaving.leave(work, waits, SEATED)


async def _why_not(work: Work, account_id: int, pool_id: int) -> Problem:
    """Why a pool that had room a moment ago has none."""
    pool = await place_queries.outlook(work, account_id, pool_id, "")
    told = seating.PoolClosed(pool.name) if pool.closed else PoolExhausted(pool.purchased, pool.set_apart)
    told.overtaken = True
    return told
