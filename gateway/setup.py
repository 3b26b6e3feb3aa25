"""The doors of setup links.

    GET  /setup?link=sgl_…    a page that says what it is for, so that whatever looks at links does not use one up
    POST /setup?link=sgl_…    opens it, once: as JSON a bearer for the graph, which counts for an hour; a browser gets
                              the bearer as a cookie, and is sent on to the forms
    GET  /setup/form          the forms of a link that this browser has opened, or what was made with them
    POST /setup/form          one of them, filled in

A link that can't be opened is told so in one sentence, always the same. The forms do
nothing but ask the graph, with the bearer; a form counts only if it comes from our pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from auth.setup import operations
from auth.setup.operations import Link, Opened
from auth.setup.rules import COUNTS_FOR
from gateway import setup_page
from gateway.authentication import Door
from gateway.cookies import Cookies, same_site
from gateway.negotiation import HTML, JSON, negotiate
from gateway.plain_pages import HEADERS
from gateway.requests import Malformed, body_of
from gateway.setup_acts import Acts, Told, Visit
from gateway.setup_forms import Filled, filled, form_of
from gateway.setup_page import Held
from kernel import ids
from kernel.errors import Fault, Forbidden, InvalidInput, Unauthenticated

CLOSED = "This link can't be opened: it was used, taken back, or is older than three days. Ask for another one."
OVER = "What you opened counts no more: its hour is over, or it was taken back. Ask for another link."
STRANGE = "This form did not come from our own page, so nothing was done. Open the page again, and fill it in there."

_LARGEST = 1024 * 1024  # 256 kB of XML, percent-encoded, in a form
_MOST_FIELDS = 20


class SetupDoors:
    """See the module. `base` is the address at which browsers find us."""

    def __init__(self, acts: Acts, cookies: Cookies, base: str) -> None:
        self.acts, self.cookies, self.base = acts, cookies, base

    def routes(self) -> list[BaseRoute]:
        """The doors."""
        return [
            Route("/setup", self._look, methods=["GET"]),
            Route("/setup", self._open, methods=["POST"]),
            Route("/setup/form", self._show, methods=["GET"]),
            Route("/setup/form", self._fill, methods=["POST"]),
        ]

    async def _look(self, request: Request) -> Response:
        entrance: Door = request.app.state.door
        text = request.query_params.get("link", "")
        async with entrance.work(request, await entrance.clock.now()) as work:
            found = await operations.look(work, text)
        if found is not None:
            return _page(setup_page.offered(text, _held(found)))
        if request.cookies.get(self.cookies.setup):
            # They come back by the link that they opened before.
            return RedirectResponse("/setup/form", 303, HEADERS)
        return _page(setup_page.closed(CLOSED), 404)

    async def _open(self, request: Request) -> Response:
        entrance: Door = request.app.state.door
        browser = negotiate(request.headers.get("accept"), (JSON, HTML)) == HTML
        if browser and not same_site(request, self.base):
            return _page(setup_page.closed(STRANGE), 403)
        async with entrance.work(request, await entrance.clock.now()) as work:
            opened = await operations.use(work, request.query_params.get("link", ""))
        if opened is None:
            return _page(setup_page.closed(CLOSED), 404) if browser else _json({"message": CLOSED}, 404)
        if not browser:
            return _json(_bearer(opened))
        response = RedirectResponse("/setup/form", 303, HEADERS)
        self.cookies.put(response, self.cookies.setup, opened.bearer, COUNTS_FOR)
        return response

    async def _show(self, request: Request) -> Response:
        try:
            async with self.acts.visit(request, request.cookies.get(self.cookies.setup, "")) as visit:
                return await self._standing(visit)
        except (Fault, Told) as fault:
            return _failed(fault)

    async def _fill(self, request: Request) -> Response:
        try:
            if not same_site(request, self.base):
                raise Forbidden(STRANGE)
            sent = await _form(request)
            async with self.acts.visit(request, request.cookies.get(self.cookies.setup, "")) as visit:
                return await self._filled(visit, sent)
        except Malformed as failure:
            return _page(setup_page.closed(failure.fault.message), failure.status)
        except (Fault, Told) as fault:
            return _failed(fault)

    async def _filled(self, visit: Visit, sent: Mapping[str, str]) -> Response:
        form = form_of(visit.purpose, sent.get("act", ""), made=visit.made is not None)
        if form is None:
            # What it would have made is there already, by another tab or a second press.
            return RedirectResponse("/setup/form", 303, HEADERS)
        found, once = filled(form, sent), None
        if not found.wrong:
            found, once = await visit.do(found)
        if found.wrong:
            return await self._standing(visit, found, status=422)
        if once is not None:
            return await self._standing(visit, once=once)
        return RedirectResponse("/setup/form", 303, HEADERS)

    async def _standing(
        self, visit: Visit, found: Filled | None = None, once: str | None = None, status: int = 200
    ) -> Response:
        return _page(setup_page.standing(await visit.stand(), self.base, found, once), status)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form that are there once. Raises Malformed."""
    body = await body_of(request, _LARGEST)
    try:
        sent = parse_qs(body.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Malformed(400, InvalidInput("That is not one of our forms. Open the page again.")) from None
    return {name: values[0] for name, values in sent.items() if len(values) == 1}


def _failed(fault: Fault | Told) -> Response:
    if isinstance(fault, Unauthenticated):
        return _page(setup_page.closed(OVER), 404)
    return _page(setup_page.closed(fault.message), 403 if isinstance(fault, Forbidden) else 503)


def _bearer(opened: Opened) -> dict[str, object]:
    return {
        "access_token": opened.bearer,
        "token_type": "Bearer",
        "expires_in": COUNTS_FOR.seconds,
        "purpose": opened.purpose.name,
        "workspace": ids.encode("workspace", opened.account_id),
    }


def _json(told: Mapping[str, object], status: int = 200) -> Response:
    return JSONResponse(dict(told), status, headers=HEADERS)


def _page(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers=HEADERS)


def _held(link: Link) -> Held:
    return Held(link.workspace, link.purpose, link.until)
