from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.tables import Account, AccountKind
from billing import catalog_store, entitlements
from billing.catalog import Catalog, Plan, in_order
from billing.catalog_changes import CatalogRefused, Change, MeterAdded, PlanAdded, ScheduleAdded, ScheduleChanged
from billing.catalog_diff import diff
from billing.catalog_files import read
from billing.localized import Localized
from billing.metering import Meter
from billing.rating import Aggregation
from billing.states import SubscriptionState
from billing.tables import Subscription, SubscriptionItem
from kernel import audit, database
from kernel.id_blocks import IdBlocks
from kernel.time import Interval
from kernel.work import Work
from tests.billing.catalogs import CATALOG

SOLD = read(CATALOG)
FIRST = len(SOLD.meters) + len(SOLD.schedules) + len(SOLD.plans)
"""How many changes the first time is."""
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def owner(fresh_database_url: str) -> AsyncIterator[AsyncEngine]:
    """The owner's engine of a database without a catalog."""
    made = database.engine(fresh_database_url, role=None)
    yield made
    await made.dispose()


@pytest.fixture
async def work(owner: AsyncEngine) -> AsyncIterator[Work]:
    made = Work(owner, NOW, ids=IdBlocks())
    yield made
    await made.close()


async def test_the_catalog_is_empty_before_it_is_applied(work: Work) -> None:
    assert await catalog_store.current(work) == Catalog()


async def test_what_was_applied_is_what_is_read(work: Work) -> None:
    changes = await _apply(work, SOLD)

    beside = [MeterAdded] * len(SOLD.meters) + [ScheduleAdded] * len(SOLD.schedules)
    assert [type(change) for change in changes] == [*beside, *[PlanAdded] * len(SOLD.plans)]
    assert await catalog_store.current(work) == SOLD
    assert (await catalog_store.current(work)).meters == SOLD.meters
    assert (await catalog_store.current(work)).schedules == SOLD.schedules


async def test_applying_a_second_time_changes_nothing(work: Work) -> None:
    await _apply(work, SOLD)
    before = await _counts(work)

    changes = await _apply(work, SOLD)

    assert changes == []
    assert await _counts(work) == before


async def test_every_kind_of_change_reaches_the_rows(work: Work) -> None:
    await _apply(work, SOLD)

    changes = await _apply(work, GROWN)

    assert changes == diff(SOLD, GROWN)
    assert [f"{type(change).__name__} {change.plan}" for change in changes] == KINDS
    assert await catalog_store.current(work) == _edited(GROWN, replace(SOLD.plan("max"), archived=True))


async def test_a_retired_plan_is_sold_again_as_it_was(work: Work) -> None:
    await _apply(work, SOLD)
    await _apply(work, GROWN)

    await _apply(work, _edited(GROWN, SOLD.plan("max")))

    assert (await catalog_store.current(work)).plan("max") == SOLD.plan("max")


async def test_a_refused_catalog_changes_nothing(work: Work) -> None:
    await _apply(work, SOLD)
    before = await _counts(work)
    wanted = _edited(SOLD, _dearer(SOLD.plan("pro")), replace(SOLD.plan("free"), position=11))

    with pytest.raises(CatalogRefused, match=r"20\.00 USD a month and can't become 22\.00 USD a month"):
        await _apply(work, wanted)

    assert await catalog_store.current(work) == SOLD
    assert await _counts(work) == before


async def test_every_change_leaves_one_record_and_one_event(work: Work) -> None:
    await _apply(work, SOLD)
    changes = await _apply(work, GROWN)

    records = (await work.fetch("select * from audit_record order by seq"))[FIRST:]

    assert [record["action"] for record in records] == ACTIONS
    assert len(records) == len(changes)
    assert {record["account_id"] for record in records} == {audit.INSTALLATION}
    events = await work.fetch("select name from outbox order by id")
    assert [event["name"] for event in events[FIRST:]] == ACTIONS


async def test_the_record_tells_what_was_and_what_is(work: Work) -> None:
    await _apply(work, SOLD)
    await _apply(work, GROWN)

    told = {record["action"]: record for record in await work.fetch("select * from audit_record order by seq")}

    assert _document(told["plan.changed"]["before"]) == {"position": 10}
    assert _document(told["plan.changed"]["after"]) == {"position": 11}
    assert _document(told["plan_version.changed"]["after"]) == {"trial_days": 30}
    assert _document(told["entitlement.changed"]["before"]) == {"amount": 600}
    assert _document(told["entitlement.changed"]["after"]) == {"amount": None}
    assert _document(told["price.added"]["after"])["currency"] == "CHF"
    version = _document(told["plan_version.added"]["after"])
    assert version["prices"]["month-usd"]["amount"] == "2200"


async def test_two_who_apply_at_once_take_turns(work: Work, owner: AsyncEngine) -> None:
    other = Work(owner, NOW, ids=IdBlocks())

    one, two = await asyncio.gather(_apply(work, SOLD), _apply(other, SOLD))
    await other.close()

    assert sorted([len(one), len(two)]) == [0, FIRST]
    assert await catalog_store.current(work) == SOLD


async def test_the_database_refuses_to_change_a_price(work: Work) -> None:
    await _apply(work, SOLD)

    with pytest.raises(asyncpg.PostgresError, match="a price is immutable"):
        await work.execute("update price set amount_minor = 1")


async def test_a_price_list_shows_the_first_amount(work: Work) -> None:
    await _apply(work, SOLD)

    rows = await work.fetch(
        "select plan.key || ' ' || price.key as name, amount_minor from price join plan on plan.id = price.plan_id"
        " where currency = 'JPY' and interval = 'month' order by position, price.key"
    )

    assert {row["name"]: row["amount_minor"] for row in rows} == {
        "free base": 0,
        "pro base": 3_000,
        "enterprise_pro base": 6_000,
        "max base": 30_000,
        "enterprise_max base": 48_000,
        "api base": 0,
        "api input_tokens": 0,
        "api output_tokens": 0,
        "api searches": 0,
    }


async def test_changes_tell_how_many_subscriptions_they_touch(work: Work) -> None:
    await _apply(work, SOLD)
    await _subscribe(work, "pro")
    await _subscribe(work, "pro")
    await _subscribe(work, "pro", ended=True)
    await _subscribe(work, "enterprise_pro", "enterprise_max", "enterprise_max")
    await _subscribe(work, "max")

    touched = await catalog_store.touched(work, diff(SOLD, GROWN))

    assert {f"{type(change).__name__} {change.plan}": count for change, count in touched.items() if count} == {
        "VersionChanged enterprise_max": 1,
        "PlanRetired max": 1,
        "EntitlementChanged pro": 2,
        "EntitlementAdded pro": 2,
    }


# A catalog that became another one in every way


def _grown() -> Catalog:
    free, pro, enterprise = SOLD.plan("free"), SOLD.plan("pro"), SOLD.plan("enterprise_max")
    first = pro.newest
    granted = {entitlement.feature: entitlement for entitlement in first.entitlements}
    granted["pro_searches_a_day"] = entitlements.limit("pro_searches_a_day", None)
    granted["video_generation"] = entitlements.flag("video_generation", on=True)
    more = replace(first, entitlements=tuple(granted[feature] for feature in sorted(granted)))
    second = replace(_dearer(pro).newest, number=2)
    in_francs = replace(free.newest.prices[0], currency="CHF", key="month-chf")
    francs = replace(free.newest, prices=(in_francs, *free.newest.prices))
    return in_order(
        [
            replace(free, position=11, name=Localized((("en", "Free"),)), versions=(francs,)),
            replace(pro, versions=(more, second)),
            SOLD.plan("enterprise_pro"),
            replace(enterprise, versions=(replace(enterprise.newest, trial_days=30),)),
            SOLD.plan("api"),
            replace(SOLD.plan("api"), key="batch"),
        ]
    )


def _dearer(plan: Plan) -> Plan:
    """Pro, at another price by the month in dollars."""
    *_, version = plan.versions
    tiers = (replace(version.prices[3].rule.tiers[0], flat=Fraction(2200)),)
    price = replace(version.prices[3], rule=replace(version.prices[3].rule, tiers=tiers))
    prices = (*version.prices[:3], price, *version.prices[4:])
    return replace(plan, versions=(replace(version, prices=prices),))


def _edited(catalog: Catalog, *plans: Plan) -> Catalog:
    edited = {plan.key: plan for plan in (*catalog.plans, *plans)}
    return in_order(list(edited.values()))


GROWN = _grown()
KINDS = [
    "PlanAdded batch",
    "VersionChanged enterprise_max",
    "PlanChanged free",
    "PlanChanged free",
    "PriceAdded free",
    "PlanRetired max",
    "EntitlementChanged pro",
    "EntitlementAdded pro",
    "VersionAdded pro",
]
ACTIONS = [
    "plan.added",
    "plan_version.changed",
    "plan.changed",
    "plan.changed",
    "price.added",
    "plan.retired",
    "entitlement.changed",
    "entitlement.added",
    "plan_version.added",
]


# Parts


async def _apply(work: Work, wanted: Catalog) -> list[Change]:
    async with work.transaction():
        return await catalog_store.apply(work, wanted)


async def _counts(work: Work) -> list[int]:
    tables = ("plan", "plan_version", "price", "entitlement", "audit_record", "outbox")
    return [(await work.fetch(f"select count(*) from {table}"))[0][0] for table in tables]


async def _subscribe(work: Work, *plans: str, ended: bool = False) -> None:
    """An account that subscribes to the first plan, with an item of each."""
    async with work.transaction():
        rows = await work.fetch(
            "select plan.key as plan, price.* from price join plan on plan.id = price.plan_id"
            " where currency = 'USD' and price.key = 'base' and interval = 'month'"
        )
        prices = {row["plan"]: row for row in rows}
        account, subscription = work.new_id(), work.new_id()
        own = Account(id=account, kind=AccountKind.WORKSPACE, name="Acme", email="pay@acme.test", created_at=NOW)
        work.add(own)
        await work.flush()
        over: dict[str, Any] = {"state": SubscriptionState.CANCELED, "ended_at": NOW} if ended else {}
        work.add(
            Subscription(
                account_id=account,
                id=subscription,
                plan_id=prices[plans[0]]["plan_id"],
                plan_version_id=prices[plans[0]]["plan_version_id"],
                currency="USD",
                interval=Interval.MONTH,
                anchor=NOW,
                period_start=NOW,
                period_end=NOW + timedelta(days=31),
                created_at=NOW,
                **({"state": SubscriptionState.ACTIVE} | over),
            )
        )
        await work.flush()
        for plan in plans:
            work.add(
                SubscriptionItem(
                    account_id=account,
                    id=work.new_id(),
                    subscription_id=subscription,
                    plan_id=prices[plan]["plan_id"],
                    price_id=prices[plan]["id"],
                    created_at=NOW,
                    ended_at=NOW if ended else None,
                )
            )


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


async def test_a_meter_counts_as_it_always_did(work: Work) -> None:
    await _apply(work, SOLD)
    wanted = replace(SOLD, meters=(Meter("searches", Aggregation.MAX),))

    with pytest.raises(CatalogRefused, match="searches is a sum and can't become a max"):
        await _apply(work, wanted)

    assert (await catalog_store.current(work)).meters == SOLD.meters
    with pytest.raises(asyncpg.PostgresError, match="a meter is immutable"):
        await work.execute("update meter set aggregation = 'max'")


async def test_a_schedule_changes_in_place_and_one_that_is_in_no_file_stays(work: Work) -> None:
    await _apply(work, SOLD)
    (first, *others) = SOLD.schedules
    changed = replace(first, hour=17)

    changes = await _apply(work, replace(SOLD, schedules=(changed,)))

    assert changes == [ScheduleChanged(first.key, first, changed)]
    assert "becomes" in changes[0].says
    assert (await catalog_store.current(work)).schedules == (changed, *others)
