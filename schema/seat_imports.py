"""Long lists of people, and what comes of each line in the background."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth.policy import Permission
from kernel.money import Money
from resolvers import seat_imports as resolve
from resolvers.graph import Column, holders
from schema.base import Node, Word, face, one, value, words
from schema.changes import mutation
from schema.lists import among, containing, page
from seats.imports import tables
from seats.imports.rules import SeatImportBegun, SeatImportOver, SeatImportPhase, SeatImportState
from seats.listing import RowOutcome

words(SeatImportState, "Where a long list of people is in its life.")
words(SeatImportPhase, "What is done with a long list of people that runs.")


@value(resolve.Count)
class SeatImportCount:
    """How many lines of a list have an outcome."""

    outcome: RowOutcome
    """Which outcome."""

    lines: int
    """How many lines have it."""


@value(resolve.Bought)
class SeatImportPurchase:
    """The seats of a pool that are bought for a list, because it was full and the workspace buys then; or would be."""

    pool = one("LicensePool", by="pool_id")
    """Which pool, if you may see that."""

    bought: int
    """How many seats."""

    cost: Money
    """What is asked for them, with tax, for the rest of the period."""

    collected_at: datetime | None
    """When they are billed at the latest, if not at once."""

    invoice = one("Invoice", by="invoice_id")
    """What was billed for them at once, if you may see it; null until they are bought."""


@face(tables.SeatImport, "seatimport", visible=holders(Permission.SEE_SEATS))
class SeatImport(Node):
    """A list of up to 100,000 people, brought to `POST /seats/lists`: foreseen first, and seated once it is started."""

    state: SeatImportState
    """Where it is in its life."""

    whole: bool
    """Whether nobody is seated unless everybody can be; then all lines are seated in one change."""

    lines: int
    """How many lines it has."""

    settled: int
    """How many of them have come to what they come to."""

    phase: SeatImportPhase | None
    """What is done with it, while it runs; null until a worker has it."""

    tried: int
    """Through how many lines the change at hand has gone, where one seats all: its end settles them, or undoes it."""

    outcomes = Word(Column("outcomes"), "list[SeatImportCount]", resolve=resolve.outcomes)
    """How many lines have which outcome: what would come of those that are not settled yet."""

    bought = Word(Column("purchases"), "int", resolve=resolve.bought)
    """How many seats would be bought for it, and once it is done how many were."""

    purchases = Word(Column("purchases"), "list[SeatImportPurchase]", resolve=resolve.purchases)
    """The same by pool, with what it costs; empty for whoever neither gives seats here nor sees invoices."""

    ignored_columns: list[str]
    """The columns that mean nothing here."""

    notice: str | None
    """How it was read, where it is not UTF-8."""

    failure: str | None
    """Why it failed, in a sentence."""

    created_at: datetime
    """When it was brought."""

    started_at: datetime | None
    """When somebody started it."""

    ended_at: datetime | None
    """When it was done, failed or was stopped."""

    kept_until = Word(Column("created_at"), "datetime", resolve=resolve.kept_until, needs=("ended_at",))
    """Until when its lines can be looked at, and until when it waits to be started."""

    pool = one("LicensePool", by="pool_id")
    """The pool of lines that name none."""

    workspace = one("Workspace", by="account_id")
    """Whose seats."""

    person = one("Person", by="person_id")
    """On whose behalf: who brought it, and then who started it; null for a program."""

    rows = page(
        "SeatImportRow",
        by="seat_import_id",
        name="SeatImportRows",
        filters={
            "outcome": among("outcome", "RowOutcome", "Only with one of these outcomes."),
            "search": containing("email", "Only where the address contains this."),
        },
        orders={"LINE": ("line", "bigint", "By the line.")},
    )
    """Its lines."""


@face(tables.SeatImportRow, "importrow", visible=holders(Permission.SEE_SEATS))
class SeatImportRow(Node):
    """One line of a long list."""

    line: int
    """Which line of the sheet: the one that names the columns is the first."""

    email: str
    """The address as it is stored, or what is written in its place."""

    outcome: RowOutcome
    """What came of it, or would."""

    says: str
    """The same in a sentence, with what to do."""

    settled: bool
    """Whether this is what came of it; until then it is what would."""

    pool = one("LicensePool", by="pool_id")
    """Of which pool the seat is, if you may see that."""

    seat = one("Seat", by="seat_id")
    """The seat they got."""

    request = one("SeatRequest", by="request_id")
    """The request for one, where an admin decides."""


@strawberry.type
class SeatImportMutation:
    """Long lists of people."""

    start_seat_import = mutation(resolve.start_seat_import, "SeatImport", refusals=[SeatImportBegun])
    stop_seat_import = mutation(resolve.stop_seat_import, "SeatImport", refusals=[SeatImportOver])
