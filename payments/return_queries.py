"""What we ask about refunds and disputes."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from kernel.errors import NotFound
from kernel.work import Work
from payments.tables import Payment, Refund


async def refund(work: Work, account_id: int, refund_id: int) -> Refund:
    """A refund, locked for a change. Raises NotFound."""
    mine = (col(Refund.account_id) == account_id, col(Refund.id) == refund_id)
    found: Refund | None = await work.one(select(Refund).where(*mine).with_for_update())
    if found is None:
        raise NotFound
    return found


async def payment(work: Work, account_id: int, payment_id: int) -> Payment:
    """A payment, to look at. Raises NotFound."""
    mine = (col(Payment.account_id) == account_id, col(Payment.id) == payment_id)
    found: Payment | None = await work.one(select(Payment).where(*mine))
    if found is None:
        raise NotFound
    return found


async def reserved(work: Work, account_id: int, payment_id: int) -> int:
    """What of a payment goes back or went back, in minor units."""
    rows = await work.fetch(
        "select coalesce(sum(amount_minor), 0)::bigint as minor from refund"
        " where account_id = $1 and payment_id = $2 and state not in ('failed', 'canceled')",
        account_id,
        payment_id,
    )
    return int(rows[0]["minor"])


async def came_back(work: Work, account_id: int, payment_id: int) -> int:
    """What of a payment had left and came back, in minor units."""
    rows = await work.fetch(
        "select coalesce(sum(amount_minor), 0)::bigint as minor from refund"
        " where account_id = $1 and payment_id = $2 and state in ('failed', 'canceled') and sent_at is not null",
        account_id,
        payment_id,
    )
    return int(rows[0]["minor"])


async def promised(work: Work, account_id: int, credit_note_id: int) -> bool:
    """Whether a refund of this credit note is under way, or has arrived."""
    rows = await work.fetch(
        "select from refund where account_id = $1 and credit_note_id = $2 and state not in ('failed', 'canceled')",
        account_id,
        credit_note_id,
    )
    return bool(rows)


async def refunds_due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """Account and number of the refunds that want to be looked after, as the system sees them."""
    rows = await work.fetch(
        "select account_id, id from refund where next_at <= $1 order by next_at, account_id, id limit $2", now, most
    )
    return [(row["account_id"], row["id"]) for row in rows]
