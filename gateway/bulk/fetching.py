"""Fetching: the lines of an export, streamed to whoever may have them.

GET /export/bulk/export_….jsonl
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from auth.policy import Permission
from billing.bulk import queries
from billing.bulk.rules import BulkExportState
from gateway.exports import asker
from kernel import ids
from kernel.audit import INSTALLATION
from kernel.errors import InvalidInput
from resolvers.info import Context


async def exported(context: Context, request: Request) -> Response:
    """The answer to one request. Raises a Fault."""
    asker(context).require(Permission.ADJUST, INSTALLATION)
    name = request.path_params["export"]
    row = await queries.export(context.work, ids.decode("export", name), locked=False)
    if row.state is not BulkExportState.DONE:
        raise InvalidInput(_ADVICE[row.state])
    return StreamingResponse(
        queries.lines(context.work, row.id, row.parts),
        media_type="application/jsonl; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{name}.jsonl"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )


_ADVICE = {
    BulkExportState.RUNNING: "This export is still being written. Ask for its state, and fetch it once it is done.",
    BulkExportState.FAILED: "This export failed, and its failure says why. Begin another.",
    BulkExportState.STOPPED: "This export was stopped. Begin another.",
    BulkExportState.EXPIRED: "This export was kept for seven days. Begin another.",
}
