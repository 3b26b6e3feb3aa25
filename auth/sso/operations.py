"""What is done with SSO connections, tests and links: load, decide, record."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from auth import events
from auth import queries as people
from auth.glass import operations as glass
from auth.operations import named
from auth.sso import queries
from auth.sso.provider import Providers
from auth.sso.rules import (
    ConnectionUnreachable,
    LoginPurpose,
    LoginRefused,
    SsoKind,
    SsoNeeded,
    SsoUntested,
    SubjectTaken,
    Unvouched,
)
from auth.sso.tables import SsoConnection, SsoIdentity, SsoLogin
from auth.tables import Member, Workspace
from kernel.errors import InvalidInput
from kernel.sealing import seal, unseal
from kernel.work import Work

LONGEST_CLIENT = 500
LONGEST_HOURS = 720
SHORTEST_IDLE = 5
TEST_COUNTS = timedelta(minutes=15)
"""How long after a test of theirs an owner may enforce single sign-on."""


async def check(providers: Providers, issuer: str) -> str:
    """The issuer, if its description can be used. Raises InvalidInput, or ConnectionUnreachable."""
    found = issuer.strip()
    providers.fetcher.check(found)
    if "?" in found:
        raise InvalidInput("An issuer has no query: it is the address before /.well-known/openid-configuration.")
    try:
        await providers.look(found)
    except LoginRefused as refusal:
        raise ConnectionUnreachable(str(refusal)) from refusal
    return found


def create(
    work: Work, account_id: int, person_id: int, *, name: str, issuer: str, client_id: str, client_secret: str | None
) -> SsoConnection:
    """An SSO connection that nobody signs in through until it is enabled."""
    row = SsoConnection(
        account_id=account_id,
        id=work.new_id(),
        kind=SsoKind.OIDC,
        name=named(name),
        issuer=issuer,
        client_id=_client(client_id),
        sealed_secret=sealed(client_secret),
        created_by=person_id,
        created_at=work.now,
    )
    work.add(row)
    work.emit(events.SsoCreated(account_id, row.id), row)
    return row


async def change(
    work: Work,
    account_id: int,
    connection_id: int,
    *,
    name: str | None,
    client_id: str | None,
    client_secret: str | None,
    enabled: bool | None,
) -> SsoConnection:
    """Change an SSO connection. Its issuer stays: subjects mean something there alone. Raises SsoNeeded."""
    row = await queries.connection(work, account_id, connection_id)
    if client_secret and row.kind == SsoKind.SAML:
        raise InvalidInput("This SSO connection speaks SAML, which knows no client secret.")
    row.name = row.name if name is None else named(name)
    row.client_id = row.client_id if client_id is None else _client(client_id)
    row.sealed_secret = row.sealed_secret if client_secret is None else sealed(client_secret)
    row.enabled = row.enabled if enabled is None else enabled
    if client_id is not None or client_secret is not None:
        # What was tried is no longer what is there.
        row.tested_at = row.tested_by = None
    if enabled is False:
        await _insist_on_a_way_in(work, account_id, connection_id)
    await work.flush()
    work.emit(events.SsoChanged(account_id, connection_id), row)
    return row


async def delete(work: Work, account_id: int, connection_id: int) -> SsoConnection:
    """End an SSO connection, its links and the sessions that it made. Raises SsoNeeded."""
    await _insist_on_a_way_in(work, account_id, connection_id)
    row = await queries.connection(work, account_id, connection_id)
    row.deleted_at, row.enabled = work.now, False
    row.sealed_secret = None
    for link in await queries.identities(work, account_id, connection_id):
        link.unlinked_at = work.now
    await work.flush()
    await people.end_sessions(work, account_id, why="the SSO connection was deleted", connection_id=connection_id)
    work.emit(events.SsoDeleted(account_id, connection_id), row)
    return row


async def enforce(work: Work, account_id: int, person_id: int, *, enforced: bool) -> Workspace:
    """Let people in through SSO connections alone, or in other ways too. Raises SsoUntested, BreakGlassNeeded.

    Only an owner who came in that way a moment ago can know that they will again, and an owner keeps another way in.
    """
    workspace = await people.workspace(work, account_id, lock=True)
    if enforced and not await queries.tested_by(work, account_id, person_id, work.now - TEST_COUNTS):
        raise SsoUntested(TEST_COUNTS // timedelta(minutes=1))
    if enforced:
        await glass.insist(work, account_id)
    before = None if workspace.sso_enforced is enforced else {"sso_enforced": workspace.sso_enforced}
    workspace.sso_enforced = enforced
    await work.flush()
    work.emit(events.WorkspaceChanged(account_id, account_id), before=before, after={"sso_enforced": enforced})
    return workspace


async def limit_sessions(work: Work, account_id: int, hours: int, idle_minutes: int) -> Workspace:
    """Let sessions of single sign-on live so long, those that are open too. Raises InvalidInput."""
    if not (1 <= hours <= LONGEST_HOURS and SHORTEST_IDLE <= idle_minutes <= hours * 60):
        raise InvalidInput(
            f"A session lives 1 to {LONGEST_HOURS} hours, and {SHORTEST_IDLE} minutes or more without being used, "
            "but not longer than it lives."
        )
    workspace = await people.workspace(work, account_id, lock=True)
    workspace.session_hours, workspace.session_idle_minutes = hours, idle_minutes
    await work.flush()
    await queries.shorten_sessions(work, account_id, hours, idle_minutes)
    work.emit(events.WorkspaceChanged(account_id, account_id), workspace)
    return workspace


async def _insist_on_a_way_in(work: Work, account_id: int, connection_id: int) -> None:
    workspace = await people.workspace(work, account_id, lock=True)
    if workspace.sso_enforced and not await queries.others_enabled(work, account_id, connection_id):
        raise SsoNeeded


async def start_test(work: Work, account_id: int, connection_id: int, person_id: int | None) -> tuple[SsoLogin, str]:
    """A test of an SSO connection, and the ticket for one browser; without a person it links nobody."""
    row = await queries.connection(work, account_id, connection_id)
    ticket = secrets.token_urlsafe(32)
    login = SsoLogin(
        account_id=account_id,
        id=work.new_id(),
        connection_id=row.id,
        purpose=LoginPurpose.TEST,
        person_id=person_id,
        ticket_hash=sha256(ticket.encode()).digest(),
        request_id=work.origin.request_id,
        created_at=work.now,
    )
    work.add(login)
    work.emit(events.LoginTestStarted(account_id, login.id), login)
    return login, ticket


async def link(work: Work, account_id: int, connection_id: int, subject: str, person_id: int) -> SsoIdentity:
    """From now on a subject of an SSO connection is this person. Raises SubjectTaken."""
    theirs = await queries.identity_of(work, account_id, connection_id, person_id)
    # The same person may come in another browser between two reads, so each read answers by itself.
    known = theirs or await queries.identity(work, account_id, connection_id, subject)
    if known is not None:
        if (known.subject, known.person_id) != (subject, person_id):
            raise SubjectTaken
        return known
    row = SsoIdentity(
        account_id=account_id,
        id=work.new_id(),
        connection_id=connection_id,
        subject=subject,
        person_id=person_id,
        created_at=work.now,
    )
    work.add(row)
    await work.flush()
    work.emit(events.IdentityLinked(account_id, row.id), row)
    return row


async def link_login(work: Work, account_id: int, login_id: int, person_id: int) -> SsoIdentity:
    """From now on whoever came with a login, and was refused, is this member. Raises SubjectTaken, InvalidInput."""
    login = await queries.login(work, account_id, login_id)
    if login.subject is None:
        raise InvalidInput("This login tells no subject that could be linked: its answer did not hold.")
    await queries.connection(work, account_id, login.connection_id)
    return await link(work, account_id, login.connection_id, login.subject, person_id)


async def unlink(work: Work, account_id: int, identity_id: int) -> SsoIdentity:
    """A subject is nobody any more, and the sessions that it had are over."""
    row = await queries.link(work, account_id, identity_id)
    if row.unlinked_at is not None:
        return row
    row.unlinked_at = work.now
    await work.flush()
    await people.end_sessions(
        work, account_id, why="unlinked", person_id=row.person_id, connection_id=row.connection_id
    )
    work.emit(events.IdentityUnlinked(account_id, identity_id), row)
    return row


async def relink(work: Work, account_id: int, identity_id: int, member: Member, *, vouched: bool) -> SsoIdentity:
    """A subject is another member from now on, and the sessions that it had are over.

    With `vouched`, the provider must have claimed the member's own proven address the last time it vouched for the
    subject. Raises SubjectTaken, Unvouched, or InvalidInput.
    """
    row = await queries.link(work, account_id, identity_id)
    if row.unlinked_at is not None or row.person_id == member.person_id:
        raise InvalidInput("This subject is nobody any more, or is this member already.")
    if await queries.identity_of(work, account_id, row.connection_id, member.person_id):
        raise SubjectTaken
    if vouched and not await queries.vouched_for(work, row, member.person_id):
        raise Unvouched
    row.unlinked_at = work.now
    await work.flush()
    made = SsoIdentity(
        account_id=account_id,
        id=work.new_id(),
        connection_id=row.connection_id,
        subject=row.subject,
        person_id=member.person_id,
        created_at=work.now,
    )
    work.add(made)
    await work.flush()
    await people.end_sessions(
        work, account_id, why="re-linked", person_id=row.person_id, connection_id=row.connection_id
    )
    told = [{"id": one.id, "person_id": one.person_id} for one in (row, made)]
    work.emit(events.IdentityRelinked(account_id, made.id), before=told[0], after=told[1])
    return made


def sealed(secret: str | None) -> bytes | None:
    """A client's secret as it is kept; an empty one is none. Raises InvalidInput."""
    if secret is None or not secret.strip():
        return None
    if len(secret) > LONGEST_CLIENT or not secret.isprintable():
        raise InvalidInput(f"A client secret is at most {LONGEST_CLIENT} printable characters.")
    return seal(secret).encode()


def opened(row: SsoConnection) -> str | None:
    """The secret of an SSO connection, readable."""
    return None if row.sealed_secret is None else unseal(row.sealed_secret.decode())


def _client(client_id: str) -> str:
    found = client_id.strip()
    if not 1 <= len(found) <= LONGEST_CLIENT or not found.isprintable():
        raise InvalidInput(f"A client id is 1 to {LONGEST_CLIENT} printable characters.")
    return found
