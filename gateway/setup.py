"""The door of setup links.

    GET  /setup?link=sgl_…    a page with a button, so that whatever looks at links does not use one up
    POST /setup?link=sgl_…    opens it, once: a bearer for the graph, which counts for an hour

A link that can't be opened is told so in one sentence, always the same.
"""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from auth.setup import operations
from auth.setup.rules import COUNTS_FOR
from gateway.authentication import Door
from kernel import ids

CLOSED = "This link can't be opened: it was used, taken back, or is older than three days. Ask for another one."

_UNTOUCHED = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; form-action 'self'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def setup_routes() -> list[BaseRoute]:
    """The door."""
    return [Route("/setup", _look, methods=["GET"]), Route("/setup", _open, methods=["POST"])]


async def _look(request: Request) -> Response:
    text = escape(request.query_params.get("link", ""), quote=True)
    body = (
        '<!doctype html><html lang="en"><title>Seatgraph</title>'
        "<p>This link lets you set up one thing, once. It counts for an hour from when you open it.</p>"
        f'<form method="post" action="/setup?link={text}"><button>Open it</button></form></html>'
    )
    return HTMLResponse(body, headers=_UNTOUCHED)


async def _open(request: Request) -> Response:
    entrance: Door = request.app.state.door
    async with entrance.work(request, await entrance.clock.now()) as work:
        opened = await operations.use(work, request.query_params.get("link", ""))
    if opened is None:
        return JSONResponse({"message": CLOSED}, 404, headers=_UNTOUCHED)
    told = {
        "access_token": opened.bearer,
        "token_type": "Bearer",
        "expires_in": COUNTS_FOR.seconds,
        "purpose": opened.purpose.name,
        "workspace": ids.encode("workspace", opened.account_id),
    }
    return JSONResponse(told, headers=_UNTOUCHED)
