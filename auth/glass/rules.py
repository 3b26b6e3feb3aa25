"""Second factors: one-time passwords by the clock, as authenticator apps make them (RFC 6238), and how often to try.

An owner proves two things: our own sign-in, and a code. A code counts once, and those of the step before and
the step after count too, for clocks differ: three of a million. Five wrong ones close the door for a quarter of an
hour, and each five after them for twice as long, up to a day.
"""

from __future__ import annotations

import secrets
from base64 import b32decode, b32encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from kernel.errors import InvalidInput, Problem

MOST = 3
"""How many owners of a workspace may be enrolled."""

OPEN = timedelta(minutes=30)
"""How long the door stays open."""

TRIES = 5
"""After how many wrong codes in a row it is closed for a while."""

CLOSED = timedelta(minutes=15)
LONGEST_CLOSED = timedelta(days=1)

ISSUER = "break-glass"
"""What made such a session."""

_STEP = timedelta(seconds=30)
_DIGITS = 6
_LONGEST = 20
_SECRET_BYTES = 20
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class BreakGlassFull(Problem):
    """As many owners are enrolled as may be."""

    says = "{most} owners are enrolled already. Remove one of them first."
    most: int
    """How many may be."""


@dataclass(eq=False)
class BreakGlassNeeded(Problem):
    """Nobody could get in if the workspace's own sign-in were away."""

    says = "While single sign-on is enforced, an owner has to be enrolled for break-glass. Enroll one first."


@dataclass(eq=False)
class BreakGlassClosed(Problem):
    """Too many wrong codes."""

    says = "There were too many wrong codes. Try again after {until:%H:%M} UTC."
    until: datetime
    """From when on a code counts again."""


@dataclass(eq=False)
class CodeWrong(Problem):
    """Not the code that the app shows."""

    says = "That is not the code that your authenticator app shows now. Look at its clock, and try the next one."


def new_secret() -> str:
    """A new secret of 160 bits in base 32, as authenticator apps read it."""
    return b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def address(secret: str, who: str, where: str) -> str:
    """The otpauth address of a secret, which a page shows as a QR code."""
    label = quote(f"{where}:{who}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': where})}"


def code(secret: str, now: datetime, ahead: int = 0) -> str:
    """The six digits that an app shows at an instant, or `ahead` steps of 30 seconds later."""
    return HOTP(b32decode(secret), _DIGITS, SHA1()).generate((now - _BEGINNING) // _STEP + ahead).decode()  # noqa: S303


def step(secret: str, given: str, now: datetime, last: int | None) -> int | None:
    """The step of the clock whose code this is, if it counts and is later than the `last` one that did.

    Raises InvalidInput for what is no code at all.
    """
    shown, current = _plain(given), (now - _BEGINNING) // _STEP
    right = [current + ahead for ahead in (-1, 0, 1) if compare_digest(code(secret, now, ahead), shown)]
    return next((found for found in right if last is None or found > last), None)


def closed_for(failures: int) -> timedelta | None:
    """For how long the door closes after so many wrong codes in a row; None if it stays."""
    times, more = divmod(failures, TRIES)
    if times == 0 or more:
        return None
    # Seven times doubled is more than a day.
    return min(CLOSED * (1 << min(times - 1, 7)), LONGEST_CLOSED)


def _plain(given: str) -> str:
    """The digits as people type them: apps show a gap in the middle. Raises InvalidInput."""
    digits = given[:_LONGEST].replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) == _DIGITS):
        raise InvalidInput(f"A code is the {_DIGITS} digits that your authenticator app shows.")
    return digits
