"""The rules of setup links: one purpose, one use, three days.

    sgl_<43 characters of secret>    the link
    sgu_<43 characters of secret>    what whoever opened it sends as a bearer, for an hour

Of both we keep the SHA-256.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256

LINK, BEARER = "sgl_", "sgu_"
"""What the two texts begin with."""

OPEN_FOR = timedelta(hours=72)
"""How long a link can be opened."""

COUNTS_FOR = timedelta(hours=1)
"""How long its bearer counts, from when it was opened."""

_FORM = re.compile(r"sg[lu]_[A-Za-z0-9_-]{43}")


class SetupPurpose(StrEnum):
    """What a setup link is for."""

    SSO = "sso"
    """To connect an identity provider."""

    DIRECTORY = "directory"
    """To connect a directory."""

    DOMAIN = "domain"
    """To prove a domain."""


MAY: Mapping[SetupPurpose, frozenset[str]] = {
    SetupPurpose.SSO: frozenset({"createSsoConnection", "changeSsoConnection", "startSsoTest"}),
    SetupPurpose.DIRECTORY: frozenset({"createDirectory", "rotateDirectoryToken"}),
    SetupPurpose.DOMAIN: frozenset({"addDomain", "verifyDomain"}),
}
"""The mutations that serve each purpose, and nothing else."""

MAKES = frozenset({"createSsoConnection", "createDirectory", "addDomain"})
"""Those that make the one thing a link is for."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new text, shown once, and its digest (32 bytes), which is kept."""

    text: str = field(repr=False)
    digest: bytes


def issue(prefix: str) -> Issued:
    """A new text of a link, or of its bearer."""
    text = prefix + secrets.token_urlsafe(32)
    return Issued(text, sha256(text.encode()).digest())


def digest(text: str) -> bytes | None:
    """What we keep of a text; None for what is no text of ours."""
    return sha256(text.encode()).digest() if _FORM.fullmatch(text) else None
