"""What we ask about payments, books and movements when they are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import asyncpg
from sqlmodel import col, select

from billing.reconciliation import LATE, DiscrepancyKind, DiscrepancyState, DiscrepancySubject
from billing.tables import Discrepancy
from kernel.errors import NotFound
from kernel.work import Work

Key = tuple[int, int]
"""An account and a payment of it."""

# Payments


async def payments(work: Work, since: datetime, until: datetime, after: Key, most: int) -> list[Key]:
    """The payments of the rail that moved in a span, or a while before, and those that differed, behind one of them."""
    rows = await work.fetch(
        "select account_id, payment_id from ("
        " select account_id, id as payment_id from payment"
        "  where source = 'rail' and rail_id is not null and settled_at between $1 and $2"
        " union select account_id, payment_id from balance_movement"
        "  where created_at between $1 and $2 and account_id is not null"
        " union select account_id, payment_id from refund"
        "  where rail_id is not null and sent_at between $1 and $2"
        " union select account_id, payment_id from discrepancy where state = 'open' and payment_id is not null"
        ") c where (account_id, payment_id) > ($3, $4) order by account_id, payment_id limit $5",
        since - 2 * LATE,
        until,
        *after,
        most,
    )
    return [(row["account_id"], row["payment_id"]) for row in rows]


async def payment_rows(work: Work, keys: Sequence[Key]) -> list[asyncpg.Record]:
    """What our rows say of payments."""
    return await work.fetch(
        "select account_id, id as payment_id, id, state, currency, amount_minor, charge, fee_minor, fee_currency,"
        " settled_minor, coalesce(settled_at, created_at) as since from payment"
        " where (account_id, id) in (select * from unnest($1::bigint[], $2::bigint[])) and source = 'rail'",
        *_columns(keys),
    )


async def refund_rows(work: Work, keys: Sequence[Key]) -> list[asyncpg.Record]:
    """What our rows say of the refunds of payments that the rail was asked for."""
    return await work.fetch(
        "select account_id, payment_id, id, state, currency, amount_minor, rail_id,"
        " sent_at is not null and state not in ('failed', 'canceled') as gone, coalesce(sent_at, created_at) as since"
        " from refund where rail_id is not null"
        " and (account_id, payment_id) in (select * from unnest($1::bigint[], $2::bigint[]))",
        *_columns(keys),
    )


async def dispute_rows(work: Work, keys: Sequence[Key]) -> list[asyncpg.Record]:
    """What our rows say of the disputes of payments."""
    return await work.fetch(
        "select account_id, payment_id, id, state, currency, withdrawn_minor - reinstated_minor as away_minor, rail_id,"
        " fee_minor, fee_currency, coalesce(closed_at, opened_at) as since"
        " from dispute where (account_id, payment_id) in (select * from unnest($1::bigint[], $2::bigint[]))",
        *_columns(keys),
    )


async def moved_rows(work: Work, keys: Sequence[Key]) -> list[asyncpg.Record]:
    """What moved of payments, by the rail's balance."""
    return await work.fetch(
        "select account_id, payment_id, subject, subject_id, rail_id, kind, source, currency, amount_minor, fee_minor,"
        " exchange_rate from balance_movement"
        " where (account_id, payment_id) in (select * from unnest($1::bigint[], $2::bigint[]))"
        " order by created_at, rail_id",
        *_columns(keys),
    )


async def paid_rows(work: Work, keys: Sequence[Key]) -> list[asyncpg.Record]:
    """What each payment brought for the invoices that these payments are for, and what went back of it."""
    return await work.fetch(
        "select t.account_id, t.invoice_id, t.payment_id, t.currency, t.amount_minor, t.applied_minor,"
        " greatest(p.refunded_minor, coalesce((select sum(r.amount_minor) from refund r"
        "  where r.account_id = t.account_id and r.payment_id = t.payment_id"
        "  and r.state not in ('failed', 'canceled')), 0))::bigint as back_minor"
        " from payment_part t join payment p on p.account_id = t.account_id and p.id = t.payment_id"
        " where t.state = 'settled' and (t.account_id, t.invoice_id) in ("
        "  select account_id, invoice_id from payment_part"
        "  where (account_id, payment_id) in (select * from unnest($1::bigint[], $2::bigint[])))"
        " order by t.account_id, t.invoice_id, t.payment_id",
        *_columns(keys),
    )


# Movements without a row of ours, and payouts


async def unclaimed_rows(work: Work, since: datetime, until: datetime, after: str, most: int) -> list[asyncpg.Record]:
    """What moved in a span and is about no payment of ours, but for payouts, behind one of them."""
    return await work.fetch(
        "select rail_id, kind, source, owner, currency, amount_minor, fee_minor from balance_movement"
        " where created_at between $1 and $2 and rail_id > $3 and payment_id is null and owner <> 'other'"
        " and not starts_with(kind, 'payout') order by rail_id limit $4",
        since,
        until,
        after,
        most,
    )


async def claimed(work: Work) -> list[str]:
    """References of open discrepancies about movements that belong to something by now."""
    rows = await work.fetch(
        "select d.reference from discrepancy d join balance_movement m on m.rail_id = d.reference"
        " where d.state = 'open' and d.subject = 'movement' and (m.payment_id is not null or m.owner = 'other')"
    )
    return [row["reference"] for row in rows]


async def payout_rows(work: Work, since: datetime, until: datetime) -> list[asyncpg.Record]:
    """The payouts that were taken apart in a span, or that did not add up before."""
    return await work.fetch(
        "select p.rail_id, p.currency, p.amount_minor, p.items, p.itemized_minor from rail_payout p"
        " where p.items is not null and (p.created_at between $1 and $2 or exists ("
        "  select from discrepancy d where d.state = 'open' and d.subject = 'payout' and d.reference = p.rail_id))"
        " order by p.rail_id",
        since - 30 * LATE,
        until,
    )


# The books


async def accounts(work: Work, since: datetime, until: datetime, after: int, most: int) -> list[int]:
    """The accounts of which something moved in a span or a while before, and those that differed, behind one."""
    rows = await work.fetch(
        "select account_id from ("
        " select account_id from balance_movement where created_at between $1 and $2 and account_id is not null"
        " union select account_id from discrepancy"
        "  where state = 'open' and subject = 'account'"
        ") c where account_id > $3 order by account_id limit $4",
        since - 2 * LATE,
        until,
        after,
        most,
    )
    return [row["account_id"] for row in rows]


async def unready(work: Work, account_ids: Sequence[int], now: datetime) -> set[int]:
    """Accounts whose books are still to follow, or of which the rail has still to tell what moved."""
    rows = await work.fetch(
        "select p.account_id from payment p where p.account_id = any($1::bigint[]) and p.source = 'rail'"
        "  and p.state = 'succeeded' and ("
        "   not exists (select from balance_movement m where m.account_id = p.account_id and m.payment_id = p.id"
        "               and m.subject = 'payment')"
        "   or (p.settled_at > $2 and exists (select from payment_part t where t.account_id = p.account_id"
        "       and t.payment_id = p.id and t.state = 'open'))"
        "   or (p.settled_at > $2 and p.fee_minor <> 0 and not exists (select from ledger_entry e"
        "       where e.account_id = p.account_id and e.subject = 'payment' and e.subject_id = p.id"
        "       and e.kind = 'fee_charged')))"
        " union select r.account_id from refund r where r.account_id = any($1::bigint[]) and r.rail_id is not null"
        "  and r.sent_at is not null and (r.booked <> (r.state not in ('failed', 'canceled')) and r.sent_at > $2"
        "   or not exists (select from balance_movement m where m.account_id = r.account_id"
        "                  and m.subject = 'refund' and m.subject_id = r.id))"
        " union select d.account_id from dispute d where d.account_id = any($1::bigint[])"
        "  and (d.booked_away_minor <> d.withdrawn_minor - d.reinstated_minor or d.booked_fee_minor <> d.fee_minor"
        "   or jsonb_array_length(d.movements) <> (select count(*) from balance_movement m"
        "      where m.account_id = d.account_id and m.subject = 'dispute' and m.subject_id = d.id))",
        list(account_ids),
        now - LATE,
    )
    return {row["account_id"] for row in rows}


async def cash(work: Work, account_ids: Sequence[int]) -> Mapping[int, dict[str, int]]:
    """What the books say lies at the rail of each account: minor units by currency."""
    rows = await work.fetch(
        "select account_id, currency,"
        " sum(case when debit = 'cash' then amount_minor else -amount_minor end)::bigint as minor"
        " from ledger_transfer where account_id = any($1::bigint[]) and (debit = 'cash' or credit = 'cash')"
        " group by account_id, currency"
        " having sum(case when debit = 'cash' then amount_minor else -amount_minor end) <> 0",
        list(account_ids),
    )
    return _by_account(rows)


async def net(work: Work, account_ids: Sequence[int]) -> Mapping[int, dict[str, int]]:
    """What moved at the rail of each account: minor units by currency."""
    rows = await work.fetch(
        "select account_id, currency, sum(net_minor)::bigint as minor from balance_movement"
        " where account_id = any($1::bigint[]) group by account_id, currency having sum(net_minor) <> 0",
        list(account_ids),
    )
    return _by_account(rows)


async def exchanges(work: Work, account_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Refunds and disputes that the books know, and what moved of them in which currency, with its fee."""
    return await work.fetch(
        "select m.account_id, m.subject, m.subject_id, coalesce(r.currency, d.currency) as currency,"
        " coalesce(case when r.booked then -r.amount_minor end, -d.booked_away_minor, 0)::bigint as minor,"
        " m.currency as settled_in, sum(m.amount_minor)::bigint as settled_minor, sum(m.fee_minor)::bigint as fee_minor"
        " from balance_movement m"
        " left join refund r on m.subject = 'refund' and r.account_id = m.account_id and r.id = m.subject_id"
        " left join dispute d on m.subject = 'dispute' and d.account_id = m.account_id and d.id = m.subject_id"
        " where m.account_id = any($1::bigint[]) and m.subject in ('refund', 'dispute')"
        " group by m.account_id, m.subject, m.subject_id, r.currency, d.currency, r.booked, r.amount_minor,"
        " d.booked_away_minor, m.currency"
        " having coalesce(r.currency, d.currency) <> m.currency or (m.subject = 'refund' and sum(m.fee_minor) <> 0)"
        " order by m.account_id, m.subject, m.subject_id",
        list(account_ids),
    )


async def cash_about(work: Work, account_id: int, kind: str, subject: str, subject_id: int) -> dict[str, int]:
    """What entries of a kind about something moved at the rail: minor units by currency."""
    rows = await work.fetch(
        "select t.currency,"
        " sum(case when t.debit = 'cash' then t.amount_minor else -t.amount_minor end)::bigint as minor"
        " from ledger_entry e join ledger_transfer t on t.account_id = e.account_id and t.entry_id = e.id"
        " where e.account_id = $1 and e.kind = $2 and e.subject = $3 and e.subject_id = $4"
        " and (t.debit = 'cash' or t.credit = 'cash') group by t.currency",
        account_id,
        kind,
        subject,
        subject_id,
    )
    return {row["currency"]: row["minor"] for row in rows}


# Discrepancies


async def discrepancy(work: Work, number: int) -> Discrepancy:
    """A discrepancy, locked for a change. Raises NotFound."""
    asked = select(Discrepancy).where(col(Discrepancy.id) == number).with_for_update()
    found: Discrepancy | None = await work.one(asked)
    if found is None:
        raise NotFound
    return found


async def open_about(work: Work, subjects: Iterable[str], references: Iterable[str]) -> list[Discrepancy]:
    """The open discrepancies about these, locked."""
    asked = select(Discrepancy).where(
        col(Discrepancy.state) == DiscrepancyState.OPEN,
        col(Discrepancy.subject).in_(list(subjects)),
        col(Discrepancy.reference).in_(list(references)),
    )
    return list(await work.all(asked.order_by(col(Discrepancy.id)).with_for_update()))


async def open_of(work: Work, keys: Sequence[Key]) -> list[Discrepancy]:
    """The open discrepancies of these payments, locked, but for those of the books."""
    rows = await work.fetch(
        "select id from discrepancy where state = 'open'"
        " and (account_id, payment_id) in (select * from unnest($1::bigint[], $2::bigint[])) order by id",
        *_columns(keys),
    )
    return [await discrepancy(work, row["id"]) for row in rows]


async def open_of_books(work: Work, account_ids: Sequence[int]) -> list[Discrepancy]:
    """The open discrepancies between the books of these accounts and what moved of them, locked."""
    asked = select(Discrepancy).where(
        col(Discrepancy.state) == DiscrepancyState.OPEN,
        col(Discrepancy.subject) == DiscrepancySubject.ACCOUNT,
        col(Discrepancy.account_id).in_(list(account_ids)),
    )
    return list(await work.all(asked.order_by(col(Discrepancy.id)).with_for_update()))


async def settled_before(work: Work, kind: DiscrepancyKind, subject: str, reference: str, risk: int) -> bool:
    """Whether a person has dealt with this very difference."""
    rows = await work.fetch(
        "select from discrepancy where state = 'resolved' and kind = $1 and subject = $2 and reference = $3"
        " and risk_minor = $4 limit 1",
        kind.value,
        subject,
        reference,
        risk,
    )
    return bool(rows)


async def waiting(work: Work) -> int:
    """How many discrepancies are open."""
    rows = await work.fetch("select count(*) as count from discrepancy where state = 'open'")
    return int(rows[0]["count"])


async def risks(work: Work) -> list[tuple[str, str, int, int]]:
    """Kind, currency, how many and minor units of what is open."""
    rows = await work.fetch(
        "select kind, currency, count(*)::int as count, sum(risk_minor)::bigint as minor from discrepancy"
        " where state = 'open' group by kind, currency order by kind, currency"
    )
    return [(row["kind"], row["currency"], row["count"], row["minor"]) for row in rows]


async def last_of(work: Work, most: int) -> list[Discrepancy]:
    """The open discrepancies, those with the most at risk first."""
    asked = select(Discrepancy).where(col(Discrepancy.state) == DiscrepancyState.OPEN)
    return list(await work.all(asked.order_by(col(Discrepancy.risk_minor).desc(), col(Discrepancy.id)).limit(most)))


def _columns(keys: Sequence[Key]) -> tuple[list[int], list[int]]:
    return [account_id for account_id, _ in keys], [number for _, number in keys]


def _by_account(rows: Iterable[asyncpg.Record]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["account_id"], {})[row["currency"]] = row["minor"]
    return found
