"""The timeline: billing is a difference.

Facts say which price an item had, in which quantity, from which instant. From
them follows which charges should stand, and for which spans. What was issued is
laid over it: a charge whose span is no longer wanted gives back its share of
what was recorded; a span that no charge covers is billed. Nothing else happens
here, so preview, renewal, plan change, seat change, late usage, correction and
replay are one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from billing import periods
from billing.agreement import Agreement
from billing.corrections import Book, booked, corrected
from billing.discounts import Discount, Offer, take
from billing.layers import Shape, Wanted, wanted
from billing.lines import Issued, Kind, Line, tallied
from billing.periods import BillingPeriod
from billing.pricing import TIMES, Timing
from billing.proration import Proration, portion, settled, share
from billing.rating import rated
from billing.spans import joined, within, without
from kernel.money import Money, rounded, total
from kernel.time import Period

_ORDER = {kind: place for place, kind in enumerate((Kind.CREDIT, Kind.RESTORED, Kind.CHARGE, Kind.USAGE))}


def bill(
    agreement: Agreement, issued: Sequence[Issued] = (), *, now: datetime, since: datetime | None = None
) -> list[Line]:
    """The lines to bill at `now`: what should stand by the facts, less what was issued, oldest first.

    With `since`, periods that ended by then are left as they are. Metered items
    are billed as far as the agreement states their usage.
    """
    begun = list(periods.begun(agreement.cycles, now, since))
    recorded = [entry for entry in issued if since is None or (begun and entry.line.period >= begun[0].span.start)]
    lines = [*_reconciled(agreement, begun, recorded, now), *_metered(agreement, issued)]
    places = {item.key: place for place, item in enumerate(agreement.items)}
    lines.sort(key=lambda line: (line.period, places.get(line.item, len(places)), line.span.start, _ORDER[line.kind]))
    return _discounted(lines, agreement, [entry.line for entry in issued]) if agreement.discounts else lines


def _reconciled(
    agreement: Agreement, begun: Sequence[BillingPeriod], issued: Sequence[Issued], now: datetime
) -> list[Line]:
    """Corrections of issued charges, and what no charge covers yet."""
    charges, books = wanted(agreement, begun, now), booked(issued)
    lines: list[Line] = []
    for shape in dict.fromkeys([*books, *charges]):
        charge = charges.get(shape)
        spans = joined(charge.spans) if charge else []
        zone_name = charge.period.zone if charge else agreement.cycles[-1].anchor.zone
        for book in books.get(shape, ()):
            kept = within(spans, book.charge.span)
            lines += corrected(book, joined([*kept, *_forfeited(book, agreement)]), zone_name)
            # Without proration a period that is charged at all is charged whole.
            whole = kept and book.charge.proration is Proration.NONE
            spans = [] if whole else without(spans, [book.charge.span])
        if charge and _is_due(charge, agreement, now):
            lines += [line for span in spans if (line := _charged(shape, charge, span)).amount]
    return lines


def _forfeited(book: Book, agreement: Agreement) -> list[Period]:
    """What a charge covers after the end, where that is not given back."""
    span, ended = book.charge.span, agreement.ended_at
    if ended is None or not agreement.paid_stays or span.end <= ended:
        return []
    return within(book.covered, Period(max(ended, span.start), span.end))


def _is_due(charge: Wanted, agreement: Agreement, now: datetime) -> bool:
    """In advance at once; in arrears when the period, or the whole agreement, is over."""
    over = charge.period.span.end
    if agreement.ended_at:
        over = min(over, agreement.ended_at)
    return charge.price.timing is Timing.ADVANCE or over <= now


def _charged(shape: Shape, charge: Wanted, span: Period) -> Line:
    price, whole, zone_name = charge.price, charge.period.whole, charge.period.zone
    exact = price.cost(shape.quantity, shape.above) * share([span], whole, price.proration, zone_name)
    return Line(
        Kind.CHARGE,
        shape.item,
        shape.price,
        shape.quantity,
        shape.above,
        shape.period,
        span,
        Money(rounded(exact), price.currency),
        _formula(shape, charge, span),
        price.proration,
    )


def _formula(shape: Shape, charge: Wanted, span: Period) -> str:
    """How a charge is computed, in major units: the cost of the whole period, times its part of it."""
    cost = charge.price.formula(shape.quantity, shape.above)
    part = portion(span, charge.period.whole, charge.price.proration, charge.period.zone)
    if not part:
        return cost
    return f"({cost}) {TIMES} {part}" if " " in cost else f"{cost} {TIMES} {part}"


def _metered(agreement: Agreement, issued: Sequence[Issued]) -> list[Line]:
    recorded: dict[tuple[str, str, datetime], list[Issued]] = {}
    for entry in issued:
        if entry.line.kind is Kind.USAGE:
            recorded.setdefault((entry.line.item, entry.line.price, entry.line.span.start), []).append(entry)
    lines = []
    for usage in agreement.usage:
        known = recorded.get((usage.item, usage.price.key, usage.span.start), [])
        adjusted = total((entry.adjusted for entry in known if entry.adjusted), usage.price.currency)
        period = periods.span_at(agreement.cycles, usage.span.start).start
        lines.append(rated(usage, [entry.line for entry in known], period, adjusted=adjusted))
    return [line for line in lines if line]


def _discounted(lines: Sequence[Line], agreement: Agreement, recorded: Sequence[Line]) -> list[Line]:
    """The same lines, with the discounts that the new ones among them meet."""
    done = list(lines)
    for start in dict.fromkeys(line.period for line in lines):
        period = periods.at(agreement.cycles, start)
        spent = tallied(line for line in [*recorded, *lines] if line.period == start)
        places = [place for place, line in enumerate(lines) if line.period == start and _is_new(line)]
        offers = [
            Offer(
                discount,
                [spot for spot, place in enumerate(places) if _meets(discount, lines[place], period)],
                spent.get(discount.key),
            )
            for discount in agreement.discounts
            if _lasts(discount, agreement, period)
        ]
        for place, taken in zip(places, take([lines[place].amount for place in places], offers), strict=True):
            done[place] = replace(lines[place], discounts=taken)
    return done


def _is_new(line: Line) -> bool:
    """Whether discounts apply to it anew: a reversal gives back those that were recorded instead."""
    return line.kind is Kind.CHARGE or (line.kind is Kind.USAGE and line.amount.minor > 0)


def _lasts(discount: Discount, agreement: Agreement, period: BillingPeriod) -> bool:
    first = periods.at(agreement.cycles, discount.since).number
    return first <= period.number and (discount.periods is None or period.number < first + discount.periods)


def _meets(discount: Discount, line: Line, period: BillingPeriod) -> bool:
    since = settled(discount.since, line.proration, period.zone, leaving=False)
    timely = since <= line.span.start and (discount.until is None or line.span.start < discount.until)
    priced = discount.prices is None or line.price in discount.prices
    return timely and priced and (discount.fixed is None or discount.fixed.currency == line.amount.currency)
