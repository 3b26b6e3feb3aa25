"""The difference between two catalogs: what changes, and what may not.

A plan that is not wanted any more is taken off the price list and stays with
those who have it. What a version promises stays promised: its prices never
change and never go, and what it lets holders do may be extended, for all of
them at once, and not withdrawn. Whoever wants another amount, or to allow less,
makes another version. How long a trial lasts, and how many seats may be bought,
is asked when somebody buys, so it may change in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import TypeVar

from billing.catalog import Catalog, ListPrice, Plan, Version
from billing.catalog_changes import (
    Change,
    EntitlementAdded,
    EntitlementChanged,
    EntitlementWithdrawn,
    MeterAdded,
    MeterImmutable,
    PlanAdded,
    PlanChanged,
    PlanRetired,
    PlanRevived,
    PriceAdded,
    PriceImmutable,
    PriceRemoved,
    ScheduleAdded,
    ScheduleChanged,
    VersionAdded,
    VersionChanged,
    VersionRemoved,
)
from billing.coupon_diff import coupons
from billing.entitlements import Entitlement, higher

Thing = TypeVar("Thing")


def diff(current: Catalog, wanted: Catalog) -> list[Change]:
    """What makes the wanted catalog out of the current one, refusals included; plans and then coupons come last."""
    plans = [change for pair in _pairs(current.plans, wanted.plans, "key") for change in _plan(*pair)]
    granted = coupons(current.coupons, wanted.coupons)
    return [*_meters(current, wanted), *_schedules(current, wanted), *plans, *granted]


def _meters(current: Catalog, wanted: Catalog) -> Iterator[Change]:
    """Meters stay, for invoices were computed by them; one that says how it counts is new, or says the same."""
    known = {meter.key: meter for meter in current.meters}
    for meter in sorted(wanted.meters, key=attrgetter("key")):
        before = known.get(meter.key)
        if before is None:
            yield MeterAdded(meter.key, meter)
        elif before != meter:
            yield MeterImmutable(meter.key, before, meter)


def _schedules(current: Catalog, wanted: Catalog) -> Iterator[Change]:
    """A schedule that is in no file any more stays, for plans that were sold may follow it."""
    known = {schedule.key: schedule for schedule in current.schedules}
    for schedule in sorted(wanted.schedules, key=attrgetter("key")):
        before = known.get(schedule.key)
        if before is None:
            yield ScheduleAdded(schedule.key, schedule)
        elif before != schedule:
            yield ScheduleChanged(schedule.key, before, schedule)


def _pairs(
    before: Iterable[Thing], after: Iterable[Thing], by: str
) -> Iterator[tuple[Thing, Thing] | tuple[Thing, None] | tuple[None, Thing]]:
    """What is called the same on both sides, or stands on one of them, in order of what `by` calls it."""
    name = attrgetter(by)
    old, new = {name(thing): thing for thing in before}, {name(thing): thing for thing in after}
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            yield None, new[key]
        else:
            yield (old[key], new[key]) if key in new else (old[key], None)


def _plan(before: Plan | None, after: Plan | None) -> Iterator[Change]:
    match before, after:
        case None, Plan():
            yield PlanAdded(after.key, after)
        case Plan(), None:
            yield from [] if before.archived else [PlanRetired(before.key)]
        case Plan(), Plan():
            yield from _same_plan(before, after)


def _same_plan(before: Plan, after: Plan) -> Iterator[Change]:
    if before.archived != after.archived:
        yield PlanRetired(after.key) if after.archived else PlanRevived(after.key)
    for field in ("audience", "name", "description", "position", "dunning"):
        was, becomes = getattr(before, field), getattr(after, field)
        if was != becomes:
            yield PlanChanged(after.key, field, was, becomes)
    for pair in _pairs(before.versions, after.versions, "number"):
        yield from _version(after.key, *pair)


def _version(plan: str, before: Version | None, after: Version | None) -> Iterator[Change]:
    match before, after:
        case None, Version(number=number):
            yield VersionAdded(plan, number, after)
        case Version(number=number), None:
            yield VersionRemoved(plan, number)
        case Version(), Version():
            yield from _same_version(plan, before, after)


def _same_version(plan: str, before: Version, after: Version) -> Iterator[Change]:
    for field in ("trial_days", "seats"):
        was, becomes = getattr(before, field), getattr(after, field)
        if was != becomes:
            yield VersionChanged(plan, after.number, field, was, becomes)
    for prices in _pairs(before.prices, after.prices, "key"):
        yield from _price(plan, after.number, *prices)
    for granted in _pairs(before.entitlements, after.entitlements, "feature"):
        yield from _entitlement(plan, after.number, *granted)


def _price(plan: str, version: int, before: ListPrice | None, after: ListPrice | None) -> Iterator[Change]:
    match before, after:
        case None, ListPrice():
            yield PriceAdded(plan, version, after)
        case ListPrice(), None:
            yield PriceRemoved(plan, version, before)
        case ListPrice(key=key), ListPrice() if before != after:
            yield PriceImmutable(plan, version, key, before, after)


def _entitlement(plan: str, version: int, before: Entitlement | None, after: Entitlement | None) -> Iterator[Change]:
    match before, after:
        case None, Entitlement():
            yield EntitlementAdded(plan, version, after)
        case Entitlement(), Entitlement() if before != after and before.kind is after.kind and _extends(before, after):
            yield EntitlementChanged(plan, version, before, after)
        case Entitlement(), _ if before != after:
            yield EntitlementWithdrawn(plan, version, before, after)


def _extends(before: Entitlement, after: Entitlement) -> bool:
    return higher(before, after) == after
