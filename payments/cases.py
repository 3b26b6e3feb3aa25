"""Cases: the disputes of our payments, as the rail told of them in any order, and what the books have to follow."""

from __future__ import annotations

from datetime import datetime, timedelta

from kernel.events import Event
from kernel.money import Money
from kernel.work import Work
from payments import disputes, events, queries, return_queries
from payments.disputes import DisputeState, Movement, Position
from payments.rail.disputes import Dispute as Told
from payments.tables import Dispute

LOOKED_AT = timedelta(hours=12)
"""How often an open dispute is looked at, beside what the rail tells by itself."""


async def learn(work: Work, account_id: int, payment_id: int, told: Told, at: datetime | None = None) -> Dispute:
    """Write down what the rail told of a dispute at an instant, now unless said; the same again changes nothing."""
    payment = await queries.payment(work, account_id, payment_id)
    known = await return_queries.dispute_named(work, account_id, told.id)
    row = known or _opened(work, account_id, payment_id, told)
    before = _mark(row)
    _tell(work, row, told, at or work.now)
    payment.disputed = True
    if known is None:
        work.add(row)
    await work.flush()
    _emit(work, row, events.DisputeOpened(account_id, row.id) if known is None else None, before)
    return row


def position(row: Dispute) -> Position:
    """What decides about the next step."""
    submitted = row.submitted_stage == disputes.stage(row.state).value
    return Position(row.state, row.due_at, submitted or row.accepted_at is not None)


def movements(row: Dispute) -> list[Movement]:
    """What has moved a dispute's money."""
    return [Movement(id_, Money(minor, currency), Money(fee, currency)) for id_, minor, fee, currency in row.movements]


def sightings(row: Dispute) -> dict[DisputeState, int]:
    """When each status was last seen."""
    return {DisputeState(state): at for state, at in row.seen.items()}


async def unbooked(work: Work, account_id: int, dispute_id: int) -> tuple[Dispute, Money, Money, Money | None]:
    """What the books don't know of a dispute: more with the bank, more of that lost, and more kept as a fee.

    They are told now. Each is below zero where it is less.
    """
    row = await return_queries.dispute(work, account_id, dispute_id)
    away = row.withdrawn_minor - row.reinstated_minor
    lost = away if row.closed_at and row.state in {DisputeState.LOST, DisputeState.PREVENTED} else 0
    found = (
        row,
        Money(away - row.booked_away_minor, row.currency),
        Money(lost - row.booked_lost_minor, row.currency),
        Money(row.fee_minor - row.booked_fee_minor, row.fee_currency) if row.fee_currency else None,
    )
    row.booked_away_minor, row.booked_lost_minor, row.booked_fee_minor = away, lost, row.fee_minor
    await work.flush()
    return found


def _opened(work: Work, account_id: int, payment_id: int, told: Told) -> Dispute:
    return Dispute(
        account_id=account_id,
        id=work.new_id(),
        payment_id=payment_id,
        rail_id=told.id,
        charge=told.charge,
        state=told.state or DisputeState.NEEDS_RESPONSE,
        seen={},
        reason=told.reason,
        network=told.network,
        currency=told.amount.currency,
        amount_minor=told.amount.minor,
        opened_at=told.created or work.now,
        movements=[],
    )


def _tell(work: Work, row: Dispute, told: Told, at: datetime) -> None:
    known = sightings(row)
    if int(at.timestamp()) >= max(known.values(), default=0):
        row.reason, row.network, row.network_code = told.reason, told.network, told.network_code
        row.due_at, row.amount_minor = told.due_at, told.amount.minor
        row.answer_by = disputes.internal(told.due_at, row.opened_at)
    seen = disputes.seen(known, told.state, at) if told.state else known
    row.seen = {state.value: at for state, at in seen.items()}
    row.state = disputes.standing(seen) if seen else DisputeState.NEEDS_RESPONSE
    if told.submissions and row.submitted_stage is None:
        row.submitted_stage, row.submitted_at = disputes.stage(row.state).value, work.now
    _move_money(row, told)
    ended = row.state in disputes.DECIDED
    row.closed_at = (row.closed_at or work.now) if ended else None
    money = disputes.moved(Money(row.amount_minor, row.currency), movements(row))
    row.outcome = disputes.outcome(row.state, money)
    waits = not ended or (row.state is DisputeState.WON and bool(money.away))
    row.next_at = work.now + LOOKED_AT if waits else None


def _move_money(row: Dispute, told: Told) -> None:
    """Movements only grow; what they come to is computed anew."""
    known = {movement.id: movement for movement in (*movements(row), *told.movements)}
    row.movements = [
        [each.id, each.amount.minor, each.fee.minor, each.amount.currency] for _, each in sorted(known.items())
    ]
    money = disputes.moved(Money(row.amount_minor, row.currency), known.values())
    row.withdrawn_minor, row.reinstated_minor = money.withdrawn.minor, money.reinstated.minor
    if money.fee is not None:
        row.fee_minor, row.fee_currency = money.fee.minor, money.fee.currency


def _mark(row: Dispute) -> tuple[object, ...]:
    """By which it is told whether something changed."""
    return row.state, row.withdrawn_minor, row.reinstated_minor, row.fee_minor, row.closed_at is None


def _emit(work: Work, row: Dispute, opened: Event | None, before: tuple[object, ...]) -> None:
    """Tell on what changed, in one record."""
    if opened:
        work.emit(opened, row)
    elif _mark(row) != before:
        closed = row.closed_at is not None and before[-1]
        kind = events.DisputeClosed if closed else events.DisputeChanged
        work.emit(kind(row.account_id, row.id), row)
