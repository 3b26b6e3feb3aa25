"""Pages: cursors that remember a place in an order, whatever is inserted around it.

A cursor holds the order's values of one row, and a seal over them and the name of the list it
belongs to; one from another list, or one that was edited or made up, is refused. Where many
things have a list of one name, a cursor also holds whose it is, and whoever reads it asks.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from typing import Any, ClassVar

import orjson

from kernel.errors import InvalidInput
from kernel.rows import plain

MOST = 100
"""The largest page."""

USUAL = 20
"""A page's size when none is asked for."""

ELSEWHERE = "That cursor is of another list or another order; start again without it."
"""What is said of a cursor that isn't of this list, or that another version of us has made."""

_SEAL = 12


class _Key:
    """What cursors are sealed with: one an installation, chosen when the process starts."""

    seal = blake2b(b"development", digest_size=32).digest()


def use_key(key: bytes) -> None:
    """Choose the seal of this installation; every cursor shown before another choice is void."""
    _Key.seal = blake2b(key, digest_size=32, person=b"seatgraph-pages").digest()


@dataclass(frozen=True, slots=True)
class Slice:
    """Which page is wanted: the first or last `size` rows after or before a place."""

    size: int
    backward: bool = False
    place: tuple[Any, ...] | None = None

    SIZE_SAYS: ClassVar[str] = "A page holds 1 to {most} rows; {size} were asked for."


def wanted(list_name: str, first: int | None, after: str | None, last: int | None, before: str | None) -> Slice:
    """The page a client asks for. Raises InvalidInput for sizes and cursors that can't be."""
    if last is not None and first is not None:
        raise InvalidInput("Ask for the first rows or for the last rows, not for both.")
    backward = last is not None
    if (backward and after) or (not backward and before):
        raise InvalidInput("'first' goes with 'after', and 'last' goes with 'before'.")
    size = last if last is not None else USUAL if first is None else first
    if not 1 <= size <= MOST:
        raise InvalidInput(Slice.SIZE_SAYS.format(most=MOST, size=size))
    cursor = before if backward else after
    return Slice(size, backward, read(list_name, cursor) if cursor else None)


def write(list_name: str, values: tuple[Any, ...]) -> str:
    """The cursor of a row, from the values its list is ordered by."""
    body = orjson.dumps(values, default=plain)
    return urlsafe_b64encode(_sealed(list_name, body) + body).rstrip(b"=").decode()


def read(list_name: str, cursor: str) -> tuple[Any, ...]:
    """The values a cursor holds. Raises InvalidInput."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        mark, body = raw[:_SEAL], raw[_SEAL:]
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidInput("That is not a cursor of ours.") from None
    if not compare_digest(mark, _sealed(list_name, body)):
        raise InvalidInput(ELSEWHERE)
    if not isinstance(values, list):
        raise InvalidInput("That is not a cursor of ours.")
    return tuple(values)


def instant_of(value: str) -> datetime:
    """An instant that a cursor carried."""
    return datetime.fromisoformat(value)


def _sealed(list_name: str, body: bytes) -> bytes:
    return blake2b(list_name.encode() + b"\0" + body, digest_size=_SEAL, key=_Key.seal).digest()
