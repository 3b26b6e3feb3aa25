"""Addresses: where browsers and identity providers find the doors of one SSO connection."""

from __future__ import annotations

from kernel import ids


def door(base: str, connection_id: int, name: str) -> str:
    """A door of an SSO connection; `base` is our own address. Each has its own, so that none answers for another."""
    return f"{base}/sso/{ids.encode('sso', connection_id)}/{name}"
