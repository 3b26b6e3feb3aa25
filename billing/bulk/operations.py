"""Taking a list home: asked for once, written page by page, and forgotten after a week.

Exports belong to the installation: its audit chain tells of them, and only our own
staff see them. The caller's transaction is bound to the installation.
"""

from __future__ import annotations

from collections.abc import Sequence

from billing import events
from billing.bulk import queries
from billing.bulk.rules import AT_ONCE, BYTES, BulkExportState, ExportOver, TooManyExports
from billing.bulk.tables import BulkExport
from kernel.audit import INSTALLATION
from kernel.work import Work


async def start(work: Work, document: str, person_id: int) -> BulkExport:
    """Begin an export of a document that can be exported. Raises TooManyExports."""
    # Two that are begun at the same time would both count the others alone.
    await work.execute("select pg_advisory_xact_lock(hashtextextended('bulk_export', $1))", person_id)
    running = await queries.running(work, person_id)
    if running >= AT_ONCE:
        raise TooManyExports(running)
    await work.reserve(1)
    row = BulkExport(id=work.new_id(), document=document, person_id=person_id, created_at=work.now)
    work.add(row)
    await work.flush()
    work.emit(events.BulkExportStarted(INSTALLATION, row.id), row)
    return row


async def stop(work: Work, number: int) -> BulkExport:
    """Stop an export; what it has written is gone. Raises NotFound or ExportOver."""
    row = await queries.export(work, number)
    if row.state is not BulkExportState.RUNNING:
        raise ExportOver(row.state.value)
    await _end(work, row, BulkExportState.STOPPED)
    work.emit(events.BulkExportStopped(INSTALLATION, row.id), row)
    return row


async def write(work: Work, row: BulkExport, lines: Sequence[str], cursor: str | None) -> None:
    """Keep the lines of the next page; without a cursor it was the last."""
    text = "".join(f"{line}\n" for line in lines)
    if row.bytes + len(text.encode()) > BYTES:
        await fail(work, row, "It is larger than 2 GiB. Narrow it with a filter, such as a span of time.")
        return
    await work.execute(
        "insert into bulk_export_part (export_id, part, lines) values ($1, $2, $3)", row.id, row.parts, text
    )
    row.parts, row.lines, row.bytes = row.parts + 1, row.lines + len(lines), row.bytes + len(text.encode())
    row.cursor = cursor
    if cursor is None:
        row.state, row.ended_at = BulkExportState.DONE, work.now
        work.emit(events.BulkExportDone(INSTALLATION, row.id), row)
    await work.flush()


async def fail(work: Work, row: BulkExport, failure: str) -> None:
    """End an export that can't go on, and say why."""
    row.failure = failure
    await _end(work, row, BulkExportState.FAILED)
    work.emit(events.BulkExportFailed(INSTALLATION, row.id), row)


async def expire(work: Work, number: int) -> None:
    """Forget the lines of an export that is old."""
    row = await queries.export(work, number)
    if row.state is BulkExportState.DONE:
        row.state = BulkExportState.EXPIRED
        await work.execute("delete from bulk_export_part where export_id = $1", row.id)
        await work.flush()


async def _end(work: Work, row: BulkExport, state: BulkExportState) -> None:
    row.state, row.ended_at = state, work.now
    await work.execute("delete from bulk_export_part where export_id = $1", row.id)
    await work.flush()
