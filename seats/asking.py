"""Asking: a seat is requested, by whoever wants one or by whoever found the pool full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auth import queries as people
from auth.addresses import address
from kernel.rows import columns
from kernel.work import Work
from seats import events, queries, request_queries
from seats.overage import Overage
from seats.requesting import REQUESTED_FOR, AlreadyRequested, NoSeatsOfPlan, RequestState, note_of
from seats.seating import AlreadySeated, PoolClosed
from seats.tables import LicensePool, SeatRequest


async def asks(work: Work, account_id: int) -> bool:
    """Whether a workspace lets an admin decide about seats of full pools. Then it does until this transaction ends."""
    if await queries.overage(work, account_id) != Overage.REQUEST:
        return False
    await queries.keep_members(work, account_id)
    return (await people.workspace(work, account_id)).overage == Overage.REQUEST


async def ask(work: Work, account_id: int, plan_id: int, member: tuple[int, str], note: str | None) -> SeatRequest:
    """Request a seat for a member (a person, by their address).

    Raises NoSeatsOfPlan, AlreadySeated, or AlreadyRequested.
    """
    note, (person_id, email) = note_of(note), member
    await queries.keep_members(work, account_id)
    pools = await request_queries.open_pools(work, account_id, plan_id)
    if not pools:
        raise NoSeatsOfPlan
    for pool in pools:
        if await queries.held(work, account_id, pool.id, str(person_id)):
            raise AlreadySeated(email)
        if await request_queries.open_of(work, account_id, pool.id, [str(person_id)]):
            raise AlreadyRequested(email)
    return await _opened(work, made(work, pools[0], person_id, email, note=note))


async def ask_instead(work: Work, account_id: int, pool_id: int, email: str) -> SeatRequest | None:
    """Request a seat of a full pool for somebody; None where the pool has room, or they sit there.

    Raises PoolClosed, or AlreadyRequested.
    """
    email = address(email)
    pool = await queries.pool(work, account_id, pool_id)
    if pool.closed_at:
        raise PoolClosed(pool.name)
    person_id = (await people.members_by_address(work, account_id, [email])).get(email)
    key = email if person_id is None else str(person_id)
    overdue = await queries.overdue_seats(work, account_id, pool_id, work.now)
    taken = pool.assigned + pool.set_apart - len(overdue)
    if taken < pool.purchased or await queries.held(work, account_id, pool_id, key):
        return None
    return await _opened(work, made(work, pool, person_id, email))


async def ask_all(
    work: Work, account_id: int, pool_id: int, emails: Sequence[str], members: Mapping[str, int]
) -> dict[str, int]:
    """Request seats of a pool for all of these; the number of each one's open request."""
    pool = await queries.pool(work, account_id, pool_id)
    await work.reserve(3 * len(emails))
    rows = [made(work, pool, members.get(email), email) for email in emails]
    took = await request_queries.open_all(work, rows)
    for row in rows:
        if row.id in took:
            work.emit(events.SeatRequestOpened(account_id, row.id, pool_id), after=columns(row))
    known = await request_queries.open_of(work, account_id, pool_id, [row.person_key for row in rows])
    return {row.email: known[row.person_key] for row in rows}


def made(work: Work, pool: LicensePool, person_id: int | None, email: str, *, note: str | None = None) -> SeatRequest:
    """A new request, which waits for fourteen days."""
    return SeatRequest(
        account_id=pool.account_id,
        id=work.new_id(),
        pool_id=pool.id,
        plan_id=pool.plan_id,
        email=email,
        person_id=person_id,
        person_key=email if person_id is None else str(person_id),
        asked_by=work.origin.person_id,
        note=note,
        state=RequestState.OPEN,
        created_at=work.now,
        expires_at=work.now + REQUESTED_FOR,
    )


async def _opened(work: Work, row: SeatRequest) -> SeatRequest:
    if row.id not in await request_queries.open_all(work, [row]):
        raise AlreadyRequested(row.email)
    work.emit(events.SeatRequestOpened(row.account_id, row.id, row.pool_id), after=columns(row))
    return row
