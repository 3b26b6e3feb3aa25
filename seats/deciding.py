"""Deciding: an admin approves a request for a seat, or declines it; or there is nothing to decide any more."""

from __future__ import annotations

import asyncpg

from kernel.errors import InvalidInput
from kernel.work import Work
from seats import events, operations, queries, request_queries
from seats.growing import Growth
from seats.leaving import SEATED
from seats.requesting import RequestState, check_open, note_of, outcome
from seats.seating import SeatSource
from seats.tables import Assignment, SeatRequest


async def approve(
    work: Work, account_id: int, request_id: int, source: SeatSource, growth: Growth | None
) -> tuple[SeatRequest, Assignment]:
    """Give whoever a seat was requested for that seat. Raises RequestSettled, or what assigning refuses."""
    await queries.keep_members(work, account_id)
    row = await request_queries.request(work, account_id, request_id)
    check_open(row.state, row.expires_at, work.now)
    seat = await operations.assign(work, account_id, row.pool_id, row.email, source, growth=growth)
    row.assignment_id = seat.id
    await _settle(work, row, RequestState.APPROVED, None)
    work.emit(events.SeatRequestApproved(account_id, row.id, row.pool_id), row)
    return row, seat


async def decline(work: Work, account_id: int, request_id: int, reason: str) -> SeatRequest:
    """Say no, and why. Raises RequestSettled."""
    said = note_of(reason.strip())
    if said is None:
        raise InvalidInput("Say why: whoever asked is told the reason.")
    row = await request_queries.request(work, account_id, request_id)
    check_open(row.state, row.expires_at, work.now)
    await _settle(work, row, RequestState.DECLINED, said)
    work.emit(events.SeatRequestDeclined(account_id, row.id, row.pool_id), row)
    return row


async def withdraw(work: Work, account_id: int, request_id: int) -> SeatRequest:
    """Take a request back. Raises RequestSettled."""
    row = await request_queries.request(work, account_id, request_id)
    check_open(row.state, row.expires_at, work.now)
    await _settle(work, row, RequestState.WITHDRAWN, None)
    work.emit(events.SeatRequestWithdrawn(account_id, row.id, row.pool_id), row)
    return row


async def settle_due(work: Work, account_id: int, most: int) -> None:
    """Settle the requests of a workspace about which there is nothing to decide; done again, nothing changes."""
    for known in await request_queries.standing(work, account_id, most):
        row = await request_queries.request(work, account_id, known["id"])
        became = outcome(
            seated=known["seated"],
            closed=known["closed"],
            gone=known["gone"],
            expires_at=row.expires_at,
            now=work.now,
        )
        if row.state is not RequestState.OPEN or became is None:
            continue
        await _settle(work, row, became, _why(known) if became is RequestState.WITHDRAWN else None)
        kind = events.SeatRequestWithdrawn if became is RequestState.WITHDRAWN else events.SeatRequestExpired
        work.emit(kind(account_id, row.id, row.pool_id), row)


def _why(known: asyncpg.Record) -> str:
    if known["seated"]:
        return SEATED
    return "the pool is closed" if known["closed"] else "no member any more"


async def _settle(work: Work, row: SeatRequest, state: RequestState, reason: str | None) -> None:
    row.state, row.settled_at, row.settled_by, row.reason = state, work.now, work.origin.person_id, reason
    await work.flush()
