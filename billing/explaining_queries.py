"""What we ask to explain an invoice: a subscription's lines of all times, and the invoices they stand on."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from billing.knowledge import Past
from billing.tables import Invoice, LineItem, Subscription
from kernel.errors import NotFound
from kernel.work import Work


async def subscription(work: Work, account_id: int, subscription_id: int) -> Subscription:
    """A subscription, to read. Raises NotFound."""
    mine = (col(Subscription.account_id) == account_id, col(Subscription.id) == subscription_id)
    found: Subscription | None = await work.one(select(Subscription).where(*mine))
    if found is None:
        raise NotFound
    return found


async def pasts(work: Work, account_id: int, subscription_id: int) -> list[Past]:
    """Every line of a subscription, oldest first, with when its invoice was made, void ones included."""
    mine = (col(LineItem.account_id) == account_id, col(LineItem.subscription_id) == subscription_id)
    rows: Sequence[LineItem] = await work.all(select(LineItem).where(*mine).order_by(col(LineItem.id)))
    made = await work.fetch(
        "select id, created_at from invoice where account_id = $1 and id = any($2::bigint[])",
        account_id,
        list({row.invoice_id for row in rows}),
    )
    when = {row["id"]: row["created_at"] for row in made}
    found = [Past(row, row.invoice_id, when[row.invoice_id]) for row in rows]
    return sorted(found, key=lambda past: (past.created_at, past.row.id))


async def numbers(work: Work, account_id: int, invoice_ids: Sequence[int]) -> dict[int, str]:
    """What invoices are called: by number, or as a draft."""
    rows = await work.all(
        select(Invoice).where(col(Invoice.account_id) == account_id, col(Invoice.id).in_(list(set(invoice_ids))))
    )
    return {row.id: row.number or "that is a draft" for row in rows}
