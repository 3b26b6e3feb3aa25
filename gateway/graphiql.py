"""GraphiQL: a page to ask the graph from, for development.

Everything it needs is beside us in `static/graphiql`, so it works without a
network, and its policy forbids it to load or to call anything else.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

_FOLDER = Path(__file__).parent / "static" / "graphiql"

_POLICY = (
    "default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; "  # the editor writes style attributes
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "vary": "Accept",
}


def page() -> Response:
    """The page itself; it asks at the address it was loaded from."""
    return Response(_text(), headers=_HEADERS, media_type="text/html")


def graphiql_assets() -> Mount:
    """What the page loads: mount it beside the endpoint, where the page is served."""
    return Mount("/graphiql", StaticFiles(directory=_FOLDER), name="graphiql")


@lru_cache(maxsize=1)
def _text() -> bytes:
    return (_FOLDER / "index.html").read_bytes()
