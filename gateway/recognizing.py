"""Recognizing: whom a bearer names, and what the database says that they may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from auth import bearers, keys, operations, queries, sessions
from auth.oidc import ForeignToken
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
from auth.tables import Session
from auth.tokens import Signer
from auth.viewing import rules as looks
from auth.viewing.queries import viewing_with
from gateway.recalling import Recognized, Subject
from kernel import ids
from kernel.errors import InvalidInput
from kernel.work import Work

_USED = timedelta(minutes=1)
"""How exactly we remember when a key was last used; a write for every request would be too dear."""


async def newcomer(work: Work, token: ForeignToken) -> int:
    """The number of the person whom an issuer names for the first time, or did in another request a moment ago."""
    before = work.origin
    work.origin = replace(before, actor=ActorKind.PERSON.value, token=spoken(token))
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


async def person_of_ours(work: Work, signer: Signer, bearer: str) -> Recognized:
    """Whom a token of ours names. Raises Unauthenticated for one that has ended."""
    token = signer.verify(bearer, work.now)
    person_id, session_id = _number("person", token.person), _number("session", token.session)
    await work.see_as({"person": str(person_id)}, work.origin)
    session = await queries.session(work, session_id)
    if session is None or not sessions.lives(session, work.now):
        raise refused() from ValueError("the session has ended")
    found = await standing(work, person_id, token.session, token.epoch, _through(session))
    until = min(token.expires_at, sessions.counts_until(session))
    return replace(found, subject=Subject(person_id, session_id), until=until)


async def session_of(work: Work, text: str) -> Session | None:
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


async def person_in(work: Work, text: str) -> Recognized:
    """Whoever came in through an SSO connection."""
    session = await session_of(work, text)
    if session is None or not sessions.lives(session, work.now):
        raise refused() from ValueError("there is no such session, or it has ended")
    used_at = session.last_used_at
    if used_at is None or work.now - used_at >= sessions.SEEN_EVERY:
        used_at = work.now
        async with work.transaction():
            await work.execute("update session set last_used_at = $2 where id = $1", session.id, work.now)
    await work.see_as({"person": str(session.person_id)}, work.origin)
    found = await standing(work, session.person_id, ids.encode("session", session.id), None, _through(session))
    # Idle sessions end; the next use has to be noted before.
    until = min(sessions.counts_until(session), used_at + sessions.SEEN_EVERY)
    return replace(found, subject=Subject(session.person_id, session.id), until=until)


async def looking(work: Work, text: str) -> Recognized:
    """Whom one of our staff looks as, for as long as they may and work for us."""
    digest = bearers.digest(text, looks.PREFIX)
    await work.see_as({"viewing_hash": digest.hex() if digest else ""}, work.origin)
    row = None if digest is None else await viewing_with(work, digest)
    if row is None or row.ended_at is not None or row.expires_at <= work.now:
        raise refused() from ValueError("nobody looks with this any more")
    await work.see_as({"person": str(row.staff_id)}, work.origin)
    staff = await standing(work, row.staff_id, "", None)
    if not staff.actor.may(Permission.VIEW_AS, row.account_id):
        raise refused() from ValueError("whoever looks may no longer")
    await work.see_as({"person": str(row.person_id)}, work.origin)
    found = await queries.standing(work, row.person_id)
    assert found is not None, "somebody is looked at"
    # Whoever looks came in as staff, and not through the workspace's own single sign-on.
    found["enforced"] = ()
    seen = person(row.person_id, found, "").looked_as(row.account_id, row.staff_id, ids.encode("viewing", row.id))
    return Recognized(seen, found["locale"])


async def setting_up(work: Work, text: str) -> Actor:
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


async def standing(
    work: Work, person_id: int, token: str, epoch: int | None, through: Through | None = None
) -> Recognized:
    """A person, with what they may today. Raises Unauthenticated where they are gone, or of a later epoch."""
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


async def renewed(work: Work, actor: Actor) -> Actor:
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


async def holder(work: Work, bearer: str) -> Recognized:
    """The service key that this is. Raises Unauthenticated for one that doesn't count, or no more."""
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


def spoken(token: ForeignToken) -> str:
    """How the audit names a token of somebody else."""
    return f"token:{token.token_id}"


def _number(kind: str, text: str) -> int:
    try:
        return ids.decode(kind, text)
    except InvalidInput as reason:
        raise refused() from reason
