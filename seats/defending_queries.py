"""What our records say of a disputed payment."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from kernel.work import Work

_ROWS = 2_000


async def bought(work: Work, account_id: int, payment_id: int) -> list[asyncpg.Record]:
    """The lines of the invoices that a payment paid."""
    return await work.fetch(
        "select l.description, l.quantity, l.period_start, l.period_end from line_item l"
        " where l.account_id = $1 and l.amount_minor > 0 and (l.invoice_id in"
        " (select invoice_id from payment_part where account_id = $1 and payment_id = $2)"
        " or l.invoice_id = (select invoice_id from payment where account_id = $1 and id = $2))"
        " order by l.invoice_id, l.position limit 200",
        account_id,
        payment_id,
    )


async def policies_shown(work: Work, account_id: int, before: datetime) -> list[asyncpg.Record]:
    """The terms that people of an account were shown before an instant: of each kind the last ones."""
    return await work.fetch(
        "select distinct on (kind) kind, title, version, wording, shown_at, ip, device from policy_shown"
        " where account_id = $1 and shown_at <= $2 order by kind, shown_at desc, id desc",
        account_id,
        before,
    )


async def deeds(work: Work, account_id: int, around: datetime) -> list[asyncpg.Record]:
    """What people of an account did, and from where: the records nearest to an instant."""
    return await work.fetch(
        "select r.at, r.action, r.ip, coalesce(p.email, '') as email from audit_record r"
        " left join person p on p.id = r.person_id where r.account_id = $1 and r.person_id is not null"
        " and r.impersonator_id is null and not exists (select from staff s where s.person_id = r.person_id)"
        " order by abs(extract(epoch from r.at - $2)) limit $3",
        account_id,
        around,
        _ROWS,
    )


async def sign_ins(work: Work, account_id: int, around: datetime) -> list[asyncpg.Record]:
    """When people of an account signed in: the sessions nearest to an instant."""
    return await work.fetch(
        "select s.created_at as at, s.issuer, p.email from session s join person p on p.id = s.person_id"
        " where s.person_id in (select person_id from member where account_id = $1"
        " union select person_id from account where id = $1)"
        " order by abs(extract(epoch from s.created_at - $2)) limit $3",
        account_id,
        around,
        _ROWS,
    )


async def seats(work: Work, account_id: int, around: datetime) -> list[asyncpg.Record]:
    """Who held which seat, nearest to an instant."""
    return await work.fetch(
        "select a.since, a.released_at, a.email, p.name, n.key as plan from assignment a"
        " join license_pool p on p.account_id = a.account_id and p.id = a.pool_id join plan n on n.id = a.plan_id"
        " where a.account_id = $1 and a.state <> 'waitlisted'"
        " order by abs(extract(epoch from a.since - $2)) limit $3",
        account_id,
        around,
        _ROWS,
    )


async def purchases(work: Work, account_id: int) -> list[asyncpg.Record]:
    """The payments of an account that arrived by a card, with what they have in common."""
    return await work.fetch(
        "select p.id, p.charge, p.created_at, p.amount_minor, p.currency, p.ip, p.device, p.disputed,"
        " coalesce(m.fingerprint, '') as card,"
        " coalesce((select string_agg(distinct l.description, '; ') from line_item l"
        "   where l.account_id = p.account_id and l.invoice_id = p.invoice_id and l.amount_minor > 0), '') as what"
        " from payment p join payment_method m on m.account_id = p.account_id and m.id = p.payment_method_id"
        " where p.account_id = $1 and p.state = 'succeeded' and p.charge is not null"
        " order by p.created_at desc limit 1000",
        account_id,
    )


async def canceled_at(work: Work, account_id: int, payment_id: int) -> datetime | None:
    """When somebody first asked to cancel what a payment paid."""
    rows = await work.fetch(
        "select min(r.at) as at from audit_record r where r.account_id = $1 and r.subject = 'subscription'"
        " and r.action in ('subscription.cancel_scheduled', 'subscription.canceled') and r.subject_id in"
        " (select v.subscription_id from invoice v where v.account_id = $1 and (v.id in"
        "   (select invoice_id from payment_part where account_id = $1 and payment_id = $2)"
        "   or v.id = (select invoice_id from payment where account_id = $1 and id = $2)))",
        account_id,
        payment_id,
    )
    found: datetime | None = rows[0]["at"]
    return found


async def refunded(work: Work, account_id: int, payment_id: int) -> list[asyncpg.Record]:
    """What went back of a payment before."""
    return await work.fetch(
        "select created_at, amount_minor, currency, state from refund where account_id = $1 and payment_id = $2"
        " and state not in ('failed', 'canceled') order by id",
        account_id,
        payment_id,
    )
