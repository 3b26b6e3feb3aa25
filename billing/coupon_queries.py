"""What we ask about coupons and their codes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, update
from sqlmodel import col, select

from billing.catalog_tables import Coupon, PromotionCode
from billing.tables import SubscriptionDiscount
from kernel.errors import NotFound
from kernel.work import Work


async def coded(work: Work, code: str) -> tuple[Coupon, PromotionCode] | None:
    """What a code grants; None where there is no such code."""
    found: PromotionCode | None = await work.one(select(PromotionCode).where(col(PromotionCode.code) == code))
    if found is None:
        return None
    return await work.one(select(Coupon).where(col(Coupon.id) == found.coupon_id)), found


async def shelf(work: Work) -> tuple[Sequence[Coupon], Sequence[PromotionCode]]:
    """Every coupon and every code, in order of what they are called."""
    coupons = await work.all(select(Coupon).order_by(col(Coupon.key)))
    # Uses are counted in SQL, so a row that the session knows may tell fewer.
    codes = select(PromotionCode).order_by(col(PromotionCode.code)).execution_options(populate_existing=True)
    return coupons, await work.all(codes)


async def coupon(work: Work, key: str) -> Coupon:
    """The coupon of a key, which there is."""
    found: Coupon = await work.one(select(Coupon).where(col(Coupon.key) == key))
    return found


async def code(work: Work, written: str) -> PromotionCode:
    """The code that is written like this, which there is."""
    found: PromotionCode = await work.one(select(PromotionCode).where(col(PromotionCode.code) == written))
    return found


async def redeemers(work: Work) -> dict[str, int]:
    """How many running subscriptions have the discount of each coupon, by its key."""
    rows = await work.fetch(
        "select c.key, count(distinct s.id) from coupon c join subscription_discount d on d.coupon_id = c.id"
        " join subscription s on s.account_id = d.account_id and s.id = d.subscription_id"
        " where s.ended_at is null group by c.key"
    )
    return {row["key"]: row["count"] for row in rows}


async def take(work: Work, code_id: int) -> bool:
    """Count one more use of a code, unless all are spent; call it late, for it makes others wait for the commit."""
    free = or_(col(PromotionCode.most).is_(None), col(PromotionCode.redeemed) < col(PromotionCode.most))
    counted = update(PromotionCode).where(col(PromotionCode.id) == code_id, free)
    counted = counted.values(redeemed=col(PromotionCode.redeemed) + 1)
    return await work.changed(counted.execution_options(synchronize_session=False)) == 1


async def billed(work: Work, account_id: int) -> bool:
    """Whether an account was ever billed for a subscription."""
    rows = await work.fetch(
        "select from invoice where account_id = $1 and subscription_id is not null and state <> 'void' limit 1",
        account_id,
    )
    return bool(rows)


async def used(work: Work, account_id: int, subscription_id: int, code_id: int, key: str) -> bool:
    """Whether an account used a code before, or a subscription has the discount that it grants."""
    rows = await work.fetch(
        "select from subscription_discount where account_id = $1"
        " and (promotion_code_id = $3 or subscription_id = $2 and key = $4) limit 1",
        account_id,
        subscription_id,
        code_id,
        key,
    )
    return bool(rows)


async def plans_of(work: Work, prices: Sequence[int]) -> frozenset[str]:
    """The keys of the plans that prices are of."""
    rows = await work.fetch(
        "select distinct p.key from price r join plan p on p.id = r.plan_id where r.id = any($1::bigint[])",
        list(prices),
    )
    return frozenset(row["key"] for row in rows)


async def prices_of(work: Work, plans: Sequence[str]) -> list[int]:
    """Every price of these plans, in whichever version."""
    rows = await work.fetch(
        "select r.id from price r join plan p on p.id = r.plan_id where p.key = any($1::text[]) order by 1", list(plans)
    )
    return [row["id"] for row in rows]


async def subscription_of(work: Work, account_id: int, discount_id: int) -> int:
    """The subscription that a discount was granted to. Raises NotFound."""
    rows = await work.fetch(
        "select subscription_id from subscription_discount where account_id = $1 and id = $2", account_id, discount_id
    )
    if not rows:
        raise NotFound
    return int(rows[0]["subscription_id"])


async def discount(work: Work, account_id: int, discount_id: int) -> SubscriptionDiscount:
    """A discount of a subscription. Raises NotFound."""
    mine = (col(SubscriptionDiscount.account_id) == account_id, col(SubscriptionDiscount.id) == discount_id)
    found: SubscriptionDiscount | None = await work.one(select(SubscriptionDiscount).where(*mine))
    if found is None:
        raise NotFound
    return found
