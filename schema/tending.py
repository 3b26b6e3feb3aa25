"""Looking after people: sessions that are ended for them, and our staff who look as they do."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from auth.sso.rules import SubjectTaken, Unvouched
from auth.viewing import tables
from resolvers import tending as resolve
from resolvers.graph import holders
from schema.base import Node, face, one, value
from schema.changes import mutation


@face(tables.Viewing, "viewing", visible=holders(Permission.SEE_AUDIT))
class Viewing(Node):
    """A look of our staff at an account, as somebody of it. Nothing can be changed by it."""

    reason: str
    """Why they look."""

    created_at: datetime
    """When it began."""

    expires_at: datetime
    """When it ends at the latest."""

    ended_at: datetime | None
    """When it was ended."""

    person = one("Person", by="person_id")
    """As whom they look."""

    account = one("Account", by="account_id", required=True)
    """What they look at."""


@value(resolve.SignedOut)
class SessionsEnded:
    """What became of somebody's sessions."""

    ended: int
    """How many were ended."""


@value(resolve.Looking)
class ViewingStarted:
    """A look that began."""

    text: str
    """What to send as a bearer token, shown once. It lasts for 30 minutes, and changes nothing."""

    viewing = one("Viewing", by="viewing_id", required=True)
    """The look."""


@strawberry.type
class TendingMutation:
    """Looking after people."""

    end_sessions = mutation(resolve.end_sessions, "SessionsEnded")
    relink_identity = mutation(resolve.relink_identity, "SsoIdentity", refusals=[SubjectTaken, Unvouched])
    view_as = mutation(resolve.view_as, "ViewingStarted")
    end_viewing = mutation(resolve.end_viewing, "Viewing")
