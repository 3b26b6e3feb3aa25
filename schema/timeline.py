"""Where a member sat, and what it has cost."""

from __future__ import annotations

from datetime import datetime

from resolvers.graph import Column
from schema.base import Word, one, value
from seats import timeline
from seats.seating import SeatState


@value(timeline.Stay)
class SeatStay:
    """A member in a seat, for a span of time."""

    state: SeatState
    """The state the seat is in."""

    since: datetime
    """When it was taken."""

    until: datetime | None
    """When it was released; null while it lasts."""

    reason: str | None
    """Why it was released."""

    cost = Word(Column("cost"), "Money | None", resolve=lambda row, _: row.cost)
    """
    What it has cost until now: the person's part of what was billed for places of the pool, after discounts and
    before tax. Null where nothing was billed yet, or if you may not see invoices.
    """

    seat = one("Seat", by="seat_id")
    """The seat itself."""

    pool = one("LicensePool", by="pool_id")
    """What pays for it, if you may see that."""
