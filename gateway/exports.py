"""Exports: what was billed and booked as CSV, streamed to whoever may see it.

    GET /export/invoices.csv?account=account_…&since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z

Whoever sees an account's invoices gets them and their lines. Our own staff get those
of everybody, and the entries of the ledger. The transaction that reads them
stays open while the client does, so that all rows are of one moment. It holds a
connection for as long, so only a few are written at the same time, and none for longer than an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from graphql import OperationType
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.policy import Actor, Permission
from billing.exporting import Sheet, chunks
from gateway.masking import STATUS, masked_exception
from gateway.patience import timely
from kernel import ids
from kernel.errors import Code, Forbidden, InvalidInput, NotFound, RateLimited, Unauthenticated, Unavailable
from resolvers.info import Context

Opening = Callable[[Request], AbstractAsyncContextManager[Any]]
"""Opens the context of one request: who asks is decided there."""

Answer = Callable[[Context, Request], Response | Awaitable[Response]]
"""What is streamed, once it is decided that they may have it. Raises a Fault."""

MOST = 3
"""Exports that one process writes at the same time: most connections to the database are for whoever asks something."""

EACH = 2
"""How many of them may be one actor's."""

PATIENCE = 3_600.0
"""Seconds in which an export has to be fetched: until then it keeps its place, and most keep a connection."""

_YOURS = f"You fetch {EACH} exports at this moment. Fetch the next when one of them has ended."
_OTHERS = "Others fetch as many exports as we write at a time. Try again in some seconds."
_LATER = "5"
"""Seconds after which to try again where there was no room."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class Places:
    """How many exports, or other long things, one process is busy with, and whose."""

    def __init__(self, most: int = MOST, each: int = EACH, *, yours: str = _YOURS, others: str = _OTHERS) -> None:
        self._most, self._each, self._yours, self._others = most, each, yours, others
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, name: str) -> Iterator[None]:
        """One more of an actor's. Raises RateLimited or Unavailable."""
        if self._taken[name] >= self._each:
            raise RateLimited(self._yours)
        if self._taken.total() >= self._most:
            raise Unavailable(self._others)
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            self._taken += Counter()


class _Endpoint:
    """See `exports_endpoint`."""

    def __init__(self, context: Opening, answer: Answer, places: Places) -> None:
        self._context, self._answer, self._places = context, answer, places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what fails before the first row is told as an error."""
        request = Request(scope, receive)
        if request.method != "GET":
            await JSONResponse({"errors": []}, 405, headers={"allow": "GET"})(scope, receive, send)
            return
        response: Response | None = None
        try:
            async with self._context(request) as context:
                answer = self._answer(context, request)
                ready = await answer if isinstance(answer, Awaitable) else answer
                with self._places.taken(context.actor.name):
                    response = ready
                    async with timely(OperationType.QUERY, PATIENCE):
                        await response(scope, receive, send)
        except Exception as error:
            if response is not None:
                # Rows are on their way already: a client that sees the connection break knows that some are missing.
                raise
            await refused(masked_exception(error))(scope, receive, send)


def exports_endpoint(context: Opening, answer: Answer, places: Places) -> ASGIApp:
    """The application that answers with what is streamed to whoever may have it, where there is room."""
    return _Endpoint(context, answer, places)


def sheets(context: Context, request: Request) -> Response:
    """A sheet of what was billed and booked. Raises a Fault."""
    sheet = _sheet(request.path_params["sheet"])
    account_id = _account(context, sheet, request.query_params.get("account"))
    since = _when(request, "since") or _EVER
    until = _when(request, "until") or _NEVER
    return StreamingResponse(
        chunks(context.work, sheet, account_id, since, until),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{sheet.value}.csv"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )


def _account(context: Context, sheet: Sheet, named: str | None) -> int | None:
    """Whose rows: one account's, or, for staff alone, everybody's. Raises a Fault."""
    actor = asker(context)
    if sheet is Sheet.ENTRIES and not actor.desk:
        raise Forbidden("The books are for our own staff.")
    if named is None:
        if not actor.desk:
            raise InvalidInput("Say which account: ?account=account_…")
        return None
    number = ids.decode("account", named)
    actor.require(Permission.SEE_INVOICES, number)
    return number


def _sheet(name: str) -> Sheet:
    try:
        return Sheet(name)
    except ValueError:
        raise NotFound(f"There are {', '.join(f'{sheet.value}.csv' for sheet in Sheet)}.") from None


def asker(context: Context) -> Actor:
    """Who asks. Raises Unauthenticated for nobody we know."""
    if context.actor.person_id is None and context.actor.key_id is None:
        raise Unauthenticated("Sign in first: send a bearer token.")
    return context.actor


def _when(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    return None if text is None else instant(name, text)


def instant(name: str, text: str) -> datetime:
    """The instant that a parameter says. Raises InvalidInput."""
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    raise InvalidInput(f'{name}: an instant is written as "2026-01-31T00:00:00Z".')


def refused(shown: dict[str, Any]) -> Response:
    """The answer that tells of an error, as `masking` shows it."""
    code = Code(shown["extensions"]["code"])
    headers = {"www-authenticate": "Bearer"} if code is Code.UNAUTHENTICATED else {}
    if code in {Code.UNAVAILABLE, Code.RATE_LIMITED}:
        headers["retry-after"] = _LATER
    return JSONResponse({"errors": [shown]}, STATUS[code], headers=headers)
