"""The life of a subscription: started, canceled now or at the end of its period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from auth.tables import Account, AccountKind
from billing import charging, events, queries
from billing.catalog import Audience
from billing.tables import Plan, PlanVersion, Price, Subscription, SubscriptionItem, SubscriptionState
from kernel.errors import InvalidInput, Problem
from kernel.time import Anchor
from kernel.work import Work

LONGEST_REASON = 1_000
MOST_SEATS = 100_000


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
    work: Work, account: Account, price_id: int, quantity: int
) -> tuple[Subscription, SubscriptionItem]:
    """Start a subscription to what a price is of. Raises the refusals above."""
    price, version, plan = await queries.offer(work, price_id)
    newest = await queries.newest_version(work, plan.id)

    check(account, price, version, plan, newest)
    check_seats(plan.key, version, quantity_of(quantity))
    if not version.seats and await queries.running(work, account.id, plan.id):
        raise AlreadySubscribed(plan.key)

    subscription = started(work, account, price, version)
    work.add(subscription)
    await work.flush()
    item = SubscriptionItem(
        account_id=account.id,
        id=work.new_id(),
        subscription_id=subscription.id,
        plan_id=plan.id,
        price_id=price.id,
        quantity=quantity,
        created_at=work.now,
    )
    work.add(item)
    await work.flush()
    work.emit(events.SubscriptionStarted(account.id, subscription.id), subscription)
    await charging.begin(work, account, subscription, item)
    return subscription, item


def started(work: Work, account: Account, price: Price, version: PlanVersion) -> Subscription:
    """A new subscription, whose periods hang from now in the account's time zone; a trial comes first."""
    paid_from = work.now + timedelta(days=version.trial_days)
    period = Anchor.at(paid_from, account.time_zone).period(0, price.interval)
    return Subscription(
        account_id=account.id,
        id=work.new_id(),
        plan_id=price.plan_id,
        plan_version_id=version.id,
        state=SubscriptionState.TRIALING if version.trial_days else SubscriptionState.ACTIVE,
        currency=price.currency,
        interval=price.interval,
        anchor=paid_from,
        time_zone=account.time_zone,
        period_start=work.now if version.trial_days else period.start,
        period_end=paid_from if version.trial_days else period.end,
        trial_end=paid_from if version.trial_days else None,
        created_at=work.now,
    )


async def cancel(work: Work, account_id: int, subscription_id: int, at: CancelAt, reason: str | None) -> Subscription:
    """End a subscription now, or when its period does. Raises SubscriptionOver."""
    subscription = await queries.subscription(work, account_id, subscription_id)
    if subscription.state is SubscriptionState.CANCELED:
        raise SubscriptionOver("canceled", "Subscribe again to go on.")
    if at is CancelAt.PERIOD_END and subscription.cancel_at:
        raise SubscriptionOver("to end with its period", "Nothing is left to do, or cancel it now.")
    if reason and len(reason) > LONGEST_REASON:
        raise InvalidInput(f"A reason is at most {LONGEST_REASON:,} characters.")

    subscription.cancel_reason = reason
    if at is CancelAt.NOW:
        return await end(work, subscription)
    subscription.cancel_at = subscription.period_end
    await work.flush()
    work.emit(events.SubscriptionCancelScheduled(account_id, subscription_id), subscription)
    return subscription


async def end(work: Work, subscription: Subscription) -> Subscription:
    """The end of a subscription and its items; whoever cares is told."""
    subscription.state, subscription.ended_at = SubscriptionState.CANCELED, work.now
    subscription.cancel_at = subscription.cancel_at or work.now
    for item in await queries.items(work, subscription.account_id, subscription.id):
        item.ended_at = work.now
    await work.flush()
    work.emit(events.SubscriptionCanceled(subscription.account_id, subscription.id), subscription)
    return subscription
