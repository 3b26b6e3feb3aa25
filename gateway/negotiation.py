"""Negotiation: which media type the caller wants, as HTTP's Accept says it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"
EVENTS = "text/event-stream"

UTF8 = frozenset({"utf-8", "utf8"})

_MOST_RANGES = 50
_LONGEST = 1_000
"""Characters of an Accept header that is remembered, with what came of it."""


def media_type(text: str) -> tuple[str, dict[str, str]]:
    """A media type and its parameters, in lower case: "text/html; Charset=UTF-8"."""
    media, *rest = text.lower().split(";")
    pairs = (each.partition("=") for each in rest)
    return media.strip(), {name.strip(): value.strip(' "') for name, _, value in pairs}


def negotiate(accept: str | None, offers: tuple[str, ...]) -> str | None:
    """The offer that an Accept header likes best, None when it likes none.

    No header likes everything. Quality decides, then whether the type was named
    outright, then who was named first, then our own order. A range that asks for
    another encoding than UTF-8 is not ours to serve.
    """
    return (_known if len(accept or "") <= _LONGEST else _best)(accept, offers)


def _best(accept: str | None, offers: tuple[str, ...]) -> str | None:
    ranges = list(_ranges(accept)) if accept and accept.strip() else [("*/*", 1000)]
    best: tuple[int, int, int, int] = (0, 0, 0, 0)
    chosen = None
    for preference, offer in enumerate(offers):
        specificity, quality, place = _liking(offer, ranges)
        rank = (quality, specificity, -place, -preference)
        if quality and (chosen is None or rank > best):
            best, chosen = rank, offer
    return chosen


_known = lru_cache(maxsize=512)(_best)


def _liking(offer: str, ranges: list[tuple[str, int]]) -> tuple[int, int, int]:
    """How precisely a header names an offer (2 outright, 1 by its kind), its quality, and where."""
    patterns = ("*/*", f"{offer.partition('/')[0]}/*", offer)
    named = [
        (patterns.index(pattern), quality, place)
        for place, (pattern, quality) in enumerate(ranges)
        if pattern in patterns
    ]
    return max(named, key=lambda each: (each[0], -each[2]), default=(0, 0, 0))


def _ranges(accept: str) -> Iterator[tuple[str, int]]:
    """The media ranges of the header with their quality in thousandths."""
    for part in accept.split(",")[:_MOST_RANGES]:
        media, parameters = media_type(part)
        if parameters.get("charset", "utf-8") in UTF8:
            yield media, _thousandths(parameters.get("q", "1"))


def _thousandths(quality: str) -> int:
    """A quality such as "0.8" as 800; one that is not a quality counts as 0."""
    whole, _, decimals = quality.partition(".")
    digits = f"{whole}{decimals:0<3}"[: len(whole) + 3]
    return min(int(digits), 1000) if digits.isascii() and digits.isdigit() else 0
