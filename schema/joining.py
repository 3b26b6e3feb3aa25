"""What somebody is shown before they join a workspace."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers import joining as resolve
from resolvers.graph import Column
from schema.base import Word, one, value, words
from seats.joining import OwnOutcome
from seats.joining_queries import Waiting

words(OwnOutcome, "What becomes of one's own subscription on joining a workspace.", name="OwnSubscriptionOutcome")


@value(Waiting)
class WaitingSeat:
    """A seat that waits for somebody who was invited."""

    plan = one("Plan", by="plan_id", required=True)
    """What it gives."""


@value(resolve.OwnBeside)
class OwnSubscription:
    """A subscription of your own, beside the seats of a workspace."""

    subscription = one("Subscription", by="subscription_id", required=True)
    """The subscription."""

    outcome: OwnOutcome
    """What becomes of it."""

    paid_until: datetime
    """When the period ends that runs."""

    canceled_now = Word(Column("canceled_now"), "InvoicePreview | None", resolve=lambda row, _: row.canceled_now)
    """What `cancelSubscription` would give back now, with `credit`; null when it can't be canceled so."""


@value(resolve.JoinPreview)
class JoinPreview:
    """What joining a workspace comes to."""

    invitation = one("Invitation", by="invitation_id", required=True)
    """The invitation."""

    seats: list[WaitingSeat]
    """The seats that wait for you there."""

    own: list[OwnSubscription]
    """What you pay for yourself. Joining changes nothing of it: it is yours to cancel."""


@value(resolve.SuggestionPreview)
class SuggestionPreview:
    """What joining a workspace comes to that is suggested to you."""

    workspace_id: strawberry.ID
    """Which workspace."""

    name: str
    """What people call it."""

    seats: list[WaitingSeat]
    """The seats that wait for you there."""

    own: list[OwnSubscription]
    """What you pay for yourself. Joining changes nothing of it: it is yours to cancel."""
