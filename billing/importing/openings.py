"""Openings: an invoice of zero that records what Stripe has billed for the period that runs there.

Its lines are the charges as they were, before tax; a last one takes their sum off, for
it was paid there. So nothing is owed or earned by it, and nothing of that span is
ever billed again.
"""

from __future__ import annotations

from collections.abc import Sequence

from auth.tables import Account
from billing import charging, invoices, knowledge
from billing.facts import IMPORTED, columns_of
from billing.importing.agreeing import Agreed, paid_there, within
from billing.importing.deciding import Wanted
from billing.lines import Issued, Line
from billing.states import InvoiceKind, LineKind
from billing.tables import Invoice, LineItem
from kernel.money import total
from kernel.time import Period
from kernel.work import Work

PAID_THERE = "Billed by Stripe before it came over"
"""What the line says that takes it off again."""


async def open_period(
    work: Work, account: Account, terms: Agreed, wanted: Wanted, recorded: Sequence[Issued] = ()
) -> Invoice | None:
    """Record the periods that a subscription there has billed; None where it billed none."""
    lines = paid_there(terms.there, recorded, within(wanted.period, work.now))
    if not lines:
        return None
    span = Period(min(line.span.start for line in lines), max(line.span.end for line in lines))
    invoice = invoices.started(work, account, InvoiceKind.SUBSCRIPTION, lines[0].amount.currency, span)
    invoice.subscription_id, invoice.net_days = terms.facts.subscription.id, 0
    invoice.known = await knowledge.known(work, terms.facts, work.now)
    names = await charging.names(work, account, terms.facts)
    await work.reserve(2 * len(lines) + 2)
    rows = [_charge(work, invoice, line, wanted) for line in lines]
    for place, (row, line) in enumerate(zip(rows, lines, strict=True), 1):
        row.position, row.description = place, charging.worded(line, names)
    await invoices.write(work, invoice, [*rows, _offset(work, invoice, lines, span)])
    return await invoices.finalize(work, invoice)


def _charge(work: Work, invoice: Invoice, line: Line, wanted: Wanted) -> LineItem:
    return LineItem(
        account_id=invoice.account_id,
        id=work.new_id(),
        invoice_id=invoice.id,
        subscription_id=invoice.subscription_id,
        description="",
        **columns_of(line) | {"facts": {IMPORTED: wanted.theirs.id}},
    )


def _offset(work: Work, invoice: Invoice, lines: Sequence[Line], span: Period) -> LineItem:
    sum_there = total((line.net for line in lines), invoice.currency)
    return LineItem(
        account_id=invoice.account_id,
        id=work.new_id(),
        invoice_id=invoice.id,
        position=len(lines) + 1,
        description=PAID_THERE,
        currency=invoice.currency,
        amount_minor=-sum_there.minor,
        period_start=span.start,
        period_end=span.end,
        kind=LineKind.ONE_OFF,
        formula=(-sum_there).text,
        facts={"unit_minor": -sum_there.minor},
    )
