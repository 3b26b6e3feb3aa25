"""Attempts: a payment is written down before anybody is asked for money (LAW 29).

A payment is one chain of attempts for one invoice or several, and one payment
intent at the rail. What is decided here is committed first; `payments.pursuit`
then speaks to the rail. Of one invoice only one payment is ever under way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kernel.errors import Problem
from kernel.money import Money, total
from kernel.work import Work
from payments import events, outcomes, queries
from payments.rail.currencies import check_chargeable
from payments.retries import DeclineClass, classify
from payments.states import AttemptOutcome, AttemptState, PartState, PaymentSource, PaymentState
from payments.tables import Payment, PaymentAttempt, PaymentMethod, PaymentPart


@dataclass(eq=False)
class PaymentUnderWay(Problem):
    """Another payment of the invoice is under way, so that this one could be paid twice."""

    says = "A payment of {amount} is under way already: it is {state}. Wait for its outcome."
    amount: str
    """How much is under way."""

    state: str
    """Where the other payment is."""


@dataclass(eq=False)
class PaymentMethodUnusable(Problem):
    """The payment method can't be charged."""

    says = "This payment method {why}. Choose another one, or add one."
    why: str
    """Why it can't be charged."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Who pays, from where: kept with every payment, for the day it is disputed."""

    person_id: int | None = None
    ip: str = ""
    device: str = ""
    return_url: str | None = None
    """Where the bank sends the payer back to; without one, the rail's script asks them on the page they are on."""

    off_session: bool = False
    """Whether nobody is there to be asked."""


async def begin(
    work: Work,
    account_id: int,
    owed: Mapping[int, Money],
    *,
    method: PaymentMethod | None,
    presence: Presence,
    reference: str,
) -> Payment:
    """Write down a payment of these amounts, by invoice, which are locked; `payments.pursuit` goes on from there.

    A payment that was declined, or that waits for the payer, is tried again if it is
    of the very same amounts, and given up for this one if not. Without a method the
    payer's side names one. Raises PaymentUnderWay, PaymentMethodUnusable or
    AmountNotChargeable.
    """
    amount = total(owed.values(), next(iter(owed.values())).currency)
    check_chargeable(amount)
    check_usable(method)
    others = await queries.under_way(work, account_id, list(owed))
    for other in others:
        _check_over(other)
    if len(others) == 1 and await _same(work, others[0], owed):
        return await retry(work, others[0], method, presence)
    payment = _payment(work, account_id, owed, amount, presence)
    payment.reference, payment.replaces = reference, sorted(other.id for other in others)
    payment.payment_method_id = method.id if method else None
    payment.off_session = presence.off_session
    outcomes.begun(work, payment, now=presence.off_session)
    work.add(payment)
    await work.flush()
    add_parts(work, payment, owed, PartState.WAITING if others else PartState.OPEN)
    if method:
        _attempt(work, payment, method, 1)
    await work.flush()
    work.emit(events.PaymentBegun(account_id, payment.id), payment)
    return payment


async def retry(work: Work, payment: Payment, method: PaymentMethod | None, presence: Presence) -> Payment:
    """Try a payment again that was declined or waits for the payer: the same intent, another attempt.

    Raises PaymentUnderWay or PaymentMethodUnusable.
    """
    _check_over(payment)
    check_usable(method)
    tried = await queries.attempts(work, payment.account_id, payment.id)
    if method:
        _attempt(work, payment, method, len(tried) + 1)
        payment.payment_method_id = method.id
    payment.state, payment.settled_at = PaymentState.CREATED, None
    payment.decline_code = payment.decline_reason = payment.advice = None
    payment.off_session, payment.return_url = presence.off_session, presence.return_url
    if not presence.off_session:
        payment.person_id, payment.ip, payment.device = presence.person_id, presence.ip, presence.device
    outcomes.begun(work, payment, now=presence.off_session)
    await work.flush()
    work.emit(events.PaymentRetried(payment.account_id, payment.id), payment)
    return payment


async def record(
    work: Work,
    account_id: int,
    owed: Mapping[int, Money],
    *,
    source: PaymentSource,
    reference: str,
    presence: Presence,
) -> Payment:
    """Write down money that came past the rail, such as a bank transfer. Raises PaymentUnderWay."""
    for other in await queries.under_way(work, account_id, list(owed)):
        _check_over(other)
        raise PaymentUnderWay(Money(other.amount_minor, other.currency).text, other.state.value)
    amount = total(owed.values(), next(iter(owed.values())).currency)
    payment = _payment(work, account_id, owed, amount, presence)
    payment.source, payment.reference = source, reference
    payment.state, payment.settled_at = PaymentState.SUCCEEDED, work.now
    work.add(payment)
    await work.flush()
    add_parts(work, payment, owed, PartState.OPEN)
    await work.flush()
    work.emit(events.PaymentRecorded(account_id, payment.id), payment)
    return payment


def check_usable(method: PaymentMethod | None) -> None:
    """Refuse a payment method that is gone, or may not be charged. Raises PaymentMethodUnusable."""
    if method and method.detached_at:
        raise PaymentMethodUnusable("was removed")
    if method and method.revoked_at:
        raise PaymentMethodUnusable("may not be debited any more: its owner took that back at their bank")


async def given_up(work: Work, method: PaymentMethod) -> bool:
    """Whether a payment method was declined for good, and is never charged by itself again, whatever is owed."""
    last = await queries.last_answer(work, method.account_id, method.id)
    if last is None or last.outcome is not AttemptOutcome.DECLINED or last.fingerprint != method.fingerprint:
        return False
    return classify(last.decline_code, last.decline_reason, last.advice) is DeclineClass.NEVER


def _check_over(other: Payment) -> None:
    """Refuse to begin beside a payment that money may still come from."""
    if other.state not in {PaymentState.FAILED, PaymentState.REQUIRES_ACTION}:
        raise PaymentUnderWay(Money(other.amount_minor, other.currency).text, other.state.value)


async def _same(work: Work, other: Payment, owed: Mapping[int, Money]) -> bool:
    parts = await queries.parts(work, other.account_id, other.id)
    return {part.invoice_id: Money(part.amount_minor, part.currency) for part in parts} == dict(owed)


def _payment(work: Work, account_id: int, owed: Mapping[int, Money], amount: Money, presence: Presence) -> Payment:
    return Payment(
        account_id=account_id,
        id=work.new_id(),
        invoice_id=next(iter(owed)),
        state=PaymentState.CREATED,
        currency=amount.currency,
        amount_minor=amount.minor,
        created_at=work.now,
        return_url=presence.return_url,
        person_id=presence.person_id,
        ip=presence.ip,
        device=presence.device,
    )


def add_parts(work: Work, payment: Payment, owed: Mapping[int, Money], state: PartState) -> None:
    """Write down what of a payment is for which invoice."""
    for invoice_id, amount in owed.items():
        work.add(
            PaymentPart(
                account_id=payment.account_id,
                id=work.new_id(),
                payment_id=payment.id,
                invoice_id=invoice_id,
                currency=amount.currency,
                amount_minor=amount.minor,
                state=state,
            )
        )


def _attempt(work: Work, payment: Payment, method: PaymentMethod, number: int) -> None:
    work.add(
        PaymentAttempt(
            account_id=payment.account_id,
            id=work.new_id(),
            payment_id=payment.id,
            number=number,
            payment_method_id=method.id,
            state=AttemptState.WAITING,
            fingerprint=method.fingerprint,
            brand=method.brand,
            created_at=work.now,
        )
    )


async def settle(work: Work, account_id: int, payment_id: int) -> Sequence[PaymentPart]:
    """The parts of a payment that are booked just now, each once."""
    await queries.payment(work, account_id, payment_id)
    booked = [part for part in await queries.parts(work, account_id, payment_id) if part.state is PartState.OPEN]
    for part in booked:
        part.state = PartState.SETTLED
    await work.flush()
    return booked
