"""What is done with break-glass: load, decide, record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from auth import bearers, events, sessions
from auth import queries as people
from auth.glass import queries, rules
from auth.glass.rules import BreakGlassClosed, BreakGlassFull, BreakGlassNeeded, CodeWrong
from auth.glass.tables import BreakGlass
from auth.policy import Role
from auth.tables import Session
from kernel.errors import NotFound
from kernel.sealing import seal, unseal
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of a code: a session, or one try less."""

    session: str | None = field(repr=False)
    """The session, if the code was right."""

    until: datetime | None
    """When it ends, or from when on codes count again."""

    tries_left: int


async def enroll(work: Work, account_id: int, person_id: int) -> tuple[BreakGlass, str]:
    """A second factor that waits to be confirmed, until when the person's earlier one counts, and its secret.

    Raises BreakGlassFull.
    """
    await people.workspace(work, account_id, lock=True)
    known, owners = await queries.enrolled(work, account_id), await queries.owners(work, account_id)
    others = {row.person_id for row in known if row.person_id in owners} - {person_id}
    if len(others) >= rules.MOST:
        raise BreakGlassFull(rules.MOST)
    for row in known:
        if row.person_id == person_id and row.confirmed_at is None:
            row.removed_at = work.now
    await work.flush()
    secret = rules.new_secret()
    made = BreakGlass(
        account_id=account_id,
        id=work.new_id(),
        person_id=person_id,
        sealed_secret=seal(secret).encode(),
        created_at=work.now,
    )
    work.add(made)
    work.emit(events.BreakGlassEnrolled(account_id, made.id), made)
    return made, secret


async def confirm(work: Work, account_id: int, person_id: int, code: str) -> BreakGlass:
    """Count from now on a second factor whose code is shown, in place of the person's earlier one. Raises CodeWrong."""
    await people.workspace(work, account_id, lock=True)
    row = await queries.unconfirmed(work, account_id, person_id)
    former = await queries.former(work, account_id, person_id)
    found = rules.step(_secret(row), code, work.now, row.last_step)
    if found is None:
        raise CodeWrong
    if former is not None:
        former.removed_at = work.now
        await work.flush()
        await _closed(work, former, "break-glass was replaced")
        work.emit(events.BreakGlassReplaced(account_id, former.id), former)
    row.last_step, row.confirmed_at = found, work.now
    await work.flush()
    work.emit(events.BreakGlassConfirmed(account_id, row.id), row)
    return row


async def remove(work: Work, account_id: int, number: int) -> BreakGlass:
    """Open nothing with somebody's second factor any more. Raises BreakGlassNeeded, NotFound."""
    workspace = await people.workspace(work, account_id, lock=True)
    row = next((row for row in await queries.enrolled(work, account_id) if row.id == number), None)
    if row is None:
        raise NotFound
    if workspace.sso_enforced and [each.id for each in await _counting(work, account_id)] == [number]:
        raise BreakGlassNeeded
    row.removed_at = work.now
    await work.flush()
    if row.confirmed_at:
        await _closed(work, row, "break-glass was removed")
    work.emit(events.BreakGlassRemoved(account_id, row.id), row)
    return row


async def insist(work: Work, account_id: int) -> None:
    """Refuse to close every other door while no owner is enrolled. Raises BreakGlassNeeded."""
    if not await _counting(work, account_id):
        raise BreakGlassNeeded


async def keep(work: Work, account_id: int) -> None:
    """Refuse to be without such an owner while single sign-on is enforced. Raises BreakGlassNeeded."""
    if (await people.workspace(work, account_id)).sso_enforced:
        await insist(work, account_id)


async def insist_on_owner(work: Work, account_id: int, person_id: int) -> None:
    """Refuse whoever is no enrolled owner, as if there were no such workspace. Raises NotFound."""
    await queries.mine(work, account_id, person_id, lock=False)
    if await people.role_of(work, account_id, person_id) is not Role.OWNER:
        raise NotFound


async def open_door(work: Work, account_id: int, person_id: int, code: str) -> Opened:
    """A session of half an hour for an enrolled owner with a right code; a wrong one is counted.

    Raises BreakGlassClosed after too many of them.
    """
    row = await queries.mine(work, account_id, person_id)
    if row.closed_until and work.now < row.closed_until:
        raise BreakGlassClosed(row.closed_until)
    found = rules.step(_secret(row), code, work.now, row.last_step)
    if found is None:
        return await _refused(work, row)
    row.last_step, row.failures, row.closed_until, row.opened_at = found, 0, None, work.now
    await work.flush()
    issued = bearers.issue(sessions.PREFIX)
    work.add(_session(work, row, issued.digest))
    work.emit(events.BreakGlassOpened(account_id, row.id), row)
    return Opened(issued.text, work.now + rules.OPEN, rules.TRIES)


async def _refused(work: Work, row: BreakGlass) -> Opened:
    row.failures += 1
    closed = rules.closed_for(row.failures)
    row.closed_until = None if closed is None else work.now + closed
    await work.flush()
    work.emit(events.BreakGlassRefused(row.account_id, row.id), row)
    return Opened(None, row.closed_until, -row.failures % rules.TRIES)


def _session(work: Work, row: BreakGlass, digest: bytes) -> Session:
    return Session(
        id=work.new_id(),
        person_id=row.person_id,
        issuer=rules.ISSUER,
        created_at=work.now,
        expires_at=work.now + rules.OPEN,
        hash=digest,
        account_id=row.account_id,
        last_used_at=work.now,
        signed_in_at=work.now,
        agent=work.origin.device[: sessions.LONGEST_AGENT],
        ip=work.origin.ip,
    )


async def _counting(work: Work, account_id: int) -> list[BreakGlass]:
    """The second factors that open the door now: those of owners, who have shown a code."""
    known, owners = await queries.enrolled(work, account_id), await queries.owners(work, account_id)
    return [row for row in known if row.confirmed_at and row.person_id in owners]


async def _closed(work: Work, row: BreakGlass, why: str) -> None:
    """End what somebody came in with by this second factor."""
    await people.end_sessions(work, row.account_id, why=why, person_id=row.person_id, issuer=rules.ISSUER)


def _secret(row: BreakGlass) -> str:
    return unseal(row.sealed_secret.decode())
