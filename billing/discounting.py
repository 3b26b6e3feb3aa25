"""Discounting: codes used for a subscription that runs, and discounts taken away.

A code that is used later counts from the next period: what was billed stays as it
is. A discount that is taken away leaves what it took off, and takes off no more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from auth.tables import Account
from billing import amendments, changes, charging, coupon_queries, events, redemptions
from billing.amendments import Unsaved
from billing.charging import Bill
from billing.coupons import CodeNotAccepted, DiscountGone
from billing.facts import Facts, agreement
from billing.tables import SubscriptionDiscount
from kernel import ids
from kernel.rows import plain
from kernel.work import Work


async def apply(work: Work, account: Account, subscription_id: int, code: str) -> SubscriptionDiscount:
    """Use a code for a subscription that runs, from its next period on. Raises CodeNotAccepted, SubscriptionOver."""
    facts = await changes.standing(work, account.id, subscription_id, lock=True)
    discount = await redemptions.granted(work, account, facts, code, since=_next(facts, work.now), new_id=work.new_id)
    work.add(discount)
    try:
        await work.flush()
    except IntegrityError as conflict:
        if "one_redemption_an_account" in str(conflict.orig):
            raise CodeNotAccepted from None
        raise
    await redemptions.count(work, discount)
    work.emit(events.SubscriptionDiscountApplied(account.id, subscription_id), after=_told(discount))
    return discount


async def applying(work: Work, account: Account, subscription_id: int, code: str) -> Bill:
    """Nothing is billed for using a code; what comes next is. Raises the refusals of `apply`."""
    facts = await changes.standing(work, account.id, subscription_id, lock=False)
    discount = await redemptions.granted(work, account, facts, code, since=_next(facts, work.now), new_id=Unsaved())
    return Bill(amendments.discounted(facts, discount), None, work.now)


async def remove(work: Work, account_id: int, discount_id: int) -> SubscriptionDiscount:
    """Take a discount away from now on. Raises DiscountGone, or SubscriptionOver."""
    subscription_id = await coupon_queries.subscription_of(work, account_id, discount_id)
    await changes.standing(work, account_id, subscription_id, lock=True)
    discount = await coupon_queries.discount(work, account_id, discount_id)
    _check_there(discount)
    before = _told(discount)
    discount.until = work.now
    await work.flush()
    event = events.SubscriptionDiscountRemoved(account_id, discount.subscription_id)
    work.emit(event, before=before, after=_told(discount))
    return discount


async def removing(work: Work, account_id: int, discount_id: int) -> Bill:
    """Nothing is billed for taking a discount away; what comes next is. Raises the refusals of `remove`."""
    discount = await coupon_queries.discount(work, account_id, discount_id)
    facts = await changes.standing(work, account_id, discount.subscription_id, lock=False)
    _check_there(discount)
    return Bill(amendments.undiscounted(facts, discount_id, work.now), None, work.now)


def _told(discount: SubscriptionDiscount) -> dict[str, Any]:
    """What the audit log tells of a discount, as a part of its subscription."""
    shown = {name: plain(getattr(discount, name)) for name in _TOLD}
    return {"discounts": {ids.encode("discount", discount.id): shown}}


_TOLD = ("key", "name", "percent", "fixed_minor", "currency", "periods", "since", "until")


def _check_there(discount: SubscriptionDiscount) -> None:
    if discount.until is not None:
        raise DiscountGone(discount.name)


def _next(facts: Facts, now: datetime) -> datetime:
    return charging.running(facts.subscription, agreement(facts), now).end
