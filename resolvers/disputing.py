"""Disputes: what banks ask back, what answers them, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import strawberry
import structlog
from strawberry import ID

from auth.policy import Permission
from billing import approvals, invoice_queries, papers
from billing.approvals import Gift
from billing.states import ApprovalKind, InvoiceState
from kernel import ids
from kernel.errors import InvalidInput, TooComplex, Unavailable
from kernel.money import Money, exponent
from payments import answering, cases, disputes, return_queries
from payments.disputes import DisputeStep
from payments.evidence import Attachment, EvidenceFile, pages
from payments.tables import Dispute
from resolvers.info import Context, Info
from seats import defending

LONGEST_REMARKS = 10_000

log = structlog.get_logger("resolvers.disputing")


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the disputes of one reason."""

    reason: str
    opened: int
    open: int
    won: int
    partly_won: int
    lost: int
    averted: int
    disputed: Money
    withdrawn: Money
    reinstated: Money
    fees: Money

    @property
    def recovered(self) -> Money:
        """What came back, less what the rail kept for it."""
        return self.reinstated - self.fees


@strawberry.input(description="A text for the bank, in place of what our records say.")
class EvidenceTextInput:
    """A text for the bank."""

    name: str = strawberry.field(description="Which of the rail's fields it goes into: `product_description`.")
    text: str = strawberry.field(description="What it says; empty to leave the field out.")


@dataclass(frozen=True, slots=True)
class Text:
    """A text for the bank."""

    name: str
    text: str


async def stage_evidence(
    info: Info,
    dispute: Annotated[ID, "Which dispute."],
    remarks: Annotated[str | None, "What to add in your own words: up to 10,000 characters, without links."] = None,
    texts: Annotated[
        list[EvidenceTextInput] | None, "What to say instead of our records, by field; an empty text leaves one out."
    ] = None,
) -> Dispute:
    """Put together what our records say, with the receipt, and have the rail keep it. Nothing goes to the bank yet."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "dispute", dispute)
    if len(remarks or "") > LONGEST_REMARKS or "\0" in (remarks or ""):
        raise InvalidInput(f"Remarks have up to {LONGEST_REMARKS:,} characters.")
    rail, work = context.rail, context.work
    row = await return_queries.dispute(work, found.account_id, found.id)
    disputes.check(cases.position(row), DisputeStep.STAGE, work.now)
    instead = {text.name: text.text for text in texts or ()}
    pack = await defending.pack(work, row, remarks or "", instead)
    made = await answering.stage(work, row, pack, context.actor.person_id)
    context.afterwards.append(partial(_attach_receipt, context, row.account_id, row.payment_id, made.id))
    context.afterwards.append(partial(answering.send, work, rail, found.account_id, made.id, urgent=True))
    return row


async def _attach_receipt(context: Context, account_id: int, payment_id: int, evidence_id: int) -> None:
    """Have the rail keep the receipt of a disputed payment, or the invoice where that isn't paid any more."""
    if context.press is None:
        return
    async with context.work.transaction():
        await context.work.bind(account_id)
        payment = await return_queries.payment(context.work, account_id, payment_id)
        invoice = await invoice_queries.invoice(context.work, account_id, payment.invoice_id)
        drawn = papers.receipt if invoice.state is InvoiceState.PAID else papers.invoice
        sheet = await drawn(context.work, account_id, invoice.id)
    try:
        content = await context.press(sheet)
    except (Unavailable, TooComplex) as refusal:
        log.warning("evidence goes without its receipt", says=refusal.message)
        return
    name = f"{invoice.number or 'invoice'}.pdf"
    attachment = Attachment(EvidenceFile.RECEIPT, name, content, pages=pages(content))
    await answering.attach(context.work, context.rail, account_id, evidence_id, attachment)


async def submit_evidence(info: Info, dispute: Annotated[ID, "Which dispute."]) -> Dispute:
    """Submit what was staged last to the bank, once and for good."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "dispute", dispute)
    rail, work = context.rail, context.work
    row = await return_queries.dispute(work, found.account_id, found.id)
    made = await answering.submit(work, row, context.actor.person_id)
    context.afterwards.append(partial(answering.send, work, rail, found.account_id, made.id, urgent=True))
    return row


async def accept_dispute(
    info: Info,
    dispute: Annotated[ID, "Which dispute."],
    approval: Annotated[
        ID | None, "A second person's consent to write off so much of the invoice, which is needed above a limit."
    ] = None,
) -> Dispute:
    """Give in: the payer keeps the money, for good."""
    context = info.context
    found = await context.permitted(Permission.ADJUST, "dispute", dispute)
    rail, work = context.rail, context.work
    row = await return_queries.dispute(work, found.account_id, found.id)
    disputes.check(cases.position(row), DisputeStep.ACCEPT, work.now)
    payment = await return_queries.payment(work, row.account_id, row.payment_id)
    named = None if approval is None else ids.decode("approval", approval)
    gift = Gift(ApprovalKind.WRITE_OFF, payment.invoice_id, None, named)
    await approvals.consented(work, row.account_id, gift, Money(row.amount_minor, row.currency))
    accepted = await answering.accept(work, row, context.actor.person_id)
    context.afterwards.append(partial(answering.give_in, work, rail, found.account_id, found.id))
    return accepted


async def dispute_figures(
    info: Info,
    currency: Annotated[str, strawberry.argument(description="An ISO 4217 code.")],
    since: Annotated[datetime, strawberry.argument(description="Opened from this instant on.")],
    until: Annotated[datetime, strawberry.argument(description="Opened before this instant.")],
) -> Any:
    """What became of the disputes opened in a span, by reason. For our own staff."""
    context = info.context
    context.insist_on_staff()
    exponent(currency)
    rows = await return_queries.figures(context.work, currency, since, until)
    told = ("disputed", "withdrawn", "reinstated", "fees")
    return [Figures(**{**row, **{name: Money(row[name], currency) for name in told}}) for row in map(dict, rows)]


def files(row: Any, info: Any) -> list[str]:
    """The fields that have a file."""
    del info
    told = json.loads(row.files) if isinstance(row.files, str) else row.files
    return sorted(told)


def texts(row: Any, info: Any) -> list[Text]:
    """The texts of evidence, by the rail's names."""
    del info
    told = json.loads(row.texts) if isinstance(row.texts, str) else row.texts
    return [Text(name, text) for name, text in sorted(told.items())]


def steps(row: Any, info: Any) -> list[DisputeStep]:
    """What may be done about a dispute now."""
    able = disputes.steps(cases.position(row), info.context.work.now)
    return [step for step in DisputeStep if step in able]
