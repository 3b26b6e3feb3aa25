"""What a seat needs before somebody sits down: who they are, room in the pool, and the row that seats them."""

from __future__ import annotations

from collections import Counter

from sqlalchemy.exc import IntegrityError

from auth import queries as people
from auth.policy import Role
from kernel import rows
from kernel.work import Work
from seats import invitations, queries
from seats.leaving import Freed
from seats.place_queries import Outlook
from seats.seating import MOST_AT_ONCE, AlreadySeated, SeatSource, SeatState
from seats.tables import Assignment, LicensePool


def key_of(person_id: int | None, email: str) -> str:
    """What makes a person one and the same in a pool: their number, or their address until they accept."""
    return email if person_id is None else str(person_id)


def seated(
    work: Work, pool: LicensePool | Outlook, person_id: int | None, email: str, source: SeatSource
) -> Assignment:
    """A new assignment, active for a member and invited for anybody else."""
    values = {
        "account_id": pool.account_id,
        "id": work.new_id(),
        "pool_id": pool.id,
        "plan_id": pool.plan_id,
        "email": email,
        "person_id": person_id,
        "person_key": key_of(person_id, email),
        "state": SeatState.INVITED if person_id is None else SeatState.ACTIVE,
        "source": source,
        "since": work.now,
    }
    return rows.made(Assignment, values)


async def room(work: Work, account_id: int, pool_id: int, wanted: int) -> tuple[LicensePool, Freed]:
    """A pool as it stands; without room for so many, invitations that nobody answered in time give up their seats."""
    pool = await queries.pool(work, account_id, pool_id)
    if pool.assigned + pool.set_apart + wanted <= pool.purchased:
        return pool, Counter()
    freed = await overdue(work, account_id)
    return await queries.pool(work, account_id, pool_id), freed


async def overdue(work: Work, account_id: int) -> Freed:
    """What invitations gave up that nobody answered in time."""
    letters = await queries.overdue_invitations(work, account_id, work.now, MOST_AT_ONCE)
    return await invitations.run_out(work, account_id, letters)


async def invited(work: Work, account_id: int, email: str) -> tuple[int | None, Freed]:
    """The member with this address; or None, and they have an invitation. With it what an older one gave up."""
    known, freed = await invitations.waiting(work, account_id, [email])
    person_id = (await people.members_by_address(work, account_id, [email])).get(email)
    if person_id is None and not known:
        await invitations.send(work, [invitations.made(work, account_id, email, Role.MEMBER)])
    return person_id, freed


async def sit(work: Work, assignment: Assignment) -> None:
    """Write a new assignment. Raises AlreadySeated where others were faster."""
    work.add(assignment)
    try:
        await work.flush()
    except IntegrityError as conflict:
        if "one_seat_a_person" in str(conflict.orig):
            raise AlreadySeated(assignment.email) from None
        raise
