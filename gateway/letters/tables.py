"""The rows behind letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from kernel.rows import document, instant, key, text


class Letter(SQLModel, table=True):
    """A letter to one reader, until it is posted and for a while after."""

    account_id: int = key()
    id: int = key()
    kind: str = text()
    about: str = text()
    """The public id of what it is about: one letter of a kind about a thing goes to a reader."""

    address: str = text()
    locale: str = text()
    time_zone: str = text()
    told: dict[str, Any] = document()
    """What the words are filled in with: texts, amounts, instants, days and months by what they are."""

    created_at: datetime = instant()
    next_at: datetime | None = instant(optional=True)
    """When it is tried next; None once it is posted or given up."""

    tries: int = 0
    posted_at: datetime | None = instant(optional=True)
    failure: str | None = text(optional=True)
    """Why the last try failed."""
