"""Explaining: every line of an invoice, computed again from the facts it came from.

The facts are taken as they were known when the invoice was made, the lines that had
been issued by then are subtracted, and the same timeline gives the lines again. What
it gives must be what was billed, to the minor unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from auth.tables import Account
from billing import explaining_queries, fact_queries, invoice_queries, knowledge, timeline, using
from billing.crediting import rate_of
from billing.facts import COPIED, IMPORTED, Facts, agreement, line_of
from billing.lines import Kind, Line
from billing.one_off import formula
from billing.pricing import plain
from billing.states import LineKind
from billing.tables import Invoice, LineItem
from billing.tax import taxed
from kernel.money import Money, total
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that a line came from: since when, and what it says."""

    at: datetime
    says: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of an invoice as it was recorded and as the facts give it; None where they give no such line."""

    row: LineItem
    position: int
    description: str
    formula: str
    recorded: Money
    """Before discounts."""

    recomputed: Money | None
    discount: Money
    recomputed_discount: Money | None
    tax: Money
    recomputed_tax: Money | None
    facts: Sequence[Fact]

    @property
    def agrees(self) -> bool:
        """Whether the facts give exactly what was billed."""
        told = (self.recorded, self.discount, self.tax)
        return told == (self.recomputed, self.recomputed_discount, self.recomputed_tax)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An invoice, line by line, and the sums that follow from the lines as recomputed."""

    invoice_id: int
    lines: Sequence[Reason]
    missing: Sequence[str]
    """Lines that the facts give and the invoice doesn't have, in words."""

    subtotal: Money
    tax: Money
    recorded_total: Money

    @property
    def total(self) -> Money:
        """What the facts say should have been asked for."""
        return self.subtotal + self.tax

    @property
    def agrees(self) -> bool:
        """Whether every line, and the total, agree to the minor unit."""
        return not self.missing and self.total == self.recorded_total and all(line.agrees for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the facts give for a recorded line, and which facts those are."""

    amount: Money
    discount: Money
    formula: str
    facts: Sequence[Fact]


async def explain(work: Work, account: Account, invoice_id: int) -> Explanation:
    """Compute an invoice again. Raises NotFound."""
    invoice = await invoice_queries.invoice(work, account.id, invoice_id)
    rows = await invoice_queries.lines(work, account.id, invoice_id)
    found: dict[int, _Found] = {row.id: _one_off(row) for row in rows if row.kind is LineKind.ONE_OFF}
    found |= {row.id: _imported(row) for row in rows if IMPORTED in row.facts or COPIED in row.facts}
    missing: list[str] = []
    ours = [row for row in rows if row.id not in found]
    for number in dict.fromkeys(row.subscription_id for row in ours if row.subscription_id is not None):
        mine = [row for row in ours if row.subscription_id == number]
        given, surplus = await _again(work, invoice, number, mine)
        found |= given
        missing += surplus
    return _explained(invoice, rows, found, missing)


async def _again(
    work: Work, invoice: Invoice, subscription_id: int, rows: Sequence[LineItem]
) -> tuple[dict[int, _Found], list[str]]:
    """What the facts of a subscription give for its lines on the invoice, and what they give beyond them."""
    subscription = await explaining_queries.subscription(work, invoice.account_id, subscription_id)
    now_known = await fact_queries.facts(work, subscription)
    facts = knowledge.as_known(now_known, invoice)
    pasts = await explaining_queries.pasts(work, invoice.account_id, subscription_id)
    at = knowledge.as_of(invoice, subscription_id)
    used = await using.seen_then(work.fetch, facts, at, knowledge.saw(invoice, subscription_id))
    agreed = replace(agreement(facts), usage=used)
    lines = timeline.bill(agreed, knowledge.before(pasts, invoice, subscription_id), now=at)
    if knowledge.is_usage_alone(invoice, subscription_id):
        lines = [line for line in lines if line.kind is Kind.USAGE]
    told = {past.row.id: past for past in pasts}
    numbers = await explaining_queries.numbers(work, invoice.account_id, [past.invoice_id for past in pasts])
    found: dict[int, _Found] = {}
    for row in rows:
        match = next((line for line in lines if _same(line, line_of(row))), None)
        if match is not None:
            lines.remove(match)
            reversed_on = told[match.reverses].invoice_id if match.reverses in told else None
            from_facts = _from(facts, match, numbers.get(reversed_on) if reversed_on else None)
            found[row.id] = _Found(match.amount, match.discount, match.formula, from_facts)
    return found, [f"{line.kind.value} of {line.amount.text}: {line.formula}" for line in lines]


def _same(line: Line, recorded: Line) -> bool:
    """Whether two lines bill the same thing, whatever they come to."""
    told = (line.kind, line.item, line.price, line.quantity, line.above, line.period, line.span, line.reverses)
    return told == (
        *(recorded.kind, recorded.item, recorded.price, recorded.quantity),
        *(recorded.above, recorded.period, recorded.span, recorded.reverses),
    )


def _from(facts: Facts, line: Line, charged_on: str | None) -> list[Fact]:
    """The facts behind a line: what the item was from its start on, what was charged, and why it is off or less."""
    told = []
    if line.evidence and line.evidence.first and line.evidence.last:
        told += [
            Fact(line.evidence.first, f"the first of {line.evidence.events:,} events, {plain(line.quantity)} in all"),
            Fact(line.evidence.last, "the last of them"),
        ]
    if charged_on:
        told.append(Fact(line.span.start, f"charged on invoice {charged_on}"))
    steps = [step for step in facts.steps if str(step.item_id) == line.item and step.at <= line.span.start]
    if steps:
        step = max(steps, key=lambda step: (step.at, step.id))
        price = facts.prices.get(step.price_id) if step.price_id else None
        what = f"{step.quantity} for {price.formula(step.quantity)} a {price.interval.value}" if price else "off"
        told.append(Fact(step.at, what))
    told += [Fact(pause.starts_at, "paused") for pause in facts.pauses if pause.starts_at <= line.span.start]
    ends_at = agreement(facts).ended_at
    if line.kind is Kind.CREDIT and ends_at and ends_at <= line.span.start:
        told.append(Fact(ends_at, "ended"))
    return told


def _one_off(row: LineItem) -> _Found:
    unit = Money(int(row.facts["unit_minor"]), row.currency)
    words = formula(unit, row.quantity)
    return _Found(unit.times(row.quantity), Money(0, row.currency), words, [Fact(row.period_start, words)])


def _imported(row: LineItem) -> _Found:
    """What was billed before it came over is what it was: it follows from facts that stayed there."""
    amount, discount = Money(row.amount_minor, row.currency), Money(row.discount_minor, row.currency)
    says = f"issued at Stripe as {row.facts[COPIED]}, and copied" if COPIED in row.facts else None
    told = Fact(row.period_start, says or f"billed at Stripe by {row.facts[IMPORTED]}")
    return _Found(amount, discount, row.formula, [told])


def _explained(
    invoice: Invoice, rows: Sequence[LineItem], found: dict[int, _Found], missing: Sequence[str]
) -> Explanation:
    taxes = _taxes(rows, found)
    reasons = [_reason(row, found.get(row.id), taxes.get(row.id)) for row in rows]
    inside = {row.id: row.tax_inclusive for row in rows}
    known = [(row.id, found[row.id]) for row in rows if row.id in found]
    zero = Money(0, invoice.currency)
    nets = (one.amount - one.discount - (taxes[number] if inside[number] else zero) for number, one in known)
    return Explanation(
        invoice.id,
        reasons,
        missing,
        total(nets, invoice.currency),
        total(taxes.values(), invoice.currency),
        Money(invoice.total_minor, invoice.currency),
    )


def _taxes(rows: Sequence[LineItem], found: dict[int, _Found]) -> dict[int, Money]:
    """The tax on each recomputed line, by the rates that were recorded; on what was copied, what was printed."""
    copied = {row.id: Money(row.tax_minor, row.currency) for row in rows if COPIED in row.facts}
    known = [row for row in rows if row.id in found and row.id not in copied]
    lines = [
        (
            found[row.id].amount - found[row.id].discount,
            rate_of(row.tax_percent, row.tax_category, inclusive=row.tax_inclusive),
        )
        for row in known
    ]
    return copied | {
        known[place].id: part for group in taxed(lines) for place, part in zip(group.places, group.parts, strict=True)
    }


def _reason(row: LineItem, found: _Found | None, tax: Money | None) -> Reason:
    currency = row.currency
    return Reason(
        row,
        row.position,
        row.description,
        found.formula if found else row.formula,
        Money(row.amount_minor, currency),
        found.amount if found else None,
        Money(row.discount_minor, currency),
        found.discount if found else None,
        Money(row.tax_minor, currency),
        tax,
        found.facts if found else (),
    )
