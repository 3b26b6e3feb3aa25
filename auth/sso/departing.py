"""Departing: a browser is sent to the identity provider, and a flow waits for it in the database.

The flow holds what nobody else may know (nonce and verifier, or the id of a SAML request). It is bound to one browser
by a cookie, to one SSO connection by its address, and to one return by being deleted
when it is read.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any

from auth.apps.rules import App
from auth.saml import requests
from auth.saml.requests import Request
from auth.sso import addresses, queries, rules
from auth.sso import operations as sso
from auth.sso.provider import Client, Providers, Secrets
from auth.sso.rules import FLOW_LIVES, TEST_LIVES, LoginRefused, SsoKind
from auth.sso.tables import SsoConnection, SsoFlow, SsoLogin
from auth.sso.tracing import Trace, digest, refuse, sent
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
    """Where the provider sends browsers back to."""
    return addresses.door(base, connection_id, "callback")


async def depart(work: Work, providers: Providers, row: SsoConnection, base: str, asked: Asked) -> str:
    """Where the browser goes. Raises LoginRefused."""
    test = await _test(work, row, asked.ticket)
    try:
        _insist(row, asked, test)
        state = secrets.token_urlsafe(32)
        if row.kind == SsoKind.SAML:
            kept, url = _by_saml(work, row, base, state, again=asked.again)
        else:
            kept, url = await _by_oidc(work, providers, client(row, base), state, again=asked.again, test=bool(test))
    except LoginRefused as refusal:
        await refuse(work, row, test.id if test else None, Trace(), refusal)
        raise
    async with work.transaction():
        await work.bind(row.account_id)
        work.add(_flow(work, row, asked, kept, state=state, test=test))
        if test is not None:
            (await queries.login(work, row.account_id, test.id)).steps = [sent(row)]
    return url


async def _by_oidc(
    work: Work, providers: Providers, us: Client, state: str, *, again: bool, test: bool
) -> tuple[list[Any], str]:
    """What is kept of a login by OpenID Connect, and where the browser goes. Raises LoginRefused."""
    kept = Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(48), again)
    described = await providers.describe(us, work.now, anew=test)
    return [kept.nonce, kept.verifier, kept.again], await providers.leave(us, described, state, kept)


def _by_saml(work: Work, row: SsoConnection, base: str, state: str, *, again: bool) -> tuple[list[Any], str]:
    """What is kept of a login by SAML, and where the browser goes."""
    assert row.sign_in_url is not None, "whoever speaks SAML has one"
    answers = addresses.door(base, row.id, "acs")
    request = Request("_" + secrets.token_hex(20), row.client_id, answers, row.sign_in_url, again)
    return [request.id, again], requests.address(request, state, work.now)


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


def _flow(
    work: Work, row: SsoConnection, asked: Asked, kept: list[Any], *, state: str, test: SsoLogin | None
) -> SsoFlow:
    return SsoFlow(
        account_id=row.account_id,
        state_hash=digest(state),
        connection_id=row.id,
        login_id=test.id if test else None,
        browser_hash=digest(asked.browser),
        sealed=seal(json.dumps(kept)).encode(),
        next=rules.local(asked.next),
        app=None if asked.app is None else asdict(asked.app),
        person_id=test.person_id if test else None,
        created_at=work.now,
        expires_at=work.now + FLOW_LIVES,
    )
