"""Seat groups: a pool's seats are divided, and each part is given by its own people.

Locks are taken in the order that holds everywhere: the workspace, invitations,
assignments, seat groups, and the pool's counters last. Whoever seats people shares the
workspace, so whoever takes it alone knows that nobody sits down meanwhile.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from auth import queries as people
from auth.addresses import address
from auth.operations import named
from billing import queries as billing
from kernel.errors import InvalidInput
from kernel.work import Work
from seats import events, leaving, queries, seat_group_queries, seating, waiting
from seats.allotting import (
    MOST_GROUPS,
    SeatGroupFull,
    SeatGroupNameTaken,
    SeatGroupRemoved,
    allocation_of,
    check_allocation,
    free,
)
from seats.places import invited, key_of, overdue, seated, sit
from seats.seating import CONSUMING, AlreadySeated, PoolClosed, PoolExhausted, SeatSource
from seats.tables import Assignment, LicensePool, SeatGroup


async def create(work: Work, account_id: int, pool_id: int, name: str, seats: int) -> SeatGroup:
    """Set seats of a pool apart. Raises PoolClosed, SeatsNotFree, or SeatGroupNameTaken."""
    name, seats = named(name, what="A group's name"), allocation_of(seats)
    await queries.keep_members(work, account_id)
    await queries.take_turn(work, account_id, pool_id)
    pool = await _open(work, account_id, pool_id)
    allocated, groups = await seat_group_queries.allocated(work, account_id, pool_id)
    if groups >= MOST_GROUPS:
        raise InvalidInput(f"A pool has at most {MOST_GROUPS} seat groups. Remove one first.")
    check_allocation(0, 0, seats, await _room(work, pool, allocated))

    group = SeatGroup(
        account_id=account_id, id=work.new_id(), pool_id=pool_id, name=name, allocation=seats, created_at=work.now
    )
    work.add(group)
    await _named_once(work, name)
    await waiting.move_line(work, account_id, pool_id, apart=seats)
    work.emit(events.SeatGroupCreated(account_id, group.id, pool_id), group)
    return group


async def change(work: Work, account_id: int, group_id: int, name: str | None, seats: int | None) -> SeatGroup:
    """Call a group something else, and give it more seats or fewer; what is None stays.

    Raises SeatGroupRemoved, PoolClosed, AllocationTaken, SeatsNotFree, or SeatGroupNameTaken.
    """
    name = None if name is None else named(name, what="A group's name")
    seats = None if seats is None else allocation_of(seats)
    await queries.keep_members(work, account_id)
    group = _there(await seat_group_queries.group(work, account_id, group_id, lock=True))
    await queries.take_turn(work, account_id, group.pool_id)
    pool = await _open(work, account_id, group.pool_id)
    wanted = group.allocation if seats is None else seats
    allocated, _ = await seat_group_queries.allocated(work, account_id, pool.id)
    check_allocation(group.assigned, group.allocation, wanted, await _room(work, pool, allocated))

    more = wanted - group.allocation
    group.name, group.allocation = name or group.name, wanted
    await _named_once(work, group.name)
    if more:
        await waiting.move_line(work, account_id, pool.id, apart=more)
    work.emit(events.SeatGroupChanged(account_id, group.id, pool.id), group)
    return group


async def remove(work: Work, account_id: int, group_id: int) -> SeatGroup:
    """End a group: its seats are for everybody, and whoever sits there stays. Raises SeatGroupRemoved."""
    # Nobody sits down meanwhile; whoever stands up is waited for here.
    await people.workspace(work, account_id, lock=True)
    for seat in await seat_group_queries.seats_in(work, account_id, group_id):
        seat.seat_group_id = None
    group = _there(await seat_group_queries.group(work, account_id, group_id, lock=True))
    empty = group.allocation - group.assigned
    group.allocation, group.assigned, group.removed_at = 0, 0, work.now
    await work.flush()
    await seat_group_queries.dismiss_all(work, account_id, group_id=group_id)
    await waiting.move_line(work, account_id, group.pool_id, apart=-empty)
    work.emit(events.SeatGroupRemoved(account_id, group.id, group.pool_id), group)
    return group


async def assign(work: Work, account_id: int, group_id: int, email: str, source: SeatSource) -> Assignment:
    """Give a person a seat of a group: a member's is theirs at once, anybody else is invited.

    Raises SeatGroupRemoved, SeatGroupFull, PoolClosed, PoolExhausted, or AlreadySeated.
    """
    email = address(email)
    await queries.keep_members(work, account_id)
    group = _there(await seat_group_queries.group(work, account_id, group_id))
    pool = await _open(work, account_id, group.pool_id)
    person_id, freed = await invited(work, account_id, email)
    if group.assigned >= group.allocation or pool.assigned >= pool.purchased:
        freed += await overdue(work, account_id)
    key = key_of(person_id, email)
    if await queries.held(work, account_id, pool.id, key):
        raise AlreadySeated(email)
    if group.assigned - freed[-group.id] >= group.allocation:
        raise SeatGroupFull(group.name, group.allocation)

    # Whoever waited for a seat of the pool has one now.
    waits = await queries.places_of(work, account_id, pool.id, [key])
    freed += await leaving.leave(work, waits, leaving.SEATED)
    seat = seated(work, pool, person_id, email, source)
    seat.seat_group_id = group.id
    await sit(work, seat)
    if not await leaving.count(work, account_id, leaving.of_group(pool.id, group.id), freed):
        raise await _why_not(work, account_id, group_id)
    work.emit(events.SeatAssigned(account_id, seat.id, pool.id), seat)
    return seat


async def regroup(work: Work, account_id: int, seat_id: int, group_id: int | None) -> Assignment:
    """Let a seat belong to another group of its pool, or to none; whoever sits there stays.

    Raises SeatNotHeld, SeatGroupRemoved, SeatGroupFull, or PoolExhausted where nothing is free outside groups.
    """
    await queries.keep_members(work, account_id)
    seat = await queries.assignment(work, account_id, seat_id)
    seating.movable(seat.state, CONSUMING)
    pool = await _open(work, account_id, seat.pool_id)
    if group_id is not None:
        group = _there(await seat_group_queries.group(work, account_id, group_id))
        if group.pool_id != pool.id:
            raise InvalidInput("That group is of another pool. Move the seat to its pool first.")
    left, seat.seat_group_id = seat.seat_group_id, group_id
    await work.flush()
    if left == group_id:
        return seat
    taken = {pool.id: 1} if group_id is None else leaving.of_group(pool.id, group_id)
    freed = leaving.Freed((pool.id,)) if left is None else leaving.of_group(pool.id, left)
    if not await leaving.count(work, account_id, taken, freed):
        raise (
            PoolExhausted(pool.purchased, pool.set_apart)
            if group_id is None
            else await _why_not(work, account_id, group_id)
        )
    work.emit(events.SeatRegrouped(account_id, seat.id, pool.id), seat)
    return seat


async def _open(work: Work, account_id: int, pool_id: int) -> LicensePool:
    pool = await queries.pool(work, account_id, pool_id)
    if pool.closed_at:
        raise PoolClosed(pool.name)
    return pool


async def _room(work: Work, pool: LicensePool, allocated: int) -> int:
    """How many more seats groups may get: of those that are free, and of those that stay where fewer wait."""
    waits = await billing.pending(work, pool.account_id, pool.subscription_id)
    fewer = [one.quantity for one in waits if one.item_id == pool.subscription_item_id and one.quantity is not None]
    return min([free(pool.purchased, pool.assigned, pool.set_apart), *(seats - allocated for seats in fewer)])


async def _named_once(work: Work, name: str) -> None:
    try:
        await work.flush()
    except IntegrityError as conflict:
        if "one_group_name" in str(conflict.orig):
            raise SeatGroupNameTaken(name) from None
        raise


async def _why_not(work: Work, account_id: int, group_id: int) -> Exception:
    """Why a group that had room a moment ago has none, or why its pool hasn't."""
    group = _there(await seat_group_queries.group(work, account_id, group_id))
    pool = await queries.pool(work, account_id, group.pool_id)
    if pool.closed_at:
        return PoolClosed(pool.name)
    if group.assigned < group.allocation:
        return PoolExhausted(pool.purchased)
    return SeatGroupFull(group.name, group.allocation)


def _there(group: SeatGroup) -> SeatGroup:
    if group.removed_at:
        raise SeatGroupRemoved(group.name)
    return group
