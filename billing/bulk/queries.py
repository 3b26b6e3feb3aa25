"""What we ask about exports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from sqlmodel import col, func, select

from billing.bulk.rules import KEPT, BulkExportState
from billing.bulk.tables import BulkExport
from kernel.errors import NotFound
from kernel.work import Work


async def running(work: Work, person_id: int) -> int:
    """How many exports of a person run."""
    asked = select(func.count()).where(
        col(BulkExport.person_id) == person_id, col(BulkExport.state) == BulkExportState.RUNNING
    )
    return int(await work.one(asked))


async def export(work: Work, number: int, *, locked: bool = True) -> BulkExport:
    """An export. Raises NotFound."""
    asked = select(BulkExport).where(col(BulkExport.id) == number)
    row: BulkExport | None = await work.one(asked.with_for_update() if locked else asked)
    if row is None:
        raise NotFound
    return row


async def next_running(work: Work) -> BulkExport | None:
    """The export that waits longest for its next page and that no other worker has at hand, locked."""
    asked = (
        select(BulkExport)
        .where(col(BulkExport.state) == BulkExportState.RUNNING)
        .order_by(col(BulkExport.parts), col(BulkExport.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row: BulkExport | None = await work.one(asked)
    return row


async def out_of_date(work: Work, now: datetime, most: int) -> list[int]:
    """The exports whose lines were kept as long as they are."""
    rows = await work.fetch(
        "select id from bulk_export where state = 'done' and ended_at <= $1 order by id limit $2", now - KEPT, most
    )
    return [row["id"] for row in rows]


async def lines(work: Work, number: int, parts: int, begin: int = 0) -> AsyncIterator[bytes]:
    """What an export has written, part by part, from the byte at `begin` on; no connection is held in between.

    Raises NotFound.
    """
    part, skipped = await _at(work, number, begin)
    for place in range(part, parts):
        asked = "select lines from bulk_export_part where export_id = $1 and part = $2"
        found = await work.fetch(asked, number, place)
        await work.rest()
        if not found:
            raise NotFound
        yield found[0]["lines"].encode()[skipped:]
        skipped = 0


async def _at(work: Work, number: int, begin: int) -> tuple[int, int]:
    """The part that has this byte, and how many bytes of it come before."""
    found = await work.fetch(
        "select part, $2 - (until - length) as skipped from (select part, octet_length(lines) as length,"
        " sum(octet_length(lines)) over (order by part)::bigint as until"
        " from bulk_export_part where export_id = $1) placed where until > $2::bigint order by part limit 1",
        number,
        begin,
    )
    return (found[0]["part"], found[0]["skipped"]) if found else (0, 0)
