"""Listing: what would come of each row of a sheet, in its order, as the workspace stands.

A row asks for a seat of a pool: of the one it names, by its name, its id or the key
of its plan, or of the one that was given for all. Its role is for whoever is
invited; nobody who is here becomes something else by a list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from auth.addresses import address, is_address
from auth.policy import Role
from seats.sheets import Row


class RowOutcome(StrEnum):
    """What can come of a row of a list."""

    ASSIGNED = "assigned"
    """A member, seated at once."""

    INVITED = "invited"
    """Invited, with a seat that waits."""

    ALREADY_SEATED = "already_seated"
    """Has a seat in this pool already."""

    REPEATED = "repeated"
    """Stands in the list before, for the same pool."""

    NOT_AN_ADDRESS = "not_an_address"
    """Is no e-mail address."""

    UNKNOWN_POOL = "unknown_pool"
    """Names no pool, or more than one."""

    UNKNOWN_ROLE = "unknown_role"
    """Names no role."""

    ROLE_NOT_YOURS = "role_not_yours"
    """Asks for a role that you may not give."""

    OTHER_ROLE = "other_role"
    """Asks for another role than the person has here."""

    REQUESTED = "requested"
    """The pool was full, and their seat is requested."""

    NO_SEAT_LEFT = "no_seat_left"
    """The pool was full, and bought no more."""


SEATED = frozenset({RowOutcome.ASSIGNED, RowOutcome.INVITED})
HARMLESS = SEATED | {RowOutcome.ALREADY_SEATED, RowOutcome.REPEATED}
"""What doesn't stand in the way of a list that is taken as a whole, or not at all."""


@dataclass(frozen=True, slots=True)
class OpenPool:
    """A pool that a list may seat people in, and how many more it has room for."""

    id: int
    name: str
    plan: str
    purchased: int
    free: int
    growth: int = 0
    """How many seats it may buy for whoever finds none."""

    stops: str | None = None
    """Why it buys no more, where somebody may ask."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a workspace and of the addresses of a list."""

    pools: Mapping[str, Sequence[OpenPool]]
    """The open pools by what rows may call them, in lower case."""

    members: Mapping[str, tuple[int, Role]]
    """The number and the role of each address that is a member's."""

    invited: Mapping[str, Role]
    """As what each address was asked to join, that hasn't answered yet."""

    seated: Collection[tuple[int, str]]
    """Pools, and the numbers of the people or the addresses that have a seat there."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of one row."""

    line: int
    email: str
    outcome: RowOutcome
    says: str
    pool_id: int | None = None
    role: Role = Role.MEMBER
    seat_id: int | None = None
    request_id: int | None = None


class _NotSo(Exception):  # noqa: N818 - what is wrong with a row, on its way to the verdict
    def __init__(self, outcome: RowOutcome, says: str) -> None:
        super().__init__(says)
        self.outcome, self.says = outcome, says


def verdicts(
    rows: Sequence[Row], known: Known, pool: OpenPool | None, grants: Collection[Role], *, requests: bool = False
) -> list[Verdict]:
    """What would come of every row; `pool` is for those that name none, `grants` are the roles that may be given.

    With requests, a seat is requested for whoever finds none.
    """
    room = {each.id: each.free + each.growth for one in known.pools.values() for each in one}
    judging = _Judging(known, pool, grants, requests, room, {})
    return [judging.verdict(row) for row in rows]


def bought(told: Sequence[Verdict], known: Known) -> dict[int, int]:
    """How many seats each pool is short of for those who were found to be seated, where it is short of any."""
    free = {each.id: each.free for one in known.pools.values() for each in one}
    taken = Counter(verdict.pool_id for verdict in told if verdict.outcome in SEATED)
    return {pool_id: taken[pool_id] - free[pool_id] for pool_id in sorted(free) if taken[pool_id] > free[pool_id]}


def _address(row: Row) -> str:
    if not is_address(row.email):
        raise _NotSo(RowOutcome.NOT_AN_ADDRESS, f"{row.email[:254] or 'This line'} is no e-mail address. Correct it.")
    return address(row.email)


@dataclass(frozen=True, slots=True)
class _Judging:
    known: Known
    pool: OpenPool | None
    grants: Collection[Role]
    requests: bool
    free: dict[int, int]
    """How many more each pool has room for, with what it may buy."""

    before: dict[tuple[int, str], int]
    """At which line each pool and address stood first."""

    def verdict(self, row: Row) -> Verdict:
        told = Verdict(row.line, row.email[:254], RowOutcome.NOT_AN_ADDRESS, "")
        try:
            email, pool = _address(row), self._pool(row)
            told = replace(told, email=email, pool_id=pool.id, role=self._role(row, email))
            return self._seat(told, pool)
        except _NotSo as why:
            return replace(told, outcome=why.outcome, says=why.says)

    def _pool(self, row: Row) -> OpenPool:
        if not row.pool and self.pool is not None:
            return self.pool
        found = self.known.pools.get(row.pool.lower(), ()) if row.pool else ()
        if len(found) == 1:
            return found[0]
        if not row.pool:
            raise _NotSo(RowOutcome.UNKNOWN_POOL, "This line names no pool. Write one there, or choose one for all.")
        if found:
            raise _NotSo(RowOutcome.UNKNOWN_POOL, f"More than one pool is meant by {row.pool}. Write the id of one.")
        says = f"No open pool is called {row.pool}. Write a pool's name or id, or the key of its plan."
        raise _NotSo(RowOutcome.UNKNOWN_POOL, says)

    def _role(self, row: Row, email: str) -> Role:
        if not row.role:
            return Role.MEMBER
        written = row.role.lower().replace(" ", "_").replace("-", "_")
        if written not in set(Role):
            roles = ", ".join(Role)
            raise _NotSo(RowOutcome.UNKNOWN_ROLE, f"There is no role {row.role}. Write one of {roles}, or nothing.")
        role = Role(written)
        here = self.known.members[email][1] if email in self.known.members else self.known.invited.get(email)
        if here is not None and here is not role:
            says = f"{email} is here, or was invited, as {here}. Change that first, or leave the role empty."
            raise _NotSo(RowOutcome.OTHER_ROLE, says)
        if here is None and role not in self.grants:
            says = f"You may not make anybody {role}. Ask an owner, or leave it empty."
            if role is Role.OWNER:
                says = "A list makes nobody an owner. An owner invites them by themselves, or leave it empty."
            raise _NotSo(RowOutcome.ROLE_NOT_YOURS, says)
        return role

    def _seat(self, told: Verdict, pool: OpenPool) -> Verdict:
        first = self.before.setdefault((pool.id, told.email), told.line)
        member = self.known.members.get(told.email)
        key = told.email if member is None else str(member[0])
        if first != told.line:
            raise _NotSo(RowOutcome.REPEATED, f"{told.email} stands in line {first} already, for the same pool.")
        if (pool.id, key) in self.known.seated:
            raise _NotSo(RowOutcome.ALREADY_SEATED, f"{told.email} has a seat of {pool.name} already.")
        if self.free[pool.id] <= 0:
            return self._full(told, pool)
        self.free[pool.id] -= 1
        if member is None:
            says = f"{told.email} is invited, and a seat of {pool.name} waits for seven days."
            return replace(told, outcome=RowOutcome.INVITED, says=says)
        return replace(told, outcome=RowOutcome.ASSIGNED, says=f"{told.email} has a seat of {pool.name}.")

    def _full(self, told: Verdict, pool: OpenPool) -> Verdict:
        taken = f"All {pool.purchased} seats of {pool.name} are taken"
        if not self.requests:
            raise _NotSo(RowOutcome.NO_SEAT_LEFT, f"{taken}. {pool.stops or 'Release one, or buy more.'}")
        if told.role is not Role.MEMBER and told.email not in {*self.known.members, *self.known.invited}:
            says = f"{taken}, and a request gives nobody a role. Invite {told.email} first, or leave the role empty."
            raise _NotSo(RowOutcome.NO_SEAT_LEFT, says)
        return replace(told, outcome=RowOutcome.REQUESTED, says=f"{taken}, and one is requested for {told.email}.")
