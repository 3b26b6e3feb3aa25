"""Events: kept for 30 days, with what is known of their deliveries."""

from __future__ import annotations

from payments.sandbox.books import Books
from payments.sandbox.clock import DAY
from payments.sandbox.objects import Body
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import missing

_KEPT = 30 * DAY
_UNDELIVERED = "exists (select from sandbox.delivery d where d.event = object.id and d.state <> 'delivered')"


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/events/{id}."""
    del given
    event = await books.one("event", id)
    if event["created"] <= books.now - _KEPT:
        raise missing("event", id, "id", 404)
    await count_pending(books, [event])
    return event


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/events."""
    question = Question("event").between(given, "created").must("created > {}", books.now - _KEPT)
    types = given.get("types") or ([given["type"]] if "type" in given else [])
    if types:
        question.must("body ->> 'type' like any({})", [_pattern(name) for name in types])
    if "delivery_success" in given:
        question.must(_UNDELIVERED if given["delivery_success"] is False else f"not {_UNDELIVERED}")
    listed = await page(books, question, given, "/v1/events")
    await count_pending(books, listed["data"])
    return listed


async def count_pending(books: Books, events: list[Body]) -> None:
    """Tell on each event how many of its deliveries are still to be made."""
    ids = [event["id"] for event in events]
    rows = await books.connection.fetch(_PENDING, ids)
    pending = {row["event"]: row["count"] for row in rows}
    for event in events:
        event["pending_webhooks"] = pending.get(event["id"], 0)


def _pattern(type: str) -> str:
    return type.replace("_", r"\_").replace("*", "%")


_PENDING = """
select event, count(*) as count from sandbox.delivery
where event = any($1) and state in ('pending', 'held') group by event
"""
