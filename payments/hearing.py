"""Hearing: the rail's events, stored once each, and applied later by a merge that any order leads to one state.

`HEARD` says what an event changes, by the beginning of its kind. Whoever needs more
of them adds a line. An event that belongs to nobody here is kept, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from kernel import ids
from kernel.errors import InvalidInput, Unavailable
from kernel.work import Work
from payments import (
    answering,
    customers,
    methods,
    movement_queries,
    outcomes,
    queries,
    rail_invoices,
    refunds,
    return_queries,
    setups,
    warnings,
)
from payments.merging import Seen, with_charge, with_intent
from payments.rail.balance import Payout
from payments.rail.disputes import Dispute
from payments.rail.fraud import Warned
from payments.rail.opening import Rail
from payments.rail.refunds import Refund
from payments.rail.values import VERSION, Charge, Intent, Method, named
from payments.webhooks import Told

log = structlog.get_logger("payments.hearing")

_RETRIES = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""When an event is tried again that could not be applied yet; after the last it is left to reconciliation."""


GIVEN_UP = "left to reconciliation"
"""What is said of an event that could not be applied in time."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event that is applied now."""

    work: Work
    rail: Rail
    id: str
    kind: str
    at: datetime
    body: Mapping[str, Any]
    """What it is about, as the rail shows it."""

    known: bool = True
    """Whether it is written in the version of the API that we read; else only its ids can be trusted."""


class NotYetError(Exception):
    """What the event is about is not committed here yet."""


async def store(work: Work, told: Told) -> bool:
    """Keep an event until it is applied; False if we had it already."""
    later = None if told.thin else work.now
    rows = await work.execute(
        "insert into rail_event (id, kind, at, api_version, live, body, received_at, next_at, outcome)"
        " values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9) on conflict do nothing",
        told.id,
        told.kind,
        told.at,
        told.api_version,
        told.live,
        json.dumps(told.body).replace("\\u0000", ""),
        work.now,
        later,
        "thin events are not read" if told.thin else None,
    )
    return rows > 0


async def due(work: Work, now: datetime, most: int) -> list[str]:
    """The ids of the events that want to be applied, as the system sees them, in the order of the rail's clock."""
    rows = await work.fetch("select id from rail_event where next_at <= $1 order by at, id limit $2", now, most)
    return [row["id"] for row in rows]


async def apply(work: Work, rail: Rail, event_id: str) -> None:
    """Apply a stored event. Opens transactions, so call it outside of one; done twice, it changes nothing."""
    rows = await work.fetch(
        "select kind, at, api_version, body::text, tries from rail_event where id = $1 and next_at is not null",
        event_id,
    )
    await work.rest()
    if not rows:
        return
    kind, shown = rows[0]["kind"], json.loads(rows[0]["body"])["data"]["object"]
    heard = Heard(work, rail, event_id, kind, rows[0]["at"], shown, known=rows[0]["api_version"] in {VERSION, None})
    act = next((act for start, act in HEARD.items() if kind.startswith(start)), None)
    try:
        outcome = await act(heard) if act else "nothing follows from it"
    except (NotYetError, Unavailable):
        await _later(work, event_id, rows[0]["tries"])
        return
    except Exception as error:
        # Something in it is not as we know it: others go on meanwhile.
        log.exception("an event could not be applied", event_kind=kind, kind=type(error).__name__)
        await _later(work, event_id, rows[0]["tries"])
        return
    await _done(work, event_id, outcome)


async def _done(work: Work, event_id: str, outcome: str) -> None:
    async with work.transaction():
        await work.execute("update rail_event set next_at = null, outcome = $2 where id = $1", event_id, outcome)


async def _later(work: Work, event_id: str, tries: int) -> None:
    if tries >= len(_RETRIES):
        await _done(work, event_id, GIVEN_UP)
        return
    async with work.transaction():
        await work.execute(
            "update rail_event set next_at = $2, tries = tries + 1 where id = $1", event_id, work.now + _RETRIES[tries]
        )


# What follows from an event


async def _intent(heard: Heard) -> str:
    found = await _payment(heard, str(heard.body["id"]))
    if found is None:
        return _strange(heard)
    account_id, payment_id = found
    async with heard.work.transaction():
        await heard.work.bind(account_id)
        payment = await queries.payment(heard.work, account_id, payment_id)
        if not heard.known:
            payment.next_at = heard.work.now
            return "looked at, for it is of another version of the API"
        seen = with_intent(Seen.from_document(payment.seen), Intent.from_body(heard.body), heard.at)
        await outcomes.learn(heard.work, payment, seen)
    return "applied"


async def _charge(heard: Heard) -> str:
    intent = named(heard.body.get("payment_intent"))
    found = await _payment(heard, intent) if intent else None
    if found is None:
        return _strange(heard)
    account_id, payment_id = found
    async with heard.work.transaction():
        await heard.work.bind(account_id)
        payment = await queries.payment(heard.work, account_id, payment_id)
        if not heard.known:
            payment.next_at = heard.work.now
            return "looked at, for it is of another version of the API"
        seen = with_charge(Seen.from_document(payment.seen), Charge.from_body(heard.body))
        await outcomes.learn(heard.work, payment, seen)
    return "applied"


async def _setup(heard: Heard) -> str:
    rows = await heard.work.fetch("select account_id, id from payment_setup where rail_id = $1", heard.body["id"])
    await heard.work.rest()
    if not rows:
        if _ours(heard):
            raise NotYetError
        return "it is not ours"
    await setups.look(heard.work, heard.rail, rows[0]["account_id"], rows[0]["id"], urgent=False)
    return "applied"


async def _method(heard: Heard) -> str:
    rows = await heard.work.fetch("select account_id from payment_method where rail_id = $1", heard.body["id"])
    await heard.work.rest()
    if not rows:
        return "it is not ours"
    async with heard.work.transaction():
        await heard.work.bind(rows[0]["account_id"])
        method = await queries.method_named(heard.work, rows[0]["account_id"], str(heard.body["id"]))
        assert method is not None, "it was found a moment ago, and no method is deleted"
        if heard.kind == "payment_method.detached":
            await methods.gone(heard.work, method)
        elif heard.known:
            await methods.update(heard.work, method, Method.from_body(heard.body))
    return "applied"


async def _customer_deleted(heard: Heard) -> str:
    rows = await heard.work.fetch("select account_id from rail_customer where rail_id = $1", heard.body["id"])
    await heard.work.rest()
    if not rows:
        return "it is not ours"
    account_id = rows[0]["account_id"]
    async with heard.work.transaction():
        await heard.work.bind(account_id)
        await customers.forget(heard.work, account_id)
        for method in await queries.methods_of(heard.work, account_id):
            await methods.gone(heard.work, method)
    return "applied"


async def _dispute(heard: Heard) -> str:
    if not heard.known:
        return "it will be looked at, for it is of another version of the API"
    found = await answering.heard(heard.work, Dispute.from_body(heard.body), heard.at)
    return "applied" if found else "it is of no payment of ours"


async def _refund(heard: Heard) -> str:
    rows = await heard.work.fetch(
        "select account_id, id from refund where rail_id = $1 or id = $2", heard.body["id"], _refund_meant(heard)
    )
    await heard.work.rest()
    if not rows:
        return await _refund_found(heard)
    account_id, refund_id = rows[0]["account_id"], rows[0]["id"]
    async with heard.work.transaction():
        await heard.work.bind(account_id)
        refund = await return_queries.refund(heard.work, account_id, refund_id)
        if not heard.known:
            refund.next_at = heard.work.now
            return "looked at, for it is of another version of the API"
        refunds.learn(heard.work, refund, Refund.from_body(heard.body))
    return "applied"


async def _refund_found(heard: Heard) -> str:
    """A refund that nobody here has asked for: of a payment of ours it was made at the rail itself."""
    if not heard.known:
        return "left to reconciliation, for it is of another version of the API"
    told = Refund.from_body(heard.body)
    found = await return_queries.payment_of(heard.work, told.intent) if told.intent else None
    await heard.work.rest()
    if found is None:
        return _strange(heard)
    async with heard.work.transaction():
        await heard.work.bind(found[0])
        refund = await refunds.found(heard.work, await queries.payment(heard.work, *found), told)
        refunds.learn(heard.work, refund, told)
    return "applied"


async def _invoice(heard: Heard) -> str:
    found = await rail_invoices.look_soon(heard.work, str(heard.body.get("id")))
    return "it will be looked at" if found else "it has not come over"


async def _mandate(heard: Heard) -> str:
    method = named(heard.body.get("payment_method"))
    rows = await heard.work.fetch("select account_id from payment_method where rail_id = $1", method)
    await heard.work.rest()
    if not rows:
        return "it is not ours"
    if heard.body.get("status") != "inactive":
        return "nothing follows from it"
    async with heard.work.transaction():
        await heard.work.bind(rows[0]["account_id"])
        known = await queries.method_named(heard.work, rows[0]["account_id"], str(method))
        assert known is not None, "it was found a moment ago, and no method is deleted"
        await methods.revoked(heard.work, known)
    return "applied"


async def _fraud(heard: Heard) -> str:
    told = Warned.from_body(heard.body)
    return "applied" if await warnings.heard(heard.work, told) else "it is of no payment of ours"


async def _payout(heard: Heard) -> str:
    if not heard.known:
        return "left to reconciliation, for it is of another version of the API"
    async with heard.work.transaction():
        await movement_queries.keep_payout(heard.work, Payout.from_body(heard.body))
    return "applied"


def _refund_meant(heard: Heard) -> int | None:
    """Our number of a refund whose answer is on its way to us still."""
    if not _ours(heard):
        return None
    try:
        return ids.decode("refund", str((heard.body.get("metadata") or {}).get("gw_refund", "")))
    except InvalidInput:
        return None


HEARD: dict[str, Callable[[Heard], Awaitable[str]]] = {
    "payment_intent.": _intent,
    "charge.dispute.": _dispute,
    "charge.refund.": _refund,
    "refund.": _refund,
    "charge.": _charge,
    "setup_intent.": _setup,
    "payment_method.": _method,
    "mandate.": _mandate,
    "radar.early_fraud_warning.": _fraud,
    "payout.": _payout,
    "invoice.": _invoice,
    "customer.deleted": _customer_deleted,
}
"""What an event changes, by the beginning of its kind, the longer beginnings first; each tells what came of it."""


async def _payment(heard: Heard, intent: str) -> tuple[int, int] | None:
    """Account and number of the payment of an intent. Raises NotYetError where that is about to be committed."""
    rows = await heard.work.fetch("select account_id, id from payment where rail_id = $1", intent)
    await heard.work.rest()
    if rows:
        return rows[0]["account_id"], rows[0]["id"]
    if _ours(heard) and "gw_payment" in (heard.body.get("metadata") or {}):
        raise NotYetError
    return None


def _ours(heard: Heard) -> bool:
    """Whether what it is about bears the mark of this installation, and of an account that could be ours."""
    marks = heard.body.get("metadata") or {}
    try:
        ids.decode("account", str(marks.get("gw_account", "")))
    except InvalidInput:
        return False
    return marks.get("gw_installation") == heard.rail.installation


def _strange(heard: Heard) -> str:
    return "ours, and nobody knows it" if _ours(heard) else "it is not ours"
