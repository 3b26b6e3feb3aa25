"""Arriving: somebody came back from their identity provider, and gets a session, or learns one sentence.

Whatever is wrong, the browser is told the same; the reason is in the login's row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from auth import bearers, events, operations, sessions
from auth import queries as people
from auth.apps import operations as apps
from auth.apps.rules import App
from auth.policy import ActorKind
from auth.sessions import Limits
from auth.sso import operations as sso
from auth.sso import queries, rules
from auth.sso.following import follow
from auth.sso.provider import Providers
from auth.sso.rules import Claimed, LoginRefused, SubjectTaken
from auth.sso.tables import SsoConnection
from auth.sso.tracing import Trace, begun, close, digest, refuse, sent
from auth.sso.vouching import Returned, vouched
from auth.tables import Member, Person, Session
from kernel import ids
from kernel.work import Work

_SYSTEM = {"staff": "on"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came in: the text of their session, or none after a test or in an app, and where they go next."""

    next: str
    session: str | None = field(default=None, repr=False)
    lives: timedelta = timedelta(0)
    tested: bool = False


@dataclass(frozen=True, slots=True)
class Welcomed:
    """Somebody who was made a member: as what, whether by an invitation, and whether a seat was theirs already."""

    member: Member
    invited: bool
    seated: bool


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the floor above knows of whoever comes to a workspace with an address."""

    invited: Callable[[Work, int, str], Awaitable[bool]]
    """Whether an invitation waits for the address."""

    join: Callable[[Work, int, int, str], Awaitable[Welcomed]]
    """Makes a person a member, with whatever waits for their address."""


async def arrive(
    work: Work, providers: Providers, row: SsoConnection, base: str, returned: Returned, *, welcome: Welcome
) -> Arrival:
    """Let somebody in who comes back from the provider. Raises LoginRefused."""
    await work.see_as({"sso": str(row.id), "state": digest(returned.state).hex()}, work.origin)
    async with work.transaction():
        flow = await queries.take_flow(work, row.id, digest(returned.state))
    await work.see_as(_SYSTEM, replace(work.origin, actor=ActorKind.ANONYMOUS.value))
    test = flow["login_id"] if flow else None
    trace = Trace([sent(row)] if test is not None else [])
    try:
        claimed = await vouched(work, providers, row, base, flow=flow, returned=returned, trace=trace)
        if test is not None:
            return await _tried(work, row, test, claimed, trace)
        where = Where(flow["next"], returned.agent, App(**flow["app"]) if flow["app"] else None, welcome)
        return await _welcomed(work, row, claimed, trace, where)
    except LoginRefused as refusal:
        await refuse(work, row, test, trace, refusal)
        raise


@dataclass(frozen=True, slots=True)
class Where:
    """Where somebody comes in: the page they go on to, what their browser calls itself, and the app that sent it."""

    next: str
    agent: str
    app: App | None
    welcome: Welcome
    """How they become a member who isn't one."""


async def _welcomed(work: Work, row: SsoConnection, claimed: Claimed, trace: Trace, where: Where) -> Arrival:
    """Somebody new may come in two browsers at once: the second time around they are known."""
    before = list(trace.steps)
    try:
        return await _in(work, row, claimed, trace, where)
    except IntegrityError:
        trace.steps[:] = before
        return await _in(work, row, claimed, trace, where)


async def _tried(work: Work, row: SsoConnection, login_id: int, claimed: Claimed, trace: Trace) -> Arrival:
    """A test that came back: whoever began it is linked, if the address is theirs. Raises LoginRefused."""
    async with work.transaction():
        await work.bind(row.account_id)
        test = await queries.login(work, row.account_id, login_id)
        if test.person_id is None:
            trace.add("The test was begun with a setup link, so it links nobody.")
        else:
            tester = await people.person(work, test.person_id)
            known = await queries.identity(work, row.account_id, row.id, claimed.subject)
            await _confirm(work, row, known.person_id if known else None, claimed, trace, tester=tester)
        close(work, test, trace, claimed)
    return Arrival("/", tested=True)


async def _confirm(
    work: Work, row: SsoConnection, linked: int | None, claimed: Claimed, trace: Trace, *, tester: Person
) -> None:
    """Note that the tester can come in, if the provider vouched for themselves."""
    if linked is None and tester.email_verified and claimed.email == tester.email.lower():
        try:
            await sso.link(work, row.account_id, row.id, claimed.subject, tester.id)
        except SubjectTaken:
            trace.add("Whoever tries this is linked to another subject here, so the test links nobody.")
            return
        trace.add("The subject is linked to whoever tried this, for the address is theirs.")
        linked = tester.id
    if linked != tester.id:
        trace.add("The subject is not whoever tried this, so the test proves nothing about them.")
        return
    found = await queries.connection(work, row.account_id, row.id)
    found.tested_at, found.tested_by = work.now, tester.id
    await work.flush()


async def _in(work: Work, row: SsoConnection, claimed: Claimed, trace: Trace, where: Where) -> Arrival:
    """A session for whoever the claims are about. Raises LoginRefused, or IntegrityError when they came twice."""
    person_id = await _person(work, row, claimed, trace, where.welcome)
    async with work.transaction():
        await work.bind(row.account_id)
        work.origin = replace(work.origin, actor=ActorKind.PERSON.value, person_id=person_id)
        await _belong(work, row, claimed, trace, person_id=person_id, welcome=where.welcome)
        await follow(work, row, person_id, claimed, trace)
        limits = sessions.limits(await people.workspace(work, row.account_id))
        session, text = _session(work, row, claimed, limits, where.agent)
        work.origin = replace(work.origin, token=ids.encode("session", session.id))
        login = begun(work, row)
        login.person_id = person_id
        close(work, login, trace, claimed)
        if where.app is not None:
            # Nobody gets the session's own text: the app has tokens.
            return Arrival(await apps.code(work, session, where.app))
    return Arrival(where.next, text, session.expires_at - work.now)


async def _belong(
    work: Work, row: SsoConnection, claimed: Claimed, trace: Trace, *, person_id: int, welcome: Welcome
) -> None:
    """Link the subject to the person, and make them a member, where that has yet to be. Raises LoginRefused."""
    known = await queries.identity(work, row.account_id, row.id, claimed.subject)
    if known is None:
        try:
            await sso.link(work, row.account_id, row.id, claimed.subject, person_id)
        except SubjectTaken:
            raise LoginRefused("SUBJECT_CHANGED: this person is linked to another subject here.") from None
        trace.add("The subject is linked to a person from now on.")
    if await people.is_member(work, row.account_id, person_id):
        return
    if known is not None:
        raise LoginRefused("The person is no longer a member.")
    assert claimed.email is not None, "whoever joins has an address of a verified domain"
    found = await welcome.join(work, row.account_id, person_id, claimed.email)
    domain = await queries.domain(work, row.account_id, claimed.domain)
    rules.insist_on_joining(claimed, domain.behavior if domain else None, invited=found.invited)
    how = "for they were invited" if found.invited else "as people of their domain may"
    trace.add(f"They joined as {found.member.role.replace('_', ' ')}, {how}.")
    if found.seated:
        trace.add("A seat that waited for them is theirs.")
    elif domain is not None and domain.pool_id is not None:
        work.emit(events.MemberSeatWanted(row.account_id, found.member.id, domain.pool_id, claimed.email), found.member)


def _session(work: Work, row: SsoConnection, claimed: Claimed, limits: Limits, agent: str) -> tuple[Session, str]:
    issued = bearers.issue(sessions.PREFIX)
    assert work.origin.person_id is not None, "it is known by now who acts"
    session = Session(
        id=work.new_id(),
        person_id=work.origin.person_id,
        issuer=row.issuer,
        created_at=work.now,
        expires_at=sessions.ends(work.now, limits, claimed.ends_at),
        hash=issued.digest,
        account_id=row.account_id,
        connection_id=row.id,
        idle_seconds=limits.idle // timedelta(seconds=1),
        last_used_at=work.now,
        signed_in_at=claimed.proved_at,
        provider_session=claimed.provider_session,
        agent=agent[: sessions.LONGEST_AGENT],
        ip=work.origin.ip,
    )
    work.add(session)
    return session, issued.text


async def _person(work: Work, row: SsoConnection, claimed: Claimed, trace: Trace, welcome: Welcome) -> int:
    """Whom the claims are about. Raises LoginRefused."""
    known = await queries.identity(work, row.account_id, row.id, claimed.subject)
    if known is not None:
        trace.add("The subject is linked to a person.")
        return known.person_id
    behavior = await queries.behavior(work, row.account_id, claimed.domain)
    email = claimed.email or ""
    invited = await welcome.invited(work, row.account_id, email)
    known_at = await queries.known_at(work, row.account_id, row.id, email, claimed.subject)
    found = rules.link(claimed, behavior, known_at, invited=invited)
    if found is not None:
        trace.add(f"Somebody has proven the address {email}, which is in a verified domain.")
        return found.person_id
    trace.add(f"Nobody has the address {email}; it is in a verified domain, so they may come.")
    return await _newcomer(work, row, claimed, email)


async def _newcomer(work: Work, row: SsoConnection, claimed: Claimed, email: str) -> int:
    """Somebody new; or the same, who came in another browser a moment ago."""
    before = work.origin
    try:
        async with work.transaction():
            # They take turns on the workspace's row, so that nobody comes twice.
            await work.bind(row.account_id)
            await people.workspace(work, row.account_id, lock=True)
            known = await queries.known_at(work, row.account_id, row.id, email, claimed.subject)
            return known.person_id if known else (await operations.arrive(work, email, claimed.name)).id
    finally:
        work.origin = before
