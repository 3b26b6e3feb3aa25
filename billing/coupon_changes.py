"""Changes of coupons and their codes, each told in one sentence.

What a coupon takes off stays once somebody redeemed it, for people were told of
it. Who may still redeem it, and what it is called, is asked when somebody does,
so it may change in place; who has the discount keeps it as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from billing import coupon_terms
from billing.catalog_changes import Change, Refusal
from billing.coupon_terms import ListedCode, ListedCoupon


class AboutCoupon(Change):
    """A difference between coupons; `plan` is the key of the coupon."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CouponAdded(AboutCoupon):
    """Something that codes grant, and did not before."""

    sentence = "{plan} is a new coupon, {added}."
    added: ListedCoupon


@dataclass(frozen=True, slots=True)
class CouponChanged(AboutCoupon):
    """Another name or other plans of a coupon, or other terms of one that nobody redeemed."""

    sentence = "{plan}: {field} was {was} and becomes {becomes}; who has the discount keeps it as it was."
    field: str
    before: ListedCoupon
    after: ListedCoupon

    @property
    def says(self) -> str:
        """The difference in one sentence."""
        return _terms_told(self.sentence, self)


@dataclass(frozen=True, slots=True)
class CouponRetired(AboutCoupon):
    """A coupon that no code grants any more."""

    sentence = "{plan} is granted no more; who has the discount keeps it."


@dataclass(frozen=True, slots=True)
class CouponRevived(AboutCoupon):
    """A coupon that is granted again."""

    sentence = "{plan} is granted again."


@dataclass(frozen=True, slots=True)
class CodeAdded(AboutCoupon):
    """Another code for a coupon."""

    sentence = "{plan}: code {added.code} is new, {added}."
    added: ListedCode


@dataclass(frozen=True, slots=True)
class CodeChanged(AboutCoupon):
    """A code that may be used more or less often, by others, or for a longer or a shorter time."""

    sentence = "{plan}: code {after.code} was {before} and becomes {after}."
    before: ListedCode
    after: ListedCode


@dataclass(frozen=True, slots=True)
class CodeRetired(AboutCoupon):
    """A code that nobody can use any more."""

    sentence = "{plan}: code {code} is not accepted any more."
    code: str


@dataclass(frozen=True, slots=True)
class CodeRevived(AboutCoupon):
    """A code that is accepted again."""

    sentence = "{plan}: code {code} is accepted again."
    code: str


# What can't be applied


@dataclass(frozen=True, slots=True)
class CouponImmutable(AboutCoupon, Refusal):
    """Another discount under the name of one that was redeemed."""

    sentence = (
        "{plan}: {field} is {was} and can't become {becomes}, for it was redeemed: "
        "make another coupon, with a code of its own."
    )
    field: str
    before: ListedCoupon
    after: ListedCoupon

    @property
    def says(self) -> str:
        """The difference in one sentence."""
        return _terms_told(self.sentence, self)


@dataclass(frozen=True, slots=True)
class CodeTaken(AboutCoupon, Refusal):
    """A code that grants another coupon, or did."""

    sentence = "{plan}: code {code} is the code of {other}, and stays it: choose another one."
    code: str
    other: str


@dataclass(frozen=True, slots=True)
class CodeSpent(AboutCoupon, Refusal):
    """Fewer uses of a code than there were."""

    sentence = (
        "{plan}: code {before.code} was used {before.redeemed:,} times and can't be limited to {after.most:,}: "
        "take it out to accept it no more."
    )
    before: ListedCode
    after: ListedCode


def _terms_told(sentence: str, change: CouponChanged | CouponImmutable) -> str:
    was, becomes = (coupon_terms.told(coupon, change.field) for coupon in (change.before, change.after))
    return sentence.format(plan=change.plan, field=change.field, was=was, becomes=becomes)
