"""What we ask about pools that become smaller, and about who sits there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, BigInteger, cast, func
from sqlmodel import col, select

from auth.policy import Role
from kernel.work import Work
from seats.seating import CONSUMING, SeatState
from seats.shrinking import DecreasePolicy, Sitting
from seats.tables import Assignment


@dataclass(frozen=True, slots=True)
class Decrease:
    """Fewer seats than are taken, which a pool is to have."""

    pool_id: int
    seats: int
    taken: int
    at: datetime


async def policy(work: Work, account_id: int) -> DecreasePolicy:
    """What an account's workspace says becomes of seats that are too many; whoever has no workspace keeps them."""
    rows = await work.fetch("select decrease from workspace where id = $1", account_id)
    return DecreasePolicy(rows[0]["decrease"]) if rows else DecreasePolicy.KEEP_PAID


async def sitting(work: Work, account_id: int, pool_id: int) -> list[Sitting]:
    """Every seat of a pool that is taken, but for groups', which always have room; nothing is locked."""
    rows = await work.fetch(
        "select a.id, a.state, a.since, a.suspended_at, a.protected_at is not null as protected, m.last_used_at, m.role"
        " from assignment a left join member m on m.account_id = a.account_id and m.person_id = a.person_id"
        " and m.state = 'active'"
        " where a.account_id = $1 and a.pool_id = $2 and a.state in ('invited', 'active', 'suspended')"
        " and a.seat_group_id is null",
        account_id,
        pool_id,
    )
    return [
        Sitting(
            row["id"],
            SeatState(row["state"]),
            row["since"],
            row["suspended_at"],
            row["last_used_at"],
            Role(row["role"]) if row["role"] else None,
            row["protected"],
        )
        for row in rows
    ]


async def taken(work: Work, account_id: int, numbers: Sequence[int], *, wait: bool) -> list[Assignment]:
    """Those of these seats that are still taken and may go, locked in the order of their numbers.

    Without waiting, seats that others are changing are left out.
    """
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.id) == func.any(cast(list(numbers), ARRAY(BigInteger))),
        col(Assignment.state).in_(CONSUMING),
        col(Assignment.protected_at).is_(None),
    )
    asked = asked.order_by(col(Assignment.id)).with_for_update(skip_locked=not wait)
    return list(await work.all(asked.execution_options(populate_existing=True)))


_WAITING = (
    "select w.account_id, w.id, w.quantity, w.due_at, p.id as pool_id, p.assigned from scheduled_change w"
    " join license_pool p on p.account_id = w.account_id and p.subscription_item_id = w.item_id"
    " join subscription s on s.account_id = w.account_id and s.id = w.subscription_id"
    " where w.state = 'pending' and w.quantity < p.assigned and p.closed_at is null"
    " and (s.cancel_at is null or s.cancel_at > w.due_at)"
)


async def to_announce(work: Work, now: datetime, ahead: timedelta, every: timedelta) -> list[tuple[int, int]]:
    """Accounts, and their changes to fewer seats than are taken that are near and were not announced for a while."""
    rows = await work.fetch(
        f"{_WAITING} and w.due_at > $1 and w.due_at <= $2 and (w.announced_at is null or w.announced_at <= $3)"
        " order by w.due_at, w.account_id, w.id limit 200",
        now,
        now + ahead,
        now - every,
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def announced(work: Work, account_id: int, change_id: int, every: timedelta) -> Decrease | None:
    """A change to fewer seats than are taken, now announced; None when it was a moment ago, or is no such any more."""
    rows = await work.fetch(
        f"with due as ({_WAITING} and w.account_id = $1 and w.id = $2 and w.due_at > $3)"  # noqa: S608 - ours alone
        " update scheduled_change c set announced_at = $3 from due"
        " where c.account_id = due.account_id and c.id = due.id and c.state = 'pending'"
        " and (c.announced_at is null or c.announced_at <= $4)"
        " returning due.pool_id, due.quantity, due.assigned, due.due_at",
        account_id,
        change_id,
        work.now,
        work.now - every,
    )
    return next((Decrease(row["pool_id"], row["quantity"], row["assigned"], row["due_at"]) for row in rows), None)


async def waiting_for(work: Work, account_id: int, pool_id: int) -> tuple[int, datetime] | None:
    """How many seats a pool is to have, and from when on; None where no other number waits."""
    rows = await work.fetch(
        "select w.quantity, w.due_at from scheduled_change w"
        " join license_pool p on p.account_id = w.account_id and p.subscription_item_id = w.item_id"
        " where w.account_id = $1 and p.id = $2 and w.state = 'pending' and w.quantity is not null"
        " order by w.due_at, w.id desc limit 1",
        account_id,
        pool_id,
    )
    return next(((row["quantity"], row["due_at"]) for row in rows), None)
