"""What we ask about requests for seats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
from sqlmodel import col, select

from kernel.errors import NotFound
from kernel.work import Work
from seats.tables import LicensePool, SeatRequest


async def request(work: Work, account_id: int, request_id: int) -> SeatRequest:
    """A request, locked for a decision. Raises NotFound."""
    asked = select(SeatRequest).where(col(SeatRequest.account_id) == account_id, col(SeatRequest.id) == request_id)
    found: SeatRequest | None = await work.one(asked.with_for_update())
    if found is None:
        raise NotFound
    return found


async def open_pools(work: Work, account_id: int, plan_id: int) -> list[LicensePool]:
    """The open pools of a plan, those with free seats first, then the oldest."""
    full = col(LicensePool.assigned) + col(LicensePool.set_apart) >= col(LicensePool.purchased)
    asked = select(LicensePool).where(
        col(LicensePool.account_id) == account_id,
        col(LicensePool.plan_id) == plan_id,
        col(LicensePool.closed_at).is_(None),
    )
    return list(await work.all(asked.order_by(full, col(LicensePool.created_at), col(LicensePool.id))))


_COLUMNS = (
    "account_id",
    "id",
    "pool_id",
    "plan_id",
    "email",
    "person_id",
    "person_key",
    "asked_by",
    "note",
    "state",
    "created_at",
    "expires_at",
)


async def open_all(work: Work, rows: Sequence[SeatRequest]) -> set[int]:
    """Insert many requests in one statement; the numbers of those whose person had none open in their pool."""
    if not rows:
        return set()
    columns: list[list[Any]] = [[getattr(row, name) for row in rows] for name in _COLUMNS]
    took = await work.fetch(
        f"insert into seat_request ({', '.join(_COLUMNS)})"  # noqa: S608 - constant columns
        " select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[],"
        " $7::text[], $8::bigint[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[])"
        " as t(a, b, c, d, e, f, g, h, i, j, k, l) order by g"
        " on conflict (account_id, pool_id, person_key) where state = 'open' do nothing returning id",
        *columns,
    )
    return {row["id"] for row in took}


async def open_of(work: Work, account_id: int, pool_id: int, keys: Sequence[str]) -> dict[str, int]:
    """The open requests of these people for seats of a pool, by who they are."""
    rows = await work.fetch(
        "select person_key, id from seat_request"
        " where account_id = $1 and pool_id = $2 and person_key = any($3::text[]) and state = 'open'",
        account_id,
        pool_id,
        list(keys),
    )
    return {row["person_key"]: row["id"] for row in rows}


_STANDING = (
    "select r.account_id, r.id, p.closed_at is not null as closed,"
    " exists (select from assignment a where a.account_id = r.account_id and a.pool_id = r.pool_id"
    " and a.state in ('invited', 'active', 'suspended')"
    " and (a.person_key = r.person_key or a.email = r.email)) as seated,"
    " r.person_id is not null and not exists (select from member m where m.account_id = r.account_id"
    " and m.person_id = r.person_id and m.state = 'active') as gone"
    " from seat_request r join license_pool p on p.account_id = r.account_id and p.id = r.pool_id"
    " where r.state = 'open'"
)


async def standing(work: Work, account_id: int, most: int) -> list[asyncpg.Record]:
    """How it stands with the open requests of a workspace about which there is nothing to decide any more."""
    return await work.fetch(
        f"select * from ({_STANDING} and r.account_id = $1) s join seat_request q using (account_id, id)"  # noqa: S608
        " where closed or seated or gone or q.expires_at <= $2 order by id limit $3",
        account_id,
        work.now,
        most,
    )


async def overdue(work: Work, now: datetime) -> list[int]:
    """The accounts with open requests about which there is nothing to decide, as nobody but the system sees them."""
    rows = await work.fetch(
        f"select distinct account_id from ({_STANDING}) s join seat_request q using (account_id, id)"  # noqa: S608
        " where closed or seated or gone or q.expires_at <= $1 limit 1000",
        now,
    )
    return [row["account_id"] for row in rows]
