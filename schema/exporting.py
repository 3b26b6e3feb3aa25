"""Lists that are taken home whole."""

from __future__ import annotations

from datetime import datetime

import strawberry

from billing.bulk import tables
from billing.bulk.rules import BulkExportState, ExportOver, NotExportable, TooManyExports
from resolvers import exporting as resolve
from resolvers.graph import Column
from schema.base import Node, Word, face, one, words
from schema.changes import mutation
from schema.finance import staff
from schema.scalars import Long

words(BulkExportState, "Where an export is in its life.")


@face(tables.BulkExport, "export", visible=staff)
class BulkExport(Node):
    """A list of any length, written one row a line as JSON, to be fetched when it is done. For our own staff."""

    document: str
    """The query, as it was sent."""

    state: BulkExportState
    """Where it is in its life."""

    lines: Long
    """How many rows are written so far."""

    bytes: Long
    """How many bytes they take."""

    failure: str | None
    """Why it failed, in a sentence."""

    url = Word(Column("state"), "str | None", resolve=resolve.url)
    """Where to fetch the lines, with the bearer of whoever asks; null until all of them are written."""

    requested_by = one("Person", by="person_id", required=True)
    """Who asked for it. It shows what they may see."""

    created_at: datetime
    """When it was asked for."""

    ended_at: datetime | None
    """When it was done, failed or was stopped; null while it runs."""

    expires_at = Word(Column("state"), "datetime | None", resolve=resolve.expires_at, needs=("ended_at",))
    """Until when its lines are kept; null until they are there."""


@strawberry.type
class ExportingMutation:
    """Taking lists home."""

    start_bulk_export = mutation(resolve.start_bulk_export, "BulkExport", refusals=[NotExportable, TooManyExports])
    stop_bulk_export = mutation(resolve.stop_bulk_export, "BulkExport", refusals=[ExportOver])
