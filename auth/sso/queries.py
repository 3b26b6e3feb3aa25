"""What we ask about SSO connections, and about who is who there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from auth.queries import there
from auth.saml.certificates import WARNED_BEFORE
from auth.sso.rules import DomainBehavior, Known, LoginPurpose
from auth.sso.tables import SsoCertificate, SsoConnection, SsoIdentity, SsoLogin, WorkspaceDomain
from auth.tables import Session
from kernel.work import Work


async def asked(work: Work, connection_id: int) -> SsoConnection | None:
    """The SSO connection that a browser names, if there is one."""
    named = (col(SsoConnection.id) == connection_id, col(SsoConnection.deleted_at).is_(None))
    found: SsoConnection | None = await work.one(select(SsoConnection).where(*named))
    return found


async def connection(work: Work, account_id: int, connection_id: int) -> SsoConnection:
    """An SSO connection, locked for a change. Raises NotFound."""
    named = (col(SsoConnection.account_id) == account_id, col(SsoConnection.id) == connection_id)
    found: SsoConnection | None = await work.one(
        select(SsoConnection).where(*named, col(SsoConnection.deleted_at).is_(None)).with_for_update()
    )
    return there(found)


async def certificates(work: Work, account_id: int, connection_id: int) -> Sequence[SsoCertificate]:
    """The certificates that count for an SSO connection, the older one first."""
    named = (col(SsoCertificate.account_id) == account_id, col(SsoCertificate.connection_id) == connection_id)
    found: Sequence[SsoCertificate] = await work.all(
        select(SsoCertificate).where(*named, col(SsoCertificate.removed_at).is_(None)).order_by(col(SsoCertificate.id))
    )
    return found


async def certificate(work: Work, account_id: int, certificate_id: int) -> SsoCertificate:
    """A certificate, locked for a change. Raises NotFound."""
    named = (col(SsoCertificate.account_id) == account_id, col(SsoCertificate.id) == certificate_id)
    found: SsoCertificate | None = await work.one(select(SsoCertificate).where(*named).with_for_update())
    return there(found)


async def expiring(work: Work, now: datetime, limit: int) -> list[tuple[int, int]]:
    """Certificates whose end is to be told of, which it was not yet: account and number."""
    found = await work.fetch(
        "select c.account_id, c.id from sso_certificate c"
        " join sso_connection s on s.account_id = c.account_id and s.id = c.connection_id"
        " where c.removed_at is null and s.deleted_at is null and c.warned < ("
        "   select count(*) from unnest($2::interval[]) before where c.expires_at - before <= $1)"
        " order by c.expires_at limit $3",
        now,
        list(WARNED_BEFORE),
        limit,
    )
    return [(row["account_id"], row["id"]) for row in found]


async def fingerprints(work: Work, account_id: int, connection_id: int) -> set[str]:
    """The certificates that count for an SSO connection, or have counted."""
    sql = "select fingerprint from sso_certificate where account_id = $1 and connection_id = $2"
    return {row["fingerprint"] for row in await work.fetch(sql, account_id, connection_id)}


async def to_read(work: Work, before: datetime, limit: int) -> list[tuple[int, int, str, str]]:
    """SSO connections whose metadata was not read since: account, number, its address and the issuer."""
    found = await work.fetch(
        "select account_id, id, metadata_url, issuer from sso_connection"
        " where metadata_url is not null and deleted_at is null"
        " and (metadata_read_at is null or metadata_read_at <= $1) order by metadata_read_at nulls first limit $2",
        before,
        limit,
    )
    return [(row["account_id"], row["id"], row["metadata_url"], row["issuer"]) for row in found]


async def counts_once(work: Work, account_id: int, connection_id: int, hash_: bytes, until: datetime) -> bool:
    """Whether an assertion counts, which it does once."""
    return bool(
        await work.execute(
            "insert into sso_assertion (account_id, connection_id, hash, holds_until) values ($1, $2, $3, $4)"
            " on conflict do nothing",
            account_id,
            connection_id,
            hash_,
            until,
        )
    )


async def login(work: Work, account_id: int, login_id: int) -> SsoLogin:
    """A try to sign in, locked for a change. Raises NotFound."""
    named = (col(SsoLogin.account_id) == account_id, col(SsoLogin.id) == login_id)
    found: SsoLogin | None = await work.one(select(SsoLogin).where(*named).with_for_update())
    return there(found)


async def tested_by(work: Work, account_id: int, person_id: int, since: datetime) -> bool:
    """Whether somebody came through an SSO connection that is enabled, since an instant, in a test."""
    enabled = (col(SsoConnection.account_id) == account_id, col(SsoConnection.enabled))
    tested = (col(SsoConnection.tested_by) == person_id, col(SsoConnection.tested_at) > since)
    return bool(await work.all(select(SsoConnection).where(*enabled, *tested)))


async def others_enabled(work: Work, account_id: int, connection_id: int) -> bool:
    """Whether another SSO connection of a workspace lets people in."""
    enabled = (col(SsoConnection.account_id) == account_id, col(SsoConnection.enabled))
    return bool(await work.all(select(SsoConnection).where(*enabled, col(SsoConnection.id) != connection_id)))


async def shorten_sessions(work: Work, account_id: int, hours: int, idle_minutes: int) -> None:
    """Let the open sessions of a workspace live no longer than new ones do."""
    await work.execute(
        "update session set expires_at = least(expires_at, created_at + make_interval(hours => $2)),"
        " idle_seconds = $3 * 60 where account_id = $1 and ended_at is null",
        account_id,
        hours,
        idle_minutes,
    )


async def open_sessions(
    work: Work, account_id: int, connection_id: int, person_id: int | None, provider_session: str | None
) -> Sequence[Session]:
    """The open sessions that an SSO connection made: of a person, of one session of the provider's, or both."""
    asked = select(Session).where(
        col(Session.account_id) == account_id,
        col(Session.connection_id) == connection_id,
        col(Session.ended_at).is_(None),
    )
    if person_id is not None:
        asked = asked.where(col(Session.person_id) == person_id)
    if provider_session is not None:
        asked = asked.where(col(Session.provider_session) == provider_session)
    found: Sequence[Session] = await work.all(asked.with_for_update())
    return found


async def test_with(work: Work, connection_id: int, ticket_hash: bytes, since: datetime) -> SsoLogin | None:
    """The test that waits for this ticket, taken by us."""
    waiting = (col(SsoLogin.state) == "waiting", col(SsoLogin.created_at) > since)
    named = (col(SsoLogin.connection_id) == connection_id, col(SsoLogin.ticket_hash) == ticket_hash)
    found: SsoLogin | None = await work.one(select(SsoLogin).where(*named, *waiting).with_for_update())
    return found


async def take_flow(work: Work, connection_id: int, state_hash: bytes) -> Any:
    """The login that comes back with this state, which nobody can take again; None for none."""
    return await work.first(
        "delete from sso_flow where state_hash = $1 and connection_id = $2 returning *", state_hash, connection_id
    )


async def refusals_since(
    work: Work, account_id: int, connection_id: int, since: datetime, purpose: LoginPurpose
) -> int:
    """How many logins through an SSO connection, for a purpose, were refused since an instant."""
    found = await work.fetch(
        "select count(*) as many from sso_login"
        " where account_id = $1 and connection_id = $2 and created_at > $3 and state = 'refused' and purpose = $4",
        account_id,
        connection_id,
        since,
        purpose.value,
    )
    return int(found[0]["many"])


async def identity(work: Work, account_id: int, connection_id: int, subject: str) -> SsoIdentity | None:
    """The link of a subject to a person."""
    named = (col(SsoIdentity.connection_id) == connection_id, col(SsoIdentity.subject) == subject)
    linked = (col(SsoIdentity.account_id) == account_id, col(SsoIdentity.unlinked_at).is_(None))
    found: SsoIdentity | None = await work.one(select(SsoIdentity).where(*named, *linked))
    return found


async def identity_of(work: Work, account_id: int, connection_id: int, person_id: int) -> SsoIdentity | None:
    """The link of a person to a subject."""
    named = (col(SsoIdentity.connection_id) == connection_id, col(SsoIdentity.person_id) == person_id)
    linked = (col(SsoIdentity.account_id) == account_id, col(SsoIdentity.unlinked_at).is_(None))
    found: SsoIdentity | None = await work.one(select(SsoIdentity).where(*named, *linked))
    return found


async def link(work: Work, account_id: int, identity_id: int) -> SsoIdentity:
    """A link, locked for a change. Raises NotFound."""
    named = (col(SsoIdentity.account_id) == account_id, col(SsoIdentity.id) == identity_id)
    found: SsoIdentity | None = await work.one(select(SsoIdentity).where(*named).with_for_update())
    return there(found)


async def vouched_for(work: Work, row: SsoIdentity, person_id: int) -> bool:
    """Whether the last login that told a subject claimed the proven address of a person."""
    found = await work.fetch(
        "select l.email = p.lower_email and p.email_verified as same from sso_login l, person p"
        " where l.account_id = $1 and l.connection_id = $2 and l.subject = $3 and p.id = $4"
        " order by l.created_at desc, l.id desc limit 1",
        row.account_id,
        row.connection_id,
        row.subject,
        person_id,
    )
    return bool(found and found[0]["same"])


async def said_before(work: Work, row: SsoConnection, subject: str, email: str) -> bool:
    """Whether an SSO connection let a subject in with this address before."""
    found = await work.fetch(
        "select from sso_login where account_id = $1 and connection_id = $2 and subject = $3 and email = $4"
        " and state = 'done' and purpose = 'sign_in' limit 1",
        row.account_id,
        row.id,
        subject,
        email,
    )
    return bool(found)


async def belongs_elsewhere(work: Work, account_id: int, person_id: int) -> bool:
    """Whether somebody is a member of another workspace."""
    asked = "select from member where person_id = $2 and state = 'active' and account_id <> $1 limit 1"
    return bool(await work.fetch(asked, account_id, person_id))


async def identities(work: Work, account_id: int, connection_id: int) -> Sequence[SsoIdentity]:
    """Every link of an SSO connection."""
    linked = (col(SsoIdentity.account_id) == account_id, col(SsoIdentity.unlinked_at).is_(None))
    found: Sequence[SsoIdentity] = await work.all(
        select(SsoIdentity).where(*linked, col(SsoIdentity.connection_id) == connection_id)
    )
    return found


async def domain(work: Work, account_id: int, name: str) -> WorkspaceDomain | None:
    """The verified domain of a workspace with this name."""
    named = (col(WorkspaceDomain.account_id) == account_id, col(WorkspaceDomain.name) == name)
    proven = (col(WorkspaceDomain.verified_at).is_not(None), col(WorkspaceDomain.removed_at).is_(None))
    found: WorkspaceDomain | None = await work.one(select(WorkspaceDomain).where(*named, *proven))
    return found


async def domain_numbered(work: Work, account_id: int, domain_id: int) -> WorkspaceDomain:
    """A domain, locked for a change. Raises NotFound."""
    named = (col(WorkspaceDomain.account_id) == account_id, col(WorkspaceDomain.id) == domain_id)
    found: WorkspaceDomain | None = await work.one(
        select(WorkspaceDomain).where(*named, col(WorkspaceDomain.removed_at).is_(None)).with_for_update()
    )
    return there(found)


async def to_check(work: Work, before: datetime, limit: int) -> list[tuple[int, int, str, str]]:
    """Proven domains that were not looked at since: account, number, name and token."""
    found = await work.fetch(
        "select account_id, id, name, token from workspace_domain"
        " where verified_at is not null and removed_at is null and checked_at <= $1 order by checked_at limit $2",
        before,
        limit,
    )
    return [(row["account_id"], row["id"], row["name"], row["token"]) for row in found]


async def behavior(work: Work, account_id: int, name: str) -> DomainBehavior | None:
    """What people of a domain get who come for the first time; None unless the domain is verified here."""
    found = await domain(work, account_id, name)
    return None if found is None else DomainBehavior(found.behavior)


async def known_at(work: Work, account_id: int, connection_id: int, email: str, subject: str) -> Known | None:
    """Whoever has proven the address a subject came with; a member first, else whoever came first."""
    found = await work.fetch(
        "select p.id, here.role,"
        " exists (select from sso_identity i where i.account_id = $1 and i.connection_id = $2"
        "         and i.person_id = p.id and i.subject <> $4 and i.unlinked_at is null) as linked,"
        " (select count(*) from member m where m.person_id = p.id and m.state = 'active' and m.account_id <> $1)"
        "   as elsewhere"
        " from person p left join member here"
        "   on here.person_id = p.id and here.account_id = $1 and here.state = 'active'"
        " where p.lower_email = $3 and p.email_verified order by here.id is null, p.id limit 1",
        account_id,
        connection_id,
        email,
        subject,
    )
    if not found:
        return None
    return Known(found[0]["id"], found[0]["linked"], found[0]["role"], found[0]["elsewhere"])
