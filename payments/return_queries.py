"""What we ask about refunds and disputes."""

from __future__ import annotations

from datetime import datetime

import asyncpg
from sqlmodel import col, select

from kernel.errors import NotFound
from kernel.work import Work
from payments.tables import Dispute, DisputeEvidence, FraudWarning, Payment, Refund


async def refund(work: Work, account_id: int, refund_id: int) -> Refund:
    """A refund, locked for a change. Raises NotFound."""
    mine = (col(Refund.account_id) == account_id, col(Refund.id) == refund_id)
    found: Refund | None = await work.one(select(Refund).where(*mine).with_for_update())
    if found is None:
        raise NotFound
    return found


async def refund_named(work: Work, account_id: int, rail_id: str) -> Refund | None:
    """The refund that the rail calls so, locked for a change."""
    mine = (col(Refund.account_id) == account_id, col(Refund.rail_id) == rail_id)
    found: Refund | None = await work.one(select(Refund).where(*mine).with_for_update())
    return found


async def warning_named(work: Work, account_id: int, rail_id: str) -> FraudWarning | None:
    """The fraud warning that the rail calls so, locked for a change."""
    mine = (col(FraudWarning.account_id) == account_id, col(FraudWarning.rail_id) == rail_id)
    found: FraudWarning | None = await work.one(select(FraudWarning).where(*mine).with_for_update())
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


# Disputes


async def payment_of(work: Work, intent: str) -> tuple[int, int] | None:
    """Account and number of the payment of an intent, as the system sees it."""
    rows = await work.fetch("select account_id, id from payment where rail_id = $1", intent)
    return (rows[0]["account_id"], rows[0]["id"]) if rows else None


async def dispute(work: Work, account_id: int, dispute_id: int) -> Dispute:
    """A dispute, locked for a change. Raises NotFound."""
    mine = (col(Dispute.account_id) == account_id, col(Dispute.id) == dispute_id)
    found: Dispute | None = await work.one(select(Dispute).where(*mine).with_for_update())
    if found is None:
        raise NotFound
    return found


async def dispute_named(work: Work, account_id: int, rail_id: str) -> Dispute | None:
    """The dispute that the rail calls so, locked for a change."""
    mine = (col(Dispute.account_id) == account_id, col(Dispute.rail_id) == rail_id)
    found: Dispute | None = await work.one(select(Dispute).where(*mine).with_for_update())
    return found


async def disputes_of(work: Work, account_id: int, payment_id: int) -> list[Dispute]:
    """The disputes of a payment."""
    mine = (col(Dispute.account_id) == account_id, col(Dispute.payment_id) == payment_id)
    return list(await work.all(select(Dispute).where(*mine).order_by(col(Dispute.id))))


async def disputes_due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """Account and number of the disputes that want to be looked at, as the system sees them."""
    rows = await work.fetch(
        "select account_id, id from dispute where next_at <= $1 order by next_at, account_id, id limit $2", now, most
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def newest_dispute(work: Work) -> datetime | None:
    """When the newest dispute that we know of was opened, as the system sees it."""
    rows = await work.fetch("select max(opened_at) as at from dispute")
    found: datetime | None = rows[0]["at"]
    return found


async def evidence(work: Work, account_id: int, evidence_id: int) -> DisputeEvidence:
    """Evidence, locked for a change. Raises NotFound."""
    mine = (col(DisputeEvidence.account_id) == account_id, col(DisputeEvidence.id) == evidence_id)
    found: DisputeEvidence | None = await work.one(select(DisputeEvidence).where(*mine).with_for_update())
    if found is None:
        raise NotFound
    return found


async def staged(work: Work, account_id: int, dispute_id: int, stage: str) -> DisputeEvidence | None:
    """What was put together last to answer this question of the bank."""
    mine = (col(DisputeEvidence.account_id) == account_id, col(DisputeEvidence.dispute_id) == dispute_id)
    asked = select(DisputeEvidence).where(*mine, col(DisputeEvidence.stage) == stage)
    found: DisputeEvidence | None = await work.one(asked.order_by(col(DisputeEvidence.id).desc()).limit(1))
    return found


async def evidence_due(work: Work, now: datetime, most: int) -> list[tuple[int, int]]:
    """Account and number of the evidence that was not sent yet, as the system sees it."""
    rows = await work.fetch(
        "select account_id, id from dispute_evidence where next_at <= $1 order by next_at, account_id, id limit $2",
        now,
        most,
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def figures(work: Work, currency: str, since: datetime, until: datetime) -> list[asyncpg.Record]:
    """What became of the disputes opened in a span, by reason, in one currency."""
    return await work.fetch(
        "select reason, count(*)::int as opened, count(*) filter (where outcome is null)::int as open,"
        " count(*) filter (where outcome = 'won')::int as won,"
        " count(*) filter (where outcome = 'partly_won')::int as partly_won,"
        " count(*) filter (where outcome = 'lost')::int as lost,"
        " count(*) filter (where outcome = 'averted')::int as averted,"
        " sum(amount_minor)::bigint as disputed, sum(withdrawn_minor)::bigint as withdrawn,"
        " sum(reinstated_minor)::bigint as reinstated,"
        " coalesce(sum(fee_minor) filter (where fee_currency = $1), 0)::bigint as fees"
        " from dispute where currency = $1 and opened_at >= $2 and opened_at < $3 group by reason order by reason",
        currency,
        since,
        until,
    )
