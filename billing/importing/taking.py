"""Taking over: an open invoice of Stripe Billing becomes an open invoice of ours, under its own number, once.

It was earned and taxed in the books of before, so what remains of it is brought along
from there, and nothing of it is earned here again.
"""

from __future__ import annotations

from auth import queries as accounts
from auth.tables import Account
from billing import books, events, invoice_queries, invoices, ledger
from billing import queries as billing
from billing.facts import COPIED
from billing.importing import queries
from billing.importing.copying import Copied, CopiedLine
from billing.states import Collection, InvoiceKind, InvoiceState
from billing.tables import ImportedObject, Invoice, LineItem
from kernel.errors import Conflict
from kernel.work import Work
from payments.rail.invoice_values import TheirInvoice
from payments.tables import RailInvoice

_ROWS = 20


async def take(work: Work, account_id: int, theirs: TheirInvoice, copied: Copied) -> int:
    """The number of an invoice here that was read there as it is; made now, unless it has come over before.

    Raises Conflict. Call it inside a transaction, as the owner of the tables, once Stripe collects it no more.
    """
    await queries.take_turn(work, theirs.customer)
    await billing.take_turn(work, account_id)
    if known := await queries.brought(work, theirs.id):
        return known.ours
    if await invoice_queries.is_numbered(work, theirs.number):
        raise Conflict(f"Another invoice here is {theirs.number} already: collect that one at Stripe.")
    await work.reserve(len(copied.lines) + _ROWS)
    invoice = await _write(work, await accounts.account(work, account_id), theirs, copied)
    brought = ledger.receivable_brought(theirs.remaining)
    books.book(work, account_id, "invoice_brought", brought, subject="invoice", subject_id=invoice.id)
    _write_down(work, invoice, theirs, copied)
    await work.flush()
    work.emit(events.InvoiceImported(account_id, invoice.id), invoice)
    return invoice.id


async def _write(work: Work, account: Account, theirs: TheirInvoice, copied: Copied) -> Invoice:
    subscription = await queries.brought(work, theirs.subscription) if theirs.subscription else None
    due_at = theirs.due_at or theirs.issued
    invoice = Invoice(
        account_id=account.id,
        id=work.new_id(),
        kind=InvoiceKind.IMPORTED,
        subscription_id=subscription.ours if subscription else None,
        number=theirs.number,
        state=InvoiceState.OPEN,
        currency=theirs.currency,
        paid_minor=copied.settled.minor,
        period_start=min(line.period.start for line in copied.lines),
        period_end=max(line.period.end for line in copied.lines),
        created_at=work.now,
        issued_at=theirs.issued,
        due_at=due_at,
        collection=Collection.SEND_INVOICE if theirs.by_invoice else Collection.CHARGE_AUTOMATICALLY,
        net_days=max(0, (due_at - theirs.issued).days) if theirs.by_invoice else 0,
        tax_notes=list(copied.notes),
        billed_to=_addressed(account, theirs),
        locale=account.locale,
    )
    rows = [_row(work, invoice, place, line, theirs) for place, line in enumerate(copied.lines, 1)]
    invoice.subtotal_minor = sum(invoices.before_tax(row).minor for row in rows)
    invoice.tax_minor = sum(row.tax_minor for row in rows)
    invoice.total_minor = invoice.subtotal_minor + invoice.tax_minor
    assert invoice.total_minor == theirs.total.minor, "its lines sum to it"
    work.add(invoice)
    for row in rows:
        work.add(row)
    await work.flush()
    return invoice


def _row(work: Work, invoice: Invoice, place: int, line: CopiedLine, theirs: TheirInvoice) -> LineItem:
    return LineItem(
        account_id=invoice.account_id,
        id=work.new_id(),
        invoice_id=invoice.id,
        position=place,
        description=line.description,
        quantity=line.quantity,
        currency=invoice.currency,
        amount_minor=line.amount.minor,
        discount_minor=line.discount.minor,
        discounts=[[key, amount.minor] for key, amount in line.discounts],
        tax_minor=line.tax.minor,
        tax_percent=str(line.percent),
        tax_inclusive=line.inclusive,
        period_start=line.period.start,
        period_end=line.period.end,
        formula=line.formula,
        facts={COPIED: theirs.id},
    )


def _addressed(account: Account, theirs: TheirInvoice) -> dict[str, object]:
    """Whom it was addressed to there; what it doesn't say is as the account has it."""
    buyer = theirs.buyer
    told = {
        "name": buyer.name,
        "email": buyer.email,
        "address": {"lines": list(buyer.address)} if buyer.address else None,
        "country": buyer.country,
        "vat_id": next(iter(buyer.tax_ids), None),
    }
    return invoices.billed_to(account) | {name: value for name, value in told.items() if value}


def _write_down(work: Work, invoice: Invoice, theirs: TheirInvoice, copied: Copied) -> None:
    work.add(
        RailInvoice(
            account_id=invoice.account_id,
            id=invoice.id,
            rail_id=theirs.id,
            currency=invoice.currency,
            settled_minor=copied.settled.minor,
            paid_minor=theirs.paid.minor,
            booked_minor=theirs.paid.minor,
            # Whoever pays there at this very moment is found by the first look.
            next_at=work.now,
        )
    )
    work.add(
        ImportedObject(
            account_id=invoice.account_id,
            rail_id=theirs.id,
            kind=queries.INVOICE,
            ours=invoice.id,
            imported_at=work.now,
        )
    )
