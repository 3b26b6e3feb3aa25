"""The rows behind setup links."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from auth.setup.rules import SetupPurpose
from kernel.rows import instant, key, secret, whole, word


class SetupLink(SQLModel, table=True):
    """A link with which somebody else sets up one thing."""

    __tablename__ = "setup_link"

    account_id: int = key()
    id: int = key()
    purpose: SetupPurpose = word(SetupPurpose)
    hash: bytes = secret()
    bearer_hash: bytes | None = secret(optional=True)
    created_by: int = whole()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    opened_at: datetime | None = instant(optional=True)
    revoked_at: datetime | None = instant(optional=True)
    made_id: int | None = whole(optional=True)
    """The one thing that was made with it."""
