"""Redaction: what a log line must never carry, whoever wrote it.

Credentials are recognized by the name they are filed under or by their shape: our
keys and links, signed tokens, bearer headers, Stripe's keys, passwords in addresses,
and numbers that could be a payment card's.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

HIDDEN = "[redacted]"

_NAMES = re.compile(r"authorization|cookie|password|passwd|secret|token|api[-_]?key|credential", re.IGNORECASE)
_SHAPES = re.compile(
    r"""
    \bsg[a-z]_[\w.~-]+                         # what we hand out: keys, sessions, links, tokens
    | \beyJ[\w-]+(?:\.[\w-]*)+                # signed tokens
    | \b(?:bearer|basic)\s+[\w.~+/=-]{8,}     # authorization headers
    | \b(?:sk|rk|pk|whsec)_[\w]{6,}           # Stripe's keys
    | (?<=://)[^\s/@:]*:[^\s/@]+(?=@)         # the user and the password of an address
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CARD_LENGTHS = range(13, 20)
_SUSPECT = re.compile(r"sg[a-z]_|eyj|bearer|basic|[rs]k_|pk_|whsec_|://|\d(?:[ -]?\d){12}", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w])")


def redacted(value: Any) -> Any:
    """The value without secrets: texts, numbers, lists and mappings, all the way down."""
    if isinstance(value, str):
        return _without_secrets(value) if _SUSPECT.search(value) else value
    if isinstance(value, dict):
        return {name: HIDDEN if _names_secret(str(name)) else redacted(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    if isinstance(value, int) and value > 10**12:
        return HIDDEN if _luhn(str(value)) else value
    return value


def redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The step of a structlog chain that takes secrets out of an event. Exceptions pass through."""
    for name, value in event.items():
        if name != "exc_info":
            event[name] = HIDDEN if _names_secret(name) else redacted(value)
    return event


@lru_cache(maxsize=1024)
def _names_secret(name: str) -> bool:
    return _NAMES.search(name) is not None


def _without_secrets(text: str) -> str:
    return _CARD.sub(_card, _SHAPES.sub(HIDDEN, text))


def _card(match: re.Match[str]) -> str:
    return HIDDEN if _luhn(re.sub(r"\D", "", match[0])) else match[0]


def _luhn(digits: str) -> bool:
    """Whether these are as many digits as a card has, and end in the check digit that cards have."""
    doubled = [sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2]]
    return len(digits) in _CARD_LENGTHS and (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0
