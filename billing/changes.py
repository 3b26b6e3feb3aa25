"""Changes: what is done to a running subscription, now or at the end of its period.

Every change is previewed by the same function that makes it. What takes effect
later is written down as a scheduled change; when its time comes, it is made like
any other, with the facts as they are then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from auth.tables import Account
from billing import amendments, charging, events, fact_queries, queries
from billing.amendments import Change
from billing.charging import Bill
from billing.facts import Facts, agreement
from billing.periods import renewal
from billing.subscriptions import SubscriptionOver, quantity_of
from billing.tables import (
    ChangeKind,
    ChangeState,
    Invoice,
    ScheduledChange,
    Subscription,
    SubscriptionState,
)
from kernel.errors import InvalidInput, Problem
from kernel.time import Interval
from kernel.work import Work

MOST_SCHEDULED = 20


class ChangeAt(StrEnum):
    """When a change takes effect."""

    NOW = "now"
    """At once; the difference is billed."""

    PERIOD_END = "period_end"
    """When the period that is paid ends."""


@dataclass(eq=False)
class PriceNotForSubscription(Problem):
    """The price can't be put on this subscription."""

    says = "This price is {why}. Choose another price."
    why: str
    """Why it doesn't fit."""


@dataclass(eq=False)
class NothingChanges(Problem):
    """The subscription is what was asked for already."""

    says = "The subscription is like this already, so nothing was changed."


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of an item: another price, another quantity, or both. No item is an add-on."""

    item_id: int | None
    price_id: int | None = None
    quantity: int | None = None


async def preview(work: Work, account: Account, subscription_id: int, wish: Wish) -> Bill:
    """The very document that `change` would make now. Raises its refusals."""
    facts, change = await _wished(work, account.id, subscription_id, wish, lock=False)
    after = amendments.changed(facts, change, work.now, _Unsaved())
    return await charging.bill(work, account, after, await _names(work, account, after))


async def change(work: Work, account: Account, subscription_id: int, wish: Wish) -> tuple[Subscription, Invoice | None]:
    """Change a subscription now, and bill the difference."""
    facts, change_ = await _wished(work, account.id, subscription_id, wish, lock=True)
    return await _made(work, account, facts, amendments.changed(facts, change_, work.now, work.new_id))


async def schedule(
    work: Work, account: Account, subscription_id: int, wish: Wish, reason: str | None
) -> ScheduledChange:
    """Write down a change for the end of the period; the one before it for the same item gives way."""
    facts, change_ = await _wished(work, account.id, subscription_id, wish, lock=True)
    pending = await queries.pending(work, account.id, subscription_id)
    if len(pending) >= MOST_SCHEDULED:
        raise InvalidInput(f"A subscription waits for at most {MOST_SCHEDULED} changes. Withdraw one first.")
    await replace_pending(work, account.id, subscription_id, change_.item_id)
    scheduled = ScheduledChange(
        account_id=account.id,
        id=work.new_id(),
        subscription_id=subscription_id,
        kind=ChangeKind.CHANGE,
        item_id=change_.item_id,
        price_id=change_.price_id,
        quantity=change_.quantity,
        due_at=renewal(agreement(facts).cycles, work.now),
        state=ChangeState.PENDING,
        reason=reason,
        created_at=work.now,
    )
    work.add(scheduled)
    await work.flush()
    work.emit(events.ChangeScheduled(account.id, scheduled.id, subscription_id), scheduled)
    return scheduled


async def replace_pending(work: Work, account_id: int, subscription_id: int, item_id: int | None) -> bool:
    """Take back what waits for an item, because something newer was asked for it. Whether anything waited."""
    waited = False
    for earlier in await queries.pending(work, account_id, subscription_id):
        if earlier.kind is ChangeKind.CHANGE and item_id is not None and earlier.item_id == item_id:
            settle(earlier, ChangeState.WITHDRAWN, work.now)
            await work.flush()
            work.emit(events.ChangeWithdrawn(account_id, earlier.id, subscription_id), earlier)
            waited = True
    return waited


async def withdraw(work: Work, account_id: int, change_id: int) -> ScheduledChange:
    """Take a scheduled change back. Raises SubscriptionOver when it has taken effect."""
    scheduled = await queries.scheduled(work, account_id, change_id)
    if scheduled.state is not ChangeState.PENDING:
        raise SubscriptionOver(scheduled.state.value, "Make another change instead.")
    settle(scheduled, ChangeState.WITHDRAWN, work.now)
    await work.flush()
    work.emit(events.ChangeWithdrawn(account_id, change_id, scheduled.subscription_id), scheduled)
    return scheduled


async def pause(work: Work, account: Account, subscription_id: int, reason: str | None) -> Subscription:
    """Charge nothing from now on, and give back what is paid ahead. Raises SubscriptionOver."""
    facts = await _locked(work, account.id, subscription_id)
    if facts.subscription.state not in {SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE}:
        raise SubscriptionOver(facts.subscription.state.value, "Only one that is being paid can be paused.")
    facts.subscription.state = SubscriptionState.PAUSED
    return (await _made(work, account, facts, amendments.paused(facts, work.now, reason, work.new_id)))[0]


async def resume(work: Work, account: Account, subscription_id: int) -> tuple[Subscription, Invoice | None]:
    """Charge again from now on. Raises SubscriptionOver."""
    facts = await _locked(work, account.id, subscription_id)
    if facts.subscription.state is not SubscriptionState.PAUSED:
        raise SubscriptionOver(facts.subscription.state.value, "Only a paused one can be resumed.")
    facts.subscription.state = SubscriptionState.ACTIVE
    return await _made(work, account, facts, amendments.resumed(facts, work.now))


async def bill_on(work: Work, account: Account, subscription_id: int, day: int) -> tuple[Subscription, Invoice | None]:
    """Bill on another day of the month: the period that runs ends here, and a share of a whole one begins."""
    facts = await _locked(work, account.id, subscription_id)
    if facts.subscription.interval is not Interval.MONTH:
        raise InvalidInput("Only a subscription billed by the month has a billing day.")
    return await _made(work, account, facts, amendments.on_day(facts, work.now, day, work.new_id))


async def reactivate(work: Work, account_id: int, subscription_id: int) -> Subscription:
    """Take a cancellation back that has not taken effect. Raises SubscriptionOver."""
    subscription = (await _locked(work, account_id, subscription_id)).subscription
    if subscription.cancel_at is None:
        raise SubscriptionOver(subscription.state.value, "It is not about to end.")
    subscription.cancel_at, subscription.cancel_reason = None, None
    await work.flush()
    work.emit(events.SubscriptionReactivated(account_id, subscription_id), subscription)
    return subscription


async def renew(
    work: Work, account: Account, subscription_id: int, least: Mapping[int, int] | None = None
) -> Invoice | None:
    """Begin the period that is due: make the changes that waited for it, and bill it.

    `least` is the fewest units an item may have, because so many seats are taken (LAW 21).
    """
    clock = await fact_queries.clock(work, account.id, subscription_id, lock=True)
    if clock.due_at > work.now or clock.held:
        return None
    subscription = await queries.subscription(work, account.id, subscription_id)
    pending = [due for due in await queries.pending(work, account.id, subscription_id) if due.due_at <= work.now]
    prices = {due.price_id for due in pending if due.price_id}
    before = after = await fact_queries.facts(work, subscription, *prices)
    for due in pending:
        if due.quantity is not None and due.item_id is not None:
            due.quantity = max(due.quantity, (least or {}).get(due.item_id, 0))
        after = _applied(after, due, work)
        settle(due, ChangeState.APPLIED, work.now)
    if subscription.state is SubscriptionState.TRIALING:
        subscription.state = SubscriptionState.ACTIVE
    await charging.record(work, before, after)
    charging.advance(subscription, clock, agreement(after), work)
    _mirror(after, work.now)
    billed = await charging.bill(work, account, after, await _names(work, account, after))
    invoice = await charging.settle(work, account, billed)
    await work.flush()
    work.emit(events.SubscriptionRenewed(account.id, subscription_id), subscription)
    return invoice


def settle(scheduled: ScheduledChange, state: ChangeState, now: datetime) -> None:
    """Say what became of a scheduled change."""
    scheduled.state, scheduled.settled_at = state, now


def _applied(facts: Facts, due: ScheduledChange, work: Work) -> Facts:
    match due.kind:
        case ChangeKind.CHANGE:
            assert due.quantity is not None, "a change says its quantity"
            wanted = Change(due.item_id, due.price_id, due.quantity)
            return amendments.changed(facts, wanted, due.due_at, work.new_id)
        case ChangeKind.PAUSE:
            return amendments.paused(facts, due.due_at, due.reason, work.new_id)
        case ChangeKind.RESUME:
            return amendments.resumed(facts, due.due_at)
        case ChangeKind.BILLING_DAY:
            assert due.day is not None, "a billing day is a day"
            return amendments.on_day(facts, due.due_at, due.day, work.new_id)


async def _made(work: Work, account: Account, before: Facts, after: Facts) -> tuple[Subscription, Invoice | None]:
    """Write the new facts, bill them, and mirror the present state on the subscription and its items."""
    clock = await fact_queries.clock(work, account.id, after.subscription.id, lock=True)
    await charging.record(work, before, after)
    charging.advance(after.subscription, clock, agreement(after), work)
    _mirror(after, work.now)
    invoice = await charging.settle(
        work, account, await charging.bill(work, account, after, await _names(work, account, after))
    )
    await work.flush()
    work.emit(events.SubscriptionChanged(account.id, after.subscription.id), after.subscription)
    return after.subscription, invoice


def _mirror(facts: Facts, now: datetime) -> None:
    for item in facts.items:
        past = [step for step in facts.steps if step.item_id == item.id and step.at <= now]
        latest = max(past, key=lambda step: (step.at, step.id))
        item.quantity = latest.quantity
        if latest.price_id is None:
            item.ended_at = item.ended_at or now
        else:
            item.price_id = latest.price_id


async def _locked(work: Work, account_id: int, subscription_id: int) -> Facts:
    await fact_queries.clock(work, account_id, subscription_id, lock=True)
    subscription = await queries.subscription(work, account_id, subscription_id)
    if subscription.state is SubscriptionState.CANCELED:
        raise SubscriptionOver("canceled", "Subscribe again to go on.")
    return await fact_queries.facts(work, subscription)


async def _wished(work: Work, account_id: int, subscription_id: int, wish: Wish, *, lock: bool) -> tuple[Facts, Change]:
    if lock:
        await fact_queries.clock(work, account_id, subscription_id, lock=True)
    subscription = await queries.subscription(work, account_id, subscription_id)
    if subscription.state is SubscriptionState.CANCELED:
        raise SubscriptionOver("canceled", "Subscribe again to go on.")
    further = [] if wish.price_id is None else [wish.price_id]
    facts = await fact_queries.facts(work, subscription, *further)
    return facts, _change(facts, wish)


def _change(facts: Facts, wish: Wish) -> Change:
    item = next((item for item in facts.items if item.id == wish.item_id and item.ended_at is None), None)
    if wish.item_id is not None and item is None:
        raise InvalidInput("This subscription has no such item, or it has ended.")
    price_id = wish.price_id or (item.price_id if item else None)
    quantity = wish.quantity if wish.quantity is not None else item.quantity if item else 1
    if price_id is None or price_id not in facts.prices:
        raise InvalidInput("Say which price the new item shall have.")
    if facts.prices[price_id].currency != facts.subscription.currency:
        raise PriceNotForSubscription(f"in {facts.prices[price_id].currency}, not in {facts.subscription.currency}")
    if item and (item.price_id, item.quantity) == (price_id, quantity):
        raise NothingChanges
    return Change(wish.item_id, price_id, quantity_of(quantity))


async def _names(work: Work, account: Account, facts: Facts) -> dict[int, str]:
    return await queries.price_names(work, list(facts.prices), account.locale)


class _Unsaved:
    """Numbers for rows that a preview thinks of and nobody writes: below zero, so that none is taken for a real one."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        self._last -= 1
        return self._last
