"""Unpaid invoices: the steps that follow them, taken when they are due, until they are paid or given up.

What comes next is written on one row an invoice, with the instant at which the
worker takes it. Everything is decided anew when it is taken: by the invoice as it
is then, by the schedule as the catalog has it then, and by how often the networks
let us ask. Invoices are locked before what follows them, and that before payments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from auth import queries as people
from billing import dunning, dunning_queries, events, invoice_queries, invoices, paying
from billing import queries as subscriptions
from billing.dunning import CHARGING, Course, EndState, Schedule, Step, StepKind
from billing.dunning_rows import read_steps, write_steps
from billing.invoices import remaining
from billing.states import Collection, DunningState, InvoiceKind, InvoiceState, SubscriptionState
from billing.tables import Invoice, InvoiceDunning
from kernel.work import Work
from payments import attempts, networks, queries, retries
from payments.attempts import PaymentMethodUnusable, PaymentUnderWay
from payments.rail.currencies import AmountNotChargeable
from payments.states import AttemptOutcome, PaymentSource, PaymentState
from payments.tables import Payment, PaymentMethod

_PATIENCE = timedelta(days=1)
"""How much later the end comes while a payment is on its way."""

log = structlog.get_logger("billing.unpaid")


# What is told


async def watch(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Plan what follows an invoice that is sent, or that there is nothing to charge for."""
    invoice = await invoice_queries.locked(work, account_id, told["invoice"])
    if not _owed(invoice) or await dunning_queries.dunning(work, account_id, invoice.id):
        return
    if invoice.collection is Collection.SEND_INVOICE:
        due = invoice.due_at or work.now
        # Whatever was sent to its customer before it came over, its steps begin here.
        await _start(work, invoice, Course.SENT, max(due, work.now) if invoice.kind is InvoiceKind.IMPORTED else due)
        return
    method = await queries.method_for(work, account_id, invoice.subscription_id)
    if method is None or await attempts.given_up(work, method):
        await _start(work, invoice, Course.NEVER if method else Course.ASK, work.now)


async def declined(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """A payment was declined, or its payer has to be asked: let the steps follow that the decline calls for."""
    parts = await queries.parts(work, account_id, told["payment"])
    owed = [await invoice_queries.locked(work, account_id, part.invoice_id) for part in parts]
    payment = await queries.payment(work, account_id, told["payment"])
    if payment.source is not PaymentSource.RAIL or payment.state not in {
        PaymentState.FAILED,
        PaymentState.REQUIRES_ACTION,
    }:
        return
    course = await _course(work, payment)
    for invoice in owed:
        if _owed(invoice) and invoice.collection is Collection.CHARGE_AUTOMATICALLY:
            await _declined(work, invoice, payment, course)


async def settled(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Let nothing follow an invoice on which nothing is owed any more, and give access back."""
    invoice = await invoice_queries.locked(work, account_id, told["invoice"])
    row = await dunning_queries.dunning(work, account_id, invoice.id)
    if row and row.state is not DunningState.SETTLED and not _owed(invoice):
        await _settle(work, row)


async def charge_anew(work: Work, account_id: int, told: Mapping[str, Any], *, renewed: bool = False) -> None:
    """Charge at once whatever is unpaid, and is paid with a payment method that is new, was chosen, or is `renewed`."""
    for invoice_id in await dunning_queries.unpaid(work, account_id):
        invoice = await invoice_queries.locked(work, account_id, invoice_id)
        row = await dunning_queries.dunning(work, account_id, invoice_id)
        method = await queries.method_for(work, account_id, invoice.subscription_id)
        waits = row and row.state in {DunningState.RUNNING, DunningState.ENDED} and row.course is not Course.SENT
        if row is None or not waits or not _owed(invoice) or method is None or method.id != told["payment_method"]:
            continue
        if not renewed and await attempts.given_up(work, method):
            continue
        if row.course not in CHARGING and row.state is DunningState.RUNNING:
            await _follow(work, row, Course.SCHEDULE)
        await charge(work, invoice, method)


# What is due


async def take_due(work: Work, account_id: int, invoice_id: int) -> None:
    """Take the steps of an invoice that are due."""
    invoice = await invoice_queries.locked(work, account_id, invoice_id)
    row = await dunning_queries.dunning(work, account_id, invoice_id)
    if row is None or row.next_at is None or row.next_at > work.now:
        return
    if not _owed(invoice):
        await _settle(work, row)
        return
    if row.state is DunningState.PAUSED:
        await go_on(work, row)
        return
    kinds = dunning.due(read_steps(row.ahead), None, work.now)
    if StepKind.END in kinds and await _may_be_paid(work, invoice):
        plan(row, [Step(work.now + _PATIENCE, StepKind.END)])
        await work.flush()
        return
    await _behind(work, row)
    await take(work, invoice, row, kinds)


async def _may_be_paid(work: Work, invoice: Invoice) -> bool:
    """Whether money is on its way, so that nothing is given up yet."""
    over = {PaymentState.FAILED, PaymentState.REQUIRES_ACTION}
    return any(other.state not in over for other in await queries.under_way(work, invoice.account_id, [invoice.id]))


async def take(work: Work, invoice: Invoice, row: InvoiceDunning, kinds: Sequence[StepKind]) -> None:
    """Take these steps now, and plan those that come after now by the schedule as it is."""
    schedule = await dunning_queries.schedule_named(work, row.schedule)
    if StepKind.END in kinds:
        await _end(work, invoice, row, schedule)
        return
    postponed = None
    if StepKind.CHARGE in kinds:
        postponed = await _charge_or_postpone(work, invoice, row)
    _plan(row, schedule, work.now, postponed)
    if StepKind.TAKE_ACCESS in kinds:
        await _take_access(work, row)
    await work.flush()
    if StepKind.REMIND in kinds:
        await _remind(work, row)


async def charge(work: Work, invoice: Invoice, method: PaymentMethod) -> Payment | None:
    """Charge what is owed on an invoice, unless a payment of it is under way."""
    try:
        return await attempts.begin(
            work,
            invoice.account_id,
            {invoice.id: paying.part(invoice)},
            method=method,
            presence=paying.by_itself(method),
            reference=invoice.number or "",
        )
    except (AmountNotChargeable, PaymentUnderWay, PaymentMethodUnusable) as refusal:
        log.info("an unpaid invoice is not charged", invoice=invoice.number, says=refusal.message)
        return None


async def _charge_or_postpone(work: Work, invoice: Invoice, row: InvoiceDunning) -> datetime | None:
    """Charge again, or tell from when on the networks let us; without a method the customer is asked for one."""
    method = await queries.method_for(work, invoice.account_id, invoice.subscription_id)
    if method is None:
        await _follow(work, row, Course.ASK)
        return None
    if await attempts.given_up(work, method):
        await _follow(work, row, Course.NEVER)
        return None
    allowed = await networks.allowed_from(work, method)
    if allowed > work.now:
        return allowed
    await charge(work, invoice, method)
    return None


async def _remind(work: Work, row: InvoiceDunning) -> None:
    row.reminders += 1
    await work.flush()
    work.emit(events.InvoiceReminded(row.account_id, row.id, row.course.value, row.reminders), row)


async def _take_access(work: Work, row: InvoiceDunning) -> None:
    if row.access_taken_at is not None:
        return
    row.access_taken_at = work.now
    await work.flush()
    for number in row.subscriptions:
        work.emit(events.SubscriptionAccessTaken(row.account_id, number), row)


async def _end(work: Work, invoice: Invoice, row: InvoiceDunning, schedule: Schedule) -> None:
    """Give it up, as the schedule says; a subscription that is canceled hears of it by the event."""
    row.state, row.ahead, row.next_at = DunningState.ENDED, [], None
    if schedule.end is EndState.UNPAID:
        await _take_access(work, row)
    await work.flush()
    told = events.InvoiceDunningEnded(row.account_id, row.id, schedule.end.value, tuple(row.subscriptions))
    work.emit(told, row)
    if schedule.end is not EndState.UNPAID:
        await invoices.abandon(work, await people.account(work, row.account_id), invoice.id)


# What is planned


async def _declined(work: Work, invoice: Invoice, payment: Payment, course: Course) -> None:
    row = await dunning_queries.dunning(work, invoice.account_id, invoice.id)
    if row is None or row.state is DunningState.SETTLED:
        if not payment.off_session:
            # Somebody was there, and saw it. What is charged by itself comes at its time.
            return
        row = await _start(work, invoice, course, max(invoice.due_at or work.now, work.now), row)
        await _behind(work, row)
    elif row.state is DunningState.RUNNING and row.course is not course and payment.off_session:
        await _follow(work, row, course)
    row.declined_method_id, row.declined_at = payment.payment_method_id, work.now
    row.decline_code, row.decline_reason = payment.decline_code, payment.decline_reason
    await work.flush()


async def _course(work: Work, payment: Payment) -> Course:
    """What the last of the tries at a payment's method calls for."""
    if payment.state is PaymentState.REQUIRES_ACTION:
        return Course.ASK
    tried = [
        attempt
        for attempt in await queries.attempts(work, payment.account_id, payment.id)
        if attempt.payment_method_id == payment.payment_method_id and attempt.outcome is AttemptOutcome.DECLINED
    ]
    first = min((attempt.created_at for attempt in tried), default=work.now)
    kind = "card"
    if payment.payment_method_id is not None:
        kind = (await queries.method(work, payment.account_id, payment.payment_method_id)).kind.value
    return Course(
        retries.follows(
            payment.decline_code,
            payment.decline_reason,
            payment.advice,
            kind=kind,
            tries=len(tried),
            since_first=work.now - first,
        ).value
    )


async def _start(
    work: Work, invoice: Invoice, course: Course, at: datetime, known: InvoiceDunning | None = None
) -> InvoiceDunning:
    """Let steps follow an invoice from an instant on; `known` is what followed it before, and was over."""
    account = await people.account(work, invoice.account_id)
    row = known or InvoiceDunning(account_id=invoice.account_id, id=invoice.id, course=course, started_at=at)
    row.state, row.course, row.started_at, row.settled_at = DunningState.RUNNING, course, at, None
    row.time_zone, row.reminders, row.access_taken_at = account.time_zone, 0, None
    row.schedule = await dunning_queries.schedule_of(work, invoice.account_id, invoice.id)
    row.subscriptions = await dunning_queries.billed_subscriptions(work, invoice.account_id, invoice.id)
    _plan(row, await dunning_queries.schedule_named(work, row.schedule), None)
    if known is None:
        work.add(row)
    await work.flush()
    work.emit(events.InvoiceDunningStarted(row.account_id, row.id, course.value), row)
    return row


async def _follow(work: Work, row: InvoiceDunning, course: Course) -> None:
    """Take the steps of another course from now on; a customer who has to do something is told at once."""
    row.course = course
    _plan(row, await dunning_queries.schedule_named(work, row.schedule), work.now)
    await work.flush()
    work.emit(events.InvoiceDunningChanged(row.account_id, row.id, course.value), row)
    if course not in CHARGING:
        await _remind(work, row)


def _plan(row: InvoiceDunning, schedule: Schedule, after: datetime | None, postponed: datetime | None = None) -> None:
    """Write down the steps to come. An end that was passed over, because the schedule changed, comes next."""
    every = dunning.steps(schedule, row.course, row.started_at, row.time_zone)
    planned = dunning.ahead(every, after)
    if not planned and after is not None:
        planned = [Step(after, StepKind.END)]
    if postponed and postponed < planned[-1].at:
        planned = sorted([*planned, Step(postponed, StepKind.CHARGE)], key=dunning.order)
    plan(row, planned)


async def go_on(work: Work, row: InvoiceDunning) -> None:
    """End a pause: as many steps as were ahead come, by so much later as it lasted."""
    assert row.paused_at, "a pause has begun"
    left = len(row.ahead)
    row.started_at += work.now - row.paused_at
    row.state, row.paused_at, row.pause_reason = DunningState.RUNNING, None, None
    schedule = await dunning_queries.schedule_named(work, row.schedule)
    _plan(row, schedule, work.now)
    plan(row, read_steps(row.ahead)[-left:])
    await work.flush()
    work.emit(events.InvoiceDunningResumed(row.account_id, row.id), row)


def plan(row: InvoiceDunning, planned: Iterable[Step]) -> None:
    """Write down the steps to come, the next one first."""
    row.ahead = write_steps(planned)
    running = row.state is DunningState.RUNNING and row.ahead
    row.next_at = read_steps(row.ahead[:1])[0].at if running else None


# Subscriptions


async def _behind(work: Work, row: InvoiceDunning) -> None:
    """The subscriptions that an unpaid invoice bills are past due."""
    for number in row.subscriptions:
        subscription = await subscriptions.subscription(work, row.account_id, number)
        if subscription.state is SubscriptionState.ACTIVE:
            subscription.state = SubscriptionState.PAST_DUE
            await work.flush()
            work.emit(events.SubscriptionOverdue(row.account_id, number), subscription)


async def _settle(work: Work, row: InvoiceDunning) -> None:
    taken = row.access_taken_at is not None
    row.state, row.settled_at, row.access_taken_at = DunningState.SETTLED, work.now, None
    row.ahead, row.next_at, row.paused_at, row.pause_reason = [], None, None, None
    await work.flush()
    work.emit(events.InvoiceDunningSettled(row.account_id, row.id), row)
    for number in row.subscriptions:
        if await dunning_queries.other_unpaid(work, row.account_id, number, row.id):
            continue
        if taken:
            work.emit(events.SubscriptionAccessGiven(row.account_id, number), row)
        subscription = await subscriptions.subscription(work, row.account_id, number)
        if subscription.state is SubscriptionState.PAST_DUE:
            subscription.state = SubscriptionState.ACTIVE
            await work.flush()
            work.emit(events.SubscriptionRestored(row.account_id, number), subscription)


def _owed(invoice: Invoice) -> bool:
    """Whether anything is owed that is asked for by itself: what is too small to be charged comes with the next."""
    if invoice.collection is Collection.CHARGE_AUTOMATICALLY and paying.is_too_small(invoice):
        return False
    return invoice.state is InvoiceState.OPEN and bool(remaining(invoice))
