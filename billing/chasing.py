"""Chasing: what our staff decide about an unpaid invoice: to charge it now, to let its steps wait, to skip one.

A pause has an end, when the steps go on by themselves; all of them come that much
later. What may never be charged again is not charged by hand either.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing import dunning, dunning_queries, events, invoice_queries, paying, unpaid
from billing.dunning import Step, StepKind
from billing.dunning_rows import read_steps
from billing.invoices import remaining
from billing.paying import NothingToPay
from billing.states import Collection, DunningState, InvoiceState
from billing.tables import Invoice, InvoiceDunning
from kernel.errors import InvalidInput, Problem
from kernel.work import Work
from payments import attempts, networks, queries
from payments.attempts import PaymentMethodUnusable
from payments.tables import Payment

LONGEST_PAUSE = timedelta(days=180)
LONGEST_REASON = 500


@dataclass(eq=False)
class DunningNotChangeable(Problem):
    """What follows the invoice can't be changed so."""

    says = "Nothing was changed: {why}."
    why: str
    """What is in the way, and what to do instead."""


@dataclass(eq=False)
class CardTriedTooOften(Problem):
    """A card network doesn't let us try the card again yet."""

    says = "This card was tried as often as its network allows. Try again from {allowed_at:%Y-%m-%d %H:%M} UTC on."
    allowed_at: datetime
    """From when on it may be tried."""


async def retry(work: Work, account_id: int, invoice_id: int) -> Payment:
    """Charge what is owed on an invoice now, by what it is charged by. `payments.pursuit` goes on.

    Raises NothingToPay, DunningNotChangeable, PaymentMethodUnusable, CardTriedTooOften,
    PaymentUnderWay or AmountNotChargeable.
    """
    invoice = await invoice_queries.locked(work, account_id, invoice_id)
    if invoice.state is not InvoiceState.OPEN or remaining(invoice).minor <= 0:
        raise NothingToPay(invoice.number or "a draft", invoice.state.value)
    if invoice.collection is Collection.SEND_INVOICE:
        raise DunningNotChangeable("it is sent to be paid, and nothing is charged by itself. Its customer pays it")
    method = await queries.method_for(work, account_id, invoice.subscription_id)
    if method is None:
        raise PaymentMethodUnusable("is missing: the account has no default")
    if await attempts.given_up(work, method):
        raise PaymentMethodUnusable("was declined for good by its bank")
    allowed = await networks.allowed_from(work, method)
    if allowed > work.now:
        raise CardTriedTooOften(allowed)
    return await attempts.begin(
        work,
        account_id,
        {invoice.id: paying.part(invoice)},
        method=method,
        presence=paying.by_itself(method),
        reference=invoice.number or "",
    )


async def pause(work: Work, account_id: int, invoice_id: int, until: datetime, reason: str) -> Invoice:
    """Let nothing follow an unpaid invoice until an instant. Raises DunningNotChangeable or InvalidInput."""
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise InvalidInput(f"A reason is 1 to {LONGEST_REASON} printable characters.")
    if not work.now < until <= work.now + LONGEST_PAUSE:
        raise InvalidInput(f"A pause ends in the future, and within {LONGEST_PAUSE.days} days.")
    invoice, row = await _followed(work, account_id, invoice_id, DunningState.RUNNING, DunningState.PAUSED)
    row.paused_at = row.paused_at or work.now
    row.state, row.next_at, row.pause_reason = DunningState.PAUSED, until, reason
    await work.flush()
    work.emit(events.InvoiceDunningPaused(account_id, invoice_id), row)
    return invoice


async def resume(work: Work, account_id: int, invoice_id: int) -> Invoice:
    """Let the steps of an unpaid invoice go on now. Raises DunningNotChangeable."""
    invoice, row = await _followed(work, account_id, invoice_id, DunningState.PAUSED)
    await unpaid.go_on(work, row)
    return invoice


async def skip(work: Work, account_id: int, invoice_id: int, kind: StepKind) -> Invoice:
    """Pass over the next step, which is of this kind. Raises DunningNotChangeable."""
    invoice, row = await _followed(work, account_id, invoice_id, DunningState.RUNNING)
    ahead = read_steps(row.ahead)
    first = [step for step in ahead if step.at == ahead[0].at]
    passed = next((step for step in first if step.kind is kind), None)
    if passed is None:
        raise DunningNotChangeable(f"the next step is {_named(first)}. Look at the steps again")
    if kind is StepKind.END:
        raise DunningNotChangeable("the end can't be passed over. Pause the dunning, or give the invoice up")
    ahead.remove(passed)
    unpaid.plan(row, ahead)
    await work.flush()
    work.emit(events.InvoiceDunningStepSkipped(account_id, invoice_id, kind.value), row)
    return invoice


async def _followed(
    work: Work, account_id: int, invoice_id: int, *states: DunningState
) -> tuple[Invoice, InvoiceDunning]:
    """An invoice and what follows it, both locked, if that is in one of these states."""
    invoice = await invoice_queries.locked(work, account_id, invoice_id)
    row = await dunning_queries.dunning(work, account_id, invoice_id)
    if row is None:
        raise DunningNotChangeable("nothing follows this invoice")
    if row.state not in states:
        raise DunningNotChangeable(f"the dunning of this invoice is {row.state.value}")
    return invoice, row


def _named(steps: list[Step]) -> str:
    return " or ".join(step.kind.value for step in sorted(steps, key=dunning.order))
