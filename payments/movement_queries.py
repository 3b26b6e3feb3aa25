"""What we ask about movements of our balance, payouts, and how far they were compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import col, select

from kernel.work import Work
from payments.rail.balance import Payout
from payments.rail.values import BalanceTransaction
from payments.states import MovementOwner, ReconciliationStage
from payments.tables import Reconciliation
from payments.traces import Trace

_PAYOUT_STATES = ("pending", "in_transit", "paid", "canceled", "failed")
"""Each may follow those before it; one that was paid may be sent back by the bank."""

# What a movement belongs to


async def known(work: Work, sources: Iterable[str]) -> dict[str, Trace]:
    """What charges, refunds and disputes belong to that we know by their ids, as the system sees them."""
    rows = await work.fetch(
        "select charge as source, 'payment' as subject, account_id, id, id as payment_id from payment"
        " where charge = any($1::text[]) and rail_id is not null"
        " union all select rail_id, 'refund', account_id, id, payment_id from refund where rail_id = any($1::text[])"
        " union all select rail_id, 'dispute', account_id, id, payment_id from dispute where rail_id = any($1::text[])",
        list(sources),
    )
    return {
        row["source"]: Trace(MovementOwner.OURS, row["subject"], row["account_id"], row["id"], row["payment_id"])
        for row in rows
    }


async def refund_known_as(work: Work, rail_id: str, number: int | None) -> int | None:
    """Our number of a refund, by the rail's id or by ours."""
    rows = await work.fetch("select id from refund where rail_id = $1 or id = $2", rail_id, number)
    return rows[0]["id"] if rows else None


async def kept(work: Work, rail_ids: Iterable[str]) -> set[str]:
    """Which of these movements are written down and belong to something."""
    rows = await work.fetch(
        "select rail_id from balance_movement where rail_id = any($1::text[]) and owner <> 'nobody'"
        " and (owner <> 'ours' or subject is not null)",
        list(rail_ids),
    )
    return {row["rail_id"] for row in rows}


async def keep(work: Work, told: BalanceTransaction, trace: Trace, payout: str | None = None) -> None:
    """Write a movement down, or what is new of it."""
    await work.execute(
        "insert into balance_movement (rail_id, kind, currency, amount_minor, fee_minor, net_minor, source,"
        " exchange_rate, created_at, available_at, payout, owner, subject, account_id, subject_id, payment_id)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        " on conflict (rail_id) do update set owner = excluded.owner, subject = excluded.subject,"
        " account_id = excluded.account_id, subject_id = excluded.subject_id, payment_id = excluded.payment_id,"
        " payout = coalesce(excluded.payout, balance_movement.payout)",
        told.id,
        told.kind,
        told.amount.currency,
        told.amount.minor,
        told.fee.minor,
        told.net.minor,
        told.source,
        told.exchange_rate,
        told.created,
        told.available_on,
        payout,
        trace.owner.value,
        trace.subject,
        trace.account_id,
        trace.subject_id,
        trace.payment_id,
    )


async def paid_out(work: Work, payout: str, rail_ids: Sequence[str]) -> None:
    """These movements went to our bank with a payout."""
    await work.execute("update balance_movement set payout = $1 where rail_id = any($2::text[])", payout, rail_ids)


# Payouts


async def keep_payout(work: Work, told: Payout) -> None:
    """Write a payout down, or what is new of it: its state moves forward only."""
    await work.execute(
        "insert into rail_payout (rail_id, state, currency, amount_minor, automatic, created_at, arrives_at)"
        " values ($1, $2, $3, $4, $5, $6, $7) on conflict (rail_id) do update set state = excluded.state,"
        " arrives_at = excluded.arrives_at"
        " where array_position($8::text[], excluded.state) > array_position($8::text[], rail_payout.state)",
        told.id,
        told.state,
        told.amount.currency,
        told.amount.minor,
        told.automatic,
        told.created,
        told.arrives_at,
        list(_PAYOUT_STATES),
    )


async def itemize(work: Work, payout: str, items: int, minor: int) -> None:
    """Write down what a payout is made of."""
    await work.execute(
        "update rail_payout set items = $2, itemized_minor = $3, itemized_at = $4 where rail_id = $1",
        payout,
        items,
        minor,
        work.now,
    )


async def unitemized(work: Work, most: int) -> list[str]:
    """Automatic payouts that were not taken apart yet, the oldest first."""
    rows = await work.fetch(
        "select rail_id from rail_payout where automatic and items is null and state <> 'canceled'"
        " order by created_at, rail_id limit $1",
        most,
    )
    return [row["rail_id"] for row in rows]


# How far we are


async def reconciliation(work: Work, number: int) -> Reconciliation | None:
    """A reconciliation, to look at."""
    found: Reconciliation | None = await work.one(select(Reconciliation).where(col(Reconciliation.id) == number))
    return found


async def unfinished(work: Work, *, nightly: bool) -> Reconciliation | None:
    """The reconciliation of this kind that is not done."""
    asked = select(Reconciliation).where(
        col(Reconciliation.nightly).is_(nightly), col(Reconciliation.ended_at).is_(None)
    )
    found: Reconciliation | None = await work.one(asked)
    return found


async def reached(work: Work) -> datetime | None:
    """Up to when everything was compared, without a gap that we know of."""
    rows = await work.fetch("select max(until) as until from reconciliation where ended_at is not null")
    found: datetime | None = rows[0]["until"]
    return found


async def began(work: Work) -> datetime | None:
    """When the last reconciliation began that the worker began by itself."""
    rows = await work.fetch("select max(started_at) as at from reconciliation where nightly")
    found: datetime | None = rows[0]["at"]
    return found


async def oldest_payment(work: Work) -> datetime | None:
    """When the first payment was made through the rail."""
    rows = await work.fetch("select min(created_at) as at from payment where rail_id is not null")
    found: datetime | None = rows[0]["at"]
    return found


async def postpone(work: Work, number: int, until: datetime) -> None:
    """Go on no earlier than this."""
    await work.execute("update reconciliation set next_at = $2 where id = $1", number, until)


async def advance(
    work: Work, row: Reconciliation, stage: ReconciliationStage, place: str | None, counted: dict[str, int]
) -> bool:
    """Go on to a place, counting what was done; False if another one was there first."""
    count = {name: counted.get(name, 0) for name in ("events", "movements", "payouts", "payments", "found", "mended")}
    done = stage is ReconciliationStage.DONE
    rows = await work.execute(
        "update reconciliation set stage = $4, place = $5, touched_at = $6, next_at = null, ended_at = $7,"
        " events = events + $8, movements = movements + $9, payouts = payouts + $10, payments = payments + $11,"
        " found = found + $12, mended = mended + $13 where id = $1 and stage = $2 and place is not distinct from $3",
        row.id,
        row.stage.value,
        row.place,
        stage.value,
        place,
        work.now,
        work.now if done else None,
        *count.values(),
    )
    return rows > 0
