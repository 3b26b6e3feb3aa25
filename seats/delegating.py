"""Delegating: members are made admins of a seat group, and give its seats and no others."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from auth import queries as people
from auth.tables import MemberState
from kernel.errors import InvalidInput, Problem
from kernel.work import Work
from seats import events, queries, seat_group_queries
from seats.allotting import SeatGroupRemoved
from seats.tables import GroupAdmin

MOST_ADMINS = 100
"""How many admins a seat group has at most."""


@dataclass(eq=False)
class AlreadyGroupAdmin(Problem):
    """The member gives the seats of this group already."""

    says = "This member is an admin of {name} already."
    name: str
    """The group's name."""


@dataclass(eq=False)
class GroupAdminDismissed(Problem):
    """The admin of a seat group was dismissed, or left, already."""

    says = "This admin gives no seats any more. There is nothing to take back."


async def appoint(work: Work, account_id: int, group_id: int, member_id: int) -> GroupAdmin:
    """Let a member give the seats of a group. Raises SeatGroupRemoved, or AlreadyGroupAdmin."""
    await queries.keep_members(work, account_id)
    group = await seat_group_queries.group(work, account_id, group_id, lock=True)
    member = await people.member(work, account_id, member_id)
    if group.removed_at:
        raise SeatGroupRemoved(group.name)
    if member.state is not MemberState.ACTIVE:
        raise InvalidInput("That person is no member any more. Choose somebody who is.")

    if await seat_group_queries.admins(work, account_id, group_id) >= MOST_ADMINS:
        raise InvalidInput(f"A seat group has at most {MOST_ADMINS} admins. Dismiss one first.")

    name = group.name
    admin = GroupAdmin(
        account_id=account_id,
        id=work.new_id(),
        seat_group_id=group_id,
        member_id=member_id,
        person_id=member.person_id,
        appointed_by=work.origin.person_id,
        appointed_at=work.now,
    )
    work.add(admin)
    try:
        await work.flush()
    except IntegrityError as conflict:
        if "one_appointment" in str(conflict.orig):
            raise AlreadyGroupAdmin(name) from None
        raise
    work.emit(events.GroupAdminAppointed(account_id, admin.id, group_id), admin)
    return admin


async def dismiss(work: Work, account_id: int, admin_id: int) -> GroupAdmin:
    """Let somebody give the seats of a group no more. Raises GroupAdminDismissed."""
    admin = await seat_group_queries.admin(work, account_id, admin_id)
    if admin.dismissed_at:
        raise GroupAdminDismissed
    admin.dismissed_at = work.now
    await work.flush()
    work.emit(events.GroupAdminDismissed(account_id, admin.id, admin.seat_group_id), admin)
    return admin
