"""Which seats go when a pool becomes smaller than what is taken of it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers import releasing as resolve
from schema.base import one, value, words
from schema.changes import mutation
from seats import releasing
from seats.seating import SeatNotHeld
from seats.shrinking import DecreasePolicy, ReleaseReason

words(DecreasePolicy, "What becomes of taken seats when a pool is to have fewer.")
words(ReleaseReason, "Why a seat is among the first to go.", name="SeatReleaseOrder")


@value(releasing.Going)
class SeatToGo:
    """A seat that would go."""

    seat = one("Seat", by="seat_id", required=True)
    """Which seat."""

    reason: ReleaseReason
    """Why it is among the first."""

    last_used_at: datetime | None
    """When its holder last used the workspace, to the day; null for never."""


@value(releasing.ReleasePreview)
class ReleasePreview:
    """What fewer seats would come to, if they took effect now."""

    pool = one("LicensePool", by="pool_id", required=True)
    """Which pool."""

    policy: DecreasePolicy
    """What the workspace says becomes of taken seats."""

    wanted: int
    """How many seats the pool is to have."""

    at: datetime | None
    """When that takes effect, if it waits already."""

    too_many: int
    """How many are taken beyond them."""

    remaining: int
    """How many seats the pool would have, and be billed for: what is wanted, or what stays taken."""

    going: list[SeatToGo]
    """Which seats would go, the first to go first: up to 500 of them, if you may see them."""


@strawberry.type
class ReleaseMutation:
    """Seats that go by themselves."""

    change_decrease = mutation(resolve.change_decrease, "Workspace")
    protect_seat = mutation(resolve.protect_seat, "Seat", refusals=[SeatNotHeld])
