"""Departing: a browser is sent to the identity provider, and a flow waits for it in the database.

The flow holds what nobody else may know (nonce, verifier). It is bound to one browser
by a cookie, to one SSO connection by its address, and to one return by being deleted
when it is read.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field

from auth.apps.rules import App
from auth.sso import operations as sso
from auth.sso import queries, rules
from auth.sso.provider import Client, Providers, Secrets
from auth.sso.rules import FLOW_LIVES, TEST_LIVES, LoginRefused
from auth.sso.tables import SsoConnection, SsoFlow, SsoLogin
from auth.sso.tracing import SENT, Trace, digest, refuse
from kernel import ids
from kernel.sealing import seal
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser asks for: where to go afterward, its own secret, and perhaps the ticket of a test."""

    next: str
    browser: str = field(repr=False)
    ticket: str | None = field(default=None, repr=False)
    again: bool = False
    """Whether they have to prove anew who they are."""

    app: App | None = None
    """The app that the code goes to, in place of a cookie."""


def client(row: SsoConnection, base: str) -> Client:
    """We, as the provider of this SSO connection knows us; `base` is our own address."""
    return Client(row.id, row.issuer, row.client_id, sso.opened(row), redirect(row.id, base))


def redirect(connection_id: int, base: str) -> str:
    """Where the provider sends browsers back to: an address for each connection, so that none answers for another."""
    return f"{base}/sso/{ids.encode('sso', connection_id)}/callback"


async def depart(work: Work, providers: Providers, row: SsoConnection, base: str, asked: Asked) -> str:
    """Where the browser goes. Raises LoginRefused."""
    test = await _test(work, row, asked.ticket)
    try:
        _insist(row, asked, test)
        us = client(row, base)
        kept = Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(48), asked.again)
        state = secrets.token_urlsafe(32)
        described = await providers.describe(us, work.now, anew=test is not None)
        url = await providers.leave(us, described, state, kept)
    except LoginRefused as refusal:
        await refuse(work, row, test.id if test else None, Trace(), refusal)
        raise
    async with work.transaction():
        await work.bind(row.account_id)
        work.add(_flow(work, row, asked, kept, state=state, test=test))
        if test is not None:
            (await queries.login(work, row.account_id, test.id)).steps = [SENT]
    return url


def _insist(row: SsoConnection, asked: Asked, test: SsoLogin | None) -> None:
    if asked.ticket is not None and test is None:
        raise LoginRefused("There is no such test, or it is too old.")
    if asked.app is not None and not (asked.app.sound and asked.ticket is None):
        raise LoginRefused("An app sends the S256 challenge of its verifier, a short state, and no ticket of a test.")
    if test is None and not row.enabled:
        raise LoginRefused("The SSO connection is switched off.")


async def _test(work: Work, row: SsoConnection, ticket: str | None) -> SsoLogin | None:
    """The test that a ticket is for, which is used up by it."""
    if ticket is None:
        return None
    async with work.transaction():
        await work.bind(row.account_id)
        test = await queries.test_with(work, row.id, digest(ticket), work.now - TEST_LIVES)
        if test:
            test.ticket_hash = None
    return test


def _flow(work: Work, row: SsoConnection, asked: Asked, kept: Secrets, *, state: str, test: SsoLogin | None) -> SsoFlow:
    return SsoFlow(
        account_id=row.account_id,
        state_hash=digest(state),
        connection_id=row.id,
        login_id=test.id if test else None,
        browser_hash=digest(asked.browser),
        sealed=seal(json.dumps([kept.nonce, kept.verifier, kept.again])).encode(),
        next=rules.local(asked.next),
        app=None if asked.app is None else asdict(asked.app),
        person_id=test.person_id if test else None,
        created_at=work.now,
        expires_at=work.now + FLOW_LIVES,
    )
