"""Lists of people, and what comes of each line."""

from __future__ import annotations

from datetime import datetime

import strawberry

from billing.subscriptions import SeatsNotOffered, SubscriptionOver
from kernel.money import Money
from resolvers import seat_lists as resolve
from resolvers.graph import Column
from schema.base import Word, deprecated, one, value, words
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

    request = one("SeatRequest", by="request_id")
    """The request for one, where an admin decides."""


@value(resolve.ListPurchase)
class SeatListPurchase:
    """The seats of a pool that are bought for a list, because it was full and the workspace buys then; or would be."""

    pool = one("LicensePool", by="pool_id", required=True)
    """Which pool."""

    bought: int
    """How many seats."""

    cost: Money
    """What is asked for them, with tax, for the rest of the period."""

    collected_at: datetime | None
    """When they are billed at the latest, if not at once."""

    invoice = one("Invoice", by="invoice_id")
    """What was billed for them at once, if you may see it; null in a preview."""

    preview = Word(Column("preview"), "InvoicePreview | None", resolve=lambda row, _: row.preview)
    """In a preview, the very document that would be made for them now, if you may see it."""


@value(resolve.SeatList)
class SeatList:
    """What came of a list of people, or would."""

    done: bool
    """Whether it was taken; false for a preview, and for a list that had to be taken whole and couldn't be."""

    whole: bool
    """Whether it is taken whole, or not at all."""

    seated: int
    """How many lines get a seat."""

    requested: int
    """For how many lines a seat is requested, because their pool is full and an admin decides then."""

    bought: int
    """How many seats are bought for them, because their pools are full and the workspace buys then."""

    purchases: list[SeatListPurchase]
    """What is bought, and for how much, by pool."""

    ignored_columns: list[str]
    """The columns that mean nothing here."""

    rows: list[SeatListLine]
    """What comes of each line, in their order."""


@strawberry.type
class SeatListMutation:
    """Lists of people."""

    import_seats = deprecated(
        mutation(
            resolve.import_seats,
            "SeatList",
            refusals=[SheetUnreadable, SheetTooLong, PoolClosed, SubscriptionOver, SeatsNotOffered],
        ),
        since="2026-11-21",
        until="2027-05-31",
        use="startSeatImport",
    )
