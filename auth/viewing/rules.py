"""The rules of looking: our staff see for half an hour what a customer sees, and change nothing.

    sgv_<43 characters of secret>

Of the text we keep the SHA-256, as of a session's.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

PREFIX = "sgv_"
"""What the text of every such look begins with."""

LOOKS_FOR = timedelta(minutes=30)
"""How long one may look, at most."""

_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class Issued:
    """The text of a new look, shown once, and its digest (32 bytes), which is kept."""

    text: str = field(repr=False)
    digest: bytes


def issue() -> Issued:
    """A new text."""
    text = PREFIX + secrets.token_urlsafe(32)
    return Issued(text, sha256(text.encode()).digest())


def digest(text: str) -> bytes | None:
    """What we keep of a text; None for what is no text of ours."""
    return sha256(text.encode()).digest() if _FORM.fullmatch(text) else None
