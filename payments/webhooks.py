"""Webhooks: whether the rail said this, and what it said (LAW 30).

Raw bytes are verified before anything reads them. What is signed and makes no sense
is refused in a sentence. Nothing here looks into what an event is about.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from kernel.errors import InvalidInput
from payments.rail.values import instant

TOLERANCE = timedelta(minutes=5)
"""How far a signature's time may be from ours, either way."""

LARGEST = 512 * 1024
"""The most bytes of an event."""

_LONGEST_ID = 255
_LATEST = 2**33
"""Seconds since 1970 that no event of ours can be later than."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event as the rail told it."""

    id: str
    kind: str
    at: datetime
    api_version: str | None
    live: bool
    body: dict[str, Any]
    thin: bool = False
    """Whether it names what it is about without showing it."""


def verify(body: bytes, header: str, secrets: Iterable[str], now: datetime) -> None:
    """Refuse what none of the secrets has signed, or not just now. Raises InvalidInput."""
    named = [pair.partition("=")[::2] for pair in header.split(",")]
    times = [value for name, value in named if name.strip() == "t" and value.isascii() and value.isdecimal()]
    given = [value.strip() for name, value in named if name.strip() == "v1"]
    if len(times) != 1 or not given:
        raise InvalidInput("The header Stripe-Signature has no time, or no signature.")
    signed = f"{times[0]}.".encode() + body
    wanted = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
    if not any(hmac.compare_digest(ours.encode(), theirs.encode()) for ours in wanted for theirs in given):
        raise InvalidInput("None of our secrets has signed this.")
    if abs(int(times[0][:12]) - int(now.timestamp())) > TOLERANCE.total_seconds():
        raise InvalidInput("This was signed more than five minutes before or after now.")


def read(body: bytes) -> Told:
    """The event that these bytes are. Raises InvalidInput."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidInput("The event is not JSON.") from None
    if not isinstance(told, dict):
        raise InvalidInput("An event is a JSON object.")
    return shaped(told)


def shaped(told: dict[str, Any]) -> Told:
    """The event that this JSON is. Raises InvalidInput."""
    number, kind = _name(told.get("id")), _name(told.get("type"))
    if str(told.get("object", "")).startswith("v2."):
        return Told(number, kind, _written(told.get("created")), None, bool(told.get("livemode")), told, thin=True)
    seconds, shown = told.get("created"), told.get("data")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds < _LATEST:
        raise InvalidInput("An event says when it happened.")
    if not isinstance(shown, dict) or not isinstance(shown.get("object"), dict) or "id" not in shown["object"]:
        raise InvalidInput("An event shows what it is about.")
    version = told.get("api_version")
    at = instant(seconds)
    assert at is not None
    return Told(number, kind, at, version if isinstance(version, str) else None, bool(told.get("livemode")), told)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or not value.isprintable():
        raise InvalidInput("An event has an id and a type.")
    return value


def _written(text: Any) -> datetime:
    """The instant of a thin event. Raises InvalidInput."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidInput("An event says when it happened.") from None
    if at.tzinfo is None:
        raise InvalidInput("An event says when it happened, with an offset.")
    return at
