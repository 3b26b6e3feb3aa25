"""The rows behind directories."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from kernel.rows import instant, key, secret, text, whole


class Directory(SQLModel, table=True):
    """A list of people that a workspace keeps elsewhere, such as Okta's or Entra's."""

    account_id: int = key()
    id: int = key()
    name: str = text()
    pool_id: int | None = whole(optional=True)
    """The pool that gives everybody in it a seat."""

    created_by: int = whole()
    created_at: datetime = instant()
    disabled_at: datetime | None = instant(optional=True)


class DirectoryToken(SQLModel, table=True):
    """What a directory shows at the door."""

    __tablename__ = "directory_token"

    account_id: int = key()
    id: int = key()
    directory_id: int = whole()
    hash: bytes = secret()
    created_by: int = whole()
    created_at: datetime = instant()
    last_used_at: datetime | None = instant(optional=True)
    removed_at: datetime | None = instant(optional=True)
