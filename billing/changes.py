"""Changes: what is done to a running subscription, now or at the end of its period.

Every change is previewed by the same function that makes it. What takes effect
later is written down as a scheduled change; when its time comes, it is made like
any other, with the facts as they are then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from auth.tables import Account
from billing import amendments, charging, dropping, events, fact_queries, periods, queries, standing_queries
from billing.amendments import Change, NewId, Unsaved
from billing.catalog_tables import Price as PriceRow
from billing.charging import Bill
from billing.facts import Facts, agreement
from billing.pricing import Price
from billing.states import ChangeKind, ChangeState, SubscriptionState
from billing.subscriptions import AlreadySubscribed, SubscriptionOver, check, check_seats, quantity_of, reason_of
from billing.tables import Invoice, ScheduledChange, Subscription
from kernel import ids, rows
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


@dataclass(eq=False)
class BillingDayJustMoved(Problem):
    """The billing day was changed at this very instant."""

    says = "The billing day was changed at this very instant. Change it again in a moment."


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of an item: another price, another quantity, or both; or to drop it. No item is an add-on."""

    item_id: int | None
    price_id: int | None = None
    quantity: int | None = None
    drop: bool = False


async def preview(
    work: Work, account: Account, subscription_id: int, wish: Wish, *, known: Facts | None = None
) -> Bill:
    """The very document that `change` would make now. Raises its refusals."""
    facts, change = await wished(work, account, subscription_id, wish, lock=False, known=known)
    _check_now(facts, change)
    after = charging.moved(facts, amendments.changed(facts, change, work.now, Unsaved()), work.now)
    return await charging.bill(work, account, after, await charging.names(work, account, after))


async def change(
    work: Work, account: Account, subscription_id: int, wish: Wish, *, later: bool = False, known: Facts | None = None
) -> tuple[Subscription, Invoice | None]:
    """Change a subscription now, and bill the difference; or bill it `later`, with whatever is billed next.

    What waits for the same of its item gives way. Whoever has asked for its facts, `standing` and locked, says so.
    """
    facts, change_ = await wished(work, account, subscription_id, wish, lock=True, known=known)
    _check_now(facts, change_)
    await replace_pending(work, account.id, subscription_id, wish, known=facts)
    after = amendments.changed(facts, change_, work.now, work.new_id)
    return await _made(work, account, facts, after, later=later)


async def schedule(
    work: Work, account: Account, subscription_id: int, wish: Wish, reason: str | None
) -> ScheduledChange:
    """Write down a change for the end of the period; the one before it for the same item gives way."""
    reason = reason_of(reason)
    facts, _ = await wished(work, account, subscription_id, wish, lock=True)
    await replace_pending(work, account.id, subscription_id, wish, waits=True)
    if len(await queries.pending(work, account.id, subscription_id)) >= MOST_SCHEDULED:
        raise InvalidInput(f"A subscription waits for at most {MOST_SCHEDULED} changes. Withdraw one first.")
    scheduled = later(facts, wish, reason, work.now, work.new_id)
    work.add(scheduled)
    await work.flush()
    work.emit(events.ChangeScheduled(account.id, scheduled.id, subscription_id), scheduled)
    return scheduled


def later(facts: Facts, wish: Wish, reason: str | None, now: datetime, new_id: NewId) -> ScheduledChange:
    """A change that waits for the end of the period. What was not wished stays as it will be then."""
    return ScheduledChange(
        account_id=facts.subscription.account_id,
        id=new_id(),
        subscription_id=facts.subscription.id,
        kind=ChangeKind.DROP if wish.drop else ChangeKind.CHANGE,
        item_id=wish.item_id,
        price_id=wish.price_id,
        quantity=wish.quantity,
        due_at=charging.running(facts.subscription, agreement(facts), now).end,
        state=ChangeState.PENDING,
        reason=reason,
        created_at=now,
    )


async def replace_pending(
    work: Work, account_id: int, subscription_id: int, wish: Wish, *, waits: bool = False, known: Facts | None = None
) -> bool:
    """Take back what waits for an item, because something newer was asked for it. Whether anything waited."""
    if known and known.standing:
        pending = known.standing.pending
    else:
        pending = await queries.pending(work, account_id, subscription_id)
    replaced = [due for due in pending if gives_way(due, wish, waits=waits)]
    for earlier in replaced:
        settle(earlier, ChangeState.WITHDRAWN, work.now)
        await work.flush()
        work.emit(events.ChangeWithdrawn(account_id, earlier.id, subscription_id), earlier)
    return bool(replaced)


def gives_way(due: ScheduledChange, wish: Wish, *, waits: bool = False) -> bool:
    """Whether a newer wish is about the same of an item: its price, or its quantity. Another one leaves it alone.

    Dropping an item is about all of it; it gives way itself to what `waits` for the same instant.
    """
    if wish.item_id is None or due.item_id != wish.item_id:
        return False
    if wish.drop or due.kind is not ChangeKind.CHANGE:
        return wish.drop or waits
    priced = due.price_id is not None and wish.price_id is not None
    return priced or (due.quantity is not None and wish.quantity is not None)


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
    reason = reason_of(reason)
    facts = await standing(work, account.id, subscription_id, lock=True)
    after = pausing(facts, work.now, reason, work.new_id)
    return (await _made(work, account, facts, after, SubscriptionState.PAUSED))[0]


def pausing(facts: Facts, now: datetime, reason: str | None, new_id: NewId) -> Facts:
    """The facts once it is paused. Raises SubscriptionOver."""
    if facts.subscription.state not in {SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE}:
        raise SubscriptionOver(facts.subscription.state.value, "Only one that is being paid can be paused.")
    return amendments.paused(facts, now, reason, new_id)


async def resume(work: Work, account: Account, subscription_id: int) -> tuple[Subscription, Invoice | None]:
    """Charge again from now on. Raises SubscriptionOver."""
    facts = await standing(work, account.id, subscription_id, lock=True)
    return await _made(work, account, facts, resuming(facts, work.now), SubscriptionState.ACTIVE)


def resuming(facts: Facts, now: datetime) -> Facts:
    """The facts once it is resumed. Raises SubscriptionOver."""
    if facts.subscription.state is not SubscriptionState.PAUSED:
        raise SubscriptionOver(facts.subscription.state.value, "Only a paused one can be resumed.")
    return amendments.resumed(facts, now)


async def bill_on(work: Work, account: Account, subscription_id: int, day: int) -> tuple[Subscription, Invoice | None]:
    """Bill on another day of the month: the period that runs ends here, and a share of a whole one begins."""
    facts = await standing(work, account.id, subscription_id, lock=True)
    return await _made(work, account, facts, moving(facts, work.now, day, work.new_id))


def moving(facts: Facts, now: datetime, day: int, new_id: NewId) -> Facts:
    """The facts once it is billed on another day. Raises InvalidInput, or BillingDayJustMoved."""
    if facts.subscription.interval is not Interval.MONTH:
        raise InvalidInput("Only a subscription billed by the month has a billing day.")
    if periods.cut_at(agreement(facts).cycles, now):
        raise BillingDayJustMoved
    return amendments.on_day(facts, now, day, new_id)


async def reactivate(work: Work, account_id: int, subscription_id: int) -> Subscription:
    """Take a cancellation back that has not taken effect. Raises SubscriptionOver."""
    subscription = (await standing(work, account_id, subscription_id, lock=True)).subscription
    check_ending(subscription, work.now)
    subscription.cancel_at, subscription.cancel_reason = None, None
    await work.flush()
    work.emit(events.SubscriptionReactivated(account_id, subscription_id), subscription)
    return subscription


def check_ending(subscription: Subscription, now: datetime) -> None:
    """Refuse to take back an end that nobody asked for, or that has come, told or not. Raises SubscriptionOver."""
    if subscription.cancel_at is None:
        raise SubscriptionOver(subscription.state.value, "It is not about to end.")
    if subscription.cancel_at <= now:
        raise SubscriptionOver("canceled", "Subscribe again to go on.")


async def renew(
    work: Work, account: Account, subscription_id: int, least: Mapping[int, int] | None = None
) -> Invoice | None:
    """Begin the earliest period that is due: make the changes that waited for it, and bill it.

    `least` is the fewest units an item may have, because so many seats are taken (LAW 21).
    One whose end has come begins no period, whether or not it was ended yet.
    """
    billed = await begun(work, account, subscription_id, least)
    made = await renewed(work, account, [billed] if billed else [])
    return made[0] if made else None


async def renewed(work: Work, account: Account, bills: Sequence[Bill]) -> list[Invoice]:
    """Write what begun periods come to, on one invoice for each currency."""
    made = await charging.settle_together(work, account, bills)
    await work.flush()
    for billed in bills:
        subscription = billed.facts.subscription
        work.emit(events.SubscriptionRenewed(account.id, subscription.id), subscription)
    return made


async def begun(
    work: Work, account: Account, subscription_id: int, least: Mapping[int, int] | None = None
) -> Bill | None:
    """Begin the earliest period that is due, and say what it comes to, with all that is owed from before."""
    clock = await fact_queries.clock(work, account.id, subscription_id, lock=True)
    if clock.due_at > work.now or clock.held:
        return None
    # A period that was missed is begun as of when it was due, so that each has an invoice of its own.
    at = clock.due_at
    subscription = await queries.subscription(work, account.id, subscription_id)
    if subscription.cancel_at and subscription.cancel_at <= at:
        return None
    pending = [due for due in await queries.pending(work, account.id, subscription_id) if due.due_at <= at]
    prices = {due.price_id for due in pending if due.price_id}
    before = after = await fact_queries.facts(work, subscription, *prices)
    for due in pending:
        if due.quantity is not None and due.item_id is not None:
            due.quantity = max(due.quantity, (least or {}).get(due.item_id, 0))
        after = applied(after, due, work.new_id)
        settle(due, ChangeState.APPLIED, work.now)
    if subscription.state is SubscriptionState.TRIALING:
        subscription.state = SubscriptionState.ACTIVE
    ends = subscription.period_start
    charging.record(work, before, after)
    charging.advance(subscription, clock, agreement(after), at)
    clock.unbilled_since = None
    await work.write()
    await _mirror(work, after, at)
    billed = await charging.bill(work, account, after, await charging.names(work, account, after), at=at)
    return replace(billed, ends=ends)


def settle(scheduled: ScheduledChange, state: ChangeState, now: datetime) -> None:
    """Say what became of a scheduled change."""
    scheduled.state, scheduled.settled_at = state, now


def applied(facts: Facts, due: ScheduledChange, new_id: NewId) -> Facts:
    """The facts once a scheduled change has taken effect."""
    match due.kind:
        case ChangeKind.CHANGE:
            return amendments.changed(facts, _then(facts, due), due.due_at, new_id)
        case ChangeKind.DROP:
            return amendments.changed(facts, _dropped(facts, due.item_id), due.due_at, new_id)
        case ChangeKind.PAUSE:
            return amendments.paused(facts, due.due_at, due.reason, new_id)
        case ChangeKind.RESUME:
            return amendments.resumed(facts, due.due_at)
        case ChangeKind.BILLING_DAY:
            assert due.day is not None, "a billing day is a day"
            return amendments.on_day(facts, due.due_at, due.day, new_id)


def _then(facts: Facts, due: ScheduledChange) -> Change:
    """What a scheduled change comes to when it takes effect: what was not wished is as it is then."""
    if due.item_id is None:
        return Change(None, due.price_id, 1 if due.quantity is None else due.quantity)
    now = amendments.state_of(facts, due.item_id, due.due_at)
    assert now is not None, "an item that is changed has been there"
    return Change(due.item_id, due.price_id or now.price_id, now.quantity if due.quantity is None else due.quantity)


async def _made(
    work: Work,
    account: Account,
    before: Facts,
    after: Facts,
    state: SubscriptionState | None = None,
    *,
    later: bool = False,
) -> tuple[Subscription, Invoice | None]:
    """Write the new facts, bill them, and mirror the present state on the subscription and its items."""
    subscription, terms = after.subscription, _terms(before)
    subscription.state = state or subscription.state
    assert before.standing is not None, "whoever changes a subscription has locked its clock"
    clock = before.standing.clock
    charging.record(work, before, after)
    subscription.cancel_at = charging.moved(before, after, work.now).subscription.cancel_at
    charging.advance(subscription, clock, agreement(after), work.now)
    for due in before.standing.pending:
        # What waits for the end of the period waits for the end that there is now.
        due.due_at = clock.due_at
    await _mirror(work, after, work.now)
    billed = await charging.bill(work, account, after, await charging.names(work, account, after))
    clock.unbilled_since = (clock.unbilled_since or work.now) if later and billed.document else None
    invoice = None if later else await charging.settle(work, account, billed)
    await work.write()
    now = _terms(after)
    changed = [name for name, term in now.items() if terms[name] != term]
    work.emit(
        events.SubscriptionChanged(account.id, subscription.id),
        before={name: terms[name] for name in changed},
        after={name: now[name] for name in changed},
    )
    return subscription, invoice


def _terms(facts: Facts) -> dict[str, Any]:
    """What the audit log tells of a subscription: its own columns, and of each item the price and how many."""
    items = {
        ids.encode("item", item.id): {"price": ids.encode("price", item.price_id), "quantity": item.quantity}
        for item in facts.items
        if item.ended_at is None
    }
    return rows.columns(facts.subscription) | {"items": items}


async def _mirror(work: Work, facts: Facts, now: datetime) -> None:
    """Let the items and the subscription show what they are now; a subscription is to the plan of its first item."""
    for item in facts.items:
        past = [step for step in facts.steps if step.item_id == item.id and step.at <= now]
        latest = max(past, key=lambda step: (step.at, step.id))
        item.quantity = latest.quantity
        if latest.price_id is None:
            item.ended_at = item.ended_at or now
        else:
            item.price_id = latest.price_id
    offers = await _offers(work, facts)
    for item in facts.items:
        item.plan_id = offers[item.price_id].plan_id
    first = offers[min(facts.items, key=lambda item: item.id).price_id]
    subscription = facts.subscription
    subscription.plan_id, subscription.plan_version_id = first.plan_id, first.plan_version_id
    subscription.interval = first.interval


async def _offers(work: Work, facts: Facts) -> dict[int, PriceRow]:
    """The price of each item, as a row."""
    if facts.standing is None:
        return await queries.offers(work, [item.price_id for item in facts.items])
    return {number: offer.price for number, offer in facts.standing.offers.items()}


async def standing(work: Work, account_id: int, subscription_id: int, *further: int, lock: bool) -> Facts:
    """The facts of a subscription that runs, locked for whoever changes it. Raises SubscriptionOver."""
    if lock:
        await queries.take_clock(work, account_id, subscription_id)
        return await locked(work, account_id, subscription_id, *further)
    facts, _ = await standing_queries.standing(work, account_id, subscription_id, *further, lock=False)
    return _running(facts)


async def locked(work: Work, account_id: int, subscription_id: int, *further: int) -> Facts:
    """The same for whoever has taken its clock. It goes on right after the last change, see `charging.catch_up`."""
    facts, changed_at = await standing_queries.standing(work, account_id, subscription_id, *further, lock=True)
    charging.go_on_after(work, changed_at)
    return _running(facts)


def _running(facts: Facts) -> Facts:
    if facts.subscription.state is SubscriptionState.CANCELED:
        raise SubscriptionOver("canceled", "Subscribe again to go on.")
    return facts


async def wished(
    work: Work, account: Account, subscription_id: int, wish: Wish, *, lock: bool, known: Facts | None = None
) -> tuple[Facts, Change]:
    """The facts of a subscription, unless they are known, and what is wished of it. Raises the refusals of a change."""
    further = [] if wish.price_id is None else [wish.price_id]
    facts = known or await standing(work, account.id, subscription_id, *further, lock=lock)
    change = _change(facts, wish)
    await _check(work, account, facts, change)
    await _check_later(work, facts, wish, change)
    return facts, change


async def _check(work: Work, account: Account, facts: Facts, change: Change) -> None:
    """Refuse a price that is not sold to this account, or not in step with the other items, and wrong quantities."""
    if change.price_id is None:
        return
    assert facts.standing is not None, "whoever wishes has asked how it stands"
    sold = facts.standing.offers[change.price_id]
    price, version, plan = sold.price, sold.version, sold.plan
    check_seats(plan.key, version, change.quantity)
    running = [item for item in facts.items if item.ended_at is None]
    if change.price_id in {item.price_id for item in running if item.id == change.item_id}:
        return
    check(account, price, version, plan, await queries.newest_version(work, plan.id))
    twin = await queries.running(work, account.id, plan.id)
    if twin and twin.id != facts.subscription.id and not version.seats:
        raise AlreadySubscribed(plan.key)
    new = facts.prices[change.price_id]
    others = [facts.prices[item.price_id] for item in running if item.id != change.item_id]
    if any((other.interval, other.count) != (new.interval, new.count) for other in others):
        raise PriceNotForSubscription(f"billed by the {new.interval.value}, and the other items are not")


async def _check_later(work: Work, facts: Facts, wish: Wish, change: Change) -> None:
    """Refuse a price that would be out of step with the other items once what waits has taken effect."""
    if wish.price_id is None or change.price_id is None:
        return
    assert facts.standing is not None, "whoever wishes has asked how it stands"
    waiting = [due for due in facts.standing.pending if not gives_way(due, wish)]
    prices = await fact_queries.prices(work, [due.price_id for due in waiting if due.price_id])
    terms: dict[object, Price] = {item.id: facts.prices[item.price_id] for item in facts.items if not item.ended_at}
    terms[change.item_id] = facts.prices[change.price_id]
    for due in waiting:
        if due.kind is ChangeKind.DROP:
            terms.pop(due.item_id, None)
        elif due.price_id is not None:
            terms[due.item_id or ("add-on", due.id)] = prices[due.price_id]
    if len({(price.interval, price.count) for price in terms.values()}) > 1:
        interval = facts.prices[change.price_id].interval.value
        raise PriceNotForSubscription(f"billed by the {interval}, and what waits for the end of the period is not")


def _check_now(facts: Facts, change: Change) -> None:
    if change.price_id is None and change.item_id is not None:
        dropping.check_now(facts, change.item_id)


def _dropped(facts: Facts, item_id: int | None) -> Change:
    (item,) = (item for item in facts.items if item.id == item_id)
    return Change(item.id, None, item.quantity)


def _change(facts: Facts, wish: Wish) -> Change:
    item = next((item for item in facts.items if item.id == wish.item_id and item.ended_at is None), None)
    if wish.item_id is not None and item is None:
        raise InvalidInput("This subscription has no such item, or it has ended.")
    if wish.drop and item:
        dropping.check(facts, item)
        return _dropped(facts, item.id)
    price_id = wish.price_id or (item.price_id if item else None)
    quantity = wish.quantity if wish.quantity is not None else item.quantity if item else 1
    if price_id is None or price_id not in facts.prices:
        raise InvalidInput("Say which price the new item shall have.")
    if facts.prices[price_id].currency != facts.subscription.currency:
        raise PriceNotForSubscription(f"in {facts.prices[price_id].currency}, not in {facts.subscription.currency}")
    if item and (item.price_id, item.quantity) == (price_id, quantity):
        raise NothingChanges
    return Change(wish.item_id, price_id, quantity_of(quantity))
