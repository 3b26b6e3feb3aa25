"""What billing doesn't believe, and how it is released."""

from __future__ import annotations

import strawberry

from billing.holds import NothingHeld
from resolvers import holding as resolve
from schema.changes import mutation


@strawberry.type
class HoldingMutation:
    """What our Finance does about subscriptions that wait for a person."""

    release_subscription = mutation(resolve.release_subscription, "Subscription", refusals=[NothingHeld])
    limit_subscription = mutation(resolve.limit_subscription, "Subscription")
