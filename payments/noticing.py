"""Noticing: tries that payers make by themselves on a page, written down as ours are.

A payer names a card in the rail's fields, is declined, and names another: nobody
here has sent that. Card networks count these tries as they count ours, and what was
saved with them is what the account pays with from then on. A charge is written down
once, whoever tells of it and however often.
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel.work import Work
from payments import methods, outcomes, queries
from payments.attempts import Presence
from payments.merging import Seen
from payments.rail.opening import Rail
from payments.rail.values import Charge, Method
from payments.states import AttemptOutcome, AttemptState
from payments.tables import Payment, PaymentAttempt, PaymentMethod

_OUTCOMES = {
    "succeeded": AttemptOutcome.SUCCEEDED,
    "pending": AttemptOutcome.PROCESSING,
    "failed": AttemptOutcome.DECLINED,
}
_OPEN = frozenset({AttemptOutcome.SUCCEEDED, AttemptOutcome.PROCESSING, AttemptOutcome.REQUIRES_ACTION})
"""What a try came to that may have become a charge since."""


async def notice(work: Work, rail: Rail, account_id: int, payment_id: int, *, urgent: bool) -> None:
    """Write down the tries of a payment that its payer made. Opens transactions. Raises RailError."""
    async with work.transaction():
        await work.bind(account_id)
        payment = await queries.payment(work, account_id, payment_id)
        new = outcomes.strangers(Seen.from_document(payment.seen), await queries.attempts(work, account_id, payment_id))
    for charge in new:
        told = await rail.intents.charge(charge, urgent=urgent)
        shown = await rail.methods.look(told.method, urgent=urgent) if told.method else None
        async with work.transaction():
            await work.bind(account_id)
            await _write(work, await queries.payment(work, account_id, payment_id), told, shown)


async def _write(work: Work, payment: Payment, told: Charge, shown: Method | None) -> None:
    tried = await queries.attempts(work, payment.account_id, payment.id)
    if told.id not in outcomes.strangers(Seen.from_document(payment.seen), tried):
        return
    method = await _method(work, payment, told, shown)
    known = _begun(tried, method)
    if known:
        known.charge, known.outcome = told.id, _OUTCOMES[told.status]
        _explain(known, told)
    else:
        brand = shown.brand if shown else ""
        work.add(_try(work, payment, told, number=len(tried) + 1, method_id=method.id if method else None, brand=brand))
    if method and told.status != "failed":
        payment.payment_method_id = method.id
    await work.flush()


async def _method(work: Work, payment: Payment, told: Charge, shown: Method | None) -> PaymentMethod | None:
    """The method that was charged, if it is the account's; one that was saved by paying is kept."""
    if shown is None:
        return None
    known = await queries.method_named(work, payment.account_id, shown.id)
    if known or told.status == "failed" or shown.customer is None or shown.customer != told.customer:
        return known
    return await methods.save(
        work, payment.account_id, shown, Presence(ip=payment.ip, device=payment.device), default=False
    )


def _begun(tried: Sequence[PaymentAttempt], method: PaymentMethod | None) -> PaymentAttempt | None:
    """A try of ours that the payer has finished: it was answered before there was a charge."""
    mine = (attempt for attempt in tried if attempt.charge is None and attempt.sends and attempt.outcome in _OPEN)
    return next((attempt for attempt in mine if method and attempt.payment_method_id == method.id), None)


def _try(
    work: Work, payment: Payment, told: Charge, *, number: int, method_id: int | None, brand: str
) -> PaymentAttempt:
    at = told.created or work.now
    attempt = PaymentAttempt(
        account_id=payment.account_id,
        id=work.new_id(),
        payment_id=payment.id,
        number=number,
        payment_method_id=method_id,
        state=AttemptState.ANSWERED,
        outcome=_OUTCOMES[told.status],
        charge=told.id,
        fingerprint=told.fingerprint,
        brand=brand,
        created_at=at,
        sent_at=at,
        answered_at=work.now,
    )
    _explain(attempt, told)
    return attempt


def _explain(attempt: PaymentAttempt, told: Charge) -> None:
    if told.status == "failed":
        attempt.decline_code, attempt.decline_reason = told.failure, told.reason
