"""The difference between the coupons of two catalogs: what changes, and what may not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from billing.catalog_changes import Change
from billing.coupon_changes import (
    CodeAdded,
    CodeChanged,
    CodeRetired,
    CodeRevived,
    CodeSpent,
    CodeTaken,
    CouponAdded,
    CouponChanged,
    CouponImmutable,
    CouponRetired,
    CouponRevived,
)
from billing.coupon_terms import LASTING, ListedCode, ListedCoupon

_Owners = Mapping[str, str]
"""The coupon of each code that there ever was."""


def coupons(current: Sequence[ListedCoupon], wanted: Sequence[ListedCoupon]) -> Iterator[Change]:
    """What makes the wanted coupons out of the current ones, refusals included, in order of their keys."""
    old, new = {coupon.key: coupon for coupon in current}, {coupon.key: coupon for coupon in wanted}
    owners = {code.code: coupon.key for coupon in current for code in coupon.codes}
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            yield from [] if old[key].archived else [CouponRetired(key)]
        elif key not in old:
            yield CouponAdded(key, new[key])
            yield from _taken(new[key], owners)
        else:
            yield from _same_coupon(old[key], new[key])
            yield from _taken(new[key], owners)
            yield from _codes(old[key], new[key], owners)


def _same_coupon(before: ListedCoupon, after: ListedCoupon) -> Iterator[Change]:
    if before.archived != after.archived:
        yield CouponRetired(after.key) if after.archived else CouponRevived(after.key)
    for term in ("name", "plans", *LASTING):
        if getattr(before, term) != getattr(after, term):
            kind = CouponImmutable if term in LASTING and before.redeemed else CouponChanged
            yield kind(after.key, term, before, after)


def _taken(coupon: ListedCoupon, owners: _Owners) -> Iterator[Change]:
    for code in coupon.codes:
        other = owners.get(code.code, coupon.key)
        if other != coupon.key:
            yield CodeTaken(coupon.key, code.code, other)


def _codes(before: ListedCoupon, after: ListedCoupon, owners: _Owners) -> Iterator[Change]:
    old, new = {code.code: code for code in before.codes}, {code.code: code for code in after.codes}
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield from [] if old[name].archived else [CodeRetired(before.key, name)]
        elif name in old:
            yield from _same_code(before.key, old[name], new[name])
        elif name not in owners:
            yield CodeAdded(before.key, new[name])


def _same_code(coupon: str, before: ListedCode, after: ListedCode) -> Iterator[Change]:
    if before.archived != after.archived:
        yield CodeRetired(coupon, after.code) if after.archived else CodeRevived(coupon, after.code)
    terms = [(code.most, code.first_time, code.expires_at) for code in (before, after)]
    if after.most is not None and before.redeemed > after.most:
        yield CodeSpent(coupon, before, after)
    elif terms[0] != terms[1]:
        yield CodeChanged(coupon, before, after)
