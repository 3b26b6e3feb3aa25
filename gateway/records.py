"""The audit log of an account as CSV or as lines of JSON, streamed to whoever may read it.

    GET /export/audit.csv?account=account_…&since=2026-01-01T00:00:00Z&outcome=refused
    GET /export/audit.jsonl?account=account_…&after=4711

The filters are those of `auditLog`; `after` goes on behind a number of the chain. The
transaction that reads the records stays open while the client does, and a cursor
fetches them, so that a long log costs no memory.
"""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from auth.policy import Permission
from billing.exporting import harmless
from gateway.exports import asker, instant
from kernel import ids
from kernel.errors import InvalidInput
from kernel.work import Work
from resolvers import auditing
from resolvers.auditing import OUTCOME, SUBJECT, AuditOutcome
from resolvers.graph import FACES, Bind
from resolvers.info import Context

_FETCHED = 500
_NAMES = (
    *("seq", "at", "action", "outcome", "subject", "actor", "person", "email", "impersonator", "token"),
    *("ip", "request_id", "reason", "before", "after"),
)
_LONGEST = 18
"""Digits of a number that fits 64 bits for sure."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """How records are written: what comes first, and how some of them become bytes."""

    media_type: str
    head: bytes
    write: Callable[[Sequence[Row]], bytes]


def records(context: Context, request: Request) -> Response:
    """The answer to one request. Raises a Fault."""
    name = request.url.path.rpartition(".")[2]
    form = FORMS[name]
    account_id = _account(context, request)
    sql, values = _asked(context, account_id, request.query_params)
    return StreamingResponse(
        _chunks(context.work, form, sql, values),
        media_type=form.media_type,
        headers={
            "content-disposition": f'attachment; filename="audit.{name}"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )


def _account(context: Context, request: Request) -> int:
    asker(context)
    named = request.query_params.get("account")
    if named is None:
        raise InvalidInput("Say which account: ?account=account_…")
    number = ids.decode("account", named)
    context.actor.require(Permission.SEE_AUDIT, number)
    return number


def _asked(context: Context, account_id: int, told: Mapping[str, str]) -> tuple[str, list[Any]]:
    """The statement that reads what is asked for, and its values. Raises InvalidInput."""
    bind = Bind()
    seen, known = FACES["AuditRecord"].visible, FACES["Person"].visible
    assert seen is not None, "the audit log is read by those who may"
    assert known is not None, "and so are people"
    if unknown := sorted(set(told) - {"account", *_FILTERS}):
        raise InvalidInput(f"There is no {unknown[0][:50]!r} to filter by, but {', '.join(_FILTERS)}.")
    where = [f"r.account_id = {bind(account_id, 'bigint')}", seen("r", bind, context.actor)]
    for name, (compare, kind, read) in _FILTERS.items():
        if name in told:
            where.append(compare.format(value=bind(read(name, told[name]), kind)))
    people = known("p", bind, context.actor)
    sql = (
        "select r.*, p.email from audit_record r"  # noqa: S608 - constants of ours; what a client says is bound
        f" left join person p on p.id = r.person_id and {people} where {' and '.join(where)} order by r.seq"
    )
    return sql, bind.values


async def _chunks(work: Work, form: Form, sql: str, values: Sequence[Any]) -> AsyncIterator[bytes]:
    yield form.head
    driver = await work.driver()
    batch: list[Row] = []
    async for record in driver.cursor(sql, *values, prefetch=_FETCHED):
        batch.append(_row(record))
        if len(batch) == _FETCHED:
            yield form.write(batch)
            batch = []
    if batch:
        yield form.write(batch)


def _row(record: asyncpg.Record) -> Row:
    subject = record["subject"]
    refused = record["action"].partition(".")[2] in auditing.REFUSED
    return {
        **{name: record[name] for name in ("seq", "action", "actor", "email", "token", "ip", "request_id", "reason")},
        "at": record["at"].astimezone(UTC).isoformat(),
        "outcome": AuditOutcome.REFUSED if refused else AuditOutcome.DONE,
        "subject": auditing.subject(subject, record["subject_id"]),
        "person": _person(record["person_id"]),
        "impersonator": _person(record["impersonator_id"]),
        "before": auditing.told(subject, record["before"]),
        "after": auditing.told(subject, record["after"]),
    }


def _person(number: int | None) -> str | None:
    return None if number is None else ids.encode("person", number)


def _comma_separated(rows: Sequence[Row]) -> bytes:
    page = StringIO()
    csv.writer(page).writerows([_cell(row[name]) for name in _NAMES] for row in rows)
    return page.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, int) else harmless(value)


def _json_lines(rows: Sequence[Row]) -> bytes:
    lines = (json.dumps({name: row[name] for name in _NAMES}, ensure_ascii=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _text(name: str, text: str) -> str:
    if "\x00" in text:
        raise InvalidInput(f"{name}: text can't hold the NUL character.")
    return text


def _outcome(name: str, text: str) -> str:
    try:
        return AuditOutcome(text).value
    except ValueError:
        raise InvalidInput(f"{name}: it is {' or '.join(AuditOutcome)}.") from None


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise InvalidInput(f"{name}: it is the number of a record.")
    return int(text)


_FILTERS: Mapping[str, tuple[str, str, Callable[[str, str], str | int | datetime]]] = {
    "action": ("r.action = {value}", "text", _text),
    "actor": ("r.actor = {value}", "text", _text),
    "after": ("r.seq > {value}", "bigint", _whole),
    "outcome": (f"{OUTCOME.format(column='r.action')} = {{value}}", "text", _outcome),
    "person": ("r.person_id = {value}", "bigint", lambda _, text: ids.decode("person", text)),
    "request": ("r.request_id = {value}", "text", _text),
    "since": ("r.at >= {value}", "timestamptz", instant),
    "subject": (SUBJECT.replace("{column}", "r.subject"), "text", lambda _, text: auditing.subject_named(text)),
    "until": ("r.at < {value}", "timestamptz", instant),
}
FORMS = {
    "csv": Form("text/csv; charset=utf-8", (",".join(_NAMES) + "\r\n").encode(), _comma_separated),
    "jsonl": Form("application/jsonl; charset=utf-8", b"", _json_lines),
}
"""What can be asked for, by the end of its address."""
