"""Seat groups: the parts that a pool's seats are divided into."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from resolvers import seat_groups as resolve
from resolvers.graph import holders
from schema.base import Node, computed, face, many, one
from schema.changes import mutation
from schema.lists import among, containing, page
from seats import tables
from seats.allotting import AllocationTaken, SeatGroupFull, SeatGroupNameTaken, SeatGroupRemoved, SeatsNotFree
from seats.delegating import AlreadyGroupAdmin, GroupAdminDismissed
from seats.seating import AlreadySeated, PoolClosed, PoolExhausted, SeatNotHeld


@face(tables.SeatGroup, "seatgroup", visible=holders(Permission.SEE_COUNTS, group="id"))
class SeatGroup(Node):
    """A part of a pool's seats that is set apart for a group of people."""

    name: str
    """What people call it."""

    allocation: int
    """How many seats it has."""

    assigned: int
    """How many of them are taken: invited, active or suspended."""

    available = computed("{row}.allocation - {row}.assigned", "int")
    """How many are free for it, and for nobody else."""

    created_at: datetime
    """When it was made."""

    removed_at: datetime | None
    """When it was ended."""

    pool = one("LicensePool", by="pool_id")
    """Whose seats they are, if you may see that."""

    workspace = one("Workspace", by="account_id")
    """Where; null once you may not see it any more."""

    seats = page(
        "Seat",
        by="seat_group_id",
        name="GroupSeats",
        filters={
            "state": among("state", "SeatState", "Only in one of these states."),
            "search": containing("email", "Only where the address contains this."),
        },
        orders={"SINCE": ("since", "timestamptz", "By when it was taken.")},
    )
    """Who sits in them, and who did."""

    admins = many("SeatGroupAdmin", by="seat_group_id", where="{row}.dismissed_at is null")
    """The members who give its seats, beside those who give all seats of the workspace."""


@face(tables.GroupAdmin, "groupadmin", visible=holders(Permission.SEE_SEATS, own="person_id"))
class SeatGroupAdmin(Node):
    """A member who gives the seats of one seat group, and of no other."""

    appointed_at: datetime
    """Since when."""

    dismissed_at: datetime | None
    """Until when."""

    group = one("SeatGroup", by="seat_group_id")
    """Of which group."""

    member = one("Member", by="member_id")
    """Who it is."""

    appointed_by = one("Person", by="appointed_by")
    """Who appointed them, if you may see them; null for a program."""


@strawberry.type
class SeatGroupMutation:
    """Dividing a pool's seats."""

    create_seat_group = mutation(
        resolve.create_seat_group, "SeatGroup", refusals=[SeatsNotFree, SeatGroupNameTaken, PoolClosed]
    )
    change_seat_group = mutation(
        resolve.change_seat_group,
        "SeatGroup",
        refusals=[SeatsNotFree, AllocationTaken, SeatGroupNameTaken, SeatGroupRemoved, PoolClosed],
    )
    remove_seat_group = mutation(resolve.remove_seat_group, "SeatGroup", refusals=[SeatGroupRemoved])
    appoint_group_admin = mutation(
        resolve.appoint_group_admin, "SeatGroupAdmin", refusals=[AlreadyGroupAdmin, SeatGroupRemoved]
    )
    dismiss_group_admin = mutation(resolve.dismiss_group_admin, "SeatGroupAdmin", refusals=[GroupAdminDismissed])
    assign_group_seat = mutation(
        resolve.assign_group_seat,
        "Seat",
        refusals=[SeatGroupFull, SeatGroupRemoved, PoolExhausted, PoolClosed, AlreadySeated],
    )
    group_seat = mutation(
        resolve.group_seat, "Seat", refusals=[SeatGroupFull, SeatGroupRemoved, PoolExhausted, PoolClosed, SeatNotHeld]
    )
