"""Papers over HTTP: invoices, receipts and credit notes as PDF files.

Whoever asks brings a bearer, as for the graph, and sees what the graph would show them;
or comes by a link that the graph gave to somebody who sees it, which works for a while
without a bearer. What is final is the same bytes whenever it is asked for, so a copy
can be kept and only has to be asked about.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from auth.policy import Actor, Permission, sees
from billing import papers
from billing.paper.sheet import Sheet
from gateway.authentication import Door
from gateway.masking import STATUS, masked_exception
from gateway.negotiation import HTML, JSON, negotiate
from gateway.observability import note
from gateway.pace import Pace
from gateway.printing import Printer
from kernel import ids, links
from kernel.errors import Code, RateLimited, Unauthenticated
from kernel.work import Work
from seats.printed import seated

Load = Callable[[Work, int, int], Awaitable[Sheet]]
"""Draws a paper of an account by its number."""

MOST, EVERY = 60, 1
"""Papers that one caller gets printed in a row, and seconds until another one after that."""

_SEEN_BY_LINK = frozenset({Permission.SEE_ACCOUNT, Permission.SEE_INVOICES})


class Kind(NamedTuple):
    """A kind of paper: where it is, the kind of id that names it, and how it is drawn."""

    folder: str
    prefix: str
    load: Load


KINDS = (
    Kind("invoices", "inv", partial(papers.invoice, who=seated)),
    Kind("receipts", "inv", partial(papers.receipt, who=seated)),
    Kind("credit-notes", "cn", papers.credit_note),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks, as the pace counts them, and what they may read."""

    caller: str
    work: Work
    account_id: int
    number: int


def paper_pace() -> Pace:
    """How often one caller gets something printed; the application has it as `state.paper_pace`."""
    return Pace(MOST, EVERY)


def paper_routes(printer: Printer) -> list[Route]:
    """`/invoices/{id}.pdf`, `/receipts/{id}.pdf` with an invoice's id, and `/credit-notes/{id}.pdf`."""
    return [Route(f"/{kind.folder}/{{id}}.pdf", _endpoint(kind, printer)) for kind in KINDS]


def _endpoint(kind: Kind, printer: Printer) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            # The database is let go before anything is printed.
            async with _asked(request, kind) as asked:
                caller, sheet = asked.caller, await kind.load(asked.work, asked.account_id, asked.number)
            tag = f'"{sheet.digest(printer.edition)}"'
            if sheet.final and _is_known(request, tag):
                return Response(status_code=304, headers=_headers(sheet, tag))
            request.app.state.paper_pace.take(caller)
            return Response(await printer.print(sheet), headers=_headers(sheet, tag), media_type="application/pdf")
        except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
            return _refused(request, error)

    return answer


@asynccontextmanager
async def _asked(request: Request, kind: Kind) -> AsyncIterator[_Asked]:
    door: Door = request.app.state.door
    text = request.path_params["id"]
    signed = request.query_params.get(links.PARAMETER)
    if signed is not None:
        async with door.work(request, await door.clock.now()) as work:
            account_id = links.account(request.url.path, signed, work.now)
            await work.see_as(sees(Actor(grants={account_id: _SEEN_BY_LINK})), work.origin)
            yield _Asked(f"account:{account_id}", work, account_id, ids.decode(kind.prefix, text))
        return
    async with door.context(request) as context:
        if context.actor.person_id is None and context.actor.key_id is None:
            raise Unauthenticated("Sign in first: send a bearer token, or take a link from the graph.")
        row = await context.found(kind.prefix, text)
        yield _Asked(context.actor.name, context.work, row["account_id"], row["id"])


def _is_known(request: Request, tag: str) -> bool:
    told = request.headers.get("if-none-match", "")
    return told.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in told.split(",")}


def _headers(sheet: Sheet, tag: str) -> dict[str, str]:
    """What is final may be kept by whoever asked, who asks again whether it still holds; a draft is not kept."""
    kept = {"etag": tag, "cache-control": "private, no-cache"} if sheet.final else {"cache-control": "no-store"}
    return kept | {
        "content-disposition": f'inline; filename="{sheet.name}.pdf"',
        "vary": "Authorization",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


def _refused(request: Request, error: Exception) -> Response:
    """The answer to a request that failed: JSON as the graph has it, or a sentence for a person's browser."""
    shown = masked_exception(error)
    code = Code(shown["extensions"]["code"])
    note(request.scope).codes = (code.value,)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if code is Code.UNAUTHENTICATED:
        headers["www-authenticate"] = "Bearer"
    if code in {Code.UNAVAILABLE, Code.RATE_LIMITED}:
        headers["retry-after"] = str(_wait(error))
    if negotiate(request.headers.get("accept"), (JSON, HTML)) == HTML:
        return PlainTextResponse(shown["message"] + "\n", STATUS[code], headers)
    return Response(orjson.dumps({"errors": [shown]}), STATUS[code], headers, media_type=JSON)


def _wait(error: Exception) -> int:
    return int(error.details["seconds"]) if isinstance(error, RateLimited) else 1
