"""What is done with the grants of apps: load, decide, record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from auth import events, sessions
from auth.apps import queries, rules
from auth.apps.rules import App, GrantKind, Outcome, Used
from auth.apps.tables import AppGrant
from auth.policy import ActorKind
from auth.tables import Session
from auth.tokens import LIFETIME, Claim, Signer
from kernel import ids
from kernel.work import Work

_SYSTEM = {"staff": "on"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an app gets: an access token for five minutes, and what it changes for the next one."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: int


async def code(work: Work, session: Session, app: App) -> str:
    """The address at which an app gets its code, which the transaction keeps as a digest."""
    await work.flush()
    text = _grant(work, session, GrantKind.CODE, work.now + rules.CODE_LIVES, app=app)
    return app.back(text)


async def change(work: Work, signer: Signer, given: str, *, verifier: str = "", redirect: str = "") -> Tokens | None:
    """Tokens for a code or a refresh token; None for what is worth nothing. Call it outside of a transaction.

    One that comes a second time ends the session: somebody else has it.
    """
    digest = rules.digest(given)
    if digest is None:
        return None
    await work.see_as({"app_grant": digest.hex(), **_SYSTEM}, work.origin)
    found = await queries.grant(work, digest)
    if found is None:
        return None
    async with work.transaction():
        await work.bind(found.account_id)
        row = await queries.grant(work, digest, lock=True)
        assert row is not None, "grants are kept until their session is forgotten"
        return await _changed(work, signer, row, verifier, redirect)


async def _changed(work: Work, signer: Signer, row: AppGrant, verifier: str, redirect: str) -> Tokens | None:
    session = await queries.session(work, row.session_id)
    if not sessions.lives(session, work.now):
        return None
    if row.kind is GrantKind.CODE and not (rules.proves(verifier, row.challenge or "") and redirect == row.redirect):
        return None
    answered, rivaled = await queries.answered(work, row.hash), await queries.rivaled(work, row)
    used = Used(row.kind, row.expires_at, row.used_at, answered, rivaled)
    found = rules.outcome(used, work.now)
    if found is Outcome.STOLEN:
        _end(work, session)
    if found is not Outcome.GIVEN:
        return None
    row.used_at = row.used_at or work.now
    session.last_used_at = work.now
    epoch = await queries.epoch(work, session.person_id)
    claim = Claim(ids.encode("person", session.person_id), ids.encode("session", session.id), epoch)
    refresh = _grant(work, session, GrantKind.REFRESH, session.expires_at, parent=row.hash)
    return Tokens(signer.sign(claim, work.now), refresh, LIFETIME.seconds)


def _end(work: Work, session: Session) -> None:
    assert session.account_id is not None, "an app came in through a workspace's SSO connection"
    session.ended_at, session.ended_why = work.now, "what an app signs in with was used twice"
    work.origin = replace(work.origin, actor=ActorKind.PERSON.value, person_id=session.person_id)
    work.emit(events.SessionEnded(session.account_id, session.id), session)


def _grant(
    work: Work,
    session: Session,
    kind: GrantKind,
    until: datetime,
    *,
    app: App | None = None,
    parent: bytes | None = None,
) -> str:
    assert session.account_id is not None, "an app came in through a workspace's SSO connection"
    text, digest = rules.new(kind)
    work.add(
        AppGrant(
            account_id=session.account_id,
            hash=digest,
            session_id=session.id,
            kind=kind,
            challenge=app.challenge if app else None,
            redirect=app.redirect if app else None,
            parent=parent,
            created_at=work.now,
            expires_at=until,
        )
    )
    return text
