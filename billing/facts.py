"""Facts: the rows that money follows from, as the pure core reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing.agreement import Agreement, Item, Pause, Step
from billing.catalog import ListPrice
from billing.crediting import rate_of
from billing.discounts import Discount
from billing.lines import Evidence, Issued, Kind, Line, Taken
from billing.metered import MeteredItem
from billing.periods import Cycle
from billing.pricing import Price, Quantity, exact
from billing.standing import Standing
from billing.states import LineKind
from billing.tables import (
    ItemStep,
    LineItem,
    Subscription,
    SubscriptionCycle,
    SubscriptionDiscount,
    SubscriptionItem,
    SubscriptionPause,
)
from billing.tax import Rate
from kernel.money import Money, rounded
from kernel.rows import plain
from kernel.time import Anchor, Period

MOST_WHOLE = 2**63 - 1

IMPORTED = "imported"
"""Among the facts of a line: the subscription at Stripe that billed it before it came over."""

COPIED = "copied"
"""Among the facts of a line: the invoice at Stripe that it was copied from, as it was printed there."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about one subscription that money follows from, as it stands in the database."""

    subscription: Subscription
    items: Sequence[SubscriptionItem]
    steps: Sequence[ItemStep]
    cycles: Sequence[SubscriptionCycle]
    pauses: Sequence[SubscriptionPause]
    discounts: Sequence[SubscriptionDiscount]
    prices: Mapping[int, Price]
    """The prices that the steps name, by number; a price's key is its number as text."""

    metered: Sequence[SubscriptionItem] = ()
    """The items whose quantity a meter counts; they have no steps."""

    meters: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """By price, the metered prices that are sold with it."""

    paid_stays: bool = False
    """Whether what was charged for the time after the end is kept, and not given back."""

    again: datetime | None = None
    """From when on usage was billed by invoices that were taken back, so that it is asked for again."""

    standing: Standing | None = None
    """What else there is, where it was read together with the facts."""


def agreement(facts: Facts) -> Agreement:
    """The facts as the timeline takes them. Keys of items and prices are their numbers as text."""
    by_item: dict[int, list[Step]] = {item.id: [] for item in facts.items}
    for step in facts.steps:
        by_item[step.item_id].append(_step(step, facts.prices))
    return Agreement(
        # Of two cycles that begin at one instant, the later one counts.
        cycles=tuple({cycle.since: _cycle(cycle) for cycle in facts.cycles}.values()),
        items=tuple(Item(str(item), tuple(steps)) for item, steps in by_item.items()),
        trial_until=facts.subscription.trial_end,
        pauses=tuple(Pause(pause.starts_at, pause.ends_at) for pause in facts.pauses),
        ended_at=facts.subscription.ended_at or facts.subscription.cancel_at,
        discounts=tuple(_discount(discount) for discount in facts.discounts),
        paid_stays=facts.paid_stays,
    )


def metered_items(facts: Facts) -> list[MeteredItem]:
    """The metered items, as stretches are made of them."""
    found = []
    for item in facts.metered:
        price = facts.prices[item.price_id]
        assert isinstance(price, ListPrice), "a metered price is one of the catalog"
        found.append(MeteredItem(str(item.id), price, item.created_at, item.ended_at))
    return found


def issued(rows: Iterable[LineItem]) -> list[Issued]:
    """Line items that were issued, as the timeline subtracts them."""
    return [Issued(row.id, line_of(row), Money(row.adjusted_minor, row.currency), _rate(row)) for row in rows]


def line_of(row: LineItem) -> Line:
    """A line item as a value."""
    assert row.billed_period is not None, "a line of a subscription belongs to a period"
    return Line(
        Kind(row.kind.value),
        str(row.item_id),
        str(row.price_id),
        Fraction(row.facts["quantity"]) if "quantity" in row.facts else row.quantity,
        row.above,
        row.billed_period,
        Period(row.period_start, row.period_end),
        Money(row.amount_minor, row.currency),
        row.formula,
        row.proration,
        tuple(Taken(key, Money(minor, row.currency)) for key, minor in row.discounts),
        row.reverses,
    )


def columns_of(line: Line) -> dict[str, Any]:
    """What a line writes into its row, but for whose it is, its place, its words and its tax."""
    return {
        "kind": LineKind(line.kind.value),
        "item_id": int(line.item),
        "price_id": int(line.price),
        "quantity": whole(line.quantity),
        "above": line.above,
        "billed_period": line.period,
        "period_start": line.span.start,
        "period_end": line.span.end,
        "currency": line.amount.currency,
        "amount_minor": line.amount.minor,
        "discount_minor": line.discount.minor,
        "discounts": [[taken.discount, taken.amount.minor] for taken in line.discounts],
        "formula": line.formula,
        "proration": line.proration,
        "reverses": line.reverses,
        **({"facts": evidence(line)} if line.kind is Kind.USAGE else {}),
    }


def _rate(row: LineItem) -> Rate | None:
    """The tax that was taken on a line; None for what was taxed elsewhere."""
    if IMPORTED in row.facts:
        return None
    return rate_of(row.tax_percent, row.tax_category, inclusive=row.tax_inclusive)


def whole(quantity: Quantity) -> int:
    """A quantity as a column of whole numbers has it; exactly, it stands among the line's facts."""
    return min(rounded(exact(quantity)), MOST_WHOLE)


def evidence(line: Line) -> dict[str, Any]:
    """What a line of usage was counted from."""
    quantity = exact(line.quantity)
    told = line.evidence or Evidence(0)
    return {
        "quantity": str(quantity),
        "events": told.events,
        "first": plain(told.first),
        "last": plain(told.last),
    }


def metered_item(
    subscription: Subscription, number: int, price_id: int, plan_id: int, since: datetime
) -> SubscriptionItem:
    """A metered item as a row: it has no quantity of its own."""
    return SubscriptionItem(
        account_id=subscription.account_id,
        id=number,
        subscription_id=subscription.id,
        plan_id=plan_id,
        price_id=price_id,
        quantity=0,
        created_at=since,
    )


def cycle_row(subscription: Subscription, number: int, cycle: Cycle) -> SubscriptionCycle:
    """A cycle as a row."""
    return SubscriptionCycle(
        account_id=subscription.account_id,
        id=number,
        subscription_id=subscription.id,
        since=cycle.since,
        anchor=cycle.anchor.local,
        time_zone=cycle.anchor.zone,
        interval=cycle.interval,
        count=cycle.count,
    )


def _cycle(row: SubscriptionCycle) -> Cycle:
    return Cycle(row.since, Anchor(row.anchor, row.time_zone), row.interval, row.count)


def _step(row: ItemStep, prices: Mapping[int, Price]) -> Step:
    return Step(row.at, None if row.price_id is None else prices[row.price_id], row.quantity)


def _discount(row: SubscriptionDiscount) -> Discount:
    return Discount(
        row.key,
        row.since,
        percent=None if row.percent is None else Fraction(Decimal(row.percent)),
        fixed=None if row.fixed_minor is None or row.currency is None else Money(row.fixed_minor, row.currency),
        periods=row.periods,
        until=row.until,
        prices=None if row.price_ids is None else frozenset(map(str, row.price_ids)),
    )


def began(rows: Sequence[SubscriptionCycle], now: datetime) -> datetime:
    """When the subscription's first period begins; before that nothing is billed."""
    return rows[0].since if rows else now
