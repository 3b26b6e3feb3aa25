"""Redemptions: codes looked up, and their uses counted."""

from __future__ import annotations

from datetime import datetime

from auth.tables import Account
from billing import coupon_queries, coupons
from billing.amendments import NewId
from billing.coupons import CodeNotAccepted, Redeemer
from billing.facts import Facts
from billing.tables import SubscriptionDiscount
from kernel.work import Work


async def granted(
    work: Work, account: Account, facts: Facts, code: str, *, since: datetime, new_id: NewId
) -> SubscriptionDiscount:
    """The discount that a code grants to a subscription from an instant on. Raises CodeNotAccepted."""
    found = await coupon_queries.coded(work, coupons.normal(code))
    if found is None:
        raise CodeNotAccepted
    coupon, promotion = found
    subscription = facts.subscription
    redeemer = Redeemer(
        subscription.currency,
        await coupon_queries.plans_of(work, [item.price_id for item in facts.items if item.ended_at is None]),
        billed=await coupon_queries.billed(work, account.id),
        used=await coupon_queries.used(work, account.id, subscription.id, promotion.id, coupon.key),
    )
    coupons.check(coupon, promotion, redeemer, work.now)
    discount = coupons.granted(coupon, promotion, subscription, since=since, locale=account.locale, number=new_id())
    if coupon.plans is not None:
        discount.price_ids = await coupon_queries.prices_of(work, coupon.plans)
    return discount


async def count(work: Work, discount: SubscriptionDiscount) -> None:
    """Count the use of the code that granted a discount. Raises CodeNotAccepted when somebody took the last one."""
    if discount.promotion_code_id and not await coupon_queries.take(work, discount.promotion_code_id):
        raise CodeNotAccepted
