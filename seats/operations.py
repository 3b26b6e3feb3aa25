"""What is done with pools and seats: load, decide, record.

The order of locks is always the same: the assignment first, then the pool's
counter, then (at the commit) the audit chain. Racing requests for one person
meet at the unique index, racing requests for the last seat at the counter.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.exc import IntegrityError

from auth import operations as members
from auth import queries as people
from auth.addresses import address
from auth.operations import named
from auth.policy import Role
from auth.tables import Account, Member
from billing import subscriptions
from kernel.work import Work
from seats import events, invitations, queries, seating
from seats.seating import CONSUMING, AlreadySeated, PoolExhausted, SeatSource, SeatState
from seats.tables import Assignment, LicensePool


async def create_pool(work: Work, account: Account, price_id: int, seats: int, name: str) -> LicensePool:
    """Buy seats: a subscription with one item, and the pool it pays for. Raises billing's refusals."""
    subscription, item = await subscriptions.subscribe(work, account, price_id, seats)
    pool = LicensePool(
        account_id=account.id,
        id=work.new_id(),
        name=named(name, what="A pool's name"),
        plan_id=item.plan_id,
        subscription_id=subscription.id,
        subscription_item_id=item.id,
        purchased=seats,
        created_at=work.now,
    )
    work.add(pool)
    await work.flush()
    work.emit(events.PoolCreated(account.id, pool.id), pool)
    return pool


async def assign(work: Work, account_id: int, pool_id: int, email: str, source: SeatSource) -> Assignment:
    """Give a person a seat: a member's is theirs at once, anybody else is invited and holds it for seven days."""
    email = address(email)
    person_id = (await people.members_by_address(work, account_id, [email])).get(email)
    pool = await _pool_with_room(work, account_id, pool_id)
    held = await queries.held(work, account_id, pool_id, key_of(person_id, email))

    seating.check(pool.name, pool.purchased, pool.assigned, closed=pool.closed_at is not None, email=email, held=held)

    assignment = seated(work, pool, person_id, email, source)
    await _sit(work, assignment)
    if person_id is None:
        await invitations.ask(work, account_id, email, Role.MEMBER)
    await _count(work, pool)
    work.emit(events.SeatAssigned(account_id, assignment.id, pool_id), assignment)
    return assignment


async def release(work: Work, account_id: int, assignment_id: int, reason: str | None) -> Assignment:
    """Free a seat, finally. Raises SeatNotHeld."""
    assignment = await queries.assignment(work, account_id, assignment_id)
    seating.movable(assignment.state, CONSUMING | {SeatState.WAITLISTED})
    await _free(work, [assignment], reason or "released")
    return assignment


async def transfer(work: Work, account_id: int, assignment_id: int, email: str) -> Assignment:
    """Give a seat to another person; the pool holds as many as before. Raises SeatNotHeld, or AlreadySeated."""
    email = address(email)
    left = await queries.assignment(work, account_id, assignment_id)
    seating.movable(left.state, CONSUMING)
    person_id = (await people.members_by_address(work, account_id, [email])).get(email)
    pool = await queries.pool(work, account_id, left.pool_id)
    if await queries.held(work, account_id, pool.id, key_of(person_id, email)):
        raise AlreadySeated(email)

    left.state, left.released_at, left.release_reason = SeatState.RELEASED, work.now, "transferred"
    await work.flush()
    taken = seated(work, pool, person_id, email, SeatSource.TRANSFER)
    await _sit(work, taken)
    if person_id is None:
        await invitations.ask(work, account_id, email, Role.MEMBER)
    work.emit(events.SeatReleased(account_id, left.id, pool.id), left)
    work.emit(events.SeatAssigned(account_id, taken.id, pool.id), taken)
    return taken


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
    assignment.state, assignment.suspended_at = SeatState.ACTIVE, None
    await work.flush()
    work.emit(events.SeatResumed(account_id, assignment.id, assignment.pool_id), assignment)
    return assignment


async def sit_down(work: Work, account_id: int, person_id: int, email: str) -> None:
    """Give a new member the seats that waited for their address."""
    for assignment in await queries.seats_of(work, account_id, email, {SeatState.INVITED}):
        assignment.state, assignment.person_id = SeatState.ACTIVE, person_id
        assignment.person_key = str(person_id)
        work.emit(events.SeatActivated(account_id, assignment.id, assignment.pool_id), assignment)
    await work.flush()


async def remove_member(work: Work, account_id: int, member_id: int) -> Member:
    """End a membership and free its seats at once. Raises LastOwner."""
    member = await members.remove_member(work, account_id, member_id)
    seats = await queries.seats_of(work, account_id, str(member.person_id), CONSUMING | {SeatState.WAITLISTED})
    await _free(work, seats, "member removed")
    return member


async def give_up(work: Work, account_id: int, email: str, reason: str) -> None:
    """Free the seats that waited for an address."""
    await _free(work, await queries.seats_of(work, account_id, email, {SeatState.INVITED}), reason)


async def close_pools(work: Work, account_id: int, subscription_id: int) -> None:
    """Free every seat that an ended subscription paid for; doing it again changes nothing."""
    for pool in await queries.pools_of(work, account_id, subscription_id):
        await _free(work, await queries.taken_seats(work, account_id, pool.id), "subscription ended")
        closed = await queries.pool(work, account_id, pool.id)
        closed.closed_at = work.now
        await work.flush()
        work.emit(events.PoolClosed(account_id, pool.id), closed)


def key_of(person_id: int | None, email: str) -> str:
    """What makes a person one and the same in a pool: their number, or their address until they accept."""
    return email if person_id is None else str(person_id)


def seated(work: Work, pool: LicensePool, person_id: int | None, email: str, source: SeatSource) -> Assignment:
    """A new assignment, active for a member and invited for anybody else."""
    return Assignment(
        account_id=pool.account_id,
        id=work.new_id(),
        pool_id=pool.id,
        plan_id=pool.plan_id,
        email=email,
        person_id=person_id,
        person_key=key_of(person_id, email),
        state=SeatState.INVITED if person_id is None else SeatState.ACTIVE,
        source=source,
        since=work.now,
    )


async def _pool_with_room(work: Work, account_id: int, pool_id: int) -> LicensePool:
    pool = await queries.pool(work, account_id, pool_id)
    if pool.assigned >= pool.purchased:
        for _, invitation_id in await queries.overdue(work, work.now, account_id):
            await expire(work, account_id, invitation_id)
        pool = await queries.pool(work, account_id, pool_id)
    return pool


async def expire(work: Work, account_id: int, invitation_id: int) -> None:
    """Let an invitation that nobody answered run out, and free the seat that waited."""
    expired = await invitations.expire(work, account_id, invitation_id)
    if expired:
        await give_up(work, account_id, expired.email, "invitation expired")


async def _sit(work: Work, assignment: Assignment) -> None:
    work.add(assignment)
    try:
        await work.flush()
    except IntegrityError as conflict:
        if "one_seat_a_person" in str(conflict.orig):
            raise AlreadySeated(assignment.email) from None
        raise


async def _count(work: Work, pool: LicensePool) -> None:
    if not await queries.take_seats(work, pool.account_id, pool.id):
        raise PoolExhausted(pool.purchased)


async def _free(work: Work, assignments: Iterable[Assignment], reason: str) -> None:
    freed: dict[tuple[int, int], int] = {}
    for assignment in assignments:
        if assignment.state in CONSUMING:
            key = (assignment.account_id, assignment.pool_id)
            freed[key] = freed.get(key, 0) + 1
        assignment.state, assignment.released_at, assignment.release_reason = SeatState.RELEASED, work.now, reason
        work.emit(events.SeatReleased(assignment.account_id, assignment.id, assignment.pool_id), assignment)
    await work.flush()
    for (account_id, pool_id), count in sorted(freed.items()):
        await queries.free_seats(work, account_id, pool_id, count)
