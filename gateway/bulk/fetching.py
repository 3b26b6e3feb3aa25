"""Fetching: the lines of an export, streamed to whoever may have them.

GET /export/bulk/export_….jsonl

Where a connection broke, `Range: bytes=1048576-` asks for the rest (RFC 9110, 14.2): what was written never changes.
"""

from __future__ import annotations

import re

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
    begin = _begin(request)
    if begin and begin >= row.bytes:
        return Response(status_code=416, headers={"content-range": f"bytes */{row.bytes}"})
    partly = {"content-range": f"bytes {begin}-{row.bytes - 1}/{row.bytes}"} if begin else {}
    return StreamingResponse(
        queries.lines(context.work, row.id, row.parts, begin),
        206 if begin else 200,
        media_type="application/jsonl; charset=utf-8",
        headers={
            "accept-ranges": "bytes",
            "content-disposition": f'attachment; filename="{name}.jsonl"',
            "content-length": str(row.bytes - begin),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        }
        | partly,
    )


def _begin(request: Request) -> int:
    """From which byte on the lines are wanted; all of them where something else is asked for than the rest."""
    said = _REST.fullmatch(request.headers.get("range", ""))
    return int(said[1]) if said and "if-range" not in request.headers else 0


_REST = re.compile(r"bytes=(\d{1,18})-")

_ADVICE = {
    BulkExportState.RUNNING: "This export is still being written. Ask for its state, and fetch it once it is done.",
    BulkExportState.FAILED: "This export failed, and its failure says why. Begin another.",
    BulkExportState.STOPPED: "This export was stopped. Begin another.",
    BulkExportState.EXPIRED: "This export was kept for seven days. Begin another.",
}
