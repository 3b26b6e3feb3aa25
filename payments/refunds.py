"""Refunds: what of a payment goes back, written down and committed before the rail is asked.

A refund is reserved against its payment, so that two of them never give back more
than was paid, nor what a dispute took. The rail is asked under one key with one
body; when its answer is lost we look for the refund by our own reference. What is
told of it only moves forward, and even one that succeeded may fail in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from kernel.errors import Problem
from kernel.events import Event
from kernel.money import Money
from kernel.work import Work
from payments import disputes, events, return_queries
from payments.rail.refunds import Refund as Told
from payments.states import PaymentSource, PaymentState, RefundCause, RefundState
from payments.tables import Payment, Refund

OVER = frozenset({RefundState.FAILED, RefundState.CANCELED})
"""Nothing went back, or it came back to us."""

FOUND = "It was made at Stripe itself."
"""Why there is a refund that nobody here has asked for."""

_RANK = {
    state: rank
    for rank, states in enumerate(
        (
            (RefundState.RESERVED,),
            (RefundState.UNKNOWN,),
            (RefundState.REQUIRES_ACTION,),
            (RefundState.PENDING,),
            (RefundState.SUCCEEDED,),
            (RefundState.FAILED, RefundState.CANCELED),
        )
    )
    for state in states
}
"""News move a refund forward only."""

_LOOKS: Mapping[RefundState, tuple[timedelta, ...]] = {
    RefundState.RESERVED: (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1)),
    RefundState.UNKNOWN: (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)),
    RefundState.REQUIRES_ACTION: (timedelta(hours=1), timedelta(days=1)),
    RefundState.PENDING: (timedelta(hours=12), timedelta(days=1)),
    RefundState.SUCCEEDED: (timedelta(days=7), timedelta(days=30)),
}
"""How long after which fruitless look the next one comes; the last repeats."""

_GIVEN_UP = {RefundState.SUCCEEDED: 2}
_PATIENT = 60
"""After how many looks in vain we wait for news instead."""

_TOLD: Mapping[RefundState, Callable[[int, int], Event]] = {
    RefundState.UNKNOWN: events.RefundUncertain,
    RefundState.SUCCEEDED: events.RefundSucceeded,
    RefundState.FAILED: events.RefundFailed,
    RefundState.CANCELED: events.RefundCanceled,
}


@dataclass(eq=False)
class PaymentNotRefundable(Problem):
    """The payment can't be given back."""

    says = "This payment {why}."
    why: str
    """Why it can't be given back, and what to do."""


@dataclass(eq=False)
class RefundTooHigh(Problem):
    """More was to go back than is left of the payment."""

    says = "At most {left} of this payment can be refunded. Refund less, or credit the rest."
    left: str
    """What is left of it, as people write it."""


async def left(work: Work, payment: Payment) -> Money:
    """What of a payment may still go back: what arrived, less what goes or went back."""
    reserved = await return_queries.reserved(work, payment.account_id, payment.id)
    lost = await return_queries.came_back(work, payment.account_id, payment.id)
    # What was refunded elsewhere, such as in Stripe's own console, counts too.
    back = max(reserved, payment.refunded_minor - lost)
    cases = await return_queries.disputes_of(work, payment.account_id, payment.id)
    taken = [(case.state, Money(case.withdrawn_minor - case.reinstated_minor, case.currency)) for case in cases]
    paid = Money(payment.amount_minor, payment.currency)
    return disputes.refundable(paid, Money(back, payment.currency), taken)


async def check(work: Work, payment: Payment, amount: Money) -> None:
    """Refuse to give so much of a payment back. Raises PaymentNotRefundable or RefundTooHigh."""
    if payment.state is not PaymentState.SUCCEEDED:
        raise PaymentNotRefundable(f"is {payment.state.value}, so nothing of it arrived. There is nothing to refund")
    if payment.source is PaymentSource.RAIL and payment.rail_id is None:
        raise PaymentNotRefundable(
            "was never made at Stripe, which therefore has nothing to give back: it belongs to a demonstration. "
            "Grant credit instead, or refund a payment that was made since"
        )
    rest = await left(work, payment)
    cases = await return_queries.disputes_of(work, payment.account_id, payment.id)
    states = {case.state for case in cases}
    if states & (disputes.FORMAL - disputes.DECIDED):
        raise PaymentNotRefundable("is disputed, and a refund would give it twice. Answer the dispute, or accept it")
    if states & disputes.INQUIRIES and amount != rest:
        raise PaymentNotRefundable(f"is asked about by a bank, which only a refund of all {rest.text} settles")
    if rest < amount:
        raise RefundTooHigh(rest.text)


async def reserve(
    work: Work,
    payment: Payment,
    amount: Money,
    *,
    invoice_id: int,
    credit_note_id: int,
    cause: RefundCause,
    reason: str,
    person_id: int | None,
) -> Refund:
    """Write down a refund of a locked payment; `payments.returning` asks the rail then.

    Money that came past the rail is given back past it: it counts as sent. Raises
    PaymentNotRefundable or RefundTooHigh.
    """
    await check(work, payment, amount)
    refund = Refund(
        account_id=payment.account_id,
        id=work.new_id(),
        payment_id=payment.id,
        invoice_id=invoice_id,
        credit_note_id=credit_note_id,
        currency=amount.currency,
        amount_minor=amount.minor,
        cause=cause,
        reason=reason,
        requested_by=person_id,
        created_at=work.now,
        next_at=work.now + _LOOKS[RefundState.RESERVED][0],
    )
    work.add(refund)
    await work.flush()
    work.emit(events.RefundReserved(payment.account_id, refund.id), refund)
    if payment.source is not PaymentSource.RAIL:
        sent(work, refund)
        move(work, refund, RefundState.SUCCEEDED)
        refund.next_at = None
    await work.flush()
    return refund


async def again(work: Work, refund: Refund, payment: Payment, person_id: int | None) -> Refund:
    """Promise anew what a refund that came to nothing had promised. Raises PaymentNotRefundable or RefundTooHigh."""
    if refund.credit_note_id is None:
        raise PaymentNotRefundable("has a refund that promised nothing here. Refund the payment with `refundPayment`")
    if refund.state not in OVER:
        raise PaymentNotRefundable(f"has a refund that is {refund.state.value}. Only one that failed is tried again")
    if await return_queries.promised(work, refund.account_id, refund.credit_note_id):
        raise PaymentNotRefundable("has another refund for this credit note. Nothing is left to do")
    amount = Money(refund.amount_minor, refund.currency)
    return await reserve(
        work,
        payment,
        amount,
        invoice_id=refund.invoice_id,
        credit_note_id=refund.credit_note_id,
        cause=refund.cause,
        reason=refund.reason,
        person_id=person_id,
    )


async def found(work: Work, payment: Payment, told: Told) -> Refund:
    """Write down a refund of a locked payment that was made at the rail itself; once, whoever tells of it.

    Its money moved, so the books follow; its credit note is for Finance to write.
    """
    known = await return_queries.refund_named(work, payment.account_id, told.id)
    if known:
        return known
    refund = Refund(
        account_id=payment.account_id,
        id=work.new_id(),
        payment_id=payment.id,
        invoice_id=payment.invoice_id,
        currency=told.amount.currency,
        amount_minor=told.amount.minor,
        cause=RefundCause(told.cause) if told.cause in set(RefundCause) else RefundCause.REQUESTED_BY_CUSTOMER,
        reason=FOUND,
        created_at=told.created or work.now,
        rail_id=told.id,
    )
    work.add(refund)
    await work.flush()
    work.emit(events.RefundFound(refund.account_id, refund.id), refund)
    return refund


def learn(work: Work, refund: Refund, told: Told) -> None:
    """Write down what the rail told of a refund, in any order and any number of times."""
    refund.rail_id = refund.rail_id or told.id
    sent(work, refund)
    refund.failure = refund.failure or told.failure
    move(work, refund, RefundState(told.status))


def sent(work: Work, refund: Refund) -> None:
    """The money has left our balance; told once."""
    if refund.sent_at is None:
        refund.sent_at = work.now
        work.emit(events.RefundSent(refund.account_id, refund.id), refund)


def move(work: Work, refund: Refund, state: RefundState) -> None:
    """A refund is in another state now, which is told on; nothing moves back."""
    if _RANK[state] <= _RANK[refund.state]:
        return
    refund.state, refund.looks = state, 0
    ended = state in {*OVER, RefundState.SUCCEEDED}
    refund.settled_at = work.now if ended else None
    rests = _LOOKS.get(state)
    refund.next_at = work.now + rests[0] if rests else None
    if state in _TOLD:
        work.emit(_TOLD[state](refund.account_id, refund.id), refund)


def look_again(work: Work, refund: Refund) -> None:
    """Nothing new was found: look again after a while, which grows."""
    refund.looks += 1
    rests = _LOOKS.get(refund.state)
    if rests is None or refund.looks > _GIVEN_UP.get(refund.state, _PATIENT):
        refund.next_at = None
        return
    refund.next_at = work.now + rests[min(refund.looks, len(rests) - 1)]


async def unbooked(work: Work, account_id: int, refund_id: int) -> tuple[Refund, Money] | None:
    """A refund whose money left, or, below zero, came back, since the books were told; they are told now."""
    refund = await return_queries.refund(work, account_id, refund_id)
    gone = refund.sent_at is not None and refund.state not in OVER
    if gone is refund.booked:
        return None
    refund.booked = gone
    await work.flush()
    amount = Money(refund.amount_minor, refund.currency)
    return refund, amount if gone else -amount
