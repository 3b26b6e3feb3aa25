"""Service keys: long-lived secrets by which a program, not a person, calls us.

    sgk_key_9f3ac1d2e4b70_<43 characters of secret><6 characters of checksum>

The key's public id finds its row, so that no search by secret is ever made. The
secret is 32 random bytes in base 62; it holds no underscore, so that the last
one always parts it from the id. The checksum is the CRC-32 of everything before
it: a mistyped key is refused without asking the database, and a scanner that
finds one in a leaked file can tell it from noise. It protects against accidents
only, anybody can compute it.

We keep the SHA-256 of the whole text and never the text. A slow password hash
would add nothing: it makes guessing a *human's* choice expensive, and nobody
guesses 256 random bits, while every request would pay for it. The whole text is
hashed, so that a secret is worth nothing under another key's id.
"""

from __future__ import annotations

import re
import secrets
import zlib
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from auth.refusal import refused

PREFIX = "sgk_"
"""What every service key begins with; no access token does."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_BYTES, _SECRET_WIDTH, _CHECKSUM_WIDTH = 32, 43, 6
_LONGEST = 200
_ID = re.compile(r"[a-z][a-z0-9_]{0,62}[a-z0-9]")
_FORM = re.compile(rf"{PREFIX}({_ID.pattern})_[0-9A-Za-z]{{{_SECRET_WIDTH + _CHECKSUM_WIDTH}}}")
_NO_SUCH_KEY = bytes(32)


@dataclass(frozen=True, slots=True)
class Minted:
    """A new service key: its text is shown once, its digest (32 bytes) is kept."""

    text: str = field(repr=False)
    digest: bytes


@dataclass(frozen=True, slots=True)
class Presented:
    """A service key as a caller sent it: whose it claims to be, and the digest to compare."""

    id: str
    digest: bytes = field(repr=False)


def mint(public_id: str) -> Minted:
    """A new secret for the key of this public id, such as key_9f3ac1d2e4b70."""
    assert _ID.fullmatch(public_id), f"{public_id!r} is not the public id of a key"
    number = int.from_bytes(secrets.token_bytes(_SECRET_BYTES))
    body = f"{PREFIX}{public_id}_{_base62(number, _SECRET_WIDTH)}"
    text = body + _checksum(body)
    return Minted(text, _digest(text))


def parse(text: str) -> Presented:
    """Read a presented key without asking anybody. Raises Unauthenticated when it can't be one of ours."""
    form = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if form is None or text[-_CHECKSUM_WIDTH:] != _checksum(text[:-_CHECKSUM_WIDTH]):
        raise refused() from ValueError("not the form of a service key, or its checksum is wrong")
    return Presented(form[1], _digest(text))


def matches(presented: Presented, kept: bytes | None) -> bool:
    """Whether the presented key is the one whose digest we kept; None, for no such row, matches nothing.

    It takes the same time whatever the answer, and whether or not there is a row.
    """
    same = compare_digest(presented.digest, kept or _NO_SUCH_KEY)
    return same and kept is not None


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_WIDTH)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    assert number == 0, "the number is wider than its text"
    return "".join(reversed(digits))
