"""Coupons: who may use a code, and the discount that comes of it.

Whoever guesses codes learns nothing: every reason not to take one is the same
refusal. An account uses a code once, whatever becomes of the discount.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing.catalog_tables import Coupon, PromotionCode
from billing.tables import Subscription, SubscriptionDiscount
from kernel.errors import InvalidInput, Problem

LONGEST_CODE = 50


@dataclass(eq=False)
class CodeNotAccepted(Problem):
    """The code doesn't exist, has run out, or is not for this subscription: which of it, is not told."""

    says = "This code can't be used here. Check how it is written, or go on without it."


@dataclass(eq=False)
class DiscountGone(Problem):
    """The discount was taken away before."""

    says = "{name} was removed from this subscription already. Nothing is left to do."
    name: str
    """What the discount is called."""


@dataclass(frozen=True, slots=True)
class Redeemer:
    """Who wants to use a code, and for what."""

    currency: str
    plans: frozenset[str]
    """The keys of the plans of the subscription."""

    billed: bool
    """Whether the account was ever billed for a subscription."""

    used: bool
    """Whether the account used this code before, or the subscription has its discount."""


def normal(code: str) -> str:
    """A code as it is stored: people write it in any case, and with blanks around it. Raises InvalidInput."""
    if len(code) > LONGEST_CODE or not code.isprintable():
        raise InvalidInput(f"A code is at most {LONGEST_CODE} printable characters.")
    return code.strip().upper()


def check(coupon: Coupon, code: PromotionCode, redeemer: Redeemer, now: datetime) -> None:
    """Refuse a code that is not for this account, this subscription or this time. Raises CodeNotAccepted."""
    over = coupon.archived_at or code.archived_at or (code.expires_at and code.expires_at <= now)
    spent = code.most is not None and code.redeemed >= code.most
    foreign = coupon.amounts is not None and redeemer.currency not in coupon.amounts
    elsewhere = coupon.plans is not None and not redeemer.plans & set(coupon.plans)
    if over or spent or foreign or elsewhere or redeemer.used or (code.first_time and redeemer.billed):
        raise CodeNotAccepted


def granted(
    coupon: Coupon, code: PromotionCode, subscription: Subscription, *, since: datetime, locale: str, number: int
) -> SubscriptionDiscount:
    """The discount that a code grants to a subscription, from an instant on; which prices it meets is said later."""
    fixed = coupon.amounts[subscription.currency] if coupon.amounts else None
    return SubscriptionDiscount(
        account_id=subscription.account_id,
        id=number,
        subscription_id=subscription.id,
        key=coupon.key,
        name=coupon.name.get(locale) or coupon.name.get(locale.partition("-")[0]) or coupon.name["en"],
        percent=coupon.percent,
        fixed_minor=fixed,
        currency=subscription.currency if fixed is not None else None,
        periods=coupon.periods,
        since=since,
        coupon_id=coupon.id,
        promotion_code_id=code.id,
    )
