"""Layers: which charges should stand in a billing period, and for which spans.

Ten seats and, from the tenth day, five more are one charge above another. Each
has its own span, and the upper one costs the difference of the totals. When a
quantity falls or a price changes, layers are cut off from the top, and the new
state is laid on what remains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from billing import periods
from billing.agreement import Agreement, Step, history
from billing.periods import BillingPeriod
from billing.pricing import Decrease, Price, Quantity
from billing.proration import Proration, settled
from kernel.time import Period


class Shape(NamedTuple):
    """What makes two charges the same but for their spans."""

    item: str
    period: datetime
    price: str
    quantity: Quantity
    above: Quantity | None


@dataclass(slots=True)
class Wanted:
    """A charge that should stand, and for which spans of its period."""

    price: Price
    period: BillingPeriod
    spans: list[Period] = field(default_factory=list)


class _Layer(NamedTuple):
    """So many of a price above what lies beneath, as long as it stands."""

    price: Price
    quantity: int
    above: int | None
    span: Period


def wanted(agreement: Agreement, now: datetime, since: datetime | None = None) -> dict[Shape, Wanted]:
    """All charges that should stand in the periods that began by `now` and ended after `since`."""
    charges: dict[Shape, Wanted] = {}
    histories = [(item.key, history(item, agreement, now)) for item in agreement.items]
    for period in periods.begun(agreement.cycles, now, since):
        for item, states in histories:
            for layer in _layers(_counted(states, period), period.span):
                shape = Shape(item, period.span.start, layer.price.key, layer.quantity, layer.above)
                charge = charges.setdefault(shape, Wanted(layer.price, period))
                assert charge.price == layer.price, f"two prices have the key {layer.price.key}"
                charge.spans.append(layer.span)
    return charges


def _counted(states: Sequence[Step], period: BillingPeriod) -> list[Step]:
    """The states within a period, from the instants they count from on the bill."""
    past = [state for state in states if state.at <= period.span.start]
    counted = [replace(past[-1] if past else Step(period.span.start, None, 0), at=period.span.start)]
    for state in states:
        prices = [price for price in (state.price, counted[-1].price) if price]
        if not prices or not period.span.start < state.at < period.span.end:
            continue
        by_day = any(price.proration is Proration.DAY for price in prices)
        exactness = Proration.DAY if by_day else Proration.SECOND
        moment = settled(state.at, exactness, period.zone, leaving=state.price is None)
        moment = min(max(moment, period.span.start), period.span.end)
        while counted and moment <= counted[-1].at:
            counted.pop()
        counted.append(replace(state, at=moment))
    return counted


def _layers(states: Sequence[Step], span: Period) -> Iterator[_Layer]:
    """The layers of one item through a period, each once it is cut off or the period is over."""
    standing: list[_Layer] = []
    begun: dict[str, int] = {}
    for state in states:
        price, quantity = state.price, state.quantity
        if standing and standing[-1].price == price and price.decrease is Decrease.AT_RENEWAL:
            quantity = max(quantity, standing[-1].quantity)
        while standing and (standing[-1].price != price or standing[-1].quantity > quantity):
            yield _cut(standing.pop(), state.at)
        if price is None:
            continue
        unprorated = price.proration is Proration.NONE
        above = begun.get(price.key) if unprorated else standing[-1].quantity if standing else None
        if above is None or above < quantity:
            layer = _Layer(price, quantity, above, Period(state.at, span.end))
            if unprorated:
                begun[price.key] = quantity
                yield layer
            else:
                standing.append(layer)
    yield from standing


def _cut(layer: _Layer, moment: datetime) -> _Layer:
    return layer._replace(span=Period(layer.span.start, moment))
