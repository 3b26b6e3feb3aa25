"""Links with which somebody who is no member sets up one thing."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from auth.setup import tables
from auth.setup.rules import SetupPurpose
from resolvers import setting_up as resolve
from resolvers.graph import holders
from schema.base import Node, face, one, value, words
from schema.changes import mutation

words(SetupPurpose, "What a setup link is for.")


@face(tables.SetupLink, "link", visible=holders(Permission.SEE_IDENTITY))
class SetupLink(Node):
    """A link with which somebody else sets up one thing, once."""

    purpose: SetupPurpose
    """The one thing that it is for."""

    created_at: datetime
    """When it was made."""

    expires_at: datetime
    """Until when it can be opened."""

    opened_at: datetime | None
    """When it was opened; from then on for an hour, whoever did may set that up."""

    revoked_at: datetime | None
    """When it was ended."""

    created_by = one("Person", by="created_by")
    """Who made it."""


@value(resolve.LinkShown)
class SetupLinkShown:
    """A link that was made."""

    url: str
    """What to hand on, shown once."""

    link = one("SetupLink", by="link_id", required=True)
    """The link."""


@strawberry.type
class SettingUpMutation:
    """Handing setup on."""

    create_setup_link = mutation(resolve.create_setup_link, "SetupLinkShown")
    revoke_setup_link = mutation(resolve.revoke_setup_link, "SetupLink")
