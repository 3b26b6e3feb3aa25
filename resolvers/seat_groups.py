"""Seat groups: how a pool's seats are divided, and seating people in a part."""

from __future__ import annotations

from typing import Annotated

from strawberry import ID

from auth.policy import Permission
from kernel import ids
from resolvers.info import Info
from resolvers.seats import source_of
from seats import delegating, seat_groups
from seats.tables import Assignment, GroupAdmin, SeatGroup

_SEATS = "How many of the pool's seats are set apart for it: 0 to 100,000."


async def create_seat_group(
    info: Info,
    pool: Annotated[ID, "Which pool's seats."],
    name: Annotated[str, "What people call it: 1 to 200 characters, once in a pool."],
    seats: Annotated[int, _SEATS],
) -> SeatGroup:
    """Set seats of a pool apart for a group of people. Only free seats can be; nobody loses theirs."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
    return await seat_groups.create(info.context.work, found.account_id, found.id, name, seats)


async def change_seat_group(
    info: Info,
    group: Annotated[ID, "Which group."],
    name: Annotated[str | None, "What it is called from now on; left out, as before."] = None,
    seats: Annotated[int | None, f"{_SEATS} Left out, as many as before."] = None,
) -> SeatGroup:
    """Give a seat group another name, or more seats, or fewer: no fewer than are taken."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seatgroup", group)
    return await seat_groups.change(info.context.work, found.account_id, found.id, name, seats)


async def remove_seat_group(info: Info, group: Annotated[ID, "Which group."]) -> SeatGroup:
    """End a seat group. Its seats are for everybody again, and whoever sits there stays."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seatgroup", group)
    return await seat_groups.remove(info.context.work, found.account_id, found.id)


async def appoint_group_admin(
    info: Info,
    group: Annotated[ID, "Which group's seats they give."],
    member: Annotated[ID, "Who: a member of the workspace, whatever their role."],
) -> GroupAdmin:
    """Let a member give and take the seats of one seat group, and see who sits there: nothing else."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seatgroup", group)
    number = ids.decode("member", member)
    return await delegating.appoint(info.context.work, found.account_id, found.id, number)


async def dismiss_group_admin(info: Info, admin: Annotated[ID, "Which admin of a seat group."]) -> GroupAdmin:
    """Let an admin of a seat group give its seats no more. They stay a member."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "groupadmin", admin)
    return await delegating.dismiss(info.context.work, found.account_id, found.id)


async def assign_group_seat(
    info: Info,
    group: Annotated[ID, "Which group's seat."],
    email: Annotated[str, "Who shall sit: a member's verified address, or where an invitation goes."],
) -> Assignment:
    """Give a person a seat of a seat group. A member's is theirs at once; anybody else is invited for seven days.

    A group that is full buys nothing and requests nothing, whatever the workspace says about full pools.
    """
    found = await info.context.permitted_in_group(Permission.ASSIGN_SEATS, "seatgroup", group)
    work, source = info.context.work, source_of(info.context)
    return await seat_groups.assign(work, found.account_id, found.id, email, source)


async def group_seat(
    info: Info,
    seat: Annotated[ID, "Which seat."],
    group: Annotated[ID | None, "The group of the same pool that it belongs to from now on; left out, none."] = None,
) -> Assignment:
    """Let a seat belong to another seat group of its pool, or to none. Whoever sits there notices nothing."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    number = None if group is None else ids.decode("seatgroup", group)
    return await seat_groups.regroup(info.context.work, found.account_id, found.id, number)
