"""The invoices of a scene: those that are written by hand, and how all of them were paid, or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from functools import partial

from auth.tables import Account
from billing import events as billing
from billing import invoices, ledger
from billing.seller import seller
from billing.states import Collection, InvoiceKind, InvoiceState, LineKind
from billing.tables import Invoice, LineItem
from billing.tax import taxed
from gateway.scenes import form, queries
from gateway.scenes.payer import Payer
from kernel.errors import InvalidInput
from kernel.money import Money, exponent
from kernel.time import Period
from payments import events as paying
from payments.states import PaymentMethodKind, PaymentState
from payments.tables import Payment

DEBIT_TAKES = timedelta(days=5)
"""How long a direct debit is on its way."""

DECLINED = "insufficient_funds"
_FINAL = {PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.CANCELED}


# By hand


async def write_by_hand(payer: Payer, place: str, told: form.Invoice) -> None:
    """An invoice as the scene says it, with the attempts to collect it."""
    account, work = await payer.account(), payer.stage.work
    currency, now = told.currency or account.currency, work.now
    amounts = [_major(each.amount, currency) for each in told.lines]
    attempts = _attempts(told)
    _check(told.state, amounts, attempts)
    invoice = await _write(payer, account, told, amounts)
    if told.state is not InvoiceState.DRAFT:
        await invoices.finalize(work, invoice)
        agree(invoice, told.terms_days)
    for number, attempt in enumerate(attempts):
        at = attempt.at.at(payer.stage.now) if attempt.at else now
        act = partial(_attempt, payer, invoice, attempt.state, attempt.decline_code)
        payer.stage.then(at, f"{place}.attempts[{number}]", act)
    if told.state in {InvoiceState.PAID, InvoiceState.VOID, InvoiceState.UNCOLLECTIBLE}:
        closed = told.closed.at(payer.stage.now) if told.closed else now
        payer.stage.then(closed, f"{place}.closed", partial(_close, payer, account, invoice, told.state))


async def _write(payer: Payer, account: Account, told: form.Invoice, amounts: Sequence[Money]) -> Invoice:
    work = payer.stage.work
    invoice = invoices.started(work, account, InvoiceKind.ONE_OFF, amounts[0].currency, Period(work.now, work.now))
    rate = seller().rate(account.country, account.vat_id, work.now)
    (group,) = taxed([(amount, rate) for amount in amounts])
    invoice.tax_notes = [rate.reason] if rate.reason else []
    await work.reserve(len(amounts))
    rows = [
        LineItem(
            account_id=account.id,
            id=work.new_id(),
            invoice_id=invoice.id,
            position=place,
            description=line.description,
            quantity=line.quantity,
            currency=invoice.currency,
            amount_minor=amount.minor,
            tax_minor=tax.minor,
            period_start=work.now,
            period_end=work.now,
            kind=LineKind.ONE_OFF,
            formula=amount.text,
            tax_percent=str(rate.percent),
            tax_category=rate.category,
            tax_inclusive=rate.inclusive,
        )
        for place, (line, amount, tax) in enumerate(zip(told.lines, amounts, group.parts, strict=True), 1)
    ]
    return await invoices.write(work, invoice, rows)


def agree(invoice: Invoice, terms_days: int) -> None:
    """Let an invoice be due so many days after its issue; one with terms is sent, and not charged."""
    assert invoice.issued_at, "terms are agreed of what was issued"
    if terms_days:
        invoice.collection, invoice.net_days = Collection.SEND_INVOICE, terms_days
        invoice.due_at = invoice.issued_at + timedelta(days=terms_days)


def _attempts(told: form.Invoice) -> Sequence[form.Attempt]:
    if told.attempts is not None:
        return told.attempts
    return [form.Attempt(at=told.closed)] if told.state is InvoiceState.PAID else []


def _check(state: InvoiceState, amounts: Sequence[Money], attempts: Sequence[form.Attempt]) -> None:
    """Refuse an invoice that nobody could have been sent, or that was paid otherwise than it says."""
    if sum(amount.minor for amount in amounts) <= 0:
        raise InvalidInput("The lines of an invoice sum to more than nothing.")
    succeeded = sum(attempt.state is PaymentState.SUCCEEDED for attempt in attempts)
    if succeeded != (state is InvoiceState.PAID):
        raise InvalidInput(f"{succeeded} attempts succeeded: an invoice is paid by one, and any other by none.")


def _major(amount: str, currency: str) -> Money:
    minor = Fraction(amount) * 10 ** exponent(currency)
    if minor.denominator != 1:
        raise InvalidInput(f"{currency} has {exponent(currency)} decimal digits, and {amount} has more.")
    return Money(int(minor), currency)


async def _close(payer: Payer, account: Account, invoice: Invoice, state: InvoiceState) -> None:
    work = payer.stage.work
    match state:
        case InvoiceState.VOID:
            await invoices.void(work, account, invoice.id)
        case InvoiceState.UNCOLLECTIBLE:
            await invoices.abandon(work, account, invoice.id)
        case _:
            _receive(payer, invoice)


def _receive(payer: Payer, invoice: Invoice) -> None:
    """All that is owed on an invoice has come."""
    work, owed = payer.stage.work, invoices.remaining(invoice)
    invoices.book(work, invoice, "payment_received", ledger.payment_received(owed))
    invoice.paid_minor += owed.minor
    if invoices.settle_if_paid(work, invoice):
        work.emit(billing.InvoicePaid(invoice.account_id, invoice.id), invoice)


# Collecting


async def pay(payer: Payer, invoice: Invoice) -> None:
    """Collect an invoice with what the account pays with by default; a direct debit takes days to arrive."""
    method = await queries.default_method(payer.stage.work, invoice.account_id)
    if method is None or method.kind is not PaymentMethodKind.SEPA_DEBIT:
        await _attempt(payer, invoice, PaymentState.SUCCEEDED)
        _receive(payer, invoice)
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
    payer.stage.work.emit(paying.PaymentSucceeded(payment.account_id, payment.id), payment)
    _receive(payer, invoice)


async def _attempt(payer: Payer, invoice: Invoice, state: PaymentState, decline_code: str | None = None) -> Payment:
    """A payment of all that is owed on an invoice."""
    work = payer.stage.work
    method = await queries.default_method(work, invoice.account_id)
    payment = Payment(
        account_id=invoice.account_id,
        id=work.new_id(),
        invoice_id=invoice.id,
        payment_method_id=method.id if method else None,
        state=state,
        currency=invoice.currency,
        amount_minor=invoices.remaining(invoice).minor,
        decline_code=decline_code,
        created_at=work.now,
        settled_at=work.now if state in _FINAL else None,
    )
    work.add(payment)
    kinds = {
        PaymentState.SUCCEEDED: paying.PaymentSucceeded,
        PaymentState.FAILED: paying.PaymentFailed,
        PaymentState.CANCELED: paying.PaymentCanceled,
    }
    work.emit(kinds.get(state, paying.PaymentBegun)(payment.account_id, payment.id), payment)
    return payment
