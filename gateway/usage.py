"""The door for usage: batches of events from programs, without a word of GraphQL.

    POST /usage
    Authorization: Bearer sgk_…

    {"meter": "searches", "key": "7c1f…", "at": "2026-01-31T09:30:00Z", "quantity": 3}
    {"meter": "output_tokens", "key": "7c20…", "at": "2026-01-31T09:30:01Z", "quantity": "1250"}

One event a line (`application/x-ndjson`), or a JSON array of them, or an object with
`events`, `account` and `all_or_nothing`. CloudEvents are read too: their `type` is the
meter, `id` the key, `time` the instant, `subject` the subscription, and `data` holds
the quantity and the properties. Numbers are read as decimals, never as floats.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.policy import Permission
from billing import usage
from billing.metering import Report, UsageOutcome
from billing.usage import Batch
from gateway.masking import STATUS, masked_exception
from gateway.negotiation import media_type
from gateway.requests import Malformed, body_of
from kernel import ids
from kernel.errors import Code, InvalidInput, Unauthenticated
from resolvers.info import Context

LINES = {"application/x-ndjson", "application/jsonl"}
OBJECTS = {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}

_OWN = {"meter", "key", "at", "quantity", "subscription", "properties"}


def usage_route(limit: int) -> Route:
    """`POST /usage`, with bodies of at most `limit` bytes."""

    async def take(request: Request) -> Response:
        return await _answered(request, limit)

    return Route("/usage", take, methods=["POST"])


async def _answered(request: Request, limit: int) -> Response:
    try:
        sent = _sent(request, await body_of(request, limit))
        door = request.app.state.door
        async with door.context(request) as context:
            batch = await _recorded(context, sent)
    except Malformed as error:
        return _send({"error": masked_exception(error.fault)["message"]}, error.status, error.headers)
    except Exception as error:  # noqa: BLE001 - a client gets a reference, never a traceback
        shown = masked_exception(error)
        code = Code(shown["extensions"]["code"])
        return _send({"error": shown["message"], "code": code}, STATUS[code], {})
    return _send(_told(batch), 422 if batch.refused and not batch.recorded + batch.duplicates else 200, {})


async def _recorded(context: Context, sent: dict[str, Any]) -> Batch:
    if context.actor.key_id is None and context.actor.person_id is None:
        raise Unauthenticated("Send a bearer token: a service key with the scope USAGE_WRITE.")
    account = sent.get("account") or _own_account(context)
    if not isinstance(account, str):
        raise InvalidInput("`account` is the id of an account, as a text.")
    reports = [_report(event) for event in sent["events"]]
    async with context.work.transaction():
        found = await context.permitted(Permission.REPORT_USAGE, "account", account)
        return await usage.record(context.work, found.id, reports, whole=sent.get("all_or_nothing") is True)


def _own_account(context: Context) -> str:
    """The account that a key speaks for; a person has to say which."""
    if context.actor.key_id is None or len(context.actor.grants) != 1:
        raise InvalidInput("Say whose use it is: send an object with `account` and `events`.")
    return ids.encode("account", next(iter(context.actor.grants)))


def _sent(request: Request, text: bytearray) -> dict[str, Any]:
    """What was sent, as an object with a list of events. Raises Malformed."""
    media, _ = media_type(request.headers.get("content-type", ""))
    if media not in LINES | OBJECTS:
        raise Malformed(415, InvalidInput("Send application/json, or application/x-ndjson with an event a line."))
    found = [_json(line) for line in text.splitlines() if line.strip()] if media in LINES else _json(text)
    if isinstance(found, list):
        found = {"events": found}
    elif isinstance(found, dict) and "events" not in found:
        found = {"events": [found]}
    if not isinstance(found, dict) or not isinstance(found["events"], list):
        raise Malformed(400, InvalidInput("Send an array of events, or an object with `events`."))
    return found


def _json(text: bytes | bytearray) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise Malformed(400, InvalidInput("The body is not JSON in UTF-8.")) from None


def _not_a_number(word: str) -> None:
    raise ValueError(word)


def _report(event: Any) -> Report:
    """An event as a report; what is no event is one that will be refused."""
    if not isinstance(event, dict):
        return Report("", "", None)
    if "specversion" in event:
        event = _of_cloud(event)
    named = event.get("subscription")
    others = {name: value for name, value in event.items() if name not in _OWN}
    return Report(
        key=_text(event.get("key")),
        meter=_text(event.get("meter")),
        at=_instant(event.get("at")),
        quantity=event.get("quantity", 1),
        subscription_id=None if named is None else _number(named),
        properties=event.get("properties", others or None),
    )


def _of_cloud(event: dict[str, Any]) -> dict[str, Any]:
    given = event.get("data")
    data = dict(given) if isinstance(given, dict) else {}
    told = {"meter": event.get("type"), "key": event.get("id"), "at": event.get("time"), "properties": data or None}
    quantity = {"quantity": data.pop("quantity")} if "quantity" in data else {}
    return told | quantity | ({"subscription": event["subject"]} if event.get("subject") else {})


def _number(text: Any) -> int:
    """The number of a subscription; none has the number that stands for what is no id."""
    with suppress(InvalidInput):
        return ids.decode("sub", _text(text))
    return -1


def _instant(text: Any) -> datetime | None:
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(text)
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _told(batch: Batch) -> dict[str, Any]:
    """The counts, and each event that was not simply recorded."""
    unusual = [asdict(result) for result in batch.results if result.outcome is not UsageOutcome.RECORDED]
    return {
        "recorded": batch.recorded,
        "duplicates": batch.duplicates,
        "refused": batch.refused,
        "results": unusual,
    }


def _send(answer: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    always = {"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(orjson.dumps(answer), status, always | headers)
