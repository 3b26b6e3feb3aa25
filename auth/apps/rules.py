"""Rules for apps: what a code and a refresh token look like, and what their use means.

An app can keep no secret of its own, so a code is worth nothing without the verifier that only the app which began has
(RFC 7636, S256 alone). A refresh token is used once and gives the next one; one that comes again was stolen, or is ours
and its answer was lost. For half a minute, while nobody has used the answer, it is taken for the latter (RFC 9700,
4.14). Whoever lost an answer can't use it: where two answers to one token are used, two have the token.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import urlencode

from auth import bearers

CODE_LIVES = timedelta(minutes=1)
LOST = timedelta(seconds=30)
"""For how long an answer may have been lost."""

LONGEST_STATE = 500
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class GrantKind(StrEnum):
    """What is changed for tokens."""

    CODE = "code"
    REFRESH = "refresh"


_PREFIXES = {GrantKind.CODE: "sgc_", GrantKind.REFRESH: "sgr_"}
"""What the texts of grants begin with."""


@dataclass(frozen=True, slots=True)
class App:
    """An app that began to sign somebody in: where its code goes, the challenge of its verifier, and its own state."""

    redirect: str
    challenge: str
    state: str = ""

    @property
    def sound(self) -> bool:
        """Whether challenge and state are what they may be."""
        plain = len(self.state) <= LONGEST_STATE and self.state.isprintable()
        return _CHALLENGE.fullmatch(self.challenge) is not None and plain

    def back(self, code: str) -> str:
        """The address at which the app gets its code."""
        told = urlencode({"code": code} | ({"state": self.state} if self.state else {}))
        return f"{self.redirect}{'&' if '?' in self.redirect else '?'}{told}"


@dataclass(frozen=True, slots=True)
class Used:
    """What is known of a grant when it comes."""

    kind: GrantKind
    expires_at: datetime
    used_at: datetime | None
    answered: bool = field(default=False)
    """Whether what it gave was used."""

    rivaled: bool = field(default=False)
    """Whether another answer to the same token was used."""


class Outcome(StrEnum):
    """What comes of a grant."""

    GIVEN = "given"
    STALE = "stale"
    STOLEN = "stolen"


def outcome(used: Used, now: datetime) -> Outcome:
    """What comes of a grant at an instant: tokens, nothing, or the end of the session."""
    if used.rivaled:
        return Outcome.STOLEN
    if used.used_at is None:
        return Outcome.GIVEN if now < used.expires_at else Outcome.STALE
    lost = used.kind is GrantKind.REFRESH and now - used.used_at <= LOST and not used.answered
    return Outcome.GIVEN if lost else Outcome.STOLEN


def new(kind: GrantKind) -> tuple[str, bytes]:
    """The text of a new grant, of 256 random bits, and its digest, which is kept."""
    issued = bearers.issue(_PREFIXES[kind])
    return issued.text, issued.digest


def digest(text: str) -> bytes | None:
    """What we keep of a text; None for what is no text of ours."""
    return bearers.digest(text, *_PREFIXES.values())


def proves(verifier: str, challenge: str) -> bool:
    """Whether a verifier is that of a challenge."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    found = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return compare_digest(found, challenge)
