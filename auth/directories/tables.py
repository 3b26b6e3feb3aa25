"""The rows behind directories."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from kernel.rows import document, instant, key, secret, text, whole


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


class DirectoryUser(SQLModel, table=True):
    """Somebody in a directory, and who that is here."""

    __tablename__ = "directory_user"

    account_id: int = key()
    id: int = key()
    directory_id: int = whole()
    user_name: str = text()
    external_id: str | None = text(optional=True)
    """What the directory calls them: opaque, and meaningful to it alone."""

    document: dict[str, Any] = document(private=True)
    """Everything it told of them, as it is told again."""

    email: str | None = text(optional=True)
    """The address in a verified domain by which they are known here."""

    person_id: int | None = whole(optional=True)
    """Who they are here, unless no address in a verified domain tells."""

    active: bool = True
    seat_wanted: bool = True
    """Whether the directory's pool gives them a seat."""

    version: int = 1
    created_at: datetime = instant()
    changed_at: datetime = instant()
    deleted_at: datetime | None = instant(optional=True)
