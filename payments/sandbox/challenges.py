"""Challenges: the page on which a payer passes or fails 3-D Secure."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from payments.sandbox import charging, setups
from payments.sandbox.books import Books, Caller
from payments.sandbox.objects import Body, bare
from payments.sandbox.parameters import pairs
from payments.sandbox.refusals import Refused, unexpected
from payments.sandbox.state import State

_INTENTS = {"payment_intent": charging.authenticated, "setup_intent": setups.authenticated}


async def show(state: State, request: Request) -> Response:
    """The page with two buttons."""
    async with state.books() as books:
        intent = await _waiting(books, request.path_params["id"])
    if request.query_params.get("client_secret") != intent["client_secret"]:
        return HTMLResponse("<h1>This link is not yours.</h1>", 403)
    amount = f"{intent['amount']} {intent['currency']} (minor units)" if "amount" in intent else "a saved card"
    return HTMLResponse(
        _PAGE.format(id=escape(intent["id"]), amount=escape(amount), secret=escape(intent["client_secret"]))
    )


async def decide(state: State, request: Request) -> Response:
    """A button was pressed, or a test says {"outcome": "complete" | "fail"}."""
    browser = not request.headers.get("content-type", "").startswith("application/json")
    text = await request.body()
    facts: Body = dict(pairs(text.decode())) if browser else orjson.loads(text)
    caller = Caller(base=str(request.base_url).rstrip("/"))
    async with state.books(caller) as books:
        intent = await _waiting(books, request.path_params["id"])
        if browser and facts.get("client_secret") != intent["client_secret"]:
            return HTMLResponse("<h1>This link is not yours.</h1>", 403)
        back = (intent["next_action"].get("redirect_to_url") or {}).get("return_url")
        await _INTENTS[intent["object"]](books, intent, passed=facts.get("outcome") == "complete")
        answer = bare(intent)
    if not browser:
        return JSONResponse(answer)
    return (
        RedirectResponse(_returning(back, answer), 303)
        if back
        else HTMLResponse("<h1>Done. You can close this page.</h1>")
    )


async def _waiting(books: Books, id: str) -> Body:
    intent = await books.maybe(id)
    if intent is None or intent["object"] not in _INTENTS:
        raise Refused(f"No such intent: {id}", status=404)
    if intent["status"] != "requires_action":
        raise unexpected(f"This intent doesn't wait for its payer: its status is {intent['status']}.")
    return intent


def _returning(url: str, intent: Body) -> str:
    kind = intent["object"]
    passed = intent["status"] in ("succeeded", "requires_capture", "processing")
    query = urlencode(
        {
            kind: intent["id"],
            f"{kind}_client_secret": intent["client_secret"],
            "redirect_status": "succeeded" if passed else "failed",
        }
    )
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>3-D Secure</title></head>
<body><main><h1>Your bank asks: is it you?</h1>
<p>Sandbox challenge for {id}, {amount}.</p>
<form method="post"><input type="hidden" name="client_secret" value="{secret}">
<button name="outcome" value="complete">Complete</button>
<button name="outcome" value="fail">Fail</button></form></main></body></html>
"""
