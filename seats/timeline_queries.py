"""What we ask about where somebody sat, and about what was billed for those pools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kernel.work import Work

MOST = 100
"""How many stays a timeline tells; the latest."""


async def stays(work: Work, account_id: int, person_id: int) -> list[Any]:
    """Where a person sat in a workspace, the latest first: the seats, and the items that pay for their pools."""
    return await work.fetch(
        "select a.id, a.pool_id, a.state, a.since, a.released_at, a.release_reason, p.subscription_item_id as item_id"
        " from assignment a left join license_pool p on p.account_id = a.account_id and p.id = a.pool_id"
        " where a.account_id = $1 and a.person_id = $2 and a.state <> 'waitlisted'"
        " and (a.released_at is null or a.released_at > a.since)"
        " order by a.since desc, a.id desc limit $3",
        account_id,
        person_id,
        MOST,
    )


async def billed(work: Work, account_id: int, items: Sequence[int], since: datetime, until: datetime) -> list[Any]:
    """What issued invoices bill for these items in a span, or give back, as far as the reader may see it."""
    return await work.fetch(
        "select l.item_id, coalesce(l.above, 0) as above, l.quantity, l.period_start, l.period_end, l.currency,"
        " l.amount_minor - l.discount_minor as minor"
        " from line_item l join invoice i on i.account_id = l.account_id and i.id = l.invoice_id"
        " where l.account_id = $1 and l.item_id = any($2::bigint[]) and l.kind in ('charge', 'credit', 'restored')"
        " and l.period_start < $4 and l.period_end > $3 and l.period_start < l.period_end"
        " and l.quantity > coalesce(l.above, 0)"
        " and i.state not in ('draft', 'void') order by l.id",
        account_id,
        list(items),
        since,
        until,
    )
