"""Requesting: the life of a request for a seat, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.errors import InvalidInput, Problem

REQUESTED_FOR = timedelta(days=14)
"""How long a request waits for an admin."""

LONGEST_NOTE = 1000


class RequestState(StrEnum):
    """Where a request for a seat is in its life."""

    OPEN = "open"
    """Waits for an admin, for fourteen days."""

    APPROVED = "approved"
    """An admin gave the seat."""

    DECLINED = "declined"
    """An admin said no, and why."""

    WITHDRAWN = "withdrawn"
    """Taken back; or there was nothing to decide any more."""

    EXPIRED = "expired"
    """Nobody decided in fourteen days."""


@dataclass(eq=False)
class AlreadyRequested(Problem):
    """A seat of this pool was requested for the person already, and nobody has decided yet."""

    says = "A seat was requested for {email} already. An admin has yet to decide."
    email: str
    """For whom it was requested."""


@dataclass(eq=False)
class RequestSettled(Problem):
    """The request was decided, taken back or has run out."""

    says = "This request is {state}, so nothing was changed. Ask for a new one if a seat is still wanted."
    state: str
    """What became of it."""


@dataclass(eq=False)
class NoSeatsOfPlan(Problem):
    """The workspace has no pool with seats of the plan."""

    says = "This workspace has no seats of this plan. Ask an admin whether it shall have some."


def check_open(state: RequestState, expires_at: datetime, now: datetime) -> None:
    """Refuse to decide what is decided, or has run out. Raises RequestSettled."""
    if state is not RequestState.OPEN:
        raise RequestSettled(state.value)
    if expires_at <= now:
        raise RequestSettled(RequestState.EXPIRED.value)


def note_of(text: str | None) -> str | None:
    """A note as people wrote it. Raises InvalidInput for a very long one, or one that can't be stored."""
    if text and (len(text) > LONGEST_NOTE or "\x00" in text):
        raise InvalidInput(f"A note is at most {LONGEST_NOTE:,} characters, and none of them is NUL.")
    return text or None


def outcome(*, seated: bool, closed: bool, gone: bool, expires_at: datetime, now: datetime) -> RequestState | None:
    """What became of an open request by itself: whoever has a seat, or can have none, requests it no more."""
    if seated or closed or gone:
        return RequestState.WITHDRAWN
    return RequestState.EXPIRED if expires_at <= now else None
