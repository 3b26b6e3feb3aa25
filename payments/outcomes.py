"""Outcomes: what the rail told of a payment, written down, and told on where it changed something.

Everything that is learned of a payment comes through here, whether a call of ours
was answered, a webhook came, or somebody looked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from kernel.events import Event
from kernel.work import Work
from payments import events, queries
from payments.merging import Seen, untouched
from payments.rail.values import BalanceTransaction, Decline
from payments.states import AttemptOutcome, AttemptState, PartState, PaymentState
from payments.tables import Payment, PaymentAttempt

_LOOKS: Mapping[PaymentState, tuple[timedelta, ...]] = {
    PaymentState.CREATED: (timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)),
    PaymentState.UNKNOWN: (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)),
    PaymentState.REQUIRES_ACTION: (timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)),
    PaymentState.PROCESSING: (timedelta(hours=12), timedelta(days=1)),
    PaymentState.SUCCEEDED: (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)),
}
"""How long after which fruitless look the next one comes; the last repeats. What failed waits to be asked again."""

_GIVEN_UP = 60
"""After how many looks in vain we wait for news instead."""

_OUTCOMES = {
    PaymentState.SUCCEEDED: AttemptOutcome.SUCCEEDED,
    PaymentState.PROCESSING: AttemptOutcome.PROCESSING,
    PaymentState.REQUIRES_ACTION: AttemptOutcome.REQUIRES_ACTION,
    PaymentState.FAILED: AttemptOutcome.DECLINED,
    PaymentState.CANCELED: AttemptOutcome.CANCELED,
}
_TOLD: Mapping[PaymentState, Callable[[int, int], Event]] = {
    PaymentState.SUCCEEDED: events.PaymentSucceeded,
    PaymentState.PROCESSING: events.PaymentProcessing,
    PaymentState.REQUIRES_ACTION: events.PaymentActionRequired,
    PaymentState.FAILED: events.PaymentFailed,
    PaymentState.CANCELED: events.PaymentCanceled,
    PaymentState.UNKNOWN: events.PaymentUncertain,
}


async def learn(work: Work, payment: Payment, seen: Seen, *, answered: bool = False) -> None:
    """Write down what is known of a payment now; `answered`, if the rail has just answered its try.

    News of an earlier try don't decide about one that is at work.
    """
    attempt = await queries.attempt_at_work(work, payment.account_id, payment.id)
    payment.seen, payment.charge = seen.document, seen.paid_by or seen.news.charge or payment.charge
    payment.refunded_minor, payment.disputed = min(seen.refunded, payment.amount_minor), seen.disputed
    if seen.transaction and payment.fee_minor is None:
        payment.next_at = work.now
    state = seen.state
    tried = await queries.attempts(work, payment.account_id, payment.id)
    _finish(tried, seen)
    if attempt and not answered and not seen.end and untouched(seen, attempt.charge_before):
        return
    if attempt and state is not PaymentState.CREATED:
        _answer(work, attempt, state, seen)
    if state is PaymentState.CREATED and attempt is None and payment.rail_id and not payment.off_session:
        # The intent is there, and it is for the payer's side to say what it is paid with.
        state = PaymentState.REQUIRES_ACTION
    if state is not PaymentState.CREATED:
        await move(work, payment, state, seen.decline)
    if strangers(seen, tried):
        # `payments.noticing` writes them down.
        payment.next_at = work.now


def strangers(seen: Seen, tried: Sequence[PaymentAttempt]) -> list[str]:
    """The charges of a payment that are of no try we know; none while a try of ours is at work."""
    if any(attempt.state is not AttemptState.ANSWERED for attempt in tried):
        return []
    ours = {attempt.charge for attempt in tried}
    return sorted(charge for charge in seen.charges if charge not in ours)


async def move(work: Work, payment: Payment, state: PaymentState, decline: Decline | None = None) -> None:
    """A payment is in another state now, which is told on; nothing happens if it was there before."""
    if payment.state is state:
        if decline and state is PaymentState.FAILED:
            _explain(payment, decline)
        return
    payment.state, payment.looks = state, 0
    _explain(payment, decline if state is PaymentState.FAILED else None)
    ended = state in {PaymentState.SUCCEEDED, PaymentState.CANCELED, PaymentState.FAILED}
    payment.settled_at = work.now if ended else None
    rests = _LOOKS.get(state)
    payment.next_at = work.now + rests[0] if rests else None
    if state is PaymentState.CANCELED:
        await queries.move_parts(work, payment.account_id, payment.id, PartState.RELEASED)
    work.emit(_TOLD[state](payment.account_id, payment.id), payment)


def keep_fee(work: Work, payment: Payment, booked: BalanceTransaction) -> None:
    """The rail has told what it kept of a payment, and what that came to where it is settled; told once."""
    payment.next_at = None
    if payment.fee_minor is not None:
        return
    payment.transaction, payment.settled_minor = booked.id, booked.amount.minor
    payment.fee_minor, payment.fee_currency = booked.fee.minor, booked.fee.currency
    work.emit(events.PaymentFeeKnown(payment.account_id, payment.id), payment)


def look_again(work: Work, payment: Payment) -> None:
    """Nothing new was found: look again after a while, which grows."""
    payment.looks += 1
    rests = _LOOKS.get(payment.state)
    if rests is None or payment.looks > _GIVEN_UP:
        payment.next_at = None
        return
    payment.next_at = work.now + rests[min(payment.looks, len(rests) - 1)]


def begun(work: Work, payment: Payment, *, now: bool = False) -> None:
    """Somebody is about to ask the rail, and should they be lost, the worker goes on; or the worker does it now."""
    payment.next_at = work.now if now else work.now + _LOOKS[PaymentState.CREATED][0]


def refuse(work: Work, attempt: PaymentAttempt, code: str) -> Decline:
    """The rail would not ask the bank; why, as a decline."""
    _answered(work, attempt, AttemptOutcome.REFUSED)
    attempt.decline_code = code
    return Decline(code)


def _explain(told: Payment | PaymentAttempt, decline: Decline | None) -> None:
    told.decline_code = decline.code if decline else None
    told.decline_reason = decline.reason if decline else None
    told.advice = decline.advice if decline else None


def _answer(work: Work, attempt: PaymentAttempt, state: PaymentState, seen: Seen) -> None:
    _answered(work, attempt, _OUTCOMES[state])
    decline = seen.decline
    latest = seen.paid_by or seen.news.charge
    attempt.charge = latest if latest != attempt.charge_before else None
    if state is PaymentState.FAILED and decline:
        _explain(attempt, decline)
        attempt.charge = decline.charge or attempt.charge


def _finish(tried: Sequence[PaymentAttempt], seen: Seen) -> None:
    """What a charge that was on its way has come to, as with debits, its try has come to."""
    for attempt in tried:
        match seen.charges.get(attempt.charge or ""):
            case "succeeded":
                attempt.outcome = AttemptOutcome.SUCCEEDED
            case "failed":
                attempt.outcome = AttemptOutcome.DECLINED
                if seen.decline and seen.decline.charge == attempt.charge:
                    _explain(attempt, seen.decline)


def _answered(work: Work, attempt: PaymentAttempt, outcome: AttemptOutcome) -> None:
    attempt.state, attempt.outcome, attempt.answered_at = AttemptState.ANSWERED, outcome, work.now
