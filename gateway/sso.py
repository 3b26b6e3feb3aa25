"""The doors of single sign-on: out to the identity provider, back from it, and out of the house.

    GET  /sso/{connection}/login?next=/…      to the provider; `test=` takes the ticket of a test, `app=` and
                                              `challenge=` are an app's
    GET  /sso/{connection}/callback           back from it
    GET  /sso/{connection}/metadata           what we say of ourselves, to a provider that speaks SAML
    POST /sso/{connection}/acs                its answer, which a browser carries here
    GET  /sso/{connection}/finish             where the browser goes with it, and brings its cookie
    POST /sso/{connection}/backchannel        the provider says that somebody signed out there
    POST /sso/logout                          ends the session of the browser
    POST /sso/token                           an app changes its code, or a refresh token, for tokens

A login that fails is told to its browser in one sentence, always the same. Why it
failed is in the workspace's trace, for whoever looks after it, and for Support.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from html import escape
from typing import Any
from urllib.parse import parse_qs

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from auth.apps import operations as apps
from auth.apps.rules import App
from auth.saml import requests
from auth.sso import addresses, queries
from auth.sso.answering import Posted, receive
from auth.sso.arriving import Welcome, arrive
from auth.sso.departing import Asked, depart
from auth.sso.leaving import leave
from auth.sso.provider import Providers
from auth.sso.rules import FLOW_LIVES, LoginRefused, SsoKind
from auth.sso.tables import SsoConnection
from auth.sso.vouching import Returned
from gateway import cards
from gateway.authentication import Door
from gateway.cookies import Cookies, same_site
from gateway.requests import Malformed, body_of
from kernel import ids
from kernel.errors import InvalidInput
from kernel.work import Work
from seats import welcoming

REFUSED = "Signing in did not work. Try again, or ask whoever looks after your workspace."
"""What every failed login is told."""

TESTED = "The test came back. Its outcome is in your workspace's settings."
GRANTS = {"authorization_code": "code", "refresh_token": "refresh_token"}
"""What an app sends with each type of grant."""

_MOST_PARAMETERS = 20
_LONGEST_BROWSER = 100
_LARGEST = 32 * 1024
_LARGEST_ANSWER = 1024 * 1024  # 256 kB of XML, in base 64, in a form

log = structlog.get_logger("gateway.sso")

_WELCOME = Welcome(welcoming.invited, welcoming.join)

Act = Callable[[Request, Work, SsoConnection], Awaitable[Response]]


class SsoDoors:
    """See the module. `base` is the address at which browsers find us; `apps` are where codes may go."""

    def __init__(self, providers: Providers, base: str, cookies: Cookies, apps: Collection[str] = ()) -> None:
        self.providers, self.base, self.cookies, self.apps = providers, base, cookies, frozenset(apps)

    def routes(self) -> list[BaseRoute]:
        """The doors."""
        return [
            Route("/sso/{connection}/login", self._at(self._login)),
            Route("/sso/{connection}/callback", self._at(self._callback, SsoKind.OIDC)),
            Route("/sso/{connection}/backchannel", self._at(self._backchannel, SsoKind.OIDC), methods=["POST"]),
            Route("/sso/{connection}/metadata", self._at(self._metadata, SsoKind.SAML)),
            Route("/sso/{connection}/acs", self._at(self._acs, SsoKind.SAML), methods=["POST"]),
            Route("/sso/{connection}/finish", self._at(self._finish, SsoKind.SAML)),
            Route("/sso/logout", self._logout, methods=["POST"]),
            Route("/sso/token", self._token, methods=["POST"]),
        ]

    def _at(self, act: Act, kind: SsoKind | None = None) -> Callable[[Request], Awaitable[Response]]:
        """The door of one SSO connection: whatever it can't do for a stranger, it says in the one sentence."""

        async def door(request: Request) -> Response:
            entrance: Door = request.app.state.door
            with suppress(InvalidInput):
                number = ids.decode("sso", request.path_params["connection"])
                async with entrance.work(request, await entrance.clock.now()) as work:
                    await work.see_as({"sso": str(number)}, work.origin)
                    row = await queries.asked(work, number)
                    await work.rest()
                    if row is not None and kind in {None, row.kind}:
                        return await self._tried(act, request, work, row)
            return page(REFUSED, 403)

        return door

    async def _tried(self, act: Act, request: Request, work: Work, row: SsoConnection) -> Response:
        try:
            return await act(request, work, row)
        except LoginRefused as refusal:
            log.info("a login was refused", connection=ids.encode("sso", row.id), reason=str(refusal))
            return page(REFUSED, 403)

    async def _login(self, request: Request, work: Work, row: SsoConnection) -> Response:
        known = request.cookies.get(self.cookies.browser, "")
        browser = known if 0 < len(known) <= _LONGEST_BROWSER else secrets.token_urlsafe(32)
        asked = Asked(
            request.query_params.get("next", "/"),
            browser,
            request.query_params.get("test"),
            "again" in request.query_params,
            self._app(request),
        )
        url = await depart(work, self.providers, row, self.base, asked)
        response = _sent_on(url)
        self.cookies.put(response, self.cookies.browser, browser, FLOW_LIVES)
        return response

    def _app(self, request: Request) -> App | None:
        """The app that sends a browser here. Raises LoginRefused for one that nobody knows."""
        told = request.query_params
        if "app" not in told:
            return None
        if told["app"] not in self.apps or told.get("challenge_method", "S256") != "S256":
            raise LoginRefused(f"SEATGRAPH_APPS does not name this app: {told['app'][:200]!r}.")
        return App(told["app"], told.get("challenge", ""), told.get("state", ""))

    async def _token(self, request: Request) -> Response:
        """An app changes its code, or its refresh token, for new tokens (RFC 6749, 4.1.3 and 6)."""
        entrance: Door = request.app.state.door
        told = await _form(request, _LARGEST)
        given = told.get(GRANTS.get(told.get("grant_type", ""), ""))
        if given is None:
            return _oauth({"error": "unsupported_grant_type" if "grant_type" in told else "invalid_request"}, 400)
        if entrance.signer is None:
            return _oauth({"error": "temporarily_unavailable"}, 503)
        async with entrance.work(request, await entrance.clock.now()) as work:
            tokens = await apps.change(
                work,
                entrance.signer,
                given,
                verifier=told.get("code_verifier", ""),
                redirect=told.get("redirect_uri", ""),
            )
        if tokens is None:
            return _oauth({"error": "invalid_grant"}, 400)
        body = {"access_token": tokens.access, "token_type": "Bearer", "expires_in": tokens.seconds}
        return _oauth({**body, "refresh_token": tokens.refresh}, 200)

    async def _callback(self, request: Request, work: Work, row: SsoConnection) -> Response:
        pairs = request.query_params.multi_items()
        if len(pairs) > _MOST_PARAMETERS or len({name for name, _ in pairs}) < len(pairs):
            # Two states or two codes: whoever reads the first and whoever reads the second would disagree.
            pairs = []
        return await self._arrived(request, work, row, dict(pairs))

    async def _metadata(self, request: Request, work: Work, row: SsoConnection) -> Response:  # noqa: ARG002 - it is a door
        described = requests.described(row.client_id, addresses.door(self.base, row.id, "acs"))
        return Response(described, media_type="application/samlmetadata+xml", headers={"cache-control": "no-cache"})

    async def _acs(self, request: Request, work: Work, row: SsoConnection) -> Response:
        told = await _form(request, _LARGEST_ANSWER)
        posted = Posted(told.get("SAMLResponse", ""), told.get("RelayState", ""))
        return _sent_on(await receive(work, row, self.base, posted))

    async def _finish(self, request: Request, work: Work, row: SsoConnection) -> Response:
        handles = request.query_params.getlist("handle")
        return await self._arrived(request, work, row, {"state": handles[0]} if len(handles) == 1 else {})

    async def _arrived(self, request: Request, work: Work, row: SsoConnection, told: dict[str, str]) -> Response:
        agent = cards.without(request.headers.get("user-agent", ""))
        returned = Returned(told, request.cookies.get(self.cookies.browser, ""), agent)
        arrival = await arrive(work, self.providers, row, self.base, returned, welcome=_WELCOME)
        if arrival.tested:
            return page(TESTED, 200)
        response = _sent_on(arrival.next)
        if arrival.session is not None:
            self.cookies.put(response, self.cookies.session, arrival.session, arrival.lives)
        return response

    async def _backchannel(self, request: Request, work: Work, row: SsoConnection) -> Response:
        token = (await _form(request, _LARGEST)).get("logout_token", "")
        try:
            await leave(work, self.providers, row, token)
        except LoginRefused as refusal:
            log.info("a logout was refused", connection=ids.encode("sso", row.id), reason=str(refusal))
            return Response(status_code=400, headers={"cache-control": "no-store"})
        return Response(status_code=200, headers={"cache-control": "no-store"})

    async def _logout(self, request: Request) -> Response:
        entrance: Door = request.app.state.door
        text = request.cookies.get(self.cookies.session)
        if not same_site(request, self.base):
            return page("This request did not come from our own pages, so nothing has happened.", 403)
        if text:
            async with entrance.work(request, await entrance.clock.now()) as work:
                await entrance.leave(work, text)
        response = Response(status_code=204, headers={"cache-control": "no-store"})
        self.cookies.drop(response, self.cookies.session)
        return response


async def _form(request: Request, limit: int) -> dict[str, str]:
    """The fields of a form that are there once; none of a body that is no form, or too long for one."""
    try:
        body = await body_of(request, limit)
        found = parse_qs(body.decode("ascii", "replace"), max_num_fields=_MOST_PARAMETERS)
    except (Malformed, ValueError):
        return {}
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _sent_on(url: str) -> Response:
    return RedirectResponse(url, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})


def _oauth(told: dict[str, Any], status: int) -> Response:
    return JSONResponse(told, status, {"cache-control": "no-store", "pragma": "no-cache"})


def page(says: str, status: int) -> Response:
    """A page with one sentence, which nothing can be loaded into."""
    headers = {
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    body = f'<!doctype html><html lang="en"><title>Seatgraph</title><p>{escape(says)}</p></html>'
    return HTMLResponse(body, status, headers)
