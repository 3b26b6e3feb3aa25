"""The tokens of directories: which one speaks, and for which workspace, is known by its hash and by nothing else.

    sgd_<43 characters of secret>

A directory has up to two at a time, so that the next one can be put in place before
the last one goes. The text is 256 random bits, shown once; we keep its SHA-256.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from kernel.errors import Problem

PREFIX = "sgd_"
"""What every token of a directory begins with; no other secret of ours does."""

MOST = 2
"""How many tokens of a directory count at the same time."""

_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class Minted:
    """The text of a new token, shown once, and its digest (32 bytes), which is kept."""

    text: str = field(repr=False)
    digest: bytes


@dataclass(eq=False)
class TooManyTokens(Problem):
    """The directory has two tokens that count."""

    says = "This directory has {most} tokens already. Remove the one that it no longer uses, then make another."
    most: int
    """How many it may have."""


@dataclass(eq=False)
class DirectoryDisabled(Problem):
    """The directory was disabled, which is final."""

    says = "{name} was disabled. Connect a new directory."
    name: str
    """What people call it."""


def mint() -> Minted:
    """A new token."""
    text = PREFIX + secrets.token_urlsafe(32)
    return Minted(text, sha256(text.encode()).digest())


def digest(text: str) -> bytes | None:
    """What we keep of a token; None for what is no token of ours."""
    return sha256(text.encode()).digest() if _FORM.fullmatch(text) else None
