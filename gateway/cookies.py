"""Cookies: what a browser carries for us, and when we believe that it meant to.

Where browsers reach us by https, a cookie's name begins with `__Host-`: no other host,
not even a neighbor under the same domain, can set it. A browser sends cookies along
with requests that another site made it send, so a change that a cookie vouches for
has to come from our own pages: SameSite=Lax keeps most of the others away, and what
the browser says of the request's origin keeps away the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

_SAFE = {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Cookies:
    """The cookies of one installation; `secure` where browsers reach it by https."""

    secure: bool

    @property
    def session(self) -> str:
        """The name of the one that holds a session."""
        return self._named("seatgraph")

    @property
    def browser(self) -> str:
        """The name of the one that tells a browser from others while it signs in."""
        return self._named("seatgraph-login")

    @property
    def setup(self) -> str:
        """The name of the one that holds the bearer of a setup link that was opened."""
        return self._named("seatgraph-setup")

    def put(self, response: Response, name: str, value: str, lives: timedelta) -> None:
        """Have the browser keep a cookie that no script reads."""
        response.set_cookie(
            name,
            value,
            max_age=max(lives // timedelta(seconds=1), 0),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def drop(self, response: Response, name: str) -> None:
        """Have the browser forget it."""
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name


def same_site(request: HTTPConnection, base: str) -> bool:
    """Whether a request that a cookie vouches for may change something: our own pages sent it.

    Every browser in use names the origin of a POST and of a WebSocket, and most also say
    how it stands to ours; a client that says neither has no business with a cookie.
    """
    if request.scope.get("method") in _SAFE:
        return True
    ours = _origin(base)
    origin, stands = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None and origin != ours:
        return False
    return origin == ours or stands == "same-origin"


def of_our_pages(socket: HTTPConnection, base: str) -> bool:
    """Whether a WebSocket may be opened: no browser asks for it, or a page of this very host does.

    A browser lets the pages of everybody open one, and read what comes. No other request
    of another origin gets an answer that its page may read.
    """
    origin = socket.headers.get("origin")
    return origin is None or origin == _origin(base) or urlsplit(origin).netloc == socket.headers.get("host")


def _origin(base: str) -> str:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"
