"""Invoices that were issued at the rail and came over: looked after there until they are closed there, too.

The rail keeps its own payment for an invoice and lets nobody cancel it, so whoever
has its page open may still pay there. That is found, at once by a webhook or by a
look every hour, and told. What is settled here is closed there: whoever asks looks
first, so doing it again does no harm, and no money moves by it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlmodel import col, select

from kernel.work import Work
from payments import events
from payments.rail.errors import RailError, Refused
from payments.rail.invoice_values import TheirInvoice
from payments.rail.opening import Rail
from payments.states import ClosedAs
from payments.tables import RailInvoice

LOOKED_EVERY = timedelta(hours=1)
"""How often what is still open there is looked at."""

_PATIENCE = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), LOOKED_EVERY)
"""When we ask again what was not answered; the last again and again."""

_UNPAID = {"open", "uncollectible"}

log = structlog.get_logger("payments.rail_invoices")


async def due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """Account and invoice of those that are to be looked at, as the system sees them, the earliest first."""
    rows = await work.fetch(
        "select account_id, id from rail_invoice where next_at <= $1 order by next_at limit $2", now, most
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def odd(work: Work) -> dict[int, str]:
    """What somebody has to know of invoices at the rail, by number, as the owner of the tables sees it."""
    rows = await work.fetch("select id, told from rail_invoice where told is not null order by id")
    return {row["id"]: row["told"] for row in rows}


async def known(work: Work, account_id: int, invoice_id: int) -> RailInvoice | None:
    """What an invoice is at the rail, locked; None for one that was issued here."""
    mine = (col(RailInvoice.account_id) == account_id, col(RailInvoice.id) == invoice_id)
    asked = select(RailInvoice).where(*mine).with_for_update().execution_options(populate_existing=True)
    found: RailInvoice | None = await work.one(asked)
    return found


async def look_soon(work: Work, rail_id: str) -> bool:
    """Have the worker look at an invoice that changed there; whether it has come over. Opens transactions."""
    rows = await work.fetch("select account_id, id from rail_invoice where rail_id = $1", rail_id)
    await work.rest()
    for row in rows:
        async with work.transaction():
            await work.bind(row["account_id"])
            found = await known(work, row["account_id"], row["id"])
            if found and found.closed_at is None:
                found.next_at = work.now
    return bool(rows)


async def close(work: Work, account_id: int, invoice_id: int, wanted: ClosedAs) -> None:
    """Have the worker make of an invoice there what it has become here; nothing for one that was issued here."""
    row = await known(work, account_id, invoice_id)
    if row is None or row.wanted is wanted:
        return
    row.wanted, row.next_at, row.closed_at, row.looks = wanted, work.now, None, 0
    await work.flush()


async def pursue(work: Work, rail: Rail, account_id: int, invoice_id: int) -> None:
    """Look at an invoice at the rail, and close it there if it is settled here. Opens transactions."""
    async with work.transaction():
        await work.bind(account_id)
        row = await known(work, account_id, invoice_id)
        if row is None or row.next_at is None or row.next_at > work.now:
            return  # another worker has taken it
        row.next_at = work.now + _PATIENCE[min(row.looks, len(_PATIENCE) - 1)]
        row.looks += 1
        key, rail_id, wanted = f"{rail.installation}-invoice-{row.id}-{row.looks}", row.rail_id, row.wanted
    try:
        told = await rail.invoices.look(rail_id)
        status = await _closed(rail, told, wanted, key) if wanted else told.status
    except RailError as error:
        log.info("an invoice has to wait at the rail", kind=type(error).__name__, says=str(error))
        if isinstance(error, Refused):
            await _say(work, account_id, invoice_id, f"Stripe refused to close it: {error}.")
        return
    async with work.transaction():
        await work.bind(account_id)
        row = await known(work, account_id, invoice_id)
        assert row, "it was there a moment ago, and is never deleted"
        await _learn(work, row, told, status, wanted)


async def _closed(rail: Rail, told: TheirInvoice, wanted: ClosedAs, key: str) -> str:
    """The status of an invoice there after it was closed, unless it was before. Raises RailError."""
    if wanted is ClosedAs.PAID and told.status in _UNPAID:
        return (await rail.invoices.paid_elsewhere(told.id, key=key)).status
    if wanted is ClosedAs.VOID and told.status in _UNPAID:
        return (await rail.invoices.void(told.id, key=key)).status
    if wanted is ClosedAs.UNCOLLECTIBLE and told.status == "open":
        return (await rail.invoices.give_up(told.id, key=key)).status
    return told.status


async def _learn(work: Work, row: RailInvoice, told: TheirInvoice, status: str, wanted: ClosedAs | None) -> None:
    row.told = _odd(status, wanted)
    if told.paid.minor > row.paid_minor:
        row.paid_minor = told.paid.minor
        await work.flush()
        work.emit(events.InvoicePaidThere(row.account_id, row.id), row)
    if row.wanted is not wanted:
        row.next_at = work.now
    elif wanted:
        row.closed_at, row.next_at = work.now, None
        await work.flush()
        work.emit(events.InvoiceClosedThere(row.account_id, row.id, wanted.value), row)
    else:
        row.next_at, row.looks = work.now + LOOKED_EVERY, 0
    await work.flush()


def _odd(status: str, wanted: ClosedAs | None) -> str | None:
    """What of its status there is not as it is here."""
    if status == (wanted.value if wanted else "open"):
        return None
    return f"It is {status} at Stripe, and {wanted.value if wanted else 'owed'} here."


async def _say(work: Work, account_id: int, invoice_id: int, told: str) -> None:
    async with work.transaction():
        await work.bind(account_id)
        row = await known(work, account_id, invoice_id)
        if row:
            row.told = told
