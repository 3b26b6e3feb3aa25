"""The catalog in the database: read as one value, and brought to another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from billing import catalog_events as events
from billing import catalog_queries as queries
from billing import catalog_rows as rows
from billing import catalog_tables, coupon_queries, coupon_store, dunning_rows
from billing.catalog import Audience, Catalog, ListPrice, Plan, Version
from billing.catalog_changes import (
    Change,
    EntitlementAdded,
    EntitlementChanged,
    MeterAdded,
    MeterImmutable,
    PlanAdded,
    PlanChanged,
    PlanRetired,
    PlanRevived,
    PriceAdded,
    ScheduleAdded,
    ScheduleChanged,
    VersionAdded,
    VersionChanged,
    check,
)
from billing.catalog_diff import diff
from billing.catalog_rows import Shelf
from billing.coupon_changes import AboutCoupon
from billing.entitlements import Entitlement
from kernel.rows import columns
from kernel.work import Work


async def current(work: Work) -> Catalog:
    """The catalog as it is, retired plans included."""
    return await _listed(work, await queries.shelf(work))


async def _listed(work: Work, shelf: Shelf) -> Catalog:
    return replace(
        rows.catalog_of(shelf),
        meters=await queries.meters(work),
        schedules=await queries.schedules(work),
        coupons=await coupon_store.current(work),
    )


async def touched(work: Work, changes: Iterable[Change]) -> dict[Change, int]:
    """How many running subscriptions hold what each change is about, among those the actor may see."""
    holders, redeemers = await queries.holders(work), await coupon_queries.redeemers(work)
    return {change: _holding(change, holders, redeemers) for change in changes}


def _holding(change: Change, holders: queries.Holders, redeemers: Mapping[str, int]) -> int:
    match change:
        case AboutCoupon():
            return redeemers.get(change.plan, 0)
        case PriceAdded() | MeterAdded() | MeterImmutable() | ScheduleAdded() | ScheduleChanged():
            return 0
        case _:
            return holders.get((change.plan, change.number), 0)


async def apply(work: Work, wanted: Catalog) -> list[Change]:
    """Bring the catalog to the wanted one, and tell what changed: nothing, the second time.

    Call it inside a transaction, as the owner of the tables. Raises CatalogRefused,
    and then nothing has changed.
    """
    await queries.wait_for_turn(work)
    shelf = await queries.shelf(work)

    changes = diff(await _listed(work, shelf), wanted)
    check(changes)

    await work.reserve(sum(map(_size, wanted.plans)) + sum(1 + len(coupon.codes) for coupon in wanted.coupons))
    for change in changes:
        await _record(work, shelf, change)
    await work.flush()
    await queries.count_the_rest(work)
    return changes


def _size(plan: Plan) -> int:
    return 1 + sum(1 + len(version.prices) + len(version.entitlements) for version in plan.versions)


async def _record(work: Work, shelf: Shelf, change: Change) -> None:
    match change:
        case PlanAdded(added=added):
            await _add_plan(work, added)
        case PlanRetired() | PlanRevived() | PlanChanged():
            _change_plan(work, shelf.plans[change.plan], change)
        case VersionAdded(added=added):
            row = await _add_version(work, shelf.plans[change.plan].id, added)
            work.emit(events.PlanVersionAdded(version=row.id), after=rows.written(added))
        case VersionChanged(version=version):
            _change_version(work, shelf.versions[change.plan, version], change)
        case PriceAdded(version=version, added=added):
            price = _add_price(work, shelf.versions[change.plan, version], added)
            work.emit(events.PriceAdded(price=price.id), price)
        case EntitlementAdded(version=version, added=added):
            granted = _add_entitlement(work, shelf.versions[change.plan, version], added)
            work.emit(events.EntitlementAdded(entitlement=granted.id), granted)
        case EntitlementChanged(version=version, after=after):
            _change_entitlement(work, shelf.entitlements[change.plan, version, after.feature], after)
        case MeterAdded() | ScheduleAdded() | ScheduleChanged():
            await _record_beside(work, change)
        case AboutCoupon():
            await coupon_store.record(work, change)
        case _:
            raise AssertionError(f"{change} can't be recorded")


async def _record_beside(work: Work, change: MeterAdded | ScheduleAdded | ScheduleChanged) -> None:
    """What lies in the catalog beside the plans."""
    match change:
        case MeterAdded(added=meter):
            number = await queries.add_meter(work, meter)
            work.emit(events.MeterAdded(meter=number), after={"key": meter.key, "counts": meter.says})
        case ScheduleAdded(added=schedule):
            number = await queries.write_schedule(work, schedule)
            told = {"key": schedule.key, **dunning_rows.write(schedule)}
            work.emit(events.DunningScheduleAdded(dunning_schedule=number), after=told)
        case ScheduleChanged(before=before, after=after):
            number = await queries.write_schedule(work, after)
            was, becomes = dunning_rows.write(before), dunning_rows.write(after)
            work.emit(events.DunningScheduleChanged(dunning_schedule=number), before=was, after=becomes)


# Add


async def _add_plan(work: Work, plan: Plan) -> None:
    row = rows.plan_row(plan, work.new_id(), work.now)
    work.add(row)
    await work.flush()
    for version in plan.versions:
        await _add_version(work, row.id, version)
    versions = [rows.written(version) for version in plan.versions]
    work.emit(events.PlanAdded(plan=row.id), after={**columns(row), "versions": versions})


async def _add_version(work: Work, plan_id: int, version: Version) -> catalog_tables.PlanVersion:
    row = rows.version_row(version, work.new_id(), plan_id, work.now)
    work.add(row)
    await work.flush()
    for price in version.prices:
        _add_price(work, row, price)
    for granted in version.entitlements:
        _add_entitlement(work, row, granted)
    return row


def _add_price(work: Work, version: catalog_tables.PlanVersion, price: ListPrice) -> catalog_tables.Price:
    row = rows.price_row(price, work.new_id(), version, work.now)
    work.add(row)
    return row


def _add_entitlement(
    work: Work, version: catalog_tables.PlanVersion, granted: Entitlement
) -> catalog_tables.Entitlement:
    row = rows.entitlement_row(granted, work.new_id(), version)
    work.add(row)
    return row


# Change


def _change_plan(work: Work, row: catalog_tables.Plan, change: PlanRetired | PlanRevived | PlanChanged) -> None:
    match change:
        case PlanChanged(field=field, before=before, after=after):
            setattr(row, field, after if isinstance(after, Audience) else rows.written(after))
            was, becomes = {field: rows.written(before)}, {field: rows.written(after)}
            work.emit(events.PlanChanged(plan=row.id), before=was, after=becomes)
        case PlanRetired():
            row.archived_at = work.now
            work.emit(events.PlanRetired(plan=row.id), row)
        case PlanRevived():
            row.archived_at = None
            work.emit(events.PlanRevived(plan=row.id), row)


def _change_version(work: Work, row: catalog_tables.PlanVersion, change: VersionChanged) -> None:
    was, becomes = rows.written(change.before), rows.written(change.after)
    setattr(row, change.field, becomes)
    event = events.PlanVersionChanged(version=row.id)
    work.emit(event, before={change.field: was}, after={change.field: becomes})


def _change_entitlement(work: Work, row: catalog_tables.Entitlement, after: Entitlement) -> None:
    row.amount, row.text = after.amount, after.text
    work.emit(events.EntitlementChanged(entitlement=row.id), row)
