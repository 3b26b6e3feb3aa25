"""Heads: what the headers of a request say, if none of them is unusual, and the headers of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway import http
from gateway.authentication import REASON
from gateway.cards import free_of
from gateway.http import VARIES, shown_with
from gateway.negotiation import EVENTS, negotiate
from gateway.recalling import digest
from gateway.requests import BODY
from gateway.sources import called
from kernel.errors import Fault
from resolvers.compiled.plan import Surprise

_JSON = {b"application/json", b"application/json; charset=utf-8"}
_UNUSUAL = {b"content-encoding", b"transfer-encoding", b"expect"}
_REASON = REASON.encode()
_BEARER = b"bearer "
_DIGITS = 9
_LONGEST = 1_000
"""Bytes of an Accept header that is not unusual."""

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(slots=True)
class Head:
    """What the headers say of a request that is not unusual."""

    media: str
    bearer: bytes | None
    """What the bearer is remembered by; None for a stranger."""

    client: str | None
    length: int
    """Bytes of the body, as announced."""

    request_id: str
    """The one it came with, or nothing."""


def head_of(headers: Headers) -> Head | None:
    """What the headers of a request say, if none of them is unusual."""
    told = dict(headers)
    length = told.get(b"content-length", b"")
    plain = (
        len(told) == len(headers)
        and _UNUSUAL.isdisjoint(told)
        and told.get(b"content-type") in _JSON
        and length.isdigit()
        and len(length) <= _DIGITS
        and int(length) <= BODY
        # A read is told to nobody, so that a reason for it counts for nothing, unless it is refused.
        and free_of(told.get(_REASON, b""))
    )
    accept = told.get(b"accept")
    media = _media(accept, http.OFFERED) if len(accept or b"") <= _LONGEST else None
    if not plain or media is None:
        return None
    try:
        return Head(media, _bearer(told), called(told), int(length), told.get(b"x-request-id", b"").decode("latin-1"))
    except (Fault, Surprise):
        return None


@lru_cache(maxsize=16)
def usual(media: str, *, known: bool) -> Headers:
    """The headers that every answer of this door has, to somebody known or to a stranger."""
    shown = shown_with(media) if known else shown_with(media, VARIES)
    return tuple((name.encode(), value.encode()) for name, value in shown.items())


@lru_cache(maxsize=16)
def lines(headers: Headers) -> bytes:
    """Headers as HTTP has them, each on a line of its own."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _bearer(told: dict[bytes, bytes]) -> bytes | None:
    """What the bearer is remembered by; None for a stranger. Raises Surprise for who says otherwise who they are."""
    said = told.get(b"authorization")
    if said is None and b"cookie" not in told:
        return None
    if said is None or said[:7].lower() != _BEARER or not said[7:].strip():
        raise Surprise("whoever asks says in another way who they are")
    return digest(said[7:].strip().decode("latin-1"))


@lru_cache(maxsize=512)
def _media(accept: bytes | None, offers: tuple[str, ...]) -> str | None:
    """Which of the offers an answer is sent as; None for who accepts none of them, or takes streams."""
    said = None if accept is None else accept.decode("latin-1")
    return None if said and EVENTS in said.lower() else negotiate(said, offers)
