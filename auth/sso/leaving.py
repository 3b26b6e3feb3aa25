"""Leaving: an identity provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auth import events
from auth.policy import ActorKind
from auth.sso import operations as sso
from auth.sso import queries
from auth.sso.provider import Client, Providers
from auth.sso.rules import Left, LoginPurpose, LoginRefused
from auth.sso.tables import SsoConnection
from auth.sso.tracing import Trace, refuse
from auth.tables import Session
from kernel.work import Work

_SYSTEM = {"staff": "on"}


async def leave(work: Work, providers: Providers, row: SsoConnection, token: str) -> int:
    """End the sessions that a logout token speaks of; how many. Raises LoginRefused for a token that doesn't hold."""
    us = Client(row.id, row.issuer, row.client_id, sso.opened(row), "")
    try:
        left = await providers.left(us, await providers.describe(us, work.now), token, work.now)
    except LoginRefused as refusal:
        await refuse(work, row, None, Trace(), refusal, purpose=LoginPurpose.SIGN_OUT)
        raise
    await work.see_as(_SYSTEM, replace(work.origin, actor=ActorKind.SYSTEM.value))
    async with work.transaction():
        await work.bind(row.account_id)
        open_ones = await _of(work, row, left)
        for session in open_ones:
            session.ended_at, session.ended_why = work.now, "signed out at the identity provider"
            work.emit(events.SessionEnded(row.account_id, session.id), session)
    return len(open_ones)


async def _of(work: Work, row: SsoConnection, left: Left) -> Sequence[Session]:
    """The open sessions of a subject, or of one session of the provider's, or of both."""
    person_id = None
    if left.subject is not None:
        known = await queries.identity(work, row.account_id, row.id, left.subject)
        if known is None:
            return []
        person_id = known.person_id
    return await queries.open_sessions(work, row.account_id, row.id, person_id, left.provider_session)
