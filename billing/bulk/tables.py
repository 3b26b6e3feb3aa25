"""Exports that were asked for, and the lines that they have written."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from billing.bulk.rules import BulkExportState
from kernel.rows import instant, key, text, whole, word


class BulkExport(SQLModel, table=True):
    """One list that is taken home whole."""

    __tablename__ = "bulk_export"

    id: int = key()
    document: str = text()
    """The query, as it was sent."""

    person_id: int = whole()
    """Who asked for it; it shows what they may see."""

    state: BulkExportState = word(BulkExportState, BulkExportState.RUNNING)
    cursor: str | None = text(optional=True)
    """Behind which row it goes on; none before the first page."""

    parts: int = whole(default=0)
    """How many pages are written."""

    lines: int = whole(default=0)
    bytes: int = whole(default=0)
    failure: str | None = text(optional=True)
    """Why it failed, in a sentence."""

    created_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)


class BulkExportPart(SQLModel, table=True):
    """The lines of one page."""

    __tablename__ = "bulk_export_part"

    export_id: int = key()
    part: int = key()
    lines: str = text()
    """JSON, a row of the list each, and each with its line break."""
