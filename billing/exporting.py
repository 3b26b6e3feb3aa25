"""Exporting: what was billed and booked, as rows of a spreadsheet, read with a cursor so that size costs no memory.

Amounts come three ways: in minor units, with their currency, and as a decimal number.
Text that a spreadsheet would take for a formula is made harmless.
"""

# ruff: noqa: S608 - everything in these statements is a constant of this file

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from io import StringIO
from typing import Any

import asyncpg

from kernel.ids import encode
from kernel.money import Money
from kernel.work import Work

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - some take the wide ones too
_FETCHED = 500


class Sheet(StrEnum):
    """What can be exported."""

    ENTRIES = "entries"
    INVOICES = "invoices"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class _Form:
    columns: Sequence[str]
    sql: str
    row: Callable[[asyncpg.Record], list[Any]]


async def chunks(
    work: Work, sheet: Sheet, account_id: int | None, since: datetime, until: datetime
) -> AsyncIterator[bytes]:
    """The sheet as CSV in UTF-8, some rows at a time, of one account or of all that the actor sees."""
    form = _FORMS[sheet]
    yield _written([form.columns])
    driver = await work.driver()
    batch: list[list[Any]] = []
    async for record in driver.cursor(form.sql, account_id, since, until, prefetch=_FETCHED):
        batch.append(form.row(record))
        if len(batch) == _FETCHED:
            yield _written(batch)
            batch = []
    if batch:
        yield _written(batch)


def harmless(text: str | None) -> str:
    """The text, which no spreadsheet takes for a formula."""
    if text is None:
        return ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def decimal(minor: int, currency: str) -> str:
    """An amount as a decimal number: "20.00", "500"."""
    return Money(minor, currency).text.rpartition(" ")[0]


def _written(rows: Sequence[Sequence[Any]]) -> bytes:
    page = StringIO()
    csv.writer(page).writerows(rows)
    return page.getvalue().encode()


def _instant(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment else ""


def _invoice(row: asyncpg.Record) -> list[Any]:
    currency = row["currency"]
    names = ("subtotal", "tax", "total", "credit", "credited", "paid", "remaining")
    amounts = [value for name in names for value in (row[name], decimal(row[name], currency))]
    return [
        encode("inv", row["id"]),
        encode("account", row["account_id"]),
        harmless(row["name"]),
        harmless(row["number"]),
        *(row["state"], row["kind"]),
        *(
            _instant(row[name])
            for name in ("created_at", "issued_at", "due_at", "paid_at", "period_start", "period_end")
        ),
        harmless(row["po_number"]),
        currency,
        *amounts,
    ]


def _line(row: asyncpg.Record) -> list[Any]:
    currency = row["currency"]
    amounts = [
        value
        for name in ("amount", "discount", "tax", "credited")
        for value in (row[name], decimal(row[name], currency))
    ]
    return [
        encode("inv", row["invoice_id"]),
        encode("account", row["account_id"]),
        harmless(row["number"]),
        row["state"],
        row["position"],
        row["kind"],
        harmless(row["description"]),
        harmless(row["formula"]),
        row["quantity"],
        *(_instant(row[name]) for name in ("period_start", "period_end")),
        currency,
        *amounts,
        row["tax_percent"],
        row["tax_category"],
        "inclusive" if row["tax_inclusive"] else "exclusive",
    ]


def _entry(row: asyncpg.Record) -> list[Any]:
    currency = row["currency"]
    return [
        encode("entry", row["entry_id"]),
        _instant(row["at"]),
        encode("account", row["account_id"]),
        row["kind"],
        harmless(row["number"]),
        *(row["debit"], row["credit"], currency, row["minor"], decimal(row["minor"], currency)),
    ]


def _both(*names: str) -> list[str]:
    return [column for name in names for column in (f"{name}_minor", name)]


_WHEN = "($1::bigint is null or {row}.account_id = $1) and {row}.{at} >= $2 and {row}.{at} < $3"
_FORMS = {
    Sheet.INVOICES: _Form(
        [
            *("invoice", "account", "name", "number", "state", "kind", "created_at", "issued_at", "due_at", "paid_at"),
            *("period_start", "period_end", "po_number", "currency"),
            *_both("subtotal", "tax", "total", "credit_used", "credited", "paid", "remaining"),
        ],
        "select v.*, v.billed_to ->> 'name' as name, v.subtotal_minor as subtotal, v.tax_minor as tax,"
        " v.total_minor as total, v.credit_minor as credit, v.credited_minor as credited, v.paid_minor as paid,"
        " case when v.state = 'open' then v.total_minor - v.credit_minor - v.paid_minor"
        "   - v.credited_minor + v.returned_minor else 0 end as remaining"
        f" from invoice v where {_WHEN.format(row='v', at='created_at')} order by v.created_at, v.id",
        _invoice,
    ),
    Sheet.LINES: _Form(
        [
            *("invoice", "account", "number", "state", "position", "kind", "description", "formula", "quantity"),
            *("period_start", "period_end", "currency", *_both("amount", "discount", "tax", "credited")),
            *("tax_percent", "tax_category", "tax_in_price"),
        ],
        "select l.*, v.number, v.state, l.amount_minor as amount, l.discount_minor as discount, l.tax_minor as tax,"
        " l.adjusted_minor as credited"
        " from invoice v join line_item l on l.account_id = v.account_id and l.invoice_id = v.id"
        f" where {_WHEN.format(row='v', at='created_at')} order by v.created_at, v.id, l.position",
        _line,
    ),
    Sheet.ENTRIES: _Form(
        ["entry", "at", "account", "kind", "invoice_number", "debit", "credit", "currency", *_both("amount")],
        "select e.id as entry_id, e.at, e.account_id, e.kind, v.number, t.debit, t.credit, t.currency,"
        " t.amount_minor as minor"
        " from ledger_entry e join ledger_transfer t on t.account_id = e.account_id and t.entry_id = e.id"
        " left join invoice v on e.subject = 'invoice' and v.account_id = e.account_id and v.id = e.subject_id"
        f" where {_WHEN.format(row='e', at='at')} order by e.at, e.id, t.id",
        _entry,
    ),
}
