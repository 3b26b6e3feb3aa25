"""Bulk exports: a list of any length, asked for once and fetched when it is written. For our Finance."""

from __future__ import annotations

from typing import Annotated, Any

from strawberry import ID

from auth.policy import Permission
from billing.bulk import operations
from billing.bulk.rules import KEPT, BulkExportState, insist_on_text
from billing.bulk.tables import BulkExport
from kernel import ids
from kernel.audit import INSTALLATION
from resolvers.info import Info


async def start_bulk_export(
    info: Info,
    document: Annotated[str, "A query that goes down to one list, without a page: `{ invoices { nodes { id } } }`."],
) -> BulkExport:
    """Write all rows of a list, one line of JSON each, to be fetched when it is done."""
    context = info.context
    context.actor.require(Permission.ADJUST, INSTALLATION)
    await context.own(INSTALLATION)
    assert context.actor.person_id is not None, "staff are people"
    insist_on_text(document)
    context.insist_on_exportable(document)
    return await operations.start(context.work, document, context.actor.person_id)


async def stop_bulk_export(info: Info, export: Annotated[ID, "Which export, of those that run."]) -> BulkExport:
    """Stop an export. What it has written is gone."""
    context = info.context
    found = await context.found("export", export)
    context.actor.require(Permission.ADJUST, INSTALLATION)
    await context.own(INSTALLATION)
    return await operations.stop(context.work, found.id)


def url(row: Any, info: Any) -> str | None:
    """Where the lines are, once all of them are written."""
    there = BulkExportState(row.state) is BulkExportState.DONE
    return f"{info.context.base}/export/bulk/{ids.encode('export', row.id)}.jsonl" if there else None


def expires_at(row: Any, _info: Any) -> Any:
    """Until when the lines are kept."""
    there = BulkExportState(row.state) in {BulkExportState.DONE, BulkExportState.EXPIRED}
    return row.ended_at + KEPT if there else None
