"""The rows behind apps."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from auth.apps.rules import GrantKind
from kernel.rows import instant, secret, text, whole, word


class AppGrant(SQLModel, table=True):
    """Something an app may change for tokens, once: the code it came back with, or its last refresh token."""

    __tablename__ = "app_grant"

    account_id: int = whole()
    hash: bytes = secret()
    session_id: int = whole()
    kind: GrantKind = word(GrantKind)
    challenge: str | None = text(optional=True)
    """What the verifier of a code has to hash to (RFC 7636)."""

    redirect: str | None = text(optional=True)
    """Where a code went."""

    parent: bytes | None = secret(optional=True)
    """The refresh token that this one took the place of."""

    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(optional=True)
    __mapper_args__ = {"primary_key": ["hash"]}
