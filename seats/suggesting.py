"""Suggesting: a workspace lets people of its domains know that they may ask to join, and an admin decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.errors import Problem

ASKED_FOR = timedelta(days=14)
"""How long a request to join waits for an admin."""


class JoinRequestState(StrEnum):
    """Where a request to join is in its life."""

    OPEN = "open"
    """Waits for an admin, for fourteen days."""

    APPROVED = "approved"
    """An admin let them in."""

    DECLINED = "declined"
    """An admin said no, and why."""

    WITHDRAWN = "withdrawn"
    """They took it back; or they came another way, or the workspace is not suggested to them now."""

    EXPIRED = "expired"
    """Nobody decided in fourteen days."""


@dataclass(eq=False)
class AlreadyAsked(Problem):
    """You have asked to join this workspace already, and nobody has decided yet."""

    says = "You have asked to join {workspace} already. An admin has yet to decide."
    workspace: str
    """Which workspace."""


@dataclass(eq=False)
class JoinRequestSettled(Problem):
    """The request to join was decided, taken back, has run out, or means nothing any more."""

    says = "This request is {state}, so nothing was changed. {email} can ask again, or be invited."
    state: str
    """What became of it."""

    email: str
    """Who asked."""


def outcome(*, stands: bool, expires_at: datetime, now: datetime) -> JoinRequestState | None:
    """What became of an open request by itself; None while there is something to decide."""
    if expires_at <= now:
        return JoinRequestState.EXPIRED
    return None if stands else JoinRequestState.WITHDRAWN


def check_open(state: JoinRequestState, email: str, *, stands: bool, expires_at: datetime, now: datetime) -> None:
    """Refuse to decide what is decided, has run out, or means nothing any more. Raises JoinRequestSettled."""
    settled = outcome(stands=stands, expires_at=expires_at, now=now) if state is JoinRequestState.OPEN else state
    if settled is not None:
        raise JoinRequestSettled(settled.value, email)
