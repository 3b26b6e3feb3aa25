"""What we ask about letters, and about those who read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlmodel import col, select

from auth.policy import Desk, Role
from gateway.letters.tables import Letter
from kernel.work import Work
from seats.seating import Loss

_MOST = 20
"""So many people of a desk get a letter, those who have been there longest."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who gets a letter: an address, in which language, in whose time zone."""

    address: str
    locale: str
    time_zone: str


async def write(
    work: Work, account_id: int, readers: Sequence[Reader], told: Mapping[str, Any], *, kind: str, about: str
) -> int:
    """Letters to these readers, except those who had this one already; how many."""
    if not readers:
        return 0
    await work.reserve(len(readers))
    return await work.execute(
        "insert into letter (account_id, id, kind, about, address, locale, time_zone, told, created_at, next_at)"
        " select $1, t.id, $3, $4, t.address, t.locale, t.zone, $8::jsonb, $9, $9"
        " from unnest($2::bigint[], $5::text[], $6::text[], $7::text[]) as t(id, address, locale, zone)"
        " on conflict do nothing",
        account_id,
        [work.new_id() for _ in readers],
        kind,
        about,
        [reader.address for reader in readers],
        [reader.locale for reader in readers],
        [reader.time_zone for reader in readers],
        json.dumps(told),
        work.now,
    )


async def due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """The letters to be posted now: account and number, the oldest first."""
    rows = await work.fetch(
        "select account_id, id from letter where next_at <= $1 order by next_at, account_id, id limit $2", now, most
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def taken(work: Work, account_id: int, number: int, lease: timedelta) -> Letter | None:
    """A letter that is due, ours to post for a while; None where somebody else has it."""
    asked = select(Letter).where(
        col(Letter.account_id) == account_id, col(Letter.id) == number, col(Letter.next_at) <= work.now
    )
    found: Letter | None = await work.one(asked.with_for_update(skip_locked=True))
    if found is not None:
        found.next_at, found.tries = work.now + lease, found.tries + 1
    return found


async def payer(work: Work, account_id: int) -> Reader | None:
    """Whoever pays for an account, if we know their address."""
    rows = await work.fetch("select email, locale, time_zone from account where id = $1 and email <> ''", account_id)
    return next((Reader(row["email"], row["locale"], row["time_zone"]) for row in rows), None)


async def admins(work: Work, account_id: int, *roles: Role) -> list[Reader]:
    """The members of a workspace in these roles, at their verified addresses."""
    rows = await work.fetch(
        "select p.email, p.locale, p.time_zone from member m join person p on p.id = m.person_id"
        " where m.account_id = $1 and m.state = 'active' and m.role = any($2::text[]) and p.email_verified"
        " order by p.id",
        account_id,
        [role.value for role in roles],
    )
    return [Reader(row["email"], row["locale"], row["time_zone"]) for row in rows]


async def staff(work: Work, desk: Desk) -> list[Reader]:
    """Those who work for us at a desk, at their verified addresses."""
    rows = await work.fetch(
        "select p.email, p.locale, p.time_zone from staff s join person p on p.id = s.person_id"
        " where s.desk = $1 and p.email_verified order by p.id limit $2",
        desk.value,
        _MOST,
    )
    return [Reader(row["email"], row["locale"], row["time_zone"]) for row in rows]


async def invitation(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """An invitation that is open, with who sent it, where to, and the language of whom it goes to, if we know them."""
    return await work.first(
        "select i.email, i.role, i.expires_at, w.name as workspace, coalesce(by.name, w.name) as inviter,"
        " coalesce(p.locale, a.locale) as locale, coalesce(p.time_zone, a.time_zone) as time_zone"
        " from invitation i join workspace w on w.id = i.account_id join account a on a.id = i.account_id"
        " left join person by on by.id = i.invited_by"
        " left join person p on p.lower_email = i.email and p.email_verified"
        " where i.account_id = $1 and i.id = $2 and i.state = 'pending' order by p.id limit 1",
        account_id,
        number,
    )


async def seat_request(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells about a request for a seat, and who asked, if a person did whose address is verified."""
    return await work.first(
        "select r.email, r.state, r.reason, r.expires_at, l.name::text as plan, w.name as workspace,"
        " p.email as address, p.locale, p.time_zone from seat_request r join plan l on l.id = r.plan_id"
        " join workspace w on w.id = r.account_id left join person p on p.id = r.asked_by and p.email_verified"
        " where r.account_id = $1 and r.id = $2",
        account_id,
        number,
    )


async def join_request(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells about a request to join, and who asked."""
    return await work.first(
        "select r.email, r.state, r.note, r.reason, r.expires_at, w.name as workspace, p.locale, p.time_zone"
        " from join_request r join workspace w on w.id = r.account_id join person p on p.id = r.person_id"
        " where r.account_id = $1 and r.id = $2",
        account_id,
        number,
    )


async def decrease(work: Work, account_id: int, pool_id: int) -> asyncpg.Record | None:
    """What a letter tells about a pool that is to have fewer seats than are taken, if it still is."""
    return await work.first(
        "select l.name as pool, w.name as workspace, w.decrease, c.quantity as seats, l.assigned as taken,"
        " l.assigned - c.quantity as too_many, c.due_at from license_pool l join workspace w on w.id = l.account_id"
        " join scheduled_change c on c.account_id = l.account_id and c.item_id = l.subscription_item_id"
        " where l.account_id = $1 and l.id = $2 and c.state = 'pending' and c.quantity < l.assigned"
        " and l.closed_at is null order by c.due_at, c.id limit 1",
        account_id,
        pool_id,
    )


async def grown(work: Work, account_id: int, pool_id: int) -> asyncpg.Record | None:
    """What a letter tells about a pool that buys seats by itself."""
    return await work.first(
        "select l.name as pool, w.name as workspace, l.purchased as seats from license_pool l"
        " join workspace w on w.id = l.account_id where l.account_id = $1 and l.id = $2 and l.closed_at is null",
        account_id,
        pool_id,
    )


async def unused(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells whoever doesn't use their seat, if they are a person whose address is verified."""
    return await work.first(
        "select a.reclaim_at, coalesce(a.reclaim_reminded_at, a.reclaim_noticed_at) as told_at, n.name::text as plan,"
        " w.name as workspace, p.email as address, p.locale, p.time_zone from assignment a"
        " join plan n on n.id = a.plan_id join workspace w on w.id = a.account_id"
        " join person p on p.id = a.person_id and p.email_verified"
        " where a.account_id = $1 and a.id = $2 and a.state = 'active' and a.reclaim_at is not null",
        account_id,
        number,
    )


async def released(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells whoever had a seat, if they are a person whose address is verified."""
    return await work.first(
        "select a.loss, a.released_at, n.name::text as plan, w.name as workspace, p.email as address,"
        " p.locale, p.time_zone from assignment a join plan n on n.id = a.plan_id"
        " join workspace w on w.id = a.account_id join person p on p.id = a.person_id and p.email_verified"
        " where a.account_id = $1 and a.id = $2 and a.state = 'released'",
        account_id,
        number,
    )


async def closed(work: Work, account_id: int, pool_id: int) -> asyncpg.Record | None:
    """What a letter tells about a subscription that has ended, if anybody lost a seat of this pool with it."""
    return await work.first(
        "select l.closed_at, l.subscription_id, n.name::text as plan, w.name as workspace from license_pool l"
        " join subscription s on s.account_id = l.account_id and s.id = l.subscription_id"
        " join plan n on n.id = s.plan_id join workspace w on w.id = l.account_id"
        " where l.account_id = $1 and l.id = $2 and l.closed_at is not null"
        " and exists (select from assignment a where a.account_id = l.account_id and a.pool_id = l.id"
        "  and a.loss = $3 and a.person_id is not null and a.since < a.released_at)",
        account_id,
        pool_id,
        Loss.ENDED,
    )


async def broken_by(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """Who broke the glass of a workspace, and when."""
    return await work.first(
        "select p.email as person, w.name as workspace, g.opened_at from break_glass g"
        " join person p on p.id = g.person_id join workspace w on w.id = g.account_id"
        " where g.account_id = $1 and g.id = $2 and g.opened_at is not null",
        account_id,
        number,
    )


async def domain(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells about a domain."""
    return await work.first(
        "select d.name, w.name as workspace from workspace_domain d join workspace w on w.id = d.account_id"
        " where d.account_id = $1 and d.id = $2",
        account_id,
        number,
    )


async def certificate(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells about a certificate of an SSO connection."""
    return await work.first(
        "select s.name as connection, w.name as workspace, c.expires_at, c.removed_at, c.warned"
        " from sso_certificate c join sso_connection s on s.account_id = c.account_id and s.id = c.connection_id"
        " join workspace w on w.id = c.account_id where c.account_id = $1 and c.id = $2",
        account_id,
        number,
    )


async def announcing(work: Work, account_id: int, number: int, fingerprint: str) -> asyncpg.Record | None:
    """What a letter tells about an SSO connection whose provider names a certificate, while it doesn't count."""
    return await work.first(
        "select s.name as connection, w.name as workspace from sso_connection s join workspace w on w.id = s.account_id"
        " where s.account_id = $1 and s.id = $2 and s.deleted_at is null and $3 = any(s.announced_certificates)",
        account_id,
        number,
        fingerprint,
    )


async def plan(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """The plan of a subscription: its name in every language, as JSON text."""
    return await work.first(
        "select p.name::text as name from subscription s join plan p on p.id = s.plan_id"
        " where s.account_id = $1 and s.id = $2",
        account_id,
        number,
    )


async def method(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells about a payment method."""
    return await work.first(
        "select brand, last4, expires_on from payment_method where account_id = $1 and id = $2", account_id, number
    )


async def fraud(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells about a warning of fraud, where a refund may still avert a dispute."""
    return await work.first(
        "select a.name as customer, p.amount_minor, p.currency, f.warned_at from fraud_warning f"
        " join payment p on p.account_id = f.account_id and p.id = f.payment_id join account a on a.id = f.account_id"
        " where f.account_id = $1 and f.id = $2 and f.actionable",
        account_id,
        number,
    )


async def dispute(work: Work, account_id: int, number: int) -> asyncpg.Record | None:
    """What a letter tells about a dispute that wants to be answered."""
    return await work.first(
        "select a.name as customer, d.amount_minor, d.currency, d.answer_by from dispute d"
        " join account a on a.id = d.account_id where d.account_id = $1 and d.id = $2"
        " and d.answer_by is not null and d.submitted_at is null and d.accepted_at is null and d.closed_at is null",
        account_id,
        number,
    )
