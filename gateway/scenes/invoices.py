"""The invoices of a scene: written, numbered, taxed, and paid or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from functools import partial

from billing.tables import Invoice, InvoiceState, LineItem
from billing.tax import Rate, taxed
from gateway import numbering
from gateway.scenes import events, form, queries
from gateway.scenes.payer import Payer
from kernel.errors import InvalidInput
from kernel.money import Money, exponent
from kernel.time import Period
from payments.tables import Payment, PaymentMethodKind, PaymentState

DEBIT_TAKES = timedelta(days=5)
"""How long a direct debit is on its way."""

DECLINED = "insufficient_funds"
_FINAL = {PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.CANCELED}


@dataclass(frozen=True, slots=True)
class Charge:
    """What a line says, before tax is parted from it or put on top."""

    description: str
    amount: Money
    quantity: int
    period: Period
    plan_id: int | None = None
    price_id: int | None = None


# Writing


async def write(
    payer: Payer,
    charges: Sequence[Charge],
    period: Period,
    terms: timedelta,
    subscription_id: int | None = None,
    *,
    draft: bool = False,
) -> Invoice:
    """An invoice of these charges, made now: open, with its number, unless it is a draft."""
    account, work = await payer.account(), payer.stage.work
    amounts = _taxed(charges, payer.told.tax)
    net, tax = sum(net for net, _ in amounts), sum(tax for _, tax in amounts)
    invoice = Invoice(
        account_id=account.id,
        id=work.new_id(),
        subscription_id=subscription_id,
        state=InvoiceState.DRAFT if draft else InvoiceState.OPEN,
        currency=charges[0].amount.currency,
        subtotal_minor=net,
        tax_minor=tax,
        total_minor=net + tax,
        period_start=period.start,
        period_end=period.end,
        created_at=work.now,
    )
    if not draft:
        invoice.number = numbering.number(work.now.year, await numbering.last(work, work.now.year) + 1)
        invoice.issued_at, invoice.due_at = work.now, work.now + terms
    work.add(invoice)
    await work.reserve(len(charges))
    for place, (charge, taxed_as) in enumerate(zip(charges, amounts, strict=True), 1):
        work.add(_line(invoice, work.new_id(), place, charge, taxed_as))
    kind = events.InvoiceDrafted if draft else events.InvoiceIssued
    work.emit(kind(account.id, invoice.id), invoice)
    return invoice


def _line(invoice: Invoice, number: int, place: int, charge: Charge, taxed_as: tuple[int, int]) -> LineItem:
    amount, tax = taxed_as
    return LineItem(
        account_id=invoice.account_id,
        id=number,
        invoice_id=invoice.id,
        position=place,
        description=charge.description,
        plan_id=charge.plan_id,
        price_id=charge.price_id,
        quantity=charge.quantity,
        currency=invoice.currency,
        amount_minor=amount,
        tax_minor=tax,
        period_start=charge.period.start,
        period_end=charge.period.end,
    )


def _taxed(charges: Sequence[Charge], tax: form.Tax | None) -> list[tuple[int, int]]:
    """Each line's amount before tax, and the tax on it, in minor units."""
    if tax is None:
        return [(charge.amount.minor, 0) for charge in charges]
    rate = Rate(Fraction(tax.percent), inclusive=tax.inclusive)
    (group,) = taxed([(charge.amount, rate) for charge in charges])
    within = 1 if tax.inclusive else 0
    return [
        (charge.amount.minor - within * part.minor, part.minor)
        for charge, part in zip(charges, group.parts, strict=True)
    ]


# By hand


async def write_by_hand(payer: Payer, place: str, told: form.Invoice) -> None:
    """An invoice as the scene says it, with the attempts to collect it."""
    account = await payer.account()
    currency, now = told.currency or account.currency, payer.stage.work.now
    terms = timedelta(days=told.terms_days)
    period = Period(now, now)
    charges = [Charge(each.description, _major(each.amount, currency), each.quantity, period) for each in told.lines]
    attempts = _attempts(told)
    _check(told.state, charges, attempts)
    invoice = await write(payer, charges, period, terms, draft=told.state is InvoiceState.DRAFT)
    for number, attempt in enumerate(attempts):
        at = attempt.at.at(payer.stage.now) if attempt.at else now
        act = partial(_attempt, payer, invoice, attempt.state, attempt.decline_code)
        payer.stage.then(at, f"{place}.attempts[{number}]", act)
    if told.state in {InvoiceState.PAID, InvoiceState.VOID, InvoiceState.UNCOLLECTIBLE}:
        closed = told.closed.at(payer.stage.now) if told.closed else now
        payer.stage.then(closed, f"{place}.closed", partial(_close, payer, invoice, told.state))


def _attempts(told: form.Invoice) -> Sequence[form.Attempt]:
    if told.attempts is not None:
        return told.attempts
    return [form.Attempt(at=told.closed)] if told.state is InvoiceState.PAID else []


def _check(state: InvoiceState, charges: Sequence[Charge], attempts: Sequence[form.Attempt]) -> None:
    """Refuse an invoice that nobody could have been sent, or that was paid otherwise than it says."""
    if sum(charge.amount.minor for charge in charges) <= 0:
        raise InvalidInput("The lines of an invoice sum to more than nothing.")
    succeeded = sum(attempt.state is PaymentState.SUCCEEDED for attempt in attempts)
    if succeeded != (state is InvoiceState.PAID):
        raise InvalidInput(f"{succeeded} attempts succeeded: an invoice is paid by one, and any other by none.")


def _major(amount: str, currency: str) -> Money:
    minor = Fraction(amount) * 10 ** exponent(currency)
    if minor.denominator != 1:
        raise InvalidInput(f"{currency} has {exponent(currency)} decimal digits, and {amount} has more.")
    return Money(int(minor), currency)


async def _close(payer: Payer, invoice: Invoice, state: InvoiceState) -> None:
    work = payer.stage.work
    kinds = {InvoiceState.VOID: events.InvoiceVoided, InvoiceState.UNCOLLECTIBLE: events.InvoiceForgone}
    invoice.state = state
    if state is InvoiceState.PAID:
        invoice.paid_minor, invoice.paid_at = invoice.total_minor, work.now
    work.emit(kinds.get(state, events.InvoicePaid)(invoice.account_id, invoice.id), invoice)


# Collecting


async def pay(payer: Payer, invoice: Invoice) -> None:
    """Collect an invoice with what the account pays with by default; a direct debit takes days to arrive."""
    method = await queries.default_method(payer.stage.work, invoice.account_id)
    if method is None or method.kind is not PaymentMethodKind.SEPA_DEBIT:
        await _attempt(payer, invoice, PaymentState.SUCCEEDED)
        await _close(payer, invoice, InvoiceState.PAID)
        return
    payment = await _attempt(payer, invoice, PaymentState.PROCESSING)
    arrives = payer.stage.work.now + DEBIT_TAKES
    if arrives <= payer.stage.now:
        payer.stage.then(arrives, payer.place, partial(_arrive, payer, invoice, payment))


async def decline(payer: Payer, invoice: Invoice) -> None:
    """Try to collect an invoice, and fail."""
    await _attempt(payer, invoice, PaymentState.FAILED, DECLINED)


async def _arrive(payer: Payer, invoice: Invoice, payment: Payment) -> None:
    payment.state, payment.settled_at = PaymentState.SUCCEEDED, payer.stage.work.now
    payer.stage.work.emit(events.PaymentSucceeded(payment.account_id, payment.id), payment)
    await _close(payer, invoice, InvoiceState.PAID)


async def _attempt(payer: Payer, invoice: Invoice, state: PaymentState, decline_code: str | None = None) -> Payment:
    """A payment of the whole invoice."""
    work = payer.stage.work
    method = await queries.default_method(work, invoice.account_id)
    payment = Payment(
        account_id=invoice.account_id,
        id=work.new_id(),
        invoice_id=invoice.id,
        payment_method_id=method.id if method else None,
        state=state,
        currency=invoice.currency,
        amount_minor=invoice.total_minor,
        decline_code=decline_code,
        created_at=work.now,
        settled_at=work.now if state in _FINAL else None,
    )
    work.add(payment)
    kinds = {
        PaymentState.SUCCEEDED: events.PaymentSucceeded,
        PaymentState.FAILED: events.PaymentFailed,
        PaymentState.CANCELED: events.PaymentCanceled,
    }
    work.emit(kinds.get(state, events.PaymentBegun)(payment.account_id, payment.id), payment)
    return payment
