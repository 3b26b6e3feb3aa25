"""The rows behind directories."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from auth.policy import Role
from kernel.rows import WordType, computed, document, instant, key, secret, text, whole


class Directory(SQLModel, table=True):
    """A list of people that a workspace keeps elsewhere, such as Okta's or Entra's."""

    account_id: int = key()
    id: int = key()
    name: str = text()
    pool_id: int | None = whole(optional=True)
    """The pool that gives everybody in it a seat."""

    keeps_days: int | None = None
    """For how many days the seats of whoever it deactivates are kept for them; None where they are free at once."""

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
    lower_name: str | None = computed("lower(user_name)")
    """By which they are found; beside `user_name`, because only an equality is looked up behind row-level security."""

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
    ruled_role: Role | None = Field(default=None, sa_type=WordType(Role), nullable=True)
    """The role that a rule of a group gave them."""

    # Nobody asks for what PostgreSQL computes.
    __mapper_args__ = {"eager_defaults": False}


class DirectoryGroup(SQLModel, table=True):
    """A group of a directory."""

    __tablename__ = "directory_group"

    account_id: int = key()
    id: int = key()
    directory_id: int = whole()
    name: str = text()
    external_id: str | None = text(optional=True)
    version: int = 1
    created_at: datetime = instant()
    changed_at: datetime = instant()
    deleted_at: datetime | None = instant(optional=True)


class DirectoryMembership(SQLModel, table=True):
    """Somebody of a directory in one of its groups."""

    __tablename__ = "directory_membership"

    account_id: int = key()
    group_id: int = key()
    user_id: int = key()
    display: str | None = text(optional=True)


class GroupRule(SQLModel, table=True):
    """What the people of a group get."""

    __tablename__ = "group_rule"

    account_id: int = key()
    id: int = key()
    group_id: int = whole()
    role: Role | None = Field(default=None, sa_type=WordType(Role), nullable=True)
    pool_id: int | None = whole(optional=True)
    priority: int = 0
    """Where several rules speak of somebody, the one with the lowest number does."""

    created_by: int = whole()
    """Who answers for it: it gives no more than they may."""

    created_at: datetime = instant()
    removed_at: datetime | None = instant(optional=True)
