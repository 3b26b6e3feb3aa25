"""Credit notes, explanations, the ledger and what Finance does."""

from __future__ import annotations

from datetime import date, datetime

import strawberry

from auth.policy import Permission
from billing import credit_notes, crediting, explaining, ledger, ledger_queries, one_off, revenue_queries, tables
from billing.approvals import ApprovalSettled, SecondPersonNeeded
from billing.credit_notes import OtherCurrency
from billing.crediting import CreditTooHigh
from billing.invoices import InvoiceCorrected, InvoiceSettled
from billing.states import ApprovalKind, Collection, CreditDestination, InvoiceKind
from billing.tables import LineItem
from resolvers import finance, invoices, papers
from resolvers.amounts import AmountInput, CreditLineInput, OneOffLineInput
from resolvers.graph import Bind, Column, Reader, holders
from schema import occupancy
from schema.base import TYPES, Node, Word, face, many, money, one, value, words
from schema.changes import mutation
from schema.scalars import Long, Money

words(ledger.Account, "Where money can be. A sentence says what it means that it is debited.", name="LedgerAccount")
words(CreditDestination, "Where the amount of a credit note goes.")
words(ApprovalKind, "What is given away.")
words(InvoiceKind, "What an invoice came from.")
words(Collection, "How an invoice is paid.")
TYPES |= {"AmountInput": AmountInput, "CreditLineInput": CreditLineInput, "OneOffLineInput": OneOffLineInput}


def staff(alias: str, bind: Bind, reader: Reader) -> str:  # noqa: ARG001 - no row is told from another
    """Rows that our own staff see, and nobody else."""
    return "true" if reader.accounts(Permission.SEE_INVOICES) is None else "false"


@face(tables.CreditNote, "cn", visible=holders(Permission.SEE_INVOICES))
class CreditNote(Node):
    """What an invoice gives back."""

    number: str
    """Its number, in a series of its own."""

    reason: str
    """Why."""

    destination: CreditDestination
    """Where what had been settled went."""

    currency: str
    """The invoice's currency."""

    subtotal = money("subtotal_minor")
    """What it gives back before tax."""

    tax = money("tax_minor")
    """The taxes it gives back."""

    total = money("total_minor")
    """What it gives back."""

    returned = money("returned_minor")
    """What of it went to its destination; the rest came off what was still owed."""

    issued_at: datetime
    """When it was written."""

    invoice = one("Invoice", by="invoice_id", required=True)
    """The invoice that gives back."""

    lines = many("CreditNoteLine", by="credit_note_id")
    """What each line gives back."""

    pdf = Word(Column("id"), "Download", resolve=papers.credit_note_pdf, needs=("account_id",))
    """The credit note on paper, in the customer's language."""


@face(tables.CreditNoteLine, None, visible=holders(Permission.SEE_INVOICES))
class CreditNoteLine:
    """What one line of an invoice gives back."""

    amount = money("amount_minor")
    """How much, in the terms of the line: before an exclusive tax, with an inclusive one."""

    tax = money("tax_minor")
    """The tax on it, or in it."""

    line = one("LineItem", by="line_item_id", required=True)
    """The line."""


@face(tables.CreditApproval, "approval", visible=staff)
class CreditApproval(Node):
    """A second person's consent to something that is given away, exactly as it was asked for, once."""

    kind: ApprovalKind
    """What is given away."""

    amount = money("amount_minor")
    """Exactly how much."""

    destination: CreditDestination | None
    """Where a credit note sends what had been settled."""

    reason: str
    """Why."""

    requested_at: datetime
    """When it was asked for."""

    approved_at: datetime | None
    """When a second person consented."""

    used_at: datetime | None
    """When it was done."""

    account = one("Account", by="account_id", required=True)
    """To whom."""

    invoice = one("Invoice", by="invoice_id")
    """Of which invoice."""

    requested_by = one("Person", by="requested_by")
    """Who asked."""

    approved_by = one("Person", by="approved_by")
    """Who consented."""


@face(tables.LedgerTransfer, None, visible=staff)
class LedgerTransfer:
    """An amount above zero that moves from the credited account to the debited one."""

    debit = Word(
        Column("debit"), "LedgerAccount", resolve=lambda row, _: ledger.Account(row.debit), compiled=Column("debit")
    )
    """Where it went."""

    credit = Word(
        Column("credit"), "LedgerAccount", resolve=lambda row, _: ledger.Account(row.credit), compiled=Column("credit")
    )
    """Where it came from."""

    amount = money("amount_minor")
    """How much."""


@face(tables.LedgerEntry, "entry", visible=staff)
class LedgerEntry(Node):
    """One thing that happened to money. It is never changed: a mistake is reversed by another."""

    at: datetime
    """When."""

    kind: str
    """What happened: `invoice_finalized`."""

    day: date | None
    """The day whose books it closes, where the account lives; null for one that counts on the day of its instant."""

    account = one("Account", by="account_id", required=True)
    """Whose money."""

    transfers = many("LedgerTransfer", by="entry_id")
    """What moved; so an entry always balances."""


@value(crediting.Given)
class CreditPreviewLine:
    """What one line would give back."""

    position = Word(Column("rest"), "int", resolve=lambda row, _: row.rest.position)
    """The line's place on the invoice."""

    amount: Money
    """How much, in the terms of the line: before an exclusive tax, with an inclusive one."""

    tax: Money
    """The tax on it, or in it."""


@value(credit_notes.Note)
class CreditNotePreview:
    """The very credit note that would be written now."""

    lines = Word(Column("given"), "list[CreditPreviewLine]", resolve=lambda row, _: row.given)
    """What each line gives back."""

    subtotal: Money
    """What is given back before tax."""

    tax: Money
    """The taxes that are given back."""

    total: Money
    """What is given back."""

    off: Money
    """What of it comes off what is still owed."""

    returned: Money
    """What of it goes to the destination."""


@value(LineItem)
class OneOffLine:
    """One line of a one-off invoice that is not made yet."""

    position: int
    """Its place, counted from 1."""

    description: str
    """What it is for."""

    quantity: Long
    """How many."""

    formula: str
    """How the amount is computed, to check by hand."""

    amount = money("amount_minor")
    """What it costs, before an exclusive tax."""

    tax = money("tax_minor")
    """The tax on it, or in it."""


@value(one_off.Draft)
class OneOffPreview:
    """The very one-off invoice that would be written now."""

    currency: str
    """The one currency it is in."""

    lines = Word(Column("rows"), "list[OneOffLine]", resolve=lambda row, _: row.rows)
    """What it is made of."""

    subtotal: Money
    """The sum of its lines before tax."""

    tax: Money
    """The taxes on it."""

    total: Money
    """What would be asked for."""

    tax_notes = Word(Column("notes"), "list[str]", resolve=lambda row, _: row.notes)
    """What has to be printed about taxes that are not charged."""


@value(explaining.Fact)
class LineFact:
    """Something that a line came from."""

    at: datetime
    """Since when."""

    says: str
    """What it says."""


@value(explaining.Reason)
class ExplainedLine:
    """One line of an invoice as it was recorded, and as the facts give it."""

    position: int
    """Its place, counted from 1."""

    description: str
    """What it is for."""

    formula: str
    """How it is computed, in major units."""

    recorded: Money
    """What was billed, before discounts."""

    recomputed: Money | None
    """What the facts give; null where they give no such line."""

    discount: Money
    """What discounts took off."""

    tax: Money
    """The tax that was billed."""

    recomputed_tax: Money | None
    """The tax that follows from what was recomputed."""

    agrees: bool
    """Whether the facts give exactly what was billed."""

    facts = Word(Column("facts"), "list[LineFact]", resolve=lambda row, _: row.facts)
    """What it came from."""

    seats = occupancy.explained_seats
    """Who sat in the seats it bills; null for a line that bills none."""


@value(explaining.Explanation)
class InvoiceExplanation:
    """An invoice, computed again from the facts as they were known when it was made."""

    invoice = one("Invoice", by="invoice_id", required=True)
    """The invoice."""

    lines = Word(Column("lines"), "list[ExplainedLine]", resolve=lambda row, _: row.lines)
    """Every line of it."""

    missing: list[str]
    """Lines that the facts give and the invoice lacks, in words; none if all is well."""

    subtotal: Money
    """The sum of what was recomputed, before tax."""

    tax: Money
    """The taxes on that."""

    total: Money
    """What the facts say should have been asked for."""

    agrees: bool
    """Whether everything agrees to the minor unit."""


@value(ledger_queries.Balance)
class LedgerBalance:
    """What moved into and out of a ledger account."""

    account = Word(Column("account"), "LedgerAccount")
    """Which."""

    debits: Money
    """What was debited."""

    credits: Money
    """What was credited."""

    balance: Money
    """Debits less credits."""


@value(finance.Trial)
class TrialBalance:
    """Every ledger account in one currency; together they are zero."""

    currency: str
    """The currency."""

    at: datetime
    """As of when."""

    balances = Word(Column("balances"), "list[LedgerBalance]", resolve=lambda row, _: row.balances)
    """Every account."""

    balanced: bool
    """Whether all debits equal all credits."""


@value(ledger_queries.StatementLine)
class StatementLine:
    """One thing that changed what an account owes."""

    at: datetime
    """When."""

    kind: str
    """What happened: `invoice_finalized`."""

    number: str | None
    """The number of the invoice it is about."""

    amount: Money
    """By how much."""

    balance: Money
    """What the account owes after it; below zero, what it has to its credit."""


@value(ledger_queries.Statement)
class AccountStatement:
    """What an account owed, what changed it, and what it owes, less its credit."""

    opening: Money
    """What it owed at the start."""

    lines = Word(Column("lines"), "list[StatementLine]", resolve=lambda row, _: row.lines)
    """What changed it, the earliest first."""

    closing: Money
    """What it owes at the end."""


@value(revenue_queries.Day)
class RevenueDay:
    """One day of a revenue schedule."""

    day: date
    """The day, where the account lives."""

    earned: Money
    """What was earned on it."""

    deferred: Money
    """What is deferred at its end, by the documents as they are now."""

    booked: Money | None
    """What the books say was deferred at its end; null while they are open, and for one invoice."""


@value(invoices.Credited)
class CreditBalance:
    """An account's credit after some was granted."""

    account = one("Account", by="account_id", required=True)
    """Whose."""

    balance = money("balance_minor")
    """How much there is now, for invoices to come."""


@strawberry.type
class FinanceMutation:
    """What Finance does, each with a reason."""

    create_one_off_invoice = mutation(invoices.create_one_off_invoice, "Invoice")
    finalize_invoice = mutation(invoices.finalize_invoice, "Invoice", refusals=[InvoiceSettled])
    void_invoice = mutation(invoices.void_invoice, "Invoice", refusals=[InvoiceSettled, InvoiceCorrected])
    mark_uncollectible = mutation(invoices.mark_uncollectible, "Invoice", refusals=[InvoiceSettled, SecondPersonNeeded])
    create_credit_note = mutation(
        invoices.create_credit_note,
        "CreditNote",
        refusals=[InvoiceSettled, CreditTooHigh, OtherCurrency, SecondPersonNeeded],
    )
    grant_credit = mutation(invoices.grant_credit, "CreditBalance", refusals=[SecondPersonNeeded])
    request_approval = mutation(invoices.request_approval, "CreditApproval")
    approve = mutation(invoices.approve, "CreditApproval", refusals=[ApprovalSettled])
