"""What we ask about seats that nobody uses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from auth.policy import Role
from kernel.work import Work
from seats.reclaiming import NOTICE, REMEMBERED, REMINDER, Idle, Notice
from seats.seating import SeatState
from seats.shrinking import Sitting

_IDLE = """
    select a.account_id, a.id, a.state, a.since, a.suspended_at, a.protected_at is not null as protected,
           m.last_used_at, m.role, a.reclaim_noticed_at, a.reclaim_at, a.reclaim_reminded_at, w.reclaim_after_days,
           greatest(a.since, m.last_used_at + $1::interval) as idle_since,
           greatest(a.since, m.last_used_at + $1::interval)
               + make_interval(hours => 24 * w.reclaim_after_days) as ends_at
    from assignment a
    join workspace w on w.id = a.account_id
    left join member m on m.account_id = a.account_id and m.person_id = a.person_id and m.state = 'active'
"""
_TAKEN = "a.state = 'active' and a.protected_at is null and m.role is distinct from 'owner'"


async def due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """The accounts and seats about which something is to be done now, as nobody but the system sees them."""
    rows = await work.fetch(
        f"""
        select account_id, id from (
            {_IDLE} where w.reclaim_after_days is not null and a.state = 'active' and a.protected_at is null
            and m.role is distinct from 'owner'
        ) s
        where case
            when reclaim_noticed_at is null
                then ends_at - $3::interval <= $2
            when last_used_at >= reclaim_noticed_at then true
            when reclaim_reminded_at is null
                then greatest(reclaim_at, ends_at) - $4::interval <= $2
            else greatest(reclaim_at, ends_at) <= $2
        end
        union all
        select account_id, id from (
            {_IDLE} where a.reclaim_noticed_at is not null and a.state <> 'released'
            and (w.reclaim_after_days is null or not ({_TAKEN}))
        ) s
        limit $5
        """,  # noqa: S608 - constant words
        REMEMBERED,
        now,
        NOTICE,
        REMINDER,
        most,
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def idle_of(work: Work, account_id: int, seat_id: int) -> Idle | None:
    """A seat and how long nobody has used it, with its holder's membership locked; None for one that is over.

    The membership comes first: whoever ends it frees its seats afterward.
    """
    await work.execute(
        "select from member m join assignment a on a.account_id = m.account_id and a.person_id = m.person_id"
        " where a.account_id = $1 and a.id = $2 and m.state = 'active' for update of m",
        account_id,
        seat_id,
    )
    await work.execute("select from assignment where account_id = $1 and id = $2 for update", account_id, seat_id)
    rows = await work.fetch(
        f"{_IDLE} where a.account_id = $2 and a.id = $3 and a.state <> 'released'", REMEMBERED, account_id, seat_id
    )
    return _idle(rows[0], rows[0]["reclaim_after_days"]) if rows else None


async def idle_in(work: Work, account_id: int, days: int | None) -> list[Idle]:
    """The seats of a workspace that are in use, with how long nobody has used each, the longest first."""
    rows = await work.fetch(
        f"{_IDLE} where a.account_id = $2 and {_TAKEN} order by idle_since, a.id", REMEMBERED, account_id
    )
    return [_idle(row, days) for row in rows]


def _idle(row: Any, days: int | None) -> Idle:
    sitting = Sitting(
        row["id"],
        SeatState(row["state"]),
        row["since"],
        row["suspended_at"],
        row["last_used_at"],
        Role(row["role"]) if row["role"] else None,
        row["protected"],
    )
    noticed_at = row["reclaim_noticed_at"]
    notice = Notice(noticed_at, row["reclaim_at"], row["reclaim_reminded_at"]) if noticed_at else None
    return Idle(sitting, notice, None if days is None else timedelta(days=days))
