"""Refunds: how Finance gives a payment back, with the credit note that says so."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from billing import approvals, refunding
from billing.approvals import Gift
from billing.credit_notes import OtherCurrency
from billing.crediting import CreditTooHigh
from billing.invoices import InvoiceSettled
from billing.refunding import Wanted
from billing.states import ApprovalKind, CreditDestination
from kernel import ids
from kernel.errors import InvalidInput
from kernel.money import Money
from payments import queries as paying
from payments import refunds, return_queries, returning
from payments.refunds import PaymentNotRefundable, RefundTooHigh
from payments.states import PaymentSource, RefundCause
from payments.tables import Payment, Refund
from resolvers.amounts import AmountInput, CreditLineInput
from resolvers.info import Context, Info

INVOICE = "Of which of its invoices; the first when left out."
AMOUNT = "How much to credit, with its taxes; with neither this nor lines, all that this payment can give back."
LINES = "Which lines of the invoice, and how much of each; instead of an amount."


async def refund_payment(
    info: Info,
    payment: Annotated[ID, "Which payment gives back."],
    reason: Annotated[str, "Why, printed on the credit note: 1 to 1,000 characters."],
    invoice: Annotated[ID | None, INVOICE] = None,
    amount: Annotated[AmountInput | None, AMOUNT] = None,
    lines: Annotated[list[CreditLineInput] | None, LINES] = None,
    cause: Annotated[RefundCause, "Why, as the bank is told."] = RefundCause.REQUESTED_BY_CUSTOMER,
    approval: Annotated[
        ID | None,
        "A second person's consent to the credit note, which is needed above a limit: see `requestApproval`.",
    ] = None,
) -> Refund:
    """Give back what was paid. A credit note takes it off the invoice; what is still owed is lowered first."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "pay", payment)
    number = await _invoice(context, found, invoice)
    gift = Gift(
        ApprovalKind.CREDIT_NOTE,
        number,
        CreditDestination.REFUNDS,
        None if approval is None else ids.decode("approval", approval),
    )
    made = await refunding.refund(
        context.work,
        await people.account(context.work, found.account_id),
        Wanted(found.id, number, *_wished(found.currency, amount, lines)),
        cause=cause,
        reason=reason,
        person_id=context.actor.person_id,
        allowed=partial(approvals.consented, context.work, found.account_id, gift),
    )
    await _send(context, made)
    return made


async def retry_refund(info: Info, refund: Annotated[ID, "Which refund, that failed or was canceled."]) -> Refund:
    """Give back anew what a refund had promised that came to nothing."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "refund", refund)
    payment = await paying.payment(context.work, found.account_id, found.payment_id)
    failed = await return_queries.refund(context.work, found.account_id, found.id)
    made = await refunds.again(context.work, failed, payment, context.actor.person_id)
    await _send(context, made)
    return made


async def credit_refund(
    info: Info,
    refund: Annotated[ID, "Which refund, of those that were made at Stripe itself."],
    reason: Annotated[str, "Why, printed on the credit note: 1 to 1,000 characters."],
    invoice: Annotated[ID | None, INVOICE] = None,
    amount: Annotated[AmountInput | None, "How much to credit, with its taxes; what went back when left out."] = None,
    lines: Annotated[list[CreditLineInput] | None, LINES] = None,
    approval: Annotated[
        ID | None,
        "A second person's consent to the credit note, which is needed above a limit: see `requestApproval`.",
    ] = None,
) -> Refund:
    """Write the credit note of a refund that was made at Stripe itself. It gives back exactly what the refund gave."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "refund", refund)
    made = await return_queries.refund(context.work, found.account_id, found.id)
    payment = await return_queries.payment(context.work, made.account_id, made.payment_id)
    number = await _invoice(context, payment, invoice)
    named = None if approval is None else ids.decode("approval", approval)
    gift = Gift(ApprovalKind.CREDIT_NOTE, number, CreditDestination.REFUNDS, named)
    return await refunding.credit(
        context.work,
        await people.account(context.work, made.account_id),
        made,
        Wanted(payment.id, number, *_wished(made.currency, amount, lines)),
        reason=reason,
        allowed=partial(approvals.consented, context.work, made.account_id, gift),
    )


async def preview_refund(
    info: Info,
    payment: Annotated[ID, strawberry.argument(description="Which payment gives back.")],
    invoice: Annotated[ID | None, strawberry.argument(description=INVOICE)] = None,
    amount: Annotated[AmountInput | None, strawberry.argument(description=AMOUNT)] = None,
    lines: Annotated[list[CreditLineInput] | None, strawberry.argument(description=LINES)] = None,
) -> Any:
    """The very refund and credit note that `refundPayment` would write now. Raises InvalidInput as it would refuse."""
    context = info.context
    found = await context.found("pay", payment)
    context.actor.require(Permission.ADJUST, found.account_id)
    number = await _invoice(context, found, invoice)
    wanted = Wanted(found.id, number, *_wished(found.currency, amount, lines))
    try:
        return await refunding.preview(context.work, found.account_id, wanted)
    except (InvoiceSettled, CreditTooHigh, OtherCurrency, PaymentNotRefundable, RefundTooHigh) as problem:
        raise InvalidInput(problem.message) from problem


async def _invoice(context: Context, payment: Payment, text: str | None) -> int:
    """The invoice that is meant. Raises InvalidInput for another account's."""
    if not text:
        return payment.invoice_id
    named = await context.found("inv", text)
    if named.account_id != payment.account_id:
        raise InvalidInput("This invoice is another account's.")
    return int(named.id)


def _wished(
    currency: str, amount: AmountInput | None, lines: list[CreditLineInput] | None
) -> tuple[Money | None, dict[int, Money]]:
    given = {line.position: Money(line.minor, currency) for line in lines or ()}
    if len(given) != len(lines or ()):
        raise InvalidInput("Name each line once.")
    return amount.money if amount else None, given


async def _send(context: Context, refund: Refund) -> None:
    """Have the rail asked once the refund is committed."""
    payment = await paying.payment(context.work, refund.account_id, refund.payment_id)
    if payment.source is PaymentSource.RAIL:
        ask = partial(returning.pursue, context.work, context.rail, refund.account_id, refund.id, urgent=True)
        context.afterwards.append(ask)
