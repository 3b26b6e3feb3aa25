"""Search: Stripe's query language over customers and payment intents.

`email:"a@b.test" AND -status:"canceled" AND created>1700000000 AND metadata["gw"]:"1"`:
clauses joined by AND or by OR, never both; `:` is equality, `~` contains.
"""

from __future__ import annotations

import re

from payments.sandbox.books import Books
from payments.sandbox.objects import Body
from payments.sandbox.pages import Question
from payments.sandbox.refusals import invalid

FIELDS = {
    "customer": {"created", "email", "name", "phone"},
    "payment_intent": {"amount", "created", "currency", "customer", "status"},
}
_LONGEST_PAGE = 9
_NUMBERS = {"amount", "created"}
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_CLAUSE = re.compile(
    rf"(?P<not>-?)(?P<field>[a-z_]+)(?:\[(?P<key>{_QUOTED})\])?(?P<sign>:|~|[<>]=?)(?P<value>{_QUOTED}|null|-?\d+)"
)
_JOINT = re.compile(r"\s+(AND|OR)\s+|\s+", re.IGNORECASE)


async def search(books: Books, kind: str, given: Body, url: str) -> Body:
    """One page of what matches a query, newest first. Raises Refused for a query that can't be read."""
    question = _read(kind, given["query"])
    if books.settings.search_lag:
        question.must("created <= {}", books.now - books.settings.search_lag)
    limit = min(max(given.get("limit", 10), 1), 100)
    offset = _offset(given.get("page"))
    rows = await books.connection.fetch(
        f"select body from sandbox.object where {' and '.join(question.conditions)} "  # noqa: S608 - conditions are ours, values are arguments
        f"order by created desc, seq desc offset {offset} limit {limit + 1}",
        *question.arguments,
    )
    more = len(rows) > limit
    return {
        "object": "search_result",
        "data": [books.read(row["body"]) for row in rows[:limit]],
        "has_more": more,
        "next_page": str(offset + limit) if more else None,
        "url": url,
    }


def _offset(page: str | None) -> int:
    if page is None:
        return 0
    if not page.isdecimal() or len(page) > _LONGEST_PAGE:
        raise invalid("The page is not one that a search gave.", "page")
    return int(page)


def _read(kind: str, query: str) -> Question:
    question = Question(kind)
    conditions, joints, place = [], set(), 0
    while place < len(query):
        clause = _CLAUSE.match(query, place)
        if clause is None:
            raise invalid(f"We were unable to parse your search query: {query}", "query")
        conditions.append(_condition(question, kind, clause))
        place = clause.end()
        joint = _JOINT.match(query, place)
        if place < len(query) and (joint is None or joint.end() == len(query)):
            raise invalid(f"We were unable to parse your search query: {query}", "query")
        if joint:
            joints.add((joint[1] or "AND").upper())
            place = joint.end()
    if len(joints) > 1 or not conditions:
        raise invalid("A search query joins its clauses by AND or by OR, not by both.", "query")
    joint_word = joints.pop() if joints else "AND"
    question.conditions.append(f"({f' {joint_word} '.join(conditions)})")
    return question


def _condition(question: Question, kind: str, clause: re.Match[str]) -> str:
    """The SQL of one clause; its values become arguments of the question."""
    field, key, sign, value = clause["field"], clause["key"], clause["sign"], clause["value"]
    if (field == "metadata") != bool(key) or (field != "metadata" and field not in FIELDS[kind]):
        raise invalid(f"Field `{field}` is an unsupported search field for this resource.", "query")
    column = f"body -> 'metadata' ->> {_argument(question, _bare(key))}" if key else f"body ->> '{field}'"
    if value == "null":
        found = f"({column}) is null"
    elif field in _NUMBERS:
        found = f"({column})::bigint {'=' if sign == ':' else sign} {_argument(question, _number(value))}"
    elif sign == "~":
        found = f"position(lower({_argument(question, _bare(value))}) in lower({column})) > 0"
    elif sign == ":":
        found = f"lower({column}) = lower({_argument(question, _bare(value))})"
    else:
        raise invalid(f"Field `{field}` can't be compared by {sign}.", "query")
    return f"not coalesce({found}, false)" if clause["not"] else found


def _argument(question: Question, value: str | int) -> str:
    question.arguments.append(value)
    return f"${len(question.arguments)}::{'bigint' if isinstance(value, int) else 'text'}"


def _bare(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted[:1] in "'\"" else quoted


def _number(value: str) -> int:
    bare = _bare(value)
    if not bare.removeprefix("-").isdecimal():
        raise invalid(f"`{bare}` is not a number.", "query")
    return int(bare)
