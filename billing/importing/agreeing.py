"""Agreeing: a subscription of theirs as facts of ours, and what the span that is paid there comes to.

The period that runs there has been billed there. Its charges are recorded here as
what they were: priced by the rules they had, for the span they cover. So billing,
which is a difference, asks for none of it again; what is added in that span is
prorated as ever, and what is given back is a part of what was really paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing import timeline
from billing.amendments import NewId
from billing.facts import Facts, agreement, cycle_row, metered_item
from billing.importing.deciding import Granted, Wanted
from billing.lines import Issued, Line
from billing.periods import Cycle
from billing.pricing import Price, plain
from billing.states import SubscriptionState
from billing.tables import ItemStep, Subscription, SubscriptionDiscount, SubscriptionItem
from kernel.time import Anchor, Interval, Period

TRIALING = "trialing"
_INSTANT = timedelta(microseconds=1)
"""The last one of a period is so much before its end."""
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Agreed:
    """The facts of a subscription as ours, and by whose prices the span that is paid there was billed."""

    facts: Facts
    there: Facts
    """The same facts at their prices."""


def agreed(wanted: Wanted, account_id: int, time_zone: str, new_id: NewId) -> Agreed:
    """A subscription of theirs as facts of ours, nowhere written yet."""
    first, period = wanted.items[0].offer, wanted.period
    interval, count = first.price.interval, first.price.count
    anchor = anchored(wanted.theirs.anchor, period.end, time_zone, interval, count)
    trial = wanted.theirs.status == TRIALING
    since = period.end if trial else max(period.start, _whole_start(anchor, period.end, interval, count))
    subscription = Subscription(
        account_id=account_id,
        id=new_id(),
        plan_id=first.plan_id,
        plan_version_id=first.version_id,
        state=SubscriptionState.TRIALING if trial else SubscriptionState.ACTIVE,
        currency=wanted.theirs.currency,
        interval=interval,
        anchor=anchor.boundary(0, interval, count),
        time_zone=anchor.zone,
        period_start=period.start if trial else since,
        period_end=period.end,
        trial_end=period.end if trial else None,
        cancel_at=period.end if wanted.ends else None,
        cancel_reason="Canceled at Stripe." if wanted.ends else None,
        created_at=period.start if trial else since,
    )
    facts = _facts(wanted, subscription, Cycle(since, anchor, interval, count), new_id)
    rules = {each.offer.price_id: each.rule for each in wanted.items}
    there = {number: replace(price, rule=rules.get(number, price.rule)) for number, price in facts.prices.items()}
    return Agreed(facts, replace(facts, prices=there))


def anchored(theirs: datetime, end: datetime, zone_name: str, interval: Interval, count: int) -> Anchor:
    """Their anchor in the account's time zone, so that the period that runs there ends when it does there.

    They count in UTC. Where daylight saving or a date line lies between, it takes the time of day at
    which the period ends, then the day too; the next periods hang from that.
    """
    plain, local = Anchor.at(theirs, zone_name), Anchor.at(end, zone_name)
    timed = Anchor(datetime.combine(plain.local.date(), local.local.time()), zone_name)
    for anchor in (plain, timed, local):
        if anchor.period_at(end, interval, count)[1].start == end:
            return anchor
    return Anchor.at(end, "UTC")


def within(period: Period, now: datetime) -> datetime:
    """An instant of a period: now, or the closest to it."""
    return min(max(now, period.start), period.end - _INSTANT)


def paid_there(there: Facts, issued: Sequence[Issued], now: datetime) -> list[Line]:
    """The charges of the periods that Stripe has billed up to now, at their prices, less what was recorded before."""
    return timeline.bill(agreement(there), issued, now=now)


def _whole_start(anchor: Anchor, end: datetime, interval: Interval, count: int) -> datetime:
    number, _ = anchor.period_at(end, interval, count)
    return anchor.boundary(number - 1, interval, count)


def _facts(wanted: Wanted, subscription: Subscription, cycle: Cycle, new_id: NewId) -> Facts:
    items, steps = [], []
    prices: dict[int, Price] = {}
    for each in wanted.items:
        item = SubscriptionItem(
            account_id=subscription.account_id,
            id=new_id(),
            subscription_id=subscription.id,
            plan_id=each.offer.plan_id,
            price_id=each.offer.price_id,
            quantity=each.item.quantity or 1,
            created_at=subscription.created_at,
        )
        step = ItemStep(
            account_id=subscription.account_id,
            id=new_id(),
            subscription_id=subscription.id,
            item_id=item.id,
            at=subscription.created_at,
            price_id=item.price_id,
            quantity=item.quantity,
        )
        items.append(item)
        steps.append(step)
        prices[item.price_id] = replace(each.offer.price, key=str(item.price_id))
    # What was used until the period ends there is billed there, in its last invoice.
    metered = [
        metered_item(subscription, new_id(), offer.price_id, offer.plan_id, subscription.period_end)
        for offer in wanted.metered
    ]
    prices |= {offer.price_id: replace(offer.price, key=str(offer.price_id)) for offer in wanted.metered}
    return Facts(
        subscription,
        items,
        steps,
        (cycle_row(subscription, new_id(), cycle),),
        pauses=(),
        discounts=[_discount(each, subscription, cycle.since, new_id) for each in wanted.discounts],
        prices=prices,
        metered=metered,
    )


def _discount(granted: Granted, subscription: Subscription, since: datetime, new_id: NewId) -> SubscriptionDiscount:
    coupon = granted.discount.coupon
    once = coupon.duration == "once"
    return SubscriptionDiscount(
        account_id=subscription.account_id,
        id=new_id(),
        subscription_id=subscription.id,
        key=granted.discount.id,
        name=(coupon.name or coupon.id)[:_LONGEST],
        percent=None if coupon.percent is None else plain(coupon.percent),
        fixed_minor=None if coupon.fixed is None else coupon.fixed.minor,
        currency=None if coupon.fixed is None else coupon.fixed.currency,
        periods=1 if once else None,
        # One that is taken off a single invoice, and is still there, was taken off none yet.
        since=subscription.period_end if once else since,
        until=granted.discount.end,
        price_ids=None if granted.price_ids is None else list(granted.price_ids),
    )
