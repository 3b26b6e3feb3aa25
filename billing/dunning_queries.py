"""What we ask about unpaid invoices and what follows them."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from billing import dunning_rows
from billing.dunning import STANDARD, Schedule
from billing.tables import InvoiceDunning
from kernel.work import Work


async def dunning(work: Work, account_id: int, invoice_id: int) -> InvoiceDunning | None:
    """What follows an invoice, locked for a change; None where nothing does."""
    mine = (col(InvoiceDunning.account_id) == account_id, col(InvoiceDunning.id) == invoice_id)
    found: InvoiceDunning | None = await work.one(select(InvoiceDunning).where(*mine).with_for_update())
    return found


async def schedule_named(work: Work, key: str) -> Schedule:
    """The schedule of this name as it is now; the standard where the catalog has none."""
    rows = await work.fetch("select key, rule from dunning_schedule where key = $1", key)
    return dunning_rows.read(rows[0]["key"], rows[0]["rule"]) if rows else STANDARD


async def schedule_of(work: Work, account_id: int, invoice_id: int) -> str:
    """The name of the schedule that an invoice follows: that of the plan of its first line that bills one.

    The lines of an invoice that came over bill none; it follows the schedule of its subscription's plan.
    """
    rows = await work.fetch(
        "select plan.dunning, line.position from line_item line left join price on price.id = line.price_id"
        " join plan on plan.id = coalesce(line.plan_id, price.plan_id)"
        " where line.account_id = $1 and line.invoice_id = $2"
        " union all select plan.dunning, null from invoice v"
        " join subscription s on s.account_id = v.account_id and s.id = v.subscription_id"
        " join plan on plan.id = s.plan_id where v.account_id = $1 and v.id = $2 and v.kind = 'imported'"
        " order by position limit 1",
        account_id,
        invoice_id,
    )
    return rows[0]["dunning"] if rows else STANDARD.key


async def billed_subscriptions(work: Work, account_id: int, invoice_id: int) -> list[int]:
    """The subscriptions that an invoice bills."""
    rows = await work.fetch(
        "select subscription_id as id from invoice where account_id = $1 and id = $2 and subscription_id is not null"
        " union select subscription_id from line_item"
        " where account_id = $1 and invoice_id = $2 and subscription_id is not null order by id",
        account_id,
        invoice_id,
    )
    return [row["id"] for row in rows]


async def due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """Account and invoice of the steps that are due, as the system sees them, the earliest first."""
    rows = await work.fetch(
        "select account_id, id from invoice_dunning where next_at <= $1 order by next_at, account_id, id limit $2",
        now,
        most,
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def unpaid(work: Work, account_id: int) -> list[int]:
    """The invoices of an account that are still owed, and not paused."""
    rows = await work.fetch(
        "select id from invoice_dunning where account_id = $1 and state in ('running', 'ended') order by id", account_id
    )
    return [row["id"] for row in rows]


async def other_unpaid(work: Work, account_id: int, subscription_id: int, invoice_id: int) -> bool:
    """Whether another invoice of a subscription is still unpaid."""
    rows = await work.fetch(
        "select from invoice_dunning where account_id = $1 and id <> $2 and state <> 'settled' and started_at <= $4"
        " and $3 = any (subscriptions) limit 1",
        account_id,
        invoice_id,
        subscription_id,
        work.now,
    )
    return bool(rows)
