"""Pursuit: what was decided about a payment, done at the rail, step by step, until there is an answer.

Create the payment intent, commit its id, then confirm that id. Before each call
what is about to happen is committed, and no connection is held during it. Whoever
is killed in between is followed by another, who looks before asking again. An
intent charges at most once, however often and by whomever it is confirmed; and
another intent is made only when the one before was given up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from kernel import ids
from kernel.money import Money
from kernel.sealing import seal
from kernel.work import Work
from payments import customers, methods, networks, noticing, outcomes, queries
from payments.keys import KEYS_LIVE, PATIENT
from payments.merging import Seen, untouched, with_charge, with_intent
from payments.rail.errors import Declined, Misconfigured, RailError, Refused, Throttled, Unknown
from payments.rail.intents import body_of
from payments.rail.opening import Rail
from payments.rail.values import Decline, Intent
from payments.states import AttemptState, PartState, PaymentState
from payments.tables import Payment, PaymentAttempt

GONE = "payment_method_detached"
"""Why a payment method is refused that was let go, here or at the rail."""

log = structlog.get_logger("payments.pursuit")


@dataclass(frozen=True, slots=True)
class Case:
    """One payment, and whoever looks after it."""

    work: Work
    rail: Rail
    account_id: int
    payment_id: int
    urgent: bool

    @asynccontextmanager
    async def payment(self) -> AsyncIterator[Payment]:
        """The payment, locked, in a transaction of its own."""
        async with self.work.transaction():
            await self.work.bind(self.account_id)
            yield await queries.payment(self.work, self.account_id, self.payment_id)

    def key(self, what: str, number: int, times: int = 0) -> str:
        """The idempotency key of one thing that is done once."""
        return f"{self.rail.installation}-{what}-{number}-{times}"


async def pursue(work: Work, rail: Rail, account_id: int, payment_id: int, *, urgent: bool) -> None:
    """Take a payment as far as it goes now. Opens transactions, so call it outside of one."""
    case = Case(work, rail, account_id, payment_id, urgent)
    try:
        await _pursue(case)
    except RailError as error:
        await _set_back(case, error)


async def _pursue(case: Case) -> None:
    async with case.payment() as payment:
        if not case.urgent and (payment.next_at is None or payment.next_at > case.work.now):
            return  # another worker has taken it
        state, replaces, known = payment.state, list(payment.replaces), payment.rail_id
        tried = await queries.attempts(case.work, case.account_id, case.payment_id)
        by_payer = outcomes.strangers(Seen.from_document(payment.seen), tried)
        outcomes.begun(case.work, payment)
    if by_payer:
        await noticing.notice(case.work, case.rail, case.account_id, case.payment_id, urgent=case.urgent)
    if state is PaymentState.SUCCEEDED:
        await _know_fee(case)
        return
    if state in {PaymentState.CANCELED, PaymentState.FAILED}:
        async with case.payment() as payment:
            payment.next_at = None
        if case.urgent and known and state is PaymentState.FAILED:
            # The payer may have named another card on their page since.
            await _look(case, known)
        return
    for other in replaces:
        if not await _gave_up(case, other):
            await _withdraw(case)
            return
    intent = await _intent(case)
    if intent is not None and not await _confirmed(case, intent):
        await _look(case, intent)


# Payments that this one replaces


async def _gave_up(case: Case, other_id: int) -> bool:
    """Whether another payment was given up at the rail, so that nobody can confirm it any more."""
    other = Case(case.work, case.rail, case.account_id, other_id, case.urgent)
    async with other.payment() as payment:
        if payment.rail_id is None:
            await outcomes.move(case.work, payment, PaymentState.CANCELED)
        known, state = payment.rail_id, payment.state
    if known and state is not PaymentState.CANCELED:
        try:
            intent = await case.rail.intents.cancel(known, key=case.key("cancel", other_id), urgent=case.urgent)
        except Refused:
            intent = await case.rail.intents.look(known, urgent=case.urgent)
        state = await _learn(other, intent)
    return state is PaymentState.CANCELED


async def _withdraw(case: Case) -> None:
    """Give a payment up that was not begun at the rail, because another one of its invoices went through."""
    async with case.payment() as payment:
        attempt = await queries.attempt_at_work(case.work, case.account_id, case.payment_id)
        if attempt:
            outcomes.refuse(case.work, attempt, "replaced_payment_went_through")
        await outcomes.move(case.work, payment, PaymentState.CANCELED)


# The intent


async def _intent(case: Case) -> str | None:
    """The id of the payment's intent, which is made and committed first; None when the rail would not make it."""
    async with case.payment() as payment:
        if payment.replaces:
            payment.replaces = []
            await queries.move_parts(case.work, case.account_id, case.payment_id, PartState.OPEN)
        known, account_id = payment.rail_id, payment.account_id
    if known:
        return known
    customer = await customers.ensure(case.work, case.rail, account_id, urgent=case.urgent)
    try:
        made = await _found(case, customer) or await _made(case, customer)
    except Refused as refused:
        await _not_made(case, refused)
        return None
    async with case.payment() as payment:
        if payment.rail_id is None:
            payment.rail_id, payment.secret = made.id, seal(made.client_secret).encode()
            await outcomes.learn(case.work, payment, with_intent(Seen.from_document(payment.seen), made))
        return payment.rail_id


async def _made(case: Case, customer: str) -> Intent:
    async with case.payment() as payment:
        if payment.request is None:
            marks = customers.marks(
                case.rail,
                case.account_id,
                gw_payment=ids.encode("pay", payment.id),
                gw_invoice=ids.encode("inv", payment.invoice_id),
            )
            amount = Money(payment.amount_minor, payment.currency)
            payment.request = body_of(amount, customer, marks, payment.reference or "")
        payment.requested_at = payment.requested_at or case.work.now
        body, times = payment.request, payment.created_times
    return await case.rail.intents.create(body, key=case.key("payment", case.payment_id, times), urgent=case.urgent)


async def _found(case: Case, customer: str) -> Intent | None:
    """An intent that was asked for, and whose key answers no more or only fails: looked for by our reference.

    If there is none, the next one is asked for with another key. One too many would
    charge nobody: only the one whose id is committed is ever confirmed.
    """
    async with case.payment() as payment:
        if payment.requested_at is None:
            return None
        if case.work.now - payment.requested_at < KEYS_LIVE and payment.looks < PATIENT:
            return None
    ours = ids.encode("pay", case.payment_id)
    async for intent in case.rail.intents.of_customer(customer, urgent=case.urgent):
        if intent.metadata.get("gw_payment") == ours:
            return intent
    async with case.payment() as payment:
        payment.requested_at, payment.created_times, payment.looks = case.work.now, payment.created_times + 1, 0
    return None


async def _not_made(case: Case, refused: Refused) -> None:
    log.warning("the rail makes no intent", payment=ids.encode("pay", case.payment_id), code=refused.code)
    async with case.payment() as payment:
        code = refused.code
        if refused.missing and refused.param == "customer":
            await _let_go_of_all(case)
            code = GONE
        payment.request = None
        payment.requested_at, payment.created_times = None, payment.created_times + 1
        await _refused(case, payment, code)


async def _let_go_of_all(case: Case) -> None:
    """The customer is gone at the rail, and whatever they have saved with them."""
    await customers.forget(case.work, case.account_id)
    for method in await queries.methods_of(case.work, case.account_id):
        await methods.gone(case.work, method)


# The confirmation


async def _confirmed(case: Case, intent: str) -> bool:
    """Whether there was a try to be sent; it is answered then, or its answer was lost and that is known."""
    async with case.payment():
        attempt = await queries.attempt_at_work(case.work, case.account_id, case.payment_id)
        sent = attempt is not None and attempt.state is AttemptState.SENT
    if attempt is None:
        return False
    if sent and not await _untouched(case, intent):
        return True
    sending = await _sending(case)
    if sending is None:
        return True
    attempt, method, presence = sending
    try:
        answer = await case.rail.intents.confirm(
            intent,
            method,
            key=case.key("attempt", attempt.id, attempt.keys),
            off_session=presence.off_session,
            return_url=presence.return_url,
            urgent=case.urgent,
        )
    except Declined as declined:
        await _learn(case, declined.intent or await case.rail.intents.look(intent, urgent=case.urgent), answered=True)
    except Refused as refused:
        await _learn_refusal(case, intent, method, refused)
    else:
        await _learn(case, answer, answered=True)
    return True


async def _untouched(case: Case, intent: str) -> bool:
    """Look at an intent whose try was sent; whether nothing has come of that."""
    found = await case.rail.intents.look(intent, urgent=case.urgent)
    async with case.payment() as payment:
        seen = with_intent(Seen.from_document(payment.seen), found)
        attempt = await queries.attempt_at_work(case.work, case.account_id, case.payment_id)
        nothing = attempt is not None and untouched(seen, attempt.charge_before)
        await outcomes.learn(case.work, payment, seen, answered=not nothing)
    return nothing


async def _sending(case: Case) -> tuple[PaymentAttempt, str, Payment] | None:
    """Write down that the try is sent now; what to send, or None where it can't be."""
    async with case.payment() as payment:
        attempt = await queries.attempt_at_work(case.work, case.account_id, case.payment_id)
        if attempt is None:
            return None
        assert attempt.payment_method_id, "only a try that its payer made may be of a method we don't know"
        method = await queries.method(case.work, case.account_id, attempt.payment_method_id)
        if method.detached_at or method.revoked_at:
            gone = GONE if method.detached_at else "payment_method_revoked"
            await _refused(case, payment, gone)
            return None
        if not attempt.sends and await networks.allowed_from(case.work, method) > case.work.now:
            await _refused(case, payment, networks.TRIED_TOO_OFTEN)
            return None
        if attempt.sends and attempt.sends % PATIENT == 0:
            # The intent was looked at and nothing has happened, so this key only repeats the rail's own failure.
            attempt.keys += 1
        attempt.state, attempt.sends, attempt.sent_at = AttemptState.SENT, attempt.sends + 1, case.work.now
        attempt.charge_before = Seen.from_document(payment.seen).news.charge
        outcomes.begun(case.work, payment)
    return attempt, method.rail_id, payment


async def _learn_refusal(case: Case, intent: str, method: str, refused: Refused) -> None:
    """The rail would not confirm: because the intent is in another state, which is believed, or for good."""
    if refused.by_state:
        found = refused.intent or await case.rail.intents.look(intent, urgent=case.urgent)
        if found.status not in {"requires_payment_method", "requires_confirmation"}:
            await _learn(case, found, answered=True)
            return
    gone = await _is_gone(case, method)
    async with case.payment() as payment:
        known = await queries.method_named(case.work, case.account_id, method) if gone else None
        if known:
            await methods.gone(case.work, known)
        await _refused(case, payment, GONE if gone else refused.code)


async def _is_gone(case: Case, method: str) -> bool:
    """Whether a payment method that would not do can't be charged ever again, for it is nobody's at the rail."""
    try:
        told = await case.rail.methods.look(method, urgent=case.urgent)
    except Refused as refused:
        return refused.missing
    return told.customer is None


async def _refused(case: Case, payment: Payment, code: str) -> None:
    attempt = await queries.attempt_at_work(case.work, case.account_id, case.payment_id)
    decline = outcomes.refuse(case.work, attempt, code) if attempt else Decline(code)
    await outcomes.move(case.work, payment, PaymentState.FAILED, decline)


# Looking


async def _look(case: Case, intent: str) -> None:
    """See how an intent is that nobody here is about to confirm."""
    found = await case.rail.intents.look(intent, urgent=case.urgent)
    async with case.payment() as payment:
        before = payment.state
        await outcomes.learn(case.work, payment, with_intent(Seen.from_document(payment.seen), found))
        if payment.state is before:
            outcomes.look_again(case.work, payment)


async def _learn(case: Case, intent: Intent, *, answered: bool = False) -> PaymentState:
    async with case.payment() as payment:
        seen = with_intent(Seen.from_document(payment.seen), intent)
        await outcomes.learn(case.work, payment, seen, answered=answered)
        return payment.state


async def _know_fee(case: Case) -> None:
    """Ask what the rail kept of a payment, once it knows."""
    async with case.payment() as payment:
        seen, known = Seen.from_document(payment.seen), payment.fee_minor is not None
        if known or payment.charge is None:
            payment.next_at = None
            return
    if seen.transaction is None:
        charge = await case.rail.intents.charge(payment.charge, urgent=case.urgent)
        seen = with_charge(seen, charge)
    if seen.transaction is None:
        async with case.payment() as payment:
            outcomes.look_again(case.work, payment)
        return
    booked = await case.rail.balance.transaction(seen.transaction, urgent=case.urgent)
    async with case.payment() as payment:
        payment.seen = seen.document
        outcomes.keep_fee(case.work, payment, booked)


# Going wrong


async def _set_back(case: Case, error: RailError) -> None:
    """There was no clear answer: write that down, and try again later."""
    told = {"payment": ids.encode("pay", case.payment_id), "kind": type(error).__name__, "says": str(error)}
    (log.error if isinstance(error, Misconfigured) else log.info)("a payment has to wait", **told)
    async with case.payment() as payment:
        attempt = await queries.attempt_at_work(case.work, case.account_id, case.payment_id)
        if attempt and isinstance(error, Throttled | Misconfigured) and attempt.state is AttemptState.SENT:
            attempt.state = AttemptState.WAITING
        if attempt and attempt.state is AttemptState.SENT and isinstance(error, Unknown):
            await outcomes.move(case.work, payment, PaymentState.UNKNOWN)
        outcomes.look_again(case.work, payment)
