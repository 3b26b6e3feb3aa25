"""Pages: lists of objects, newest first, with Stripe's cursors and filters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from payments.sandbox.books import Books
from payments.sandbox.objects import Body
from payments.sandbox.refusals import invalid, missing

_MOST = 100
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Question:
    """What a list is asked for: SQL conditions and their arguments."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.conditions = ["kind = $1", "body ->> 'deleted' is null"]
        self.arguments: list[Any] = [kind]

    def must(self, condition: str, *arguments: Any) -> Question:
        """Add a condition; each `{}` in it is the place of the next argument."""
        places = range(len(self.arguments) + 1, len(self.arguments) + len(arguments) + 1)
        self.conditions.append(condition.format(*(f"${place}" for place in places)))
        self.arguments += arguments
        return self

    def equal(self, given: Body, *names: str) -> Question:
        """Fields that must have the given text, or truth."""
        for name in names:
            if given.get(name) is not None:
                value = given[name]
                self.must(f"body ->> '{name}' = {{}}", str(value).lower() if isinstance(value, bool) else value)
        return self

    def between(self, given: Body, *names: str) -> Question:
        """Instants that must be equal, or lie in a range of gt, gte, lt, lte."""
        for name in names:
            match given.get(name):
                case int(instant):
                    self.must(f"(body ->> '{name}')::bigint = {{}}", instant)
                case dict(limits):
                    for word, instant in limits.items():
                        self.must(f"(body ->> '{name}')::bigint {_COMPARISONS[word]} {{}}", instant)
        return self


async def page(books: Books, question: Question, given: Body, url: str) -> Body:
    """One page of a list, as Stripe's list object. Raises Refused for a bad limit or cursor."""
    limit = _limit(given)
    backward = "ending_before" in given
    cursor = given.get("ending_before") or given.get("starting_after")
    if cursor:
        place = await books.connection.fetchrow(
            "select created, seq from sandbox.object where id = $1 and kind = $2", cursor, question.kind
        )
        if place is None:
            raise missing(question.kind, cursor, "ending_before" if backward else "starting_after", 400)
        question.must(f"(created, seq) {'>' if backward else '<'} ({{}}, {{}})", place["created"], place["seq"])
    order = "created, seq" if backward else "created desc, seq desc"
    rows = await books.connection.fetch(
        f"select body from sandbox.object where {' and '.join(question.conditions)} order by {order} limit {limit + 1}",  # noqa: S608 - conditions are ours, values are arguments
        *question.arguments,
    )
    bodies = [books.read(row["body"]) for row in rows[:limit]]
    return listed(reversed(bodies) if backward else bodies, url, more=len(rows) > limit)


def listed(bodies: Iterable[Body], url: str, *, more: bool = False) -> Body:
    """Stripe's list object around some bodies."""
    return {"object": "list", "data": list(bodies), "has_more": more, "url": url}


def sliced(bodies: list[Body], given: Body, url: str) -> Body:
    """A page of a list that is already in memory, in its own order."""
    limit = _limit(given)
    ids = [body["id"] for body in bodies]
    for param in ("starting_after", "ending_before"):
        if given.get(param) and given[param] not in ids:
            raise missing("line item", given[param], param, 400)
    start = ids.index(given["starting_after"]) + 1 if given.get("starting_after") else 0
    return listed(bodies[start : start + limit], url, more=len(bodies) > start + limit)


def _limit(given: Body) -> int:
    limit: int = given.get("limit", 10)
    if not 1 <= limit <= _MOST:
        bound = "at most 100" if limit > _MOST else "at least 1"
        raise invalid(f"This value must be {bound}: limit.", "limit", "parameter_invalid_integer")
    return limit
