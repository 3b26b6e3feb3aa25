"""Bearers that are secrets: 256 random bits behind a prefix that says what they open.

    sgs_<43 characters of secret>

The text is shown once. We keep its SHA-256, which is enough: nobody guesses 256 bits.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Issued:
    """A new text, shown once, and its digest (32 bytes), which is kept."""

    text: str = field(repr=False)
    digest: bytes


def issue(prefix: str) -> Issued:
    """A new text that begins like this."""
    text = prefix + secrets.token_urlsafe(32)
    return Issued(text, sha256(text.encode()).digest())


def digest(text: str, *prefixes: str) -> bytes | None:
    """What we keep of a text; None for one that begins with none of these, or is no text of ours."""
    ours = any(text.startswith(prefix) and _SECRET.fullmatch(text, len(prefix)) for prefix in prefixes)
    return sha256(text.encode()).digest() if ours else None
