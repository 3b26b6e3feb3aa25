"""The rows behind looking as somebody."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from kernel.rows import instant, key, secret, text, whole


class Viewing(SQLModel, table=True):
    """One of our staff, who sees for a while what a customer sees."""

    account_id: int = key()
    id: int = key()
    person_id: int = whole()
    """As whom they look."""

    staff_id: int = whole()
    reason: str = text()
    hash: bytes = secret()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)
