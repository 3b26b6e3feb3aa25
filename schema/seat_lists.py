"""Lists of people, and what comes of each line."""

from __future__ import annotations

import strawberry

from resolvers import seat_lists as resolve
from schema.base import one, value, words
from schema.changes import mutation
from seats import listing
from seats.listing import RowOutcome
from seats.seating import PoolClosed
from seats.sheets import SheetTooLong, SheetUnreadable

words(RowOutcome, "What can come of a line of a list.")


@value(listing.Verdict)
class SeatListLine:
    """What comes of one line of a list."""

    line: int
    """Which line of the sheet: the one that names the columns is the first."""

    email: str
    """The address as it is stored, or what is written in its place."""

    outcome: RowOutcome
    """What came of it."""

    says: str
    """The same in a sentence, with what to do."""

    pool = one("LicensePool", by="pool_id")
    """Of which pool the seat is, if you may see that."""

    seat = one("Seat", by="seat_id")
    """The seat they got."""


@value(resolve.SeatList)
class SeatList:
    """What came of a list of people, or would."""

    done: bool
    """Whether it was taken; false for a preview, and for a list that had to be taken whole and couldn't be."""

    whole: bool
    """Whether it is taken whole, or not at all."""

    seated: int
    """How many lines get a seat."""

    ignored_columns: list[str]
    """The columns that mean nothing here."""

    rows: list[SeatListLine]
    """What comes of each line, in their order."""


@strawberry.type
class SeatListMutation:
    """Lists of people."""

    import_seats = mutation(resolve.import_seats, "SeatList", refusals=[SheetUnreadable, SheetTooLong, PoolClosed])
