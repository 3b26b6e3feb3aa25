"""Invitations: asked once, answered once, by whoever owns the address.

    sgi_<43 characters of secret>    what stands in the link of the letter

The token is made when the letter leaves, so that nothing but the letter has it: we keep its SHA-256. A letter that
has to be tried again gets another token. It proves nothing by itself, and whoever accepts with it owns the address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auth import bearers
from auth import operations as members
from auth import queries as people
from auth.addresses import address
from auth.policy import Role
from auth.tables import Member
from kernel.rows import columns
from kernel.work import Work
from seats import events, joining_queries, leaving, queries, resending
from seats.leaving import Freed
from seats.seating import (
    INVITED_FOR,
    AlreadyInvited,
    AlreadyMember,
    InvitationClosed,
    InvitationLinkClosed,
    InvitationState,
    InvitedSomebodyElse,
)
from seats.tables import Invitation

PREFIX = "sgi_"
"""What every token begins with."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What whoever has a letter may know of the invitation, signed in or not."""

    invitation_id: int
    workspace: str
    email: str
    role: Role
    until: datetime
    plans: list[str]
    """The plans of the seats that wait, by their names in English."""


async def invite(work: Work, account_id: int, email: str, role: Role) -> Invitation:
    """Ask somebody to join. Raises AlreadyMember, or AlreadyInvited."""
    email = address(email)
    known, freed = await waiting(work, account_id, [email])
    if await people.members_by_address(work, account_id, [email]):
        raise AlreadyMember(email)
    letter = made(work, account_id, email, role)
    if known or not await send(work, [letter]):
        raise AlreadyInvited(email)
    await leaving.count(work, account_id, {}, freed)
    return letter


async def waiting(work: Work, account_id: int, emails: Sequence[str]) -> tuple[set[str], Freed]:
    """Which addresses have an invitation they may still answer, and the seats of those who didn't in time.

    Nobody answers until this transaction ends; look up members after it, and whoever
    answered just before is among them.
    """
    known = await queries.open_invitations(work, account_id, emails)
    overdue = [letter for letter in known if letter.expires_at <= work.now]
    freed = await run_out(work, account_id, overdue)
    return {letter.email for letter in known if letter not in overdue}, freed


async def send(work: Work, letters: Sequence[Invitation]) -> bool:
    """Send invitations; whether all were, and nobody sent one to the same address at this moment."""
    sent = await queries.invite_all(work, letters)
    tell(work, [letter for letter in letters if letter.id in sent])
    return len(sent) == len(letters)


def tell(work: Work, letters: Sequence[Invitation]) -> None:
    """Tell that invitations were sent."""
    for letter in letters:
        work.emit(events.InvitationSent(letter.account_id, letter.id), after=columns(letter))


def made(work: Work, account_id: int, email: str, role: Role, *, in_place_of: int | None = None) -> Invitation:
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
        in_place_of=in_place_of,
    )


async def mint(work: Work, account_id: int, invitation_id: int) -> str | None:
    """A new token for an invitation, and none before it counts; None for one that nobody can accept any more."""
    issued = bearers.issue(PREFIX)
    kept = await queries.keep_token(work, account_id, invitation_id, issued.digest)
    return issued.text if kept else None


async def named(work: Work, token: str) -> tuple[int, int]:
    """The account and the number of the invitation that a token is of. Raises InvitationLinkClosed."""
    digest = bearers.digest(token, PREFIX)
    found = await queries.invited_with(work, digest) if digest else None
    if found is None:
        raise InvitationLinkClosed
    return found


async def look(work: Work, token: str) -> Offer:
    """What an invitation is about, for whoever has its letter. Raises InvitationLinkClosed."""
    account_id, invitation_id = await named(work, token)
    await work.bind(account_id)
    found = await queries.offered(work, account_id, invitation_id)
    if found is None:
        raise InvitationLinkClosed
    plans = await joining_queries.waiting_plans(work, account_id, found["email"])
    until, role = found["expires_at"], Role(found["role"])
    return Offer(invitation_id, found["workspace"], found["email"], role, until, plans)


async def accept(
    work: Work, account_id: int, invitation_id: int, person_id: int, email: str | None, *, token: str | None = None
) -> Member:
    """Make the person an invitation was written to a member; with a token, it has to count still.

    Raises InvitationClosed, InvitationLinkClosed, or InvitedSomebodyElse.
    """
    await people.take_turn(work, account_id)
    invitation = await queries.invitation(work, account_id, invitation_id)
    if token is not None and not _counts(invitation, token, work):
        raise InvitationLinkClosed
    if invitation.email != email:
        raise InvitedSomebodyElse
    _check_open(invitation, work)
    if await people.is_member(work, account_id, person_id):
        raise AlreadyMember(invitation.email)
    await _answer(work, invitation, InvitationState.ACCEPTED)
    work.emit(events.InvitationAccepted(account_id, invitation_id), invitation)
    return members.join(work, account_id, person_id, invitation.role)


async def take_up(work: Work, account_id: int, email: str) -> tuple[Role | None, Freed]:
    """As what somebody joins who comes another way: the invitation that waits for their address is answered by that.

    None where none waits. With it what one gave up that was not answered in time, and is yet to count.

    Only its letter makes an owner, for whoever opens another way may say whose an address is: it is taken back then.
    """
    open_ones = await queries.open_invitations(work, account_id, [email])
    overdue = [letter for letter in open_ones if letter.expires_at <= work.now]
    freed = await run_out(work, account_id, overdue)
    letter = next((letter for letter in open_ones if letter not in overdue), None)
    if letter is None:
        return None, freed
    if letter.role is Role.OWNER:
        await _answer(work, letter, InvitationState.REVOKED)
        work.emit(events.InvitationRevoked(account_id, letter.id), letter)
        return Role.MEMBER, freed
    await _answer(work, letter, InvitationState.ACCEPTED)
    work.emit(events.InvitationAccepted(account_id, letter.id), letter)
    return letter.role, freed


async def revoke(work: Work, account_id: int, invitation_id: int) -> Invitation:
    """Take an invitation back. Raises InvitationClosed."""
    invitation = await queries.invitation(work, account_id, invitation_id)
    _check_open(invitation, work)
    await _answer(work, invitation, InvitationState.REVOKED)
    work.emit(events.InvitationRevoked(account_id, invitation_id), invitation)
    return invitation


async def resend(work: Work, account_id: int, invitation_id: int) -> Invitation:
    """A new invitation in place of one that is open, for seven days from now.

    The seats that wait for the address go on waiting. Raises InvitationClosed, or ResentTooOften.
    """
    # Whoever sends anew takes turns, so that what went out is counted.
    await people.workspace(work, account_id, lock=True)
    before = await queries.invitation(work, account_id, invitation_id)
    _check_open(before, work)
    since = work.now - resending.WITHIN
    to_one = await queries.sent_to(work, account_id, before.email, since)
    resending.check(to_one, await queries.sent_anew(work, account_id, since))
    await _answer(work, before, InvitationState.REVOKED)
    work.emit(events.InvitationRevoked(account_id, invitation_id), before)
    letter = made(work, account_id, before.email, before.role, in_place_of=before.id)
    sent = await send(work, [letter])
    assert sent, "the address has one open invitation at a time, and that one was just closed"
    return letter


async def take_back(work: Work, account_id: int, email: str) -> bool:
    """Take back whatever invitation somebody at this address could still answer; whether there was any.

    The seats that wait there are left to whoever calls it.
    """
    open_ones = await queries.open_invitations(work, account_id, [email])
    for letter in open_ones:
        await _answer(work, letter, InvitationState.REVOKED)
        work.emit(events.InvitationRevoked(account_id, letter.id), letter)
    return bool(open_ones)


async def withdraw(work: Work, account_id: int, email: str) -> Freed:
    """The same with the seats that wait there: they are given up, and yet to count."""
    if not await take_back(work, account_id, email):
        return Freed()
    seats = await queries.waiting_seats(work, account_id, [email])
    return await leaving.leave(work, seats, "invitation revoked")


async def run_out(work: Work, account_id: int, letters: Sequence[Invitation]) -> Freed:
    """Let invitations that nobody answered in time run out; the seats that waited are given up, and yet to count."""
    for letter in letters:
        letter.state, letter.answered_at = InvitationState.EXPIRED, work.now
        work.emit(events.InvitationExpired(account_id, letter.id), letter)
    await work.flush()
    seats = await queries.waiting_seats(work, account_id, [letter.email for letter in letters]) if letters else []
    return await leaving.leave(work, seats, "invitation expired")


async def expire(work: Work, account_id: int, invitation_id: int) -> None:
    """Let an invitation run out and free the seats that waited, unless somebody answered it first."""
    invitation = await queries.invitation(work, account_id, invitation_id)
    if invitation.state is InvitationState.PENDING and invitation.expires_at <= work.now:
        await leaving.count(work, account_id, {}, await run_out(work, account_id, [invitation]))


async def expire_overdue(work: Work, account_id: int, most: int) -> None:
    """Let a workspace's invitations that nobody answered in time run out, and free the seats that waited."""
    # Whoever comes back holds a pool already when they look for a seat of another.
    await people.take_turn(work, account_id)
    overdue = await queries.overdue_invitations(work, account_id, work.now, most)
    await leaving.count(work, account_id, {}, await run_out(work, account_id, overdue))


def _check_open(invitation: Invitation, work: Work) -> None:
    if invitation.state is not InvitationState.PENDING:
        raise InvitationClosed(invitation.state.value)
    if invitation.expires_at <= work.now:
        raise InvitationClosed(InvitationState.EXPIRED.value)


def _counts(invitation: Invitation, token: str, work: Work) -> bool:
    kept = invitation.token_hash
    is_open = invitation.state is InvitationState.PENDING and invitation.expires_at > work.now
    return is_open and kept is not None and bearers.digest(token, PREFIX) == kept


async def _answer(work: Work, invitation: Invitation, state: InvitationState) -> None:
    invitation.state, invitation.answered_at = state, work.now
    await work.flush()
