"""Seats that nobody uses, and are taken back."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers import reclaiming as resolve
from schema.base import one, value, words
from schema.changes import mutation
from seats import taking_back
from seats.reclaiming import ReclaimStep

words(ReclaimStep, "What is done next about a seat that nobody uses.")


@value(taking_back.Unused)
class UnusedSeat:
    """A seat that nobody has used for long, and that is taken back."""

    seat = one("Seat", by="seat_id", required=True)
    """Which seat."""

    last_used_at: datetime | None
    """When its holder last used the workspace, to the day; null for never."""

    unused_since: datetime
    """Since when the days are counted: from the last use, or from when they got the seat."""

    noticed_at: datetime | None
    """When its holder was told; null while they are not."""

    reclaim_at: datetime
    """When it is taken back, if they don't use the workspace until then."""

    step: ReclaimStep | None
    """What is to be done about it now; null while it only waits."""


@value(taking_back.ReclaimPreview)
class ReclaimPreview:
    """Whose seats would be taken back."""

    after_days: int | None
    """After how many days without use; null where no seat is taken back."""

    count: int
    """How many seats that are."""

    seats: list[UnusedSeat]
    """Which, the longest unused first: up to 500."""


@strawberry.type
class ReclaimMutation:
    """Seats that nobody uses."""

    change_reclaim = mutation(resolve.change_reclaim, "Workspace")
