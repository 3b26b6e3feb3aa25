"""Allotting: how many seats of a pool are set apart for a seat group, and what is refused.

A group's allocation is a part of what was bought. Its seats that nobody has taken yet
are set apart: nobody else gets them. What is neither taken nor set apart is free for
everybody, and groups grow out of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.errors import InvalidInput, Problem

MOST_GROUPS = 500
"""How many seat groups a pool has at most."""

MOST_SEATS = 100_000
"""The largest allocation."""


@dataclass(eq=False)
class SeatsNotFree(Problem):
    """A seat group would get more seats than are free."""

    says = (
        "The group would need {wanted} more seats, and {free} are free in its pool."
        " Release some, take them from another group, or buy more."
    )
    free: int
    """How many seats are neither taken nor set apart."""

    wanted: int
    """How many more the group would have."""


@dataclass(eq=False)
class AllocationTaken(Problem):
    """More seats of a seat group are taken than it would have."""

    says = "The group can't have {wanted} seats, for {assigned} of them are taken. Release some first."
    assigned: int
    """How many are taken."""

    wanted: int
    """How many it would have."""


@dataclass(eq=False)
class SeatGroupFull(Problem):
    """Every seat of a seat group is taken."""

    says = (
        "All {allocation} seats of {name} are taken. Release one, or ask whoever gives this group its seats for more."
    )
    name: str
    """The group's name."""

    allocation: int
    """How many seats it has."""


@dataclass(eq=False)
class SeatGroupRemoved(Problem):
    """The seat group was removed."""

    says = "The seat group {name} was removed. Choose another one."
    name: str
    """What it was called."""


@dataclass(eq=False)
class SeatGroupNameTaken(Problem):
    """Another seat group of the pool has this name."""

    says = "Another seat group of this pool is called {name}. Choose another name."
    name: str
    """The name."""


@dataclass(eq=False)
class SeatsSetApart(Problem):
    """A pool would have fewer seats than are set apart for its seat groups."""

    says = "The pool can't have {wanted} seats, for its groups have {allocated}. Give the groups fewer first."
    allocated: int
    """How many seats its groups have together."""

    wanted: int
    """How many the pool would have."""


def free(purchased: int, assigned: int, set_apart: int) -> int:
    """How many seats of a pool are free for everybody; a pool that got smaller may have less than none."""
    return max(purchased - assigned - set_apart, 0)


def allocation_of(seats: int) -> int:
    """How many seats a group gets, if it can. Raises InvalidInput."""
    if not 0 <= seats <= MOST_SEATS:
        raise InvalidInput(f"A seat group has 0 to {MOST_SEATS:,} seats; {seats:,} was given.")
    return seats


def check_allocation(assigned: int, before: int, wanted: int, room: int) -> None:
    """Refuse an allocation below what is taken, and one that grows by more than there is room for."""
    if wanted < assigned:
        raise AllocationTaken(assigned, wanted)
    if wanted - before > room:
        raise SeatsNotFree(max(room, 0), wanted - before)
