"""Amendments: what can be done to a subscription, as facts that follow from it.

Each takes the facts and gives the facts as they will be, with new rows for what
was not there before. A preview bills those; a change writes them and bills the
same. Rows are values here: nothing is read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from billing import periods
from billing.facts import Facts, cycle_row, metered_item
from billing.periods import Cycle
from billing.pricing import Price
from billing.states import SubscriptionState
from billing.tables import ItemStep, Subscription, SubscriptionDiscount, SubscriptionItem, SubscriptionPause
from kernel.time import Anchor

NewId = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Change:
    """An item becomes so many of a price, or of none; an item that is not there yet is an add-on."""

    item_id: int | None
    price_id: int | None
    quantity: int


class Unsaved:
    """Numbers for rows that a preview thinks of and nobody writes: below zero, so that none is taken for a real one."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        """The next one."""
        self._last -= 1
        return self._last


def begun(subscription: Subscription, item: SubscriptionItem, prices: Mapping[int, Price], new_id: NewId) -> Facts:
    """The first facts of a subscription: one item, what meters count with it, and periods that hang from its anchor.

    `prices` are that of the item, and the metered ones that are sold with it.
    """
    price = prices[item.price_id]
    cycle = periods.anniversary(subscription.anchor, price.interval, price.count, subscription.time_zone)
    step = ItemStep(
        account_id=subscription.account_id,
        id=new_id(),
        subscription_id=subscription.id,
        item_id=item.id,
        at=subscription.created_at,
        price_id=item.price_id,
        quantity=item.quantity,
    )
    cycles = (cycle_row(subscription, new_id(), cycle),)
    metered = [
        metered_item(subscription, new_id(), number, item.plan_id, subscription.created_at)
        for number in prices
        if number != item.price_id
    ]
    return Facts(subscription, (item,), (step,), cycles, pauses=(), discounts=(), prices=prices, metered=tuple(metered))


def changed(facts: Facts, change: Change, now: datetime, new_id: NewId) -> Facts:
    """The facts after a change of price or quantity at `now`, another cycle included where one begins (LAW 10)."""
    subscription = facts.subscription
    items, item_id = list(facts.items), change.item_id
    if item_id is None:
        assert change.price_id is not None, "an add-on has a price"
        item_id = new_id()
        items.append(_item(facts, item_id, change, now))
    before = state_of(facts, item_id, now)
    step = ItemStep(
        account_id=subscription.account_id,
        id=new_id(),
        subscription_id=subscription.id,
        item_id=item_id,
        at=now,
        price_id=change.price_id,
        quantity=change.quantity,
    )
    old = facts.prices.get(before.price_id) if before and before.price_id else None
    new = facts.prices[change.price_id] if change.price_id else None
    after = replace(facts, items=tuple(items), steps=(*facts.steps, step))
    if new is not None and old is not None and periods.restarts(old, new):
        fresh = periods.anniversary(_next_cycle(facts, now), new.interval, new.count, facts.cycles[-1].time_zone)
        after = _restarted(after, fresh, new_id)
    return replace(after, metered=_metered(after, now, new_id))


def paused(facts: Facts, now: datetime, reason: str | None, new_id: NewId) -> Facts:
    """The facts once nothing is charged from `now` on."""
    pause = SubscriptionPause(
        account_id=facts.subscription.account_id,
        id=new_id(),
        subscription_id=facts.subscription.id,
        starts_at=now,
        reason=reason,
    )
    return replace(facts, pauses=(*facts.pauses, pause))


def resumed(facts: Facts, now: datetime) -> Facts:
    """The facts once charging goes on from `now`."""
    ended = [
        pause if pause.ends_at else SubscriptionPause(**pause.model_dump() | {"ends_at": now}) for pause in facts.pauses
    ]
    return replace(facts, pauses=tuple(ended))


def on_day(facts: Facts, now: datetime, day: int, new_id: NewId) -> Facts:
    """The facts with another day of the month to bill on."""
    last = facts.cycles[-1]
    cycle = Cycle(last.since, Anchor(last.anchor, last.time_zone), last.interval, last.count)
    return _restarted(facts, periods.on_day(cycle, _next_cycle(facts, now), day), new_id)


def ended(facts: Facts, at: datetime) -> Facts:
    """The facts once the subscription is over."""
    return _agreed(facts, ended_at=at, cancel_at=at)


def kept(facts: Facts) -> Facts:
    """The facts once an end that was agreed is taken back."""
    return _agreed(facts, cancel_at=None)


def _agreed(facts: Facts, **ends: datetime | None) -> Facts:
    return replace(facts, subscription=Subscription(**facts.subscription.model_dump() | ends))


def _restarted(facts: Facts, cycle: Cycle, new_id: NewId) -> Facts:
    """The facts with another cycle; one that would have begun at the same instant gives way.

    On trial nothing was billed by the one that waits, so it becomes the other one itself. A discount that was to
    begin with the next period begins with the one that there is now.
    """
    kept = [known for known in facts.cycles if known.since < cycle.since]
    waits = facts.subscription.state is SubscriptionState.TRIALING and facts.cycles[-1].since == cycle.since
    number = facts.cycles[-1].id if waits else new_id()
    discounts = [
        SubscriptionDiscount(**discount.model_dump() | {"since": cycle.since})
        if discount.since > cycle.since
        else discount
        for discount in facts.discounts
    ]
    cycles = (*kept, cycle_row(facts.subscription, number, cycle))
    return replace(facts, cycles=cycles, discounts=discounts)


def discounted(facts: Facts, discount: SubscriptionDiscount) -> Facts:
    """The facts with one more discount, after those that were granted before."""
    return replace(facts, discounts=(*facts.discounts, discount))


def undiscounted(facts: Facts, discount_id: int, now: datetime) -> Facts:
    """The facts once a discount is taken away: what it took off before stays."""
    left = [
        SubscriptionDiscount(**discount.model_dump() | {"until": now}) if discount.id == discount_id else discount
        for discount in facts.discounts
    ]
    return replace(facts, discounts=left)


def _metered(facts: Facts, now: datetime, new_id: NewId) -> tuple[SubscriptionItem, ...]:
    """The metered items that belong to what the other items are at `now`: some end, some begin, the rest goes on."""
    steps = [state_of(facts, item.id, now) for item in facts.items if item.ended_at is None]
    sold = {meter for step in steps if step and step.price_id for meter in facts.meters.get(step.price_id, ())}
    kept, running = [], set()
    for item in facts.metered:
        if item.ended_at is None and item.price_id not in sold:
            kept.append(SubscriptionItem(**item.model_dump() | {"ended_at": now}))
        else:
            kept.append(item)
            running |= {item.price_id} if item.ended_at is None else set()
    new = sorted(sold - running)
    return (*kept, *(_counted(facts, new_id(), price_id, now) for price_id in new))


def _counted(facts: Facts, number: int, price_id: int, now: datetime) -> SubscriptionItem:
    return metered_item(facts.subscription, number, price_id, facts.subscription.plan_id, now)


def state_of(facts: Facts, item_id: int, now: datetime) -> ItemStep | None:
    """The latest step of an item at an instant; None before its first."""
    past = [step for step in facts.steps if step.item_id == item_id and step.at <= now]
    # Of two at one instant the later in the list counts, as for the timeline.
    return max(reversed(past), key=lambda step: step.at, default=None)


def _next_cycle(facts: Facts, now: datetime) -> datetime:
    """When another cycle begins that is chosen now: at once, or where the first one would, when the trial is over."""
    return max(now, facts.cycles[-1].since)


def _item(facts: Facts, item_id: int, change: Change, now: datetime) -> SubscriptionItem:
    return SubscriptionItem(
        account_id=facts.subscription.account_id,
        id=item_id,
        subscription_id=facts.subscription.id,
        plan_id=facts.subscription.plan_id,
        price_id=change.price_id or 0,
        quantity=change.quantity,
        created_at=now,
    )
