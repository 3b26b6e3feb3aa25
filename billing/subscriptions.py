"""The life of a subscription: started, canceled now or at the end of its period."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from auth import queries as people
from auth.tables import Account, AccountKind
from billing import accruals, amendments, charging, events, fact_queries, periods, queries, redemptions
from billing.amendments import NewId
from billing.catalog import Audience
from billing.catalog_tables import Plan, PlanVersion, Price
from billing.facts import Facts
from billing.metering import GRACE
from billing.states import ChangeState, SubscriptionState
from billing.tables import ENDED, Subscription, SubscriptionItem
from kernel.errors import InvalidInput, Problem
from kernel.time import Anchor
from kernel.work import Work

LONGEST_REASON = 1_000
MOST_SEATS = 100_000

SETTLING = "ended, and usage may come late"
"""Why it stands still as long as usage is taken that was reported late."""


class CancelAt(StrEnum):
    """When a cancellation takes effect."""

    PERIOD_END = "period_end"
    """When the paid period ends."""

    NOW = "now"
    """At once."""


@dataclass(eq=False)
class PlanNotOffered(Problem):
    """The plan is not sold to this account, or not any more."""

    says = "{plan} is {why}. Choose another plan."
    plan: str
    """The plan's key."""

    why: str
    """Why it can't be bought."""


@dataclass(eq=False)
class SeatsNotOffered(Problem):
    """The plan is sold with fewer or more seats than were asked for."""

    says = "{plan} is sold with {minimum} to {maximum} seats. Choose a number between them."
    plan: str
    """The plan's key."""

    minimum: int
    """The fewest seats it is sold with."""

    maximum: int
    """The most seats it is sold with."""


@dataclass(eq=False)
class AlreadySubscribed(Problem):
    """The account has a running subscription to this plan."""

    says = "This account is subscribed to {plan} already. Change that subscription instead."
    plan: str
    """The plan's key."""


@dataclass(eq=False)
class SubscriptionOver(Problem):
    """The subscription has ended, or its end is settled already."""

    says = "This subscription is {state}. {advice}"
    state: str
    """Where the subscription is in its life."""

    advice: str
    """What to do instead."""


def quantity_of(count: int) -> int:
    """A quantity that can be bought. Raises InvalidInput."""
    if not 1 <= count <= MOST_SEATS:
        raise InvalidInput(f"A quantity is 1 to {MOST_SEATS:,}; {count:,} were asked for.")
    return count


def reason_of(text: str | None) -> str | None:
    """A reason as people wrote it. Raises InvalidInput for a very long one, or one that can't be stored."""
    if text and (len(text) > LONGEST_REASON or "\x00" in text):
        raise InvalidInput(f"A reason is at most {LONGEST_REASON:,} characters, and none of them is NUL.")
    return text or None


def check(account: Account, price: Price, version: PlanVersion, plan: Plan, newest: int) -> None:
    """Refuse what is not sold to this account. Raises PlanNotOffered."""
    for_whom = Audience.WORKSPACE if account.kind is AccountKind.WORKSPACE else Audience.PERSON
    if plan.archived_at:
        raise PlanNotOffered(plan.key, "no longer sold")
    if version.number != newest:
        raise PlanNotOffered(plan.key, f"sold as version {newest} now")
    if plan.audience not in {for_whom, Audience.ANYONE}:
        raise PlanNotOffered(plan.key, f"sold to a {plan.audience.value} only")
    if price.meter:
        raise PlanNotOffered(plan.key, "bought by its base price, not by a metered one")


def check_seats(plan: str, version: PlanVersion, quantity: int) -> None:
    """Refuse fewer or more seats than a per-seat plan is sold with. Raises SeatsNotOffered."""
    rule = version.seats or {}
    minimum, maximum = rule.get("minimum") or 1, rule.get("maximum") or MOST_SEATS
    if not minimum <= quantity <= maximum:
        raise SeatsNotOffered(plan, minimum, maximum)


async def subscribe(
    work: Work, account: Account, price_id: int, quantity: int, code: str | None = None
) -> tuple[Subscription, SubscriptionItem]:
    """Start a subscription to what a price is of. Raises the refusals above, or CodeNotAccepted."""
    await queries.take_turn(work, account.id)
    facts = await wanted(work, account, price_id, quantity, work.new_id, code=code)
    (item,) = facts.items
    work.add(facts.subscription)
    await work.flush()
    work.add(item)
    await work.flush()
    work.emit(events.SubscriptionStarted(account.id, facts.subscription.id), facts.subscription)
    for discount in facts.discounts:
        await redemptions.count(work, discount)
    await charging.begin(work, account, facts)
    return facts.subscription, item


async def wanted(
    work: Work, account: Account, price_id: int, quantity: int, new_id: NewId, *, code: str | None = None
) -> Facts:
    """The first facts of a subscription to what a price is of, nowhere written yet. Raises the refusals above."""
    price, version, plan = await queries.offer(work, price_id)
    newest = await queries.newest_version(work, plan.id)

    check(account, price, version, plan, newest)
    check_seats(plan.key, version, quantity_of(quantity))
    if not version.seats and await queries.running(work, account.id, plan.id):
        raise AlreadySubscribed(plan.key)

    meters = (await fact_queries.meters_of(work, [price.id])).get(price.id, ())
    prices = await fact_queries.prices(work, [price.id, *meters])
    subscription = started(account, price, version, work.now, new_id())
    item = SubscriptionItem(
        account_id=account.id,
        id=new_id(),
        subscription_id=subscription.id,
        plan_id=plan.id,
        price_id=price.id,
        quantity=quantity,
        created_at=work.now,
    )
    facts = amendments.begun(subscription, item, prices, new_id)
    if code is None:
        return facts
    discount = await redemptions.granted(work, account, facts, code, since=work.now, new_id=new_id)
    return amendments.discounted(facts, discount)


def started(account: Account, price: Price, version: PlanVersion, now: datetime, number: int) -> Subscription:
    """A new subscription, whose periods hang from now in the account's time zone; a trial comes first."""
    paid_from = periods.trial_end(now, version.trial_days, account.time_zone) if version.trial_days else now
    period = Anchor.at(paid_from, account.time_zone).period(0, price.interval, price.rule["count"])
    return Subscription(
        account_id=account.id,
        id=number,
        plan_id=price.plan_id,
        plan_version_id=version.id,
        state=SubscriptionState.TRIALING if version.trial_days else SubscriptionState.ACTIVE,
        currency=price.currency,
        interval=price.interval,
        anchor=paid_from,
        time_zone=account.time_zone,
        period_start=now,
        period_end=paid_from if version.trial_days else period.end,
        trial_end=paid_from if version.trial_days else None,
        created_at=now,
    )


async def cancel(
    work: Work,
    account_id: int,
    subscription_id: int,
    at: CancelAt,
    reason: str | None,
    *,
    credit: bool = False,
) -> Subscription:
    """End a subscription now, or when its period does. Raises SubscriptionOver.

    With `credit`, what is paid for the time after an end now becomes the account's credit. Periods that
    are overdue are begun before: see `seats.buying.cancel`.
    """
    reason = reason_of(reason)
    await queries.take_clock(work, account_id, subscription_id)
    await charging.catch_up(work, account_id, subscription_id)
    subscription = await queries.subscription(work, account_id, subscription_id)
    check_cancel(subscription, at, credit=credit)

    subscription.cancel_reason = reason or subscription.cancel_reason
    if at is CancelAt.NOW:
        return await end(work, subscription, credit=credit)
    subscription.cancel_at = subscription.period_end
    await work.flush()
    work.emit(events.SubscriptionCancelScheduled(account_id, subscription_id), subscription)
    return subscription


def check_cancel(subscription: Subscription, at: CancelAt, *, credit: bool) -> None:
    """Refuse to end what is over, or will be at that time. Raises SubscriptionOver, or InvalidInput."""
    if credit and at is CancelAt.PERIOD_END:
        raise InvalidInput("A subscription that ends with its period leaves no time to give back: cancel it now.")
    if subscription.state is SubscriptionState.CANCELED:
        raise SubscriptionOver("canceled", "Subscribe again to go on.")
    if at is CancelAt.PERIOD_END and subscription.cancel_at:
        raise SubscriptionOver("to end with its period", "Nothing is left to do, or cancel it now.")


async def end(work: Work, subscription: Subscription, *, credit: bool = False) -> Subscription:
    """The end of a subscription and its items, at the instant that was due if it has passed; whoever cares is told.

    What was to be billed when a period is over is billed now. With `credit`, the unused
    time is given back; without it, what is paid stays paid. One that is held for a
    person stays so, and its last bill waits for them too.
    """
    clock = await fact_queries.clock(work, subscription.account_id, subscription.id, lock=True)
    held = clock.held
    if held is None and not credit:
        await accruals.collect_last(work, subscription)
    clock.held, clock.unbilled_since = clock.held or ENDED, None
    at = min(subscription.cancel_at or work.now, work.now)
    await queries.stop_clock(work, subscription.account_id, subscription.id, ENDED)
    subscription.state, subscription.ended_at, subscription.cancel_at = SubscriptionState.CANCELED, at, at
    for waiting in await queries.pending(work, subscription.account_id, subscription.id):
        waiting.state, waiting.settled_at = ChangeState.WITHDRAWN, work.now
        await work.flush()
        work.emit(events.ChangeWithdrawn(subscription.account_id, waiting.id, subscription.id), waiting)
    for item in await queries.items(work, subscription.account_id, subscription.id):
        item.ended_at = at
    await work.flush()
    if held is None:
        facts = replace(await fact_queries.facts(work, subscription), paid_stays=not credit)
        if facts.metered:
            clock.held, clock.due_at = SETTLING, at + GRACE
        account = await people.account(work, subscription.account_id)
        await _bill_last(work, account, facts, at, usage_alone=False)
    work.emit(events.SubscriptionCanceled(subscription.account_id, subscription.id), subscription)
    return subscription


async def settle_usage(work: Work, account_id: int, subscription_id: int) -> None:
    """Bill what was reported late for a subscription that has ended, now that nothing can be reported any more."""
    await queries.take_clock(work, account_id, subscription_id)
    subscription = await queries.subscription(work, account_id, subscription_id)
    assert subscription.ended_at is not None, "only one that has ended is settled"
    facts = await fact_queries.facts(work, subscription)
    account = await people.account(work, account_id)
    await _bill_last(work, account, facts, subscription.ended_at + GRACE, usage_alone=True)
    await queries.stop_clock(work, account_id, subscription_id, ENDED)


async def _bill_last(work: Work, account: Account, facts: Facts, at: datetime, *, usage_alone: bool) -> None:
    names = await charging.names(work, account, facts)
    billed = await charging.bill(work, account, facts, names, at=at, usage_alone=usage_alone)
    await charging.settle(work, account, billed)


async def end_due(work: Work, account_id: int, subscription_id: int) -> None:
    """End a subscription whose cancellation has come due, unless it has ended since."""
    await queries.take_clock(work, account_id, subscription_id)
    subscription = await queries.subscription(work, account_id, subscription_id)
    if subscription.ended_at is None:
        await end(work, subscription)
