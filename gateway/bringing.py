"""Bringing: a long list of people, over HTTP.

    POST /seats/lists?workspace=workspace_…&pool=pool_…&whole=true
    Content-Type: text/csv
    Idempotency-Key: 0190c2a2-8a5b-7c3e-9f1d-2b6e4a7d8c90

A list of 100,000 people is longer than any document, so it has a door and a limit of its
own. What comes of it is told by the graph, as `SeatImport`. Keys are those of mutations:
a list that is sent again with its key is the one that is here.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.policy import Permission
from gateway import cards
from gateway.exports import Places, asker, refused
from gateway.masking import masked_exception
from gateway.negotiation import media_type
from gateway.requests import Malformed, body_of
from kernel import ids
from kernel.errors import InvalidInput, Problem
from resolvers.answers import Answer, Once
from resolvers.info import Context
from resolvers.seat_imports import outcomes
from resolvers.seat_lists import wanted_by
from seats import sheets
from seats.imports import operations
from seats.imports.rules import SeatImportState
from seats.sheets import Sheet

BODY = 16 * 1024 * 1024
"""The most bytes of a list: 100,000 lines of 160."""

COMING = 50
"""Lists on their way to one process at the same time."""

JUDGED = 4
"""How many of them it judges at the same time, once they are here: each is some hundred MiB meanwhile."""

_WAY = "POST /seats/lists"
"""What a key was used for, among the names of mutations."""

_YOURS = "You bring a list at this moment. Bring the next when its answer is there."
_OTHERS = "Others bring as many lists as we take at a time. Try again in some seconds."


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address of a list says."""

    workspace: str
    pool: str | None
    """The pool of lines that name none."""

    whole: bool


@dataclass(frozen=True, slots=True)
class _Room:
    """What one process has room for. Whoever sends slowly takes nobody's turn."""

    coming: Places = field(default_factory=lambda: Places(COMING, 1, yours=_YOURS, others=_OTHERS))
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(JUDGED))


def seat_lists_route() -> Route:
    """`POST /seats/lists`."""
    room = _Room()

    async def take(request: Request) -> Response:
        return await _answered(request, room)

    return Route("/seats/lists", take, methods=["POST"])


async def _answered(request: Request, room: _Room) -> Response:
    try:
        async with request.app.state.door.context(request) as context:
            row = await _brought(context, request, room)
            return JSONResponse(_told(row), 201, headers={"cache-control": "no-store"})
    except Malformed as error:
        answer = refused(masked_exception(error.fault))
        answer.status_code = error.status
        answer.headers.update(error.headers)
        return answer
    except Problem as problem:
        return refused(masked_exception(InvalidInput(problem.message)))
    except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
        return refused(masked_exception(error))


async def _brought(context: Context, request: Request, room: _Room) -> Any:
    """A list, once it is decided that the actor may bring it. Raises Malformed, a Problem, or a Fault."""
    asked, key = _asked(request), _key(request)
    actor = asker(context)
    found = await context.found("workspace", asked.workspace)
    actor.require(Permission.ASSIGN_SEATS, found["id"])
    # No connection is kept while the list is on its way.
    await context.work.rest()
    with room.coming.taken(actor.name):
        file = bytes(await body_of(request, BODY))
        said = {**asdict(asked), "sheet": sha256(file).hexdigest()}
        once = None if key is None else Once.of(context, key, _WAY, said)
        async with room.turns:
            sheet = await asyncio.to_thread(_read, file)
            answer = await _kept(context, once, asked, sheet)
    return await answer.read(context)


async def _kept(context: Context, once: Once | None, asked: _Asked, sheet: Sheet) -> Answer:
    """The list as it is kept now, or as it was kept when its key came before. Raises a Problem, or a Fault."""
    work = context.work
    async with work.transaction():
        if once and (known := await once.recall(work, None)):
            return known
        found = await context.permitted(Permission.ASSIGN_SEATS, "workspace", asked.workspace)
        wanted = wanted_by(context.actor, found["id"], asked.pool, whole=asked.whole)
        answer = Answer.of(await operations.bring(work, found["id"], sheet, wanted, context.actor.key_id))
        if once:
            await once.keep(work, answer)
    return answer


def _asked(request: Request) -> _Asked:
    """What its address says of a list. Raises Malformed, or InvalidInput."""
    media, _ = media_type(request.headers.get("content-type", ""))
    if media != "text/csv":
        raise Malformed(415, InvalidInput("Send the list as 'Content-Type: text/csv'."))
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Malformed(415, InvalidInput("The list must be sent uncompressed."))
    given = request.query_params
    if "workspace" not in given:
        raise InvalidInput("Say whose seats: ?workspace=workspace_…")
    if given.get("whole", "false") not in {"true", "false"}:
        raise InvalidInput("whole: say true or false.")
    return _Asked(given["workspace"], given.get("pool"), given.get("whole") == "true")


def _key(request: Request) -> str | None:
    """The key that makes sending a list again harmless: a header holds bytes, and clients write UTF-8 into it."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    key = given.encode("latin-1").decode("utf-8", "backslashreplace")
    cards.refuse(key)
    return key


def _read(file: bytes) -> Sheet:
    """The list. Raises a Problem, or InvalidInput."""
    sheet = sheets.opened(file)
    cards.refuse(list(sheet.ignored), [cell for row in sheet.rows for cell in (row.email, row.pool, row.role)])
    return sheet


def _told(row: Any) -> dict[str, Any]:
    counts = {each.outcome.name: each.lines for each in outcomes(row, None)}
    return {
        "seatImport": {
            "id": ids.encode("seatimport", row.id),
            "state": SeatImportState(row.state).name,
            "lines": row.lines,
            "outcomes": counts,
            "ignoredColumns": list(row.ignored_columns),
            "notice": row.notice,
        }
    }
