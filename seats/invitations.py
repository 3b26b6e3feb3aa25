"""Invitations: asked once, answered once, by whoever owns the address."""

from __future__ import annotations

import secrets
from hashlib import sha256

from auth import operations as members
from auth import queries as people
from auth.addresses import address
from auth.policy import Role
from auth.tables import Member
from kernel.work import Work
from seats import events, queries
from seats.seating import (
    INVITED_FOR,
    AlreadyInvited,
    AlreadyMember,
    InvitationClosed,
    InvitationState,
    InvitedSomebodyElse,
)
from seats.tables import Invitation


async def invite(work: Work, account_id: int, email: str, role: Role) -> Invitation:
    """Ask somebody to join. Raises AlreadyMember, or AlreadyInvited."""
    email = address(email)
    if await people.members_by_address(work, account_id, [email]):
        raise AlreadyMember(email)
    if await queries.open_invitation(work, account_id, email):
        raise AlreadyInvited(email)
    return await ask(work, account_id, email, role)


async def ask(work: Work, account_id: int, email: str, role: Role) -> Invitation:
    """The open invitation to an address, sent now unless there is one."""
    known = await queries.open_invitation(work, account_id, email)
    if known:
        return known
    invitation = made(work, account_id, email, role)
    work.add(invitation)
    await work.flush()
    work.emit(events.InvitationSent(account_id, invitation.id), invitation)
    return invitation


def made(work: Work, account_id: int, email: str, role: Role) -> Invitation:
    """A new invitation, open for seven days."""
    return Invitation(
        account_id=account_id,
        id=work.new_id(),
        email=email,
        role=role,
        state=InvitationState.PENDING,
        invited_by=work.origin.person_id,
        created_at=work.now,
        expires_at=work.now + INVITED_FOR,
        token_hash=sha256(secrets.token_bytes(32)).digest(),
    )


async def accept(work: Work, account_id: int, invitation_id: int, person_id: int, email: str | None) -> Member:
    """Make the person an invitation was written to a member. Raises InvitationClosed, or InvitedSomebodyElse."""
    invitation = await queries.invitation(work, account_id, invitation_id)
    if invitation.email != email:
        raise InvitedSomebodyElse
    _check_open(invitation, work)
    if await people.is_member(work, account_id, person_id):
        raise AlreadyMember(invitation.email)
    await _answer(work, invitation, InvitationState.ACCEPTED)
    work.emit(events.InvitationAccepted(account_id, invitation_id), invitation)
    return members.join(work, account_id, person_id, invitation.role)


async def revoke(work: Work, account_id: int, invitation_id: int) -> Invitation:
    """Take an invitation back. Raises InvitationClosed."""
    invitation = await queries.invitation(work, account_id, invitation_id)
    _check_open(invitation, work)
    await _answer(work, invitation, InvitationState.REVOKED)
    work.emit(events.InvitationRevoked(account_id, invitation_id), invitation)
    return invitation


async def expire(work: Work, account_id: int, invitation_id: int) -> Invitation | None:
    """Let an invitation run out; None when somebody answered it first."""
    invitation = await queries.invitation(work, account_id, invitation_id)
    if invitation.state is not InvitationState.PENDING or invitation.expires_at > work.now:
        return None
    await _answer(work, invitation, InvitationState.EXPIRED)
    work.emit(events.InvitationExpired(account_id, invitation_id), invitation)
    return invitation


def _check_open(invitation: Invitation, work: Work) -> None:
    if invitation.state is not InvitationState.PENDING:
        raise InvitationClosed(invitation.state.value)
    if invitation.expires_at <= work.now:
        raise InvitationClosed(InvitationState.EXPIRED.value)


async def _answer(work: Work, invitation: Invitation, state: InvitationState) -> None:
    invitation.state, invitation.answered_at = state, work.now
    await work.flush()
