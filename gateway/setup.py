"""The door of setup links.

    GET  /setup?link=sgl_…    a page that says what it is for, so that whatever looks at links does not use one up
    POST /setup?link=sgl_…    opens it, once: a bearer for the graph, which counts for an hour, as JSON or as a page

A link that can't be opened is told so in one sentence, always the same.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from auth.setup import operations
from auth.setup.operations import Link
from auth.setup.rules import COUNTS_FOR
from gateway import setup_page
from gateway.authentication import Door
from gateway.negotiation import HTML, JSON, negotiate
from gateway.setup_page import HEADERS, Held
from kernel import ids

CLOSED = "This link can't be opened: it was used, taken back, or is older than three days. Ask for another one."


def setup_routes() -> list[BaseRoute]:
    """The door."""
    return [Route("/setup", _look, methods=["GET"]), Route("/setup", _open, methods=["POST"])]


async def _look(request: Request) -> Response:
    entrance: Door = request.app.state.door
    text = request.query_params.get("link", "")
    async with entrance.work(request, await entrance.clock.now()) as work:
        found = await operations.look(work, text)
    if found is None:
        return HTMLResponse(setup_page.closed(CLOSED), 404, headers=HEADERS)
    return HTMLResponse(setup_page.offered(text, _held(found)), headers=HEADERS)


async def _open(request: Request) -> Response:
    entrance: Door = request.app.state.door
    page = negotiate(request.headers.get("accept"), (JSON, HTML)) == HTML
    async with entrance.work(request, await entrance.clock.now()) as work:
        opened = await operations.use(work, request.query_params.get("link", ""))
    if opened is None and page:
        return HTMLResponse(setup_page.closed(CLOSED), 404, headers=HEADERS)
    if opened is None:
        return JSONResponse({"message": CLOSED}, 404, headers=HEADERS)
    workspace = ids.encode("workspace", opened.account_id)
    if page:
        return HTMLResponse(setup_page.opened(opened.bearer, workspace, _held(opened)), headers=HEADERS)
    told = {
        "access_token": opened.bearer,
        "token_type": "Bearer",
        "expires_in": COUNTS_FOR.seconds,
        "purpose": opened.purpose.name,
        "workspace": workspace,
    }
    return JSONResponse(told, headers=HEADERS)


def _held(link: Link) -> Held:
    return Held(link.workspace, link.purpose, link.until)
