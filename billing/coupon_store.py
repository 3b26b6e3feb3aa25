"""Coupons in the database: read as the catalog lists them, and written as it changes."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from billing import catalog_events as events
from billing import coupon_queries as queries
from billing.catalog_tables import Coupon, PromotionCode
from billing.coupon_changes import (
    AboutCoupon,
    CodeAdded,
    CodeChanged,
    CodeRetired,
    CodeRevived,
    CouponAdded,
    CouponChanged,
    CouponRetired,
    CouponRevived,
)
from billing.coupon_terms import ListedCode, ListedCoupon
from billing.localized import Localized
from billing.pricing import plain
from kernel.work import Work


async def current(work: Work) -> tuple[ListedCoupon, ...]:
    """Every coupon that there ever was, in order of their keys."""
    coupons, codes = await queries.shelf(work)
    return tuple(_listed(row, [code for code in codes if code.coupon_id == row.id]) for row in coupons)


async def record(work: Work, change: AboutCoupon) -> None:
    """Write one change of a coupon or of a code."""
    if isinstance(change, CouponAdded):
        await _add(work, change.added)
        return
    coupon = await queries.coupon(work, change.plan)
    match change:
        case CouponChanged() | CouponRetired() | CouponRevived():
            _change(work, coupon, change)
        case CodeAdded(added=added):
            code = _row(work, coupon.id, added)
            work.add(code)
            work.emit(events.PromotionCodeAdded(code=code.id), code)
        case CodeChanged() | CodeRetired() | CodeRevived():
            await _change_code(work, change)
        case _:
            raise AssertionError(f"{change} can't be recorded")


# Read


def _listed(row: Coupon, codes: Iterable[PromotionCode]) -> ListedCoupon:
    return ListedCoupon(
        key=row.key,
        name=Localized(tuple(sorted(row.name.items()))),
        percent=None if row.percent is None else Fraction(row.percent),
        amounts=None if row.amounts is None else tuple(sorted(row.amounts.items())),
        periods=row.periods,
        plans=None if row.plans is None else tuple(row.plans),
        codes=tuple(map(_listed_code, codes)),
        archived=row.archived_at is not None,
    )


def _listed_code(row: PromotionCode) -> ListedCode:
    archived = row.archived_at is not None
    return ListedCode(row.code, row.most, row.first_time, row.expires_at, archived, row.redeemed)


# Write


async def _add(work: Work, added: ListedCoupon) -> None:
    row = Coupon(id=work.new_id(), key=added.key, created_at=work.now, **_columns(added))
    row.archived_at = work.now if added.archived else None
    work.add(row)
    await work.flush()
    for code in added.codes:
        work.add(_row(work, row.id, code))
    codes = [code.code for code in added.codes]
    work.emit(events.CouponAdded(coupon=row.id), after={"key": added.key, **_columns(added), "codes": codes})


def _columns(coupon: ListedCoupon) -> dict[str, Any]:
    return {
        "name": dict(coupon.name.texts),
        "percent": None if coupon.percent is None else plain(coupon.percent),
        "amounts": None if coupon.amounts is None else dict(coupon.amounts),
        "periods": coupon.periods,
        "plans": None if coupon.plans is None else list(coupon.plans),
    }


def _row(work: Work, coupon_id: int, code: ListedCode) -> PromotionCode:
    return PromotionCode(
        id=work.new_id(),
        coupon_id=coupon_id,
        code=code.code,
        most=code.most,
        first_time=code.first_time,
        expires_at=code.expires_at,
        created_at=work.now,
        archived_at=work.now if code.archived else None,
    )


def _change(work: Work, row: Coupon, change: CouponChanged | CouponRetired | CouponRevived) -> None:
    match change:
        case CouponChanged(field=field, before=before, after=after):
            was, becomes = _columns(before)[field], _columns(after)[field]
            setattr(row, field, becomes)
            work.emit(events.CouponChanged(coupon=row.id), before={field: was}, after={field: becomes})
        case CouponRetired():
            row.archived_at = work.now
            work.emit(events.CouponRetired(coupon=row.id), row)
        case CouponRevived():
            row.archived_at = None
            work.emit(events.CouponRevived(coupon=row.id), row)


async def _change_code(work: Work, change: CodeChanged | CodeRetired | CodeRevived) -> None:
    match change:
        case CodeChanged(after=after):
            row = await queries.code(work, after.code)
            row.most, row.first_time, row.expires_at = after.most, after.first_time, after.expires_at
            work.emit(events.PromotionCodeChanged(code=row.id), row)
        case CodeRetired(code=code):
            row = await queries.code(work, code)
            row.archived_at = work.now
            work.emit(events.PromotionCodeRetired(code=row.id), row)
        case CodeRevived(code=code):
            row = await queries.code(work, code)
            row.archived_at = None
            work.emit(events.PromotionCodeRevived(code=row.id), row)
