"""Rating: from usage events to a quantity, and from a quantity to a line.

A meter reduces the events of a span to one number; the price rates that number
as a whole, tiers and minimum included, and what was billed of it before is
taken off. Late usage, a threshold reached early and a correction are the same
difference. Usage is never prorated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing.discounts import give_up
from billing.lines import Evidence, Kind, Line, Taken, tallied
from billing.pricing import MINUS, NOTHING, Price, Quantity
from kernel.money import Money, total
from kernel.time import Period


class Aggregation(StrEnum):
    """How the events of a span become one quantity."""

    SUM = "sum"
    COUNT = "count"
    MAX = "max"
    LAST = "last"
    UNIQUE = "unique"
    """How many different subjects there were."""

    WEIGHTED = "weighted"
    """A level that events raise and lower, weighted by how long it stood."""


@dataclass(frozen=True, slots=True)
class Event:
    """One reported use. The same id twice is the same use."""

    id: str
    at: datetime
    value: int | Decimal = 1
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """The whole quantity a metered item has reached in a span, at one price."""

    item: str
    price: Price
    span: Period
    quantity: Quantity
    evidence: Evidence | None = None


def measured(events: Iterable[Event], aggregation: Aggregation, span: Period, opening: Quantity = 0) -> Fraction:
    """The quantity that the events inside the span come to; `opening` is the level they start from."""
    inside = _in_order(event for event in events if event.at in span)
    values = [Fraction(event.value) for event in inside]
    match aggregation:
        case Aggregation.SUM:
            return sum(values, Fraction(opening))
        case Aggregation.COUNT:
            return Fraction(len(inside))
        case Aggregation.MAX:
            return max(values, default=Fraction(opening))
        case Aggregation.LAST:
            return values[-1] if values else Fraction(opening)
        case Aggregation.UNIQUE:
            return Fraction(len({event.subject for event in inside}))
        case Aggregation.WEIGHTED:
            risen = (Fraction(event.value) * span.left_at(event.at) for event in inside)
            return sum(risen, Fraction(opening))


def rated(usage: Usage, recorded: Sequence[Line], period: datetime, *, adjusted: Money | None = None) -> Line | None:
    """The line that brings what was recorded for this usage to what it costs now, if they differ.

    A smaller quantity gives back its share of what was recorded, after discounts; what credit notes
    have `adjusted` on those lines is not given back twice.
    """
    price, billed = usage.price, total((line.amount for line in recorded), usage.price.currency)
    amount, formula = price.told(usage.quantity)
    change = amount - billed
    if not change:
        return None
    if billed:
        formula += f" {MINUS} {billed.text} billed"
    discounts: tuple[Taken, ...] = ()
    if change.minor < 0 < billed.minor:
        net = total((line.net for line in recorded), price.currency)
        back = -net.times(Fraction(change.minor, billed.minor))
        taken = [Taken(key, amount) for key, amount in tallied(recorded).items()]
        moved = give_up(taken, change + back)
        discounts = tuple(Taken(part.discount, amount) for part, amount in zip(taken, moved, strict=True) if amount)
        left = max(net - adjusted, Money(0, price.currency)) if adjusted else net
        if adjusted and left < back:
            if not left:
                return None
            change = total(moved, price.currency) - left
            formula += f", of which {adjusted.text} was credited before"
    return Line(
        Kind.USAGE,
        usage.item,
        price.key,
        usage.quantity,
        None,
        period,
        usage.span,
        change,
        formula,
        discounts=discounts,
        evidence=usage.evidence,
    )


def allowance(amounts: Sequence[Quantity], free_total: Quantity, free_events: int) -> tuple[Fraction, int]:
    """How much of a stream of amounts, and how many of them whole, a double allowance makes free.

    It covers amounts in order until `free_total` or `free_events` is used up, whichever is first.
    """
    running, whole = NOTHING, 0
    for amount in amounts[:free_events]:
        running += Fraction(amount)
        whole += running <= Fraction(free_total)
    return min(running, Fraction(free_total)), whole


def committed(cost: Fraction, commitment: Fraction, overage: Fraction = Fraction(1)) -> Fraction:
    """What a window costs under a commitment: at least that much, and beyond it `overage` times the price."""
    return commitment + max(NOTHING, cost - commitment) * overage


def true_up(minimum: Money, billed: Money) -> Money:
    """What is missing from a minimum after all that was billed towards it."""
    return max(minimum - billed, Money(0, minimum.currency))


def capped(amounts: Sequence[Money], room: Money) -> list[Money]:
    """The amounts, in order, as far as the room below a maximum allows."""
    allowed = []
    for amount in amounts:
        allowed.append(max(min(amount, room), Money(0, room.currency)))
        room -= allowed[-1]
    return allowed


def _in_order(events: Iterable[Event]) -> list[Event]:
    """By time, and at the same instant by id; the first report of an id is the one that counts."""
    known: dict[str, Event] = {}
    for event in events:
        known.setdefault(event.id, event)
    return sorted(known.values(), key=lambda event: (event.at, event.id))
