"""Policies: the terms that a customer was shown before they bought, and in which words.

Your page says which it has shown. They are kept with the subscription, with who was
there and from where, for the day on which a bank asks what was agreed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernel.errors import InvalidInput

LONGEST_TITLE, LONGEST_VERSION, LONGEST_URL, LONGEST_TEXT = 200, 50, 2_000, 20_000


class PolicyKind(StrEnum):
    """What terms are about."""

    TERMS = "terms"
    """What both sides owe each other."""

    CANCELLATION = "cancellation"
    """How a subscription ends."""

    REFUNDS = "refunds"
    """When money is given back."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Terms as they were shown."""

    kind: PolicyKind
    title: str
    version: str
    text: str = ""
    url: str | None = None


def check(policies: Sequence[Policy]) -> None:
    """Refuse terms that could not be shown to a bank. Raises InvalidInput."""
    for policy in policies:
        _check(policy)


def _check(policy: Policy) -> None:
    for what, text, most in (("title", policy.title, LONGEST_TITLE), ("version", policy.version, LONGEST_VERSION)):
        if not 1 <= len(text.strip()) <= most or not text.isprintable():
            raise InvalidInput(f"The {what} of a policy is 1 to {most} printable characters.")
    if len(policy.text) > LONGEST_TEXT or "\0" in policy.text:
        raise InvalidInput(f"The text of a policy is up to {LONGEST_TEXT:,} characters.")
    url = policy.url
    if url is not None and (not url.startswith("https://") or len(url) > LONGEST_URL or not url.isprintable()):
        raise InvalidInput(f"The address of a policy is https and up to {LONGEST_URL:,} characters.")
