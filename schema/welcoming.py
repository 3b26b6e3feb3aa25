"""Workspaces that are suggested to people of their domains, and who asks to join one."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from resolvers import welcoming as resolve
from resolvers.graph import holders
from schema.base import Node, face, one, value, words
from schema.changes import mutation
from seats import suggesting_queries, tables
from seats.suggesting import AlreadyAsked, JoinRequestSettled, JoinRequestState

words(JoinRequestState, "Where a request to join is in its life.")


@face(tables.JoinRequest, "joining", visible=holders(Permission.SEE_SEATS, own="person_id"))
class JoinRequest(Node):
    """Somebody of a workspace's domain asks to join it, and an admin decides."""

    state: JoinRequestState
    """Whether somebody has decided, and what."""

    email: str
    """Who asks: the address they have proven."""

    note: str | None
    """What they wrote to whoever decides."""

    created_at: datetime
    """When they asked."""

    expires_at: datetime
    """When it runs out if nobody decides."""

    settled_at: datetime | None
    """When it was decided, or ran out."""

    reason: str | None
    """Why it was declined."""

    person = one("Person", by="person_id")
    """Who asks, if you may see them."""

    settled_by = one("Person", by="settled_by")
    """Who decided, if you may see them."""

    workspace = one("Workspace", by="account_id")
    """Where; null for whoever is no member."""


@value(suggesting_queries.Suggestion)
class SuggestedWorkspace:
    """A workspace that has proven the domain of your address, and suggests itself to its people."""

    workspace_id: strawberry.ID
    """Its id, for `askToJoin` and `joinPreview`."""

    name: str
    """What people call it."""

    domain: str
    """The domain that you have in common."""

    request = one("JoinRequest", by="request_id")
    """What you have asked already, and nobody has decided."""


@strawberry.type
class WelcomeMutation:
    """Asking to join."""

    ask_to_join = mutation(resolve.ask_to_join, "JoinRequest", refusals=[AlreadyAsked])
    withdraw_join_request = mutation(resolve.withdraw_join_request, "JoinRequest", refusals=[JoinRequestSettled])
    approve_join_request = mutation(resolve.approve_join_request, "Member", refusals=[JoinRequestSettled])
    decline_join_request = mutation(resolve.decline_join_request, "JoinRequest", refusals=[JoinRequestSettled])
