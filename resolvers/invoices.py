"""What Finance does to invoices, each with a reason, and what an invoice says about itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import ID

from auth import queries as people
from auth.policy import Permission
from auth.tables import Account
from billing import approvals, credit_notes, explaining, invoice_queries, invoices, one_off
from billing.approvals import Gift
from billing.credit_notes import Allowed, Wish
from billing.crediting import CreditTooHigh
from billing.one_off import Wanted
from billing.states import ApprovalKind, CreditDestination
from billing.tables import CreditApproval, CreditNote, Invoice
from kernel import ids
from kernel.errors import InvalidInput
from kernel.money import Money, exponent
from resolvers.amounts import AmountInput, CreditLineInput, OneOffLineInput
from resolvers.info import Context, Info

LINES = "Which lines, and how much of each; instead of an amount."
AMOUNT = "How much with its taxes, split over what is left of the lines; with neither this nor lines, all that is left."
APPROVAL = "A second person's consent, which is needed above a limit: see `requestApproval`."
WHERE = "Where goes what had been settled already; what is still owed is lowered first."


@dataclass(frozen=True, slots=True)
class Credited:
    """An account's credit after some was granted."""

    account_id: int
    balance_minor: int
    currency: str


async def create_one_off_invoice(
    info: Info,
    account: Annotated[ID, "Who shall pay."],
    currency: Annotated[str, "The one currency it is in: an ISO 4217 code."],
    lines: Annotated[list[OneOffLineInput], "What is billed: 1 to 1,000 lines."],
    po_number: Annotated[str | None, "The customer's purchase order; the account's when left out."] = None,
    net_days: Annotated[int | None, "Days until it is due: 0 to 365; the account's when left out."] = None,
    finalize: Annotated[bool, "Whether it becomes final at once."] = False,
) -> Invoice:
    """Bill something once, by hand. It is a draft, without a number, until it becomes final."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "account", account)
    paying, wanted = await people.account(context.work, found.id), _wanted(lines)
    drafted = await one_off.create(context.work, paying, currency, wanted, po_number=po_number, net_days=net_days)
    return await invoices.finalize(context.work, drafted) if finalize else drafted


async def finalize_invoice(info: Info, invoice: Annotated[ID, "Which draft."]) -> Invoice:
    """Make a draft final: it gets its number, is owed, and uses the customer's credit."""
    context, account, found = await _adjusted(info, invoice)
    drafted = await invoice_queries.locked(context.work, account.id, found.id)
    return await invoices.finalize(context.work, drafted)


async def void_invoice(info: Info, invoice: Annotated[ID, "Which draft or open invoice."]) -> Invoice:
    """Take back an invoice of which nothing was paid, or discard a draft.

    What it billed counts as never billed, so a running subscription bills it again if
    it is due. To forgive it instead, write a credit note.
    """
    context, account, found = await _adjusted(info, invoice)
    return await invoices.void(context.work, account, found.id)


async def mark_uncollectible(
    info: Info,
    invoice: Annotated[ID, "Which open invoice."],
    approval: Annotated[ID | None, APPROVAL] = None,
) -> Invoice:
    """Give up what is still owed on an invoice, as a bad debt."""
    context, account, found = await _adjusted(info, invoice)
    allowed = _allowed(context, account.id, Gift(ApprovalKind.WRITE_OFF, found.id), approval)
    return await invoices.abandon(context.work, account, found.id, allowed)


async def create_credit_note(
    info: Info,
    invoice: Annotated[ID, "Which open or paid invoice gives back."],
    reason: Annotated[str, "Why, printed on the note: 1 to 1,000 characters."],
    destination: Annotated[CreditDestination, WHERE] = CreditDestination.CUSTOMER_CREDIT,
    amount: Annotated[AmountInput | None, AMOUNT] = None,
    lines: Annotated[list[CreditLineInput] | None, LINES] = None,
    approval: Annotated[ID | None, APPROVAL] = None,
) -> CreditNote:
    """Give back parts of an invoice, or all that is left of it, with the taxes on them."""
    context, account, found = await _adjusted(info, invoice)
    wish = _wish(destination, amount, lines, found.currency)
    allowed = _allowed(context, account.id, Gift(ApprovalKind.CREDIT_NOTE, found.id, destination), approval)
    return await credit_notes.issue(context.work, account, found.id, wish, reason, allowed=allowed)


async def grant_credit(
    info: Info,
    account: Annotated[ID, "Whose credit."],
    amount: Annotated[AmountInput, "How much, above zero."],
    approval: Annotated[ID | None, APPROVAL] = None,
) -> Credited:
    """Give an account credit out of good will. Invoices to come in that currency use it by themselves."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "account", account)
    exponent(amount.currency)
    await _allowed(context, found.id, Gift(ApprovalKind.CREDIT_GRANT), approval)(amount.money)
    balance = await credit_notes.grant(context.work, found.id, amount.money)
    return Credited(found.id, balance, amount.currency)


async def request_approval(
    info: Info,
    account: Annotated[ID, "To whom something is given."],
    kind: Annotated[ApprovalKind, "What is given away."],
    amount: Annotated[AmountInput, "Exactly how much."],
    reason: Annotated[str, "Why, for the second person: 1 to 1,000 characters."],
    invoice: Annotated[ID | None, "Of which invoice, for a credit note or a write-off."] = None,
    destination: Annotated[
        CreditDestination | None,
        "For a credit note: where what had been settled goes; to the customer's credit, if left out.",
    ] = None,
) -> CreditApproval:
    """Ask a second person to consent to more than one person may give away."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "account", account)
    number = None
    if invoice is not None:
        named = await context.found("inv", invoice)
        if named.account_id != found.id:
            raise InvalidInput("This invoice is another account's.")
        number = named.id
    if kind is ApprovalKind.CREDIT_NOTE:
        destination = destination or CreditDestination.CUSTOMER_CREDIT
    gift = Gift(kind, number, destination)
    return await approvals.request(
        context.work, found.id, gift, amount.money, reason=reason, person_id=context.person()
    )


async def approve(info: Info, approval: Annotated[ID, "Which request of another person."]) -> CreditApproval:
    """Consent to what another person of our staff asked for. They can then do exactly that, once."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "approval", approval)
    return await approvals.approve(context.work, found.account_id, found.id, context.person())


async def preview_one_off_invoice(
    info: Info,
    account: Annotated[ID, strawberry.argument(description="Who shall pay.")],
    currency: Annotated[str, strawberry.argument(description="The one currency it is in: an ISO 4217 code.")],
    lines: Annotated[list[OneOffLineInput], strawberry.argument(description="What is billed: 1 to 1,000 lines.")],
) -> Any:
    """The very lines and sums that `createOneOffInvoice` would write now."""
    context = info.context
    found = await context.found("account", account)
    context.actor.require(Permission.ADJUST, found.id)
    paying = await people.account(context.work, found.id)
    return one_off.drafted(paying, currency, _wanted(lines), context.work.now, None)


async def preview_credit_note(
    info: Info,
    invoice: Annotated[ID, strawberry.argument(description="Which open or paid invoice gives back.")],
    destination: Annotated[
        CreditDestination, strawberry.argument(description=WHERE)
    ] = CreditDestination.CUSTOMER_CREDIT,
    amount: Annotated[AmountInput | None, strawberry.argument(description=AMOUNT)] = None,
    lines: Annotated[list[CreditLineInput] | None, strawberry.argument(description=LINES)] = None,
) -> Any:
    """The very note that `createCreditNote` would write now. Raises InvalidInput for what it would refuse."""
    context = info.context
    found = await context.found("inv", invoice)
    context.actor.require(Permission.ADJUST, found.account_id)
    wish = _wish(destination, amount, lines, found.currency)
    try:
        return await credit_notes.preview(context.work, found.account_id, found.id, wish)
    except (invoices.InvoiceSettled, CreditTooHigh, credit_notes.OtherCurrency) as problem:
        raise InvalidInput(problem.message) from problem


async def explain_invoice(info: Info, invoice: Annotated[ID, strawberry.argument(description="Which invoice.")]) -> Any:
    """An invoice, computed again from the facts it came from, line by line."""
    context = info.context
    found = await context.found("inv", invoice)
    context.actor.require(Permission.SEE_BILLING, found.account_id)
    account = await people.account(context.work, found.account_id)
    return await explaining.explain(context.work, account, found.id)


async def _adjusted(info: Info, invoice: str) -> tuple[Context, Account, Any]:
    found = await info.context.permitted(Permission.ADJUST, "inv", invoice)
    return info.context, await people.account(info.context.work, found.account_id), found


def _allowed(context: Context, account_id: int, gift: Gift, approval: str | None) -> Allowed:
    named = replace(gift, approval_id=None if approval is None else ids.decode("approval", approval))
    return partial(approvals.consented, context.work, account_id, named)


def _wanted(lines: list[OneOffLineInput]) -> list[Wanted]:
    return [Wanted(line.description, line.unit_minor, line.quantity, line.tax_category) for line in lines]


def _wish(
    destination: CreditDestination,
    amount: AmountInput | None,
    lines: list[CreditLineInput] | None,
    currency: str,
) -> Wish:
    places = [line.position for line in lines or ()]
    if len(set(places)) != len(places):
        raise InvalidInput("Name each line once.")
    by_line = {line.position: Money(line.minor, currency) for line in lines or ()}
    return Wish(destination, amount.money if amount else None, by_line or None)
