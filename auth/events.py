"""What happens to people, workspaces, members and keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kernel.events import Event


@dataclass(frozen=True)
class AccountOpened(Event):
    """A person signed in for the first time."""

    subject: ClassVar[str] = "account"
    account: int


@dataclass(frozen=True)
class WorkspaceCreated(Event):
    """A workspace was made; whoever made it is its owner."""

    subject: ClassVar[str] = "workspace"
    workspace: int


@dataclass(frozen=True)
class WorkspaceRenamed(Event):
    """A workspace has another name."""

    subject: ClassVar[str] = "workspace"
    workspace: int


@dataclass(frozen=True)
class MemberJoined(Event):
    """A person became a member."""

    subject: ClassVar[str] = "member"
    member: int


@dataclass(frozen=True)
class MemberChanged(Event):
    """A member has another role."""

    subject: ClassVar[str] = "member"
    member: int


@dataclass(frozen=True)
class MemberRemoved(Event):
    """A member was removed."""

    subject: ClassVar[str] = "member"
    member: int


@dataclass(frozen=True)
class KeyCreated(Event):
    """A service key was made."""

    subject: ClassVar[str] = "key"
    key: int


@dataclass(frozen=True)
class KeyRotated(Event):
    """A service key has a new secret; the one before works for a while."""

    subject: ClassVar[str] = "key"
    key: int


@dataclass(frozen=True)
class KeyRevoked(Event):
    """A service key was revoked."""

    subject: ClassVar[str] = "key"
    key: int
