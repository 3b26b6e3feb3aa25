"""Welcoming: somebody comes who nobody invited, or whose invitation waits.

They come by single sign-on; or they ask to join the workspace that is suggested to them, and an admin decides.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from auth import operations as members
from auth import queries as people
from auth.policy import Role
from auth.sso.arriving import Welcomed
from auth.tables import Member
from kernel.errors import InvalidInput
from kernel.work import Work
from seats import events, invitations, operations, queries, suggesting_queries
from seats.requesting import note_of
from seats.seating import SeatState
from seats.suggesting import ASKED_FOR, AlreadyAsked, JoinRequestState, check_open, outcome
from seats.suggesting_queries import Suggestion
from seats.tables import JoinRequest


async def invited(work: Work, account_id: int, email: str) -> bool:
    """Whether an invitation waits for an address."""
    return await queries.waits_for(work, account_id, email, work.now)


async def join(work: Work, account_id: int, person_id: int, email: str) -> Welcomed:
    """Make somebody a member who came by single sign-on: as they were invited, with the seats that waited for them."""
    # Before their invitation is locked, as whoever provisions them at this moment does.
    await people.take_turn(work, account_id)
    role, freed = await invitations.take_up(work, account_id, email)
    member = members.join(work, account_id, person_id, role or Role.MEMBER)
    await work.flush()
    await operations.sit_down(work, account_id, person_id, email, freed)
    seats = await queries.seats_of(work, account_id, person_id)
    return Welcomed(member, role is not None, any(seat.state is SeatState.ACTIVE for seat in seats))


async def ask(work: Work, person_id: int, suggested: Suggestion, note: str | None) -> JoinRequest:
    """Ask to join a workspace, with a note that was read. Raises AlreadyAsked."""
    # One that ran out a moment ago, and was not yet told so, doesn't stand in the way.
    before = await suggesting_queries.open_of(work, suggested.account_id, person_id)
    if before is not None and before.expires_at <= work.now:
        await _settle(work, before, JoinRequestState.EXPIRED, None)
    row = JoinRequest(
        account_id=suggested.account_id,
        id=work.new_id(),
        domain_id=suggested.domain_id,
        person_id=person_id,
        email=suggested.email,
        note=note,
        state=JoinRequestState.OPEN,
        created_at=work.now,
        expires_at=work.now + ASKED_FOR,
    )
    work.add(row)
    try:
        await work.flush()
    except IntegrityError:
        raise AlreadyAsked(suggested.name) from None
    work.emit(events.JoinRequestOpened(row.account_id, row.id), row)
    return row


async def approve(work: Work, account_id: int, request_id: int) -> Member:
    """Let somebody in who asked: a member, with the seats that waited for their address. Raises JoinRequestSettled."""
    await people.workspace(work, account_id, lock=True)
    row = await _open(work, account_id, request_id)
    member = members.join(work, account_id, row.person_id, Role.MEMBER)
    await work.flush()
    # Nobody answers it any more: they are here.
    await invitations.take_back(work, account_id, row.email)
    await operations.sit_down(work, account_id, row.person_id, row.email)
    await _settle(work, row, JoinRequestState.APPROVED, None)
    return member


async def decline(work: Work, account_id: int, request_id: int, reason: str) -> JoinRequest:
    """Say no, and why. Raises JoinRequestSettled."""
    said = note_of(reason.strip())
    if said is None:
        raise InvalidInput("Say why: whoever asked is told the reason.")
    row = await _open(work, account_id, request_id)
    await _settle(work, row, JoinRequestState.DECLINED, said)
    return row


async def withdraw(work: Work, account_id: int, request_id: int) -> JoinRequest:
    """Take a request back, also where it would mean nothing any more. Raises JoinRequestSettled."""
    row = await suggesting_queries.request(work, account_id, request_id)
    check_open(row.state, row.email, stands=True, expires_at=row.expires_at, now=work.now)
    await _settle(work, row, JoinRequestState.WITHDRAWN, None)
    return row


async def settle_due(work: Work, account_id: int, request_id: int) -> None:
    """Settle a request about which there is nothing to decide any more; done again, nothing changes."""
    row = await suggesting_queries.request(work, account_id, request_id)
    stands = await suggesting_queries.stands(work, row.id)
    became = outcome(stands=stands, expires_at=row.expires_at, now=work.now)
    if row.state is JoinRequestState.OPEN and became is not None:
        await _settle(work, row, became, None)


async def _open(work: Work, account_id: int, request_id: int) -> JoinRequest:
    row = await suggesting_queries.request(work, account_id, request_id)
    stands = await suggesting_queries.stands(work, row.id)
    check_open(row.state, row.email, stands=stands, expires_at=row.expires_at, now=work.now)
    return row


async def _settle(work: Work, row: JoinRequest, state: JoinRequestState, reason: str | None) -> None:
    row.state, row.settled_at, row.settled_by, row.reason = state, work.now, work.origin.person_id, reason
    await work.flush()
    kind = {
        JoinRequestState.APPROVED: events.JoinRequestApproved,
        JoinRequestState.DECLINED: events.JoinRequestDeclined,
        JoinRequestState.WITHDRAWN: events.JoinRequestWithdrawn,
        JoinRequestState.EXPIRED: events.JoinRequestExpired,
    }[state]
    work.emit(kind(row.account_id, row.id), row)
