"""The rows behind break-glass."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from kernel.rows import instant, key, secret, whole


class BreakGlass(SQLModel, table=True):
    """An owner who is enrolled, or about to be, and their second factor."""

    __tablename__ = "break_glass"

    account_id: int = key()
    id: int = key()
    person_id: int = whole()
    sealed_secret: bytes = secret()
    created_at: datetime = instant()
    confirmed_at: datetime | None = instant(optional=True)
    """When they first showed a right code; until then it opens nothing."""

    last_step: int | None = whole(optional=True)
    """The step of the clock whose code counted last: it never does again."""

    failures: int = 0
    """How many wrong codes there were since the last right one."""

    closed_until: datetime | None = instant(optional=True)
    opened_at: datetime | None = instant(optional=True)
    """When it was last used."""

    removed_at: datetime | None = instant(optional=True)
