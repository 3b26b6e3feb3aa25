"""Sessions: who came in through a workspace's SSO connection, when, and until when.

    sgs_<43 characters of secret>

A session is a row. Its holder has a text of 256 random bits, of which we keep the
SHA-256, as of a service key. It ends at a fixed instant, or earlier when it was idle
for too long, or when the provider said so, or when somebody ended it; each request
asks the row, so an end is an end at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from auth.tables import Session, Workspace

PREFIX = "sgs_"
"""What the text of every session begins with; no token and no key does."""

ABSOLUTE = timedelta(hours=12)
IDLE = timedelta(hours=2)

SEEN_EVERY = timedelta(minutes=1)
"""How exactly we remember when a session was last used; a write for every request would be too dear."""

USED_EVERY = timedelta(days=1)
"""How exactly we remember when a member last used a workspace."""

LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lives: in all, and without being used."""

    absolute: timedelta = ABSOLUTE
    idle: timedelta = IDLE


def limits(workspace: Workspace) -> Limits:
    """How long sessions live in a workspace."""
    return Limits(timedelta(hours=workspace.session_hours), timedelta(minutes=workspace.session_idle_minutes))


def ends(now: datetime, limits: Limits, provider_ends: int | None) -> datetime:
    """When a session that starts now ends at the latest; a provider may only shorten it."""
    latest = now + limits.absolute
    if provider_ends is None:
        return latest
    beginning = datetime(1970, 1, 1, tzinfo=UTC)
    # A provider's number may be beyond any calendar.
    soonest = (now - beginning) // timedelta(seconds=1)
    return min(latest, beginning + timedelta(seconds=min(max(provider_ends, soonest), soonest + 10**8)))


def lives(session: Session, now: datetime) -> bool:
    """Whether a session counts at this instant."""
    if session.ended_at is not None or session.expires_at <= now:
        return False
    if session.idle_seconds is None or session.last_used_at is None:
        return True
    return now - session.last_used_at < timedelta(seconds=session.idle_seconds)


def counts_until(session: Session) -> datetime:
    """Until when a session that counts now does, while nobody ends it and it isn't used."""
    if session.idle_seconds is None or session.last_used_at is None:
        return session.expires_at
    return min(session.expires_at, session.last_used_at + timedelta(seconds=session.idle_seconds))
