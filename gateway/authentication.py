"""Authentication: from what a request carries to the actor it speaks for.

A bearer is a service key, a token of ours, or a token of a configured issuer. It
names somebody and nothing more; what they may do is read from the database for
every request, so that a demotion acts on tokens already out. A bearer that was
believed is remembered, together with what the database told then (`gateway.recalling`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from auth import bearers, keys, operations, queries, sessions
from auth.names import Names
from auth.oidc import ForeignToken, Issuers
from auth.policy import (
    GLASS,
    ROLES,
    SCOPES,
    SELF,
    SETUP,
    Actor,
    ActorKind,
    Desk,
    KeyScope,
    Permission,
    Role,
    Setting,
    Through,
    sees,
)
from auth.refusal import refused
from auth.setup import rules as setups
from auth.setup.queries import seen, with_bearer
from auth.sso.provider import Providers
from auth.tables import Session
from auth.tokens import Signer
from auth.viewing import rules as looks
from auth.viewing.queries import viewing_with
from gateway import cards
from gateway.cookies import Cookies, same_site
from gateway.observability import request_id
from gateway.recalling import Recalled, Recognized, Recollection, Subject, entering
from kernel import ids
from kernel.audit import Origin
from kernel.clock import Clock
from kernel.errors import Forbidden, InvalidInput
from kernel.work import IdBlocks, Work
from payments.rail.opening import Rail
from resolvers.following import Feed
from resolvers.info import Context, Press

REASON = "seatgraph-reason"
LONGEST_REASON = 1_000
LONGEST_DEVICE = 300
_USED = timedelta(minutes=1)
"""How exactly we remember when a key was last used; a write for every request would be too dear."""


@dataclass(frozen=True, slots=True)
class Door:
    """Everything that turns a request into a context."""

    engine: AsyncEngine
    clock: Clock
    issuers: Issuers
    signer: Signer | None
    blocks: IdBlocks
    rail: Rail | None = None
    providers: Providers | None = None
    names: Names = field(default_factory=Names)
    base: str = ""
    press: Press | None = None
    cookies: Cookies = field(default_factory=lambda: Cookies(secure=True))
    feed: Feed | None = None
    recollection: Recollection = field(default_factory=Recollection)
    exportable: Callable[[str], object] | None = None

    def bearer(self, request: HTTPConnection, said: str | None = None) -> str | None:
        """What a request carries to say who asks: what it `said` in an Authorization of its own, a header or a cookie.

        Raises Unauthenticated for another scheme, or Forbidden for a cookie that another site may have sent.
        """
        return _bearer(request.headers.get("authorization") if said is None else said) or self._carried(request)

    @asynccontextmanager
    async def context(
        self, request: HTTPConnection, said: str | None = None, *, now: datetime | None = None
    ) -> AsyncIterator[Context]:
        """The context of one request. Raises Unauthenticated for a bearer we don't believe."""
        async with self.work(request, now or await self.clock.now()) as work:
            bearer = self.bearer(request, said)
            found: Recognized | Recalled = Recognized(Actor())
            if bearer is not None:
                found = await self._recall(request, work, bearer) or await self._met(work, bearer)
            if isinstance(found, Recognized):
                await work.see_as(sees(found.actor), _origin(request, found.actor))
            yield Context(
                work,
                found.actor,
                found.locale or "en",
                _renewed,
                self.rail,
                providers=self.providers,
                names=self.names,
                base=self.base,
                feed=self.feed,
                press=self.press,
                exportable=self.exportable,
            )

    def _carried(self, request: HTTPConnection) -> str | None:
        """The session in a cookie. Raises Forbidden for a request that another site may have made a browser send."""
        text = request.cookies.get(self.cookies.session)
        if text is not None and not same_site(request, self.base):
            raise Forbidden(
                "This request did not come from our own pages, so the cookie does not count. Send a bearer."
            )
        return text

    async def leave(self, work: Work, text: str) -> None:
        """End the session with this text, if it is one."""
        session = await _session(work, text)
        if session is None or not sessions.lives(session, work.now):
            return
        token = ids.encode("session", session.id)
        origin = replace(work.origin, actor=ActorKind.PERSON.value, person_id=session.person_id, token=token)
        await work.see_as({"person": str(session.person_id)}, origin)
        async with work.transaction():
            await operations.end_session(work, session.id, why="signed out")

    @asynccontextmanager
    async def work(self, request: HTTPConnection, now: datetime) -> AsyncIterator[Work]:
        """A unit of work that belongs to nobody yet."""
        work = Work(self.engine, now, ids=self.blocks, origin=_origin(request, Actor()))
        try:
            yield work
        finally:
            await work.close()

    async def _recall(self, request: HTTPConnection, work: Work, bearer: str) -> Recalled | None:
        """Whom the bearer named a moment ago, if all that decides what they may is as it was then.

        The transaction sees as they do.
        """
        found = self.recollection.get(bearer, work.now)
        if found is None:
            return None
        if await work.enter(found.entering, found.sees, _origin(request, found.actor)) == found.facts:
            return found
        self.recollection.forget(bearer)
        await work.see_as({}, _origin(request, Actor()))
        return None

    async def _met(self, work: Work, bearer: str) -> Recognized:
        """Whom the bearer names; remembered when it comes for the second time."""
        subject = self.recollection.subject(bearer)
        if subject is None:
            found = await self._recognize(work, bearer)
            if found.subject:
                self.recollection.meet(bearer, found.subject)
            return found
        self.recollection.forget(bearer)
        # Before they are recognized: what changes meanwhile makes the next request find other facts.
        facts = await work.enter(entering(subject), {}, work.origin)
        found = await self._recognize(work, bearer)
        if found.subject == subject:
            self.recollection.put(bearer, found, facts)
        return found

    async def _recognize(self, work: Work, bearer: str) -> Recognized:
        if bearer.startswith(keys.PREFIX):
            return await _key(work, bearer)
        if bearer.startswith(sessions.PREFIX):
            return await _person_in(work, bearer)
        if bearer.startswith(setups.BEARER):
            return Recognized(await _setting_up(work, bearer))
        if bearer.startswith(looks.PREFIX):
            return await _looking(work, bearer)
        if self.signer and bearer.startswith(tuple(key.header + "." for key in self.signer.keys)):
            return await _person_of_ours(work, self.signer, bearer)
        return await self._person_of_theirs(work, bearer)

    async def _person_of_theirs(self, work: Work, bearer: str) -> Recognized:
        token = await self.issuers.verify(bearer, work.now)
        named = {"issuer": token.issuer, "subject": token.subject}
        await work.see_as(named, work.origin)
        person_id = await queries.person_named(work, token.issuer, token.subject)
        if person_id is None:
            person_id = await _newcomer(work, token)
        await work.see_as({"person": str(person_id)}, work.origin)
        return await _standing(work, person_id, _spoken(token), None)


async def _newcomer(work: Work, token: ForeignToken) -> int:
    """The number of the person whom an issuer names for the first time, or did in another request a moment ago."""
    before = work.origin
    work.origin = replace(before, actor=ActorKind.PERSON.value, token=_spoken(token))
    try:
        async with work.transaction():
            return (await operations.sign_up(work, token.issuer, token.subject, token.email, token.name)).id
    except IntegrityError:
        known = await queries.person_named(work, token.issuer, token.subject)
        if known is None:
            raise
        return known
    finally:
        work.origin = before


async def _person_of_ours(work: Work, signer: Signer, bearer: str) -> Recognized:
    token = signer.verify(bearer, work.now)
    person_id, session_id = _number("person", token.person), _number("session", token.session)
    await work.see_as({"person": str(person_id)}, work.origin)
    session = await queries.session(work, session_id)
    if session is None or not sessions.lives(session, work.now):
        raise refused() from ValueError("the session has ended")
    found = await _standing(work, person_id, token.session, token.epoch, _through(session))
    until = min(token.expires_at, sessions.counts_until(session))
    return replace(found, subject=Subject(person_id, session_id), until=until)


async def _session(work: Work, text: str) -> Session | None:
    """The session with this text; the transaction may note its use."""
    digest = bearers.digest(text, sessions.PREFIX)
    if digest is None:
        return None
    await work.see_as({"session_hash": digest.hex()}, work.origin)
    return await queries.session_with(work, digest)


def _through(session: Session) -> Through | None:
    """By which way the holder of a session came in; None for our own sign-in."""
    if session.account_id is None:
        return None
    return Through(session.account_id, session.connection_id, session.signed_in_at)


async def _person_in(work: Work, text: str) -> Recognized:
    """Whoever came in through an SSO connection."""
    session = await _session(work, text)
    if session is None or not sessions.lives(session, work.now):
        raise refused() from ValueError("there is no such session, or it has ended")
    used_at = session.last_used_at
    if used_at is None or work.now - used_at >= sessions.SEEN_EVERY:
        used_at = work.now
        async with work.transaction():
            await work.execute("update session set last_used_at = $2 where id = $1", session.id, work.now)
    await work.see_as({"person": str(session.person_id)}, work.origin)
    found = await _standing(work, session.person_id, ids.encode("session", session.id), None, _through(session))
    # Idle sessions end; the next use has to be noted before.
    until = min(sessions.counts_until(session), used_at + sessions.SEEN_EVERY)
    return replace(found, subject=Subject(session.person_id, session.id), until=until)


async def _looking(work: Work, text: str) -> Recognized:
    """Whom one of our staff looks as, for as long as they may and work for us."""
    digest = bearers.digest(text, looks.PREFIX)
    await work.see_as({"viewing_hash": digest.hex() if digest else ""}, work.origin)
    row = None if digest is None else await viewing_with(work, digest)
    if row is None or row.ended_at is not None or row.expires_at <= work.now:
        raise refused() from ValueError("nobody looks with this any more")
    await work.see_as({"person": str(row.staff_id)}, work.origin)
    staff = await _standing(work, row.staff_id, "", None)
    if not staff.actor.may(Permission.VIEW_AS, row.account_id):
        raise refused() from ValueError("whoever looks may no longer")
    await work.see_as({"person": str(row.person_id)}, work.origin)
    found = await queries.standing(work, row.person_id)
    assert found is not None, "somebody is looked at"
    # Whoever looks came in as staff, and not through the workspace's own single sign-on.
    found["enforced"] = ()
    seen = person(row.person_id, found, "").looked_as(row.account_id, row.staff_id, ids.encode("viewing", row.id))
    return Recognized(seen, found["locale"])


async def _setting_up(work: Work, text: str) -> Actor:
    """Whoever opened a setup link, for as long as its maker may do what it is for."""
    digest = bearers.digest(text, setups.BEARER)
    await work.see_as({"setup_hash": digest.hex() if digest else ""}, work.origin)
    row = None if digest is None else await with_bearer(work, digest)
    if row is None or row.revoked_at or row.opened_at is None or row.opened_at + setups.COUNTS_FOR <= work.now:
        raise refused() from ValueError("no such link, or it is over")
    setting = Setting(row.id, row.created_by, row.purpose.value, row.made_id, setups.MAY[row.purpose])
    account_id = row.account_id
    held = SETUP & await held_by(work, setting.made_by, account_id)
    if Permission.MANAGE_IDENTITY not in held:
        raise refused() from ValueError("whoever made the link may no longer")
    return Actor(
        kind=ActorKind.SETUP, grants={account_id: held}, token=ids.encode("link", setting.link_id), setting=setting
    )


async def _standing(
    work: Work, person_id: int, token: str, epoch: int | None, through: Through | None = None
) -> Recognized:
    found = await queries.standing(work, person_id)
    if found is None or (epoch is not None and epoch != found["epoch"]):
        raise refused() from ValueError("the person is gone, or the token is older than their epoch")
    actor = person(person_id, found, token, through)
    # Once a day for each workspace that counts for them: a write for every request would be too dear. It may come an
    # hour late, for as long a bearer is remembered.
    for account_id in actor.roles.keys() & set(found["quiet"] or ()):
        async with work.transaction():
            await work.bind(account_id)
            await queries.note_use(work, account_id, person_id)
    return Recognized(actor, found["locale"])


def person(person_id: int, found: dict[str, Any], token: str, through: Through | None = None) -> Actor:
    """The actor that a person is, from what `auth.queries.standing` found, and the session they came with.

    What an SSO connection of a workspace vouches for counts in that workspace, and
    nowhere else: its identity provider is not ours, nor another tenant's. A workspace
    that enforces single sign-on counts for nobody who came in another way.
    """
    here = None if through is None else through.account_id
    roles = {account: Role(role) for account, role in zip(found["workspaces"] or (), found["roles"] or (), strict=True)}
    if through is not None:
        roles = {account: role for account, role in roles.items() if account == here}
    roles = {account: role for account, role in roles.items() if account == here or account not in found["enforced"]}
    grants = {account: ROLES[role] for account, role in roles.items()}
    groups = {group: account for group, account in found["groups"] if account in roles}
    if through is not None and through.connection_id is None:
        grants, groups = {account: GLASS for account, role in roles.items() if role is Role.OWNER}, {}
    if found["account_id"] is not None and through is None:
        grants[found["account_id"]] = SELF
    desk = Desk(found["desk"]) if found["desk"] and through is None else None
    return Actor(
        kind=ActorKind.STAFF if desk else ActorKind.PERSON,
        person_id=person_id,
        email=found["email"].lower() if found["email_verified"] else None,
        grants=grants,
        roles=roles,
        desk=desk,
        token=token,
        through=through,
        groups=groups,
    )


async def _renewed(work: Work, actor: Actor) -> Actor:
    """The same actor, with what they may since a change was committed."""
    if actor.setting is not None:
        return await _set_up(work, actor, actor.setting)
    if actor.person_id is None:
        return actor
    found = await queries.standing(work, actor.person_id)
    assert found is not None
    renewed = person(actor.person_id, found, actor.token, actor.through)
    await work.see_as(sees(renewed), work.origin)
    return renewed


async def _set_up(work: Work, actor: Actor, setting: Setting) -> Actor:
    """The same, who sees what they made."""
    row = await seen(work, setting.link_id)
    made = replace(actor, setting=replace(setting, made_id=row.made_id))
    await work.see_as(sees(made), work.origin)
    return made


async def _key(work: Work, bearer: str) -> Recognized:
    presented = keys.parse(bearer)
    key_id = _number("key", presented.id)
    await work.see_as({"key": str(key_id)}, work.origin)
    key = await queries.service_key(work, key_id)
    current = keys.matches(presented, key.hash if key else None)
    earlier = keys.matches(presented, key.previous_hash if key else None)
    if key is None or not (current or (earlier and key.previous_until and key.previous_until > work.now)):
        raise refused() from ValueError("no such key, or another secret")
    if key.revoked_at or key.expires_at <= work.now:
        raise refused() from ValueError("the key was revoked or has expired")
    account_id, maker_id, previous_until = key.account_id, key.created_by, key.previous_until
    scopes = frozenset(KeyScope(scope) for scope in key.scopes)
    used_at, until = key.last_used_at, key.expires_at
    if used_at is None or work.now - used_at > _USED:
        used_at = work.now
        async with work.transaction():
            await work.execute("update service_key set last_used_at = $2 where id = $1", key_id, work.now)
    held = frozenset[Permission]().union(*(SCOPES[scope] for scope in scopes))
    held &= await held_by(work, maker_id, account_id)
    actor = Actor(
        kind=ActorKind.SERVICE_KEY, grants={account_id: held}, key_id=key_id, scopes=scopes, token=presented.id
    )
    if not current and previous_until:
        until = min(until, previous_until)
    return Recognized(actor, None, Subject(maker_id, key=key_id), min(until, used_at + _USED))


async def held_by(work: Work, person_id: int, account_id: int) -> frozenset[Permission]:
    """What a key's maker may there today, for the key may no more: it falls with them."""
    await work.see_as({"person": str(person_id)}, work.origin)
    found = await queries.standing(work, person_id)
    assert found is not None, "a key's maker is a person"
    # Their key is a way in of its own, which admins see and end.
    found["enforced"] = ()
    return person(person_id, found, "").grants.get(account_id, frozenset())


def _spoken(token: ForeignToken) -> str:
    """How the audit names a token of somebody else."""
    return f"token:{token.token_id}"


def _bearer(header: str | None) -> str | None:
    if header is None:
        return None
    scheme, _, bearer = header.partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        raise refused() from ValueError("the scheme is not Bearer")
    return bearer.strip()


def _number(kind: str, text: str) -> int:
    try:
        return ids.decode(kind, text)
    except InvalidInput as reason:
        raise refused() from reason


def _reason(request: HTTPConnection) -> str | None:
    """Why, in the caller's words: a header holds bytes, and clients write UTF-8 into it."""
    said = request.headers.get(REASON, "").encode("latin-1").decode("utf-8", "replace")
    cards.refuse(said)
    return " ".join(said.replace("\0", "").split())[:LONGEST_REASON] or None


def _origin(request: HTTPConnection, actor: Actor) -> Origin:
    return Origin(
        actor=actor.kind.value,
        person_id=actor.setting.made_by if actor.setting else actor.person_id,
        impersonator_id=actor.viewed_by,
        token=actor.token,
        ip=request.client.host if request.client else "",
        request_id=request_id(request.scope),
        reason=_reason(request),
        device=cards.without(request.headers.get("user-agent", ""))[:LONGEST_DEVICE],
    )
