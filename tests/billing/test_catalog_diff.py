from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import entitlements
from billing.catalog import Audience, Catalog, ListPrice, Plan, Seats, Version, in_order
from billing.catalog_changes import (
    CatalogRefused,
    Change,
    EntitlementAdded,
    EntitlementChanged,
    EntitlementWithdrawn,
    PlanAdded,
    PlanChanged,
    PlanRetired,
    PlanRevived,
    PriceAdded,
    PriceImmutable,
    PriceRemoved,
    Refusal,
    VersionAdded,
    VersionChanged,
    VersionRemoved,
    check,
)
from billing.catalog_diff import diff
from billing.catalog_files import read
from billing.entitlements import Entitlement
from billing.localized import Localized
from billing.pricing import Decrease
from billing.proration import Proration
from tests.billing.catalogs import CATALOG, catalogs, plans

SOLD = read(CATALOG)
PRO = SOLD.plan("pro")
TEAM = SOLD.plan("enterprise_pro")
FIRST = PRO.newest


# Examples


def test_a_catalog_does_not_differ_from_itself() -> None:
    assert diff(SOLD, SOLD) == []


def test_a_new_plan_is_told_with_what_it_costs() -> None:
    (change,) = diff(_without(SOLD, "pro"), SOLD)

    assert change == PlanAdded("pro", PRO)
    assert change.says == "pro is a new plan, 20.00 EUR a month and 7 more prices."


def test_a_plan_without_a_file_is_retired_once() -> None:
    wanted = _without(SOLD, "pro")

    (change,) = diff(SOLD, wanted)

    assert change == PlanRetired("pro")
    assert change.says == "pro is not sold any more; who has it keeps it."
    assert diff(_with(SOLD, replace(PRO, archived=True)), wanted) == []


def test_a_retired_plan_whose_file_is_back_is_sold_again() -> None:
    (change,) = diff(_with(SOLD, replace(PRO, archived=True)), SOLD)

    assert change == PlanRevived("pro")
    assert change.says == "pro is sold again."


def test_a_retired_plan_that_comes_back_costs_what_it_did() -> None:
    current = _with(SOLD, replace(PRO, archived=True))

    changes = diff(current, _with(SOLD, _edition(prices=_costing(2200))))

    assert [type(change) for change in changes] == [PlanRevived, PriceImmutable]


def test_names_places_and_audiences_change_in_place() -> None:
    other = replace(PRO, name=Localized((("en", "Plus"),)), position=21, audience=Audience.ANYONE)

    changes = diff(SOLD, _with(SOLD, other))

    assert changes == [
        PlanChanged("pro", "audience", Audience.PERSON, Audience.ANYONE),
        PlanChanged("pro", "name", PRO.name, other.name),
        PlanChanged("pro", "position", 20, 21),
    ]
    assert [changes[0].says, changes[2].says] == [
        "pro: audience was person and becomes anyone.",
        "pro: position was 20 and becomes 21.",
    ]


def test_a_new_version_is_told_and_nothing_else() -> None:
    second = replace(FIRST, number=2, prices=_costing(2200))

    (change,) = diff(SOLD, _with(SOLD, replace(PRO, versions=(FIRST, second))))

    assert change == VersionAdded("pro", 2, second)
    assert change.says == ("pro: version 2 is new, 20.00 EUR a month and 7 more prices; who has another keeps it.")


def test_a_changed_amount_is_refused_and_told_what_to_do() -> None:
    (change,) = diff(SOLD, _with(SOLD, _edition(prices=_costing(2200))))

    assert isinstance(change, PriceImmutable)
    assert (change.price, change.before, change.after) == ("month-usd", _price("month-usd"), _costing(2200)[3])
    assert change.says == (
        "pro version 1: price month-usd is 20.00 USD a month and can't become 22.00 USD a month: make a version 2."
    )


@pytest.mark.parametrize("other", [{"proration": Proration.DAY}, {"decrease": Decrease.NOW}])
def test_the_terms_of_a_price_are_as_immutable_as_its_amount(other: dict[str, Any]) -> None:
    prices = tuple(replace(price, **other) if price.key == "year-usd" else price for price in FIRST.prices)

    (change,) = diff(SOLD, _with(SOLD, _edition(prices=prices)))

    assert isinstance(change, PriceImmutable)
    assert str(change.before) != str(change.after)


def test_a_price_that_was_sold_can_not_be_removed() -> None:
    (change,) = diff(SOLD, _with(SOLD, _edition(prices=FIRST.prices[1:])))

    assert change == PriceRemoved("pro", 1, FIRST.prices[0])
    assert change.says == ("pro version 1: price month-eur was sold and can't be removed: make a version 2 without it.")


def test_a_version_that_was_sold_can_not_be_removed() -> None:
    current = _with(SOLD, replace(PRO, versions=(FIRST, replace(FIRST, number=2))))

    (change,) = diff(current, SOLD)

    assert change == VersionRemoved("pro", 2)
    assert change.says == "pro version 2 was sold and can't be removed: put it back, and make a version 3."


def test_another_currency_may_be_added_to_a_version() -> None:
    fewer = _with(SOLD, _edition(prices=FIRST.prices[1:]))

    (change,) = diff(fewer, SOLD)

    assert change == PriceAdded("pro", 1, FIRST.prices[0])
    assert change.says == "pro version 1: price month-eur is new, 20.00 EUR a month."


def test_trials_and_the_number_of_seats_change_in_place() -> None:
    wider = replace(TEAM.newest, trial_days=30, seats=Seats(5, None))

    changes = diff(SOLD, _with(SOLD, replace(TEAM, versions=(wider,))))

    assert [change.says for change in changes] == [
        "enterprise_pro version 1: trial_days was 14 and becomes 30.",
        "enterprise_pro version 1: seats was 1 to 50,000 and becomes 5 or more.",
    ]


def test_more_may_be_allowed_to_all_holders_of_a_version() -> None:
    more = _granting(entitlements.limit("pro_searches_a_day", None), entitlements.flag("video_generation", on=True))

    changes = diff(SOLD, _with(SOLD, _edition(entitlements=more)))

    assert [type(change) for change in changes] == [EntitlementChanged, EntitlementAdded]
    assert [change.says for change in changes] == [
        "pro version 1: pro_searches_a_day was 600 and becomes unlimited for all who have it.",
        "pro version 1: video_generation is new for all who have it, on.",
    ]


def test_a_text_may_be_said_in_other_words() -> None:
    (change,) = diff(SOLD, _with(SOLD, _edition(entitlements=_granting(entitlements.text("support", "chat")))))

    assert change.says == 'pro version 1: support was "email" and becomes "chat" for all who have it.'


@pytest.mark.parametrize(
    ("less", "words"),
    [
        (entitlements.limit("pro_searches_a_day", 599), "599"),
        (entitlements.flag("pro_searches_a_day", on=True), "on"),
    ],
)
def test_less_is_not_allowed_to_holders_of_a_version(less: Entitlement, words: str) -> None:
    (change,) = diff(SOLD, _with(SOLD, _edition(entitlements=_granting(less))))

    assert isinstance(change, EntitlementWithdrawn)
    assert change.says == (
        f"pro version 1: pro_searches_a_day was promised as 600 and can't become {words}: make a version 2."
    )


def test_a_feature_can_not_be_removed_from_a_version() -> None:
    (change,) = diff(SOLD, _with(SOLD, _edition(entitlements=FIRST.entitlements[1:])))

    assert change == EntitlementWithdrawn("pro", 1, FIRST.entitlements[0], None)
    assert change.says.endswith("deep_research_a_month was promised as 50 and can't become nothing: make a version 2.")


def test_all_refusals_are_told_together() -> None:
    changes = diff(SOLD, _with(SOLD, _edition(prices=_costing(2200)[1:], trial_days=3)))

    with pytest.raises(CatalogRefused) as refused:
        check(changes)

    assert [type(refusal) for refusal in refused.value.refusals] == [PriceRemoved, PriceImmutable]
    assert len(str(refused.value).splitlines()) == 2


def test_plans_are_told_in_the_order_of_their_keys() -> None:
    backwards = Catalog(tuple(reversed(SOLD.plans)))

    assert [change.plan for change in diff(Catalog(), backwards)] == sorted(plan.key for plan in SOLD.plans)


# Properties


@settings(deadline=None)
@given(catalogs())
def test_no_catalog_differs_from_itself(catalog: Catalog) -> None:
    assert diff(catalog, catalog) == []


@settings(deadline=None)
@given(catalogs(), catalogs())
def test_every_difference_is_one_line_and_can_count(current: Catalog, wanted: Catalog) -> None:
    changes = diff(current, wanted)

    assert all(change.says.endswith(".") and "\n" not in change.says for change in changes)
    assert len(dict.fromkeys(changes)) == len(changes)


@settings(deadline=None)
@given(st.data(), catalogs())
def test_applying_what_differs_leads_to_what_is_wanted(data: st.DataObject, current: Catalog) -> None:
    wanted = data.draw(_grown(current))
    changes = diff(current, wanted)
    check(changes)

    reached = _applied(current, changes)

    assert diff(reached, wanted) == []
    assert reached.sold == wanted.plans
    assert {plan.key for plan in reached.plans} == {plan.key for plan in (*current.plans, *wanted.plans)}


@settings(deadline=None)
@given(catalogs(), catalogs())
def test_what_is_not_refused_is_enough_to_get_there(current: Catalog, wanted: Catalog) -> None:
    changes = diff(current, wanted)

    refused = any(isinstance(change, Refusal) for change in changes)

    assert refused or diff(_applied(current, changes), wanted) == []


@st.composite
def _grown(draw: st.DrawFn, catalog: Catalog) -> Catalog:
    """A catalog that the given one may become."""
    kept = [draw(_grown_plan(plan)) for plan in catalog.plans if draw(st.integers(0, 3))]
    new = [draw(plans("team"))] if draw(st.booleans()) else []
    return in_order([*kept, *new])


@st.composite
def _grown_plan(draw: st.DrawFn, plan: Plan) -> Plan:
    other = draw(plans(plan.key))
    newest = replace(plan.newest, trial_days=draw(st.integers(0, 30)))
    newest = replace(newest, entitlements=draw(st.sampled_from([newest.entitlements, _raised(newest.entitlements)])))
    newest = replace(newest, prices=_sorted([*newest.prices, *draw(st.sampled_from([(), _in_chf(newest)]))]))
    later = [replace(other.newest, number=newest.number + 1)] if draw(st.booleans()) else []
    return replace(other, versions=(*plan.versions[:-1], newest, *later))


def _raised(granted: tuple[Entitlement, ...]) -> tuple[Entitlement, ...]:
    most = {
        "model_choice": entitlements.flag("model_choice", on=True),
        "searches": entitlements.limit("searches", None),
    }
    known = {entitlement.feature: entitlement for entitlement in granted}
    return tuple(sorted({**known, **most}.values(), key=lambda entitlement: entitlement.feature))


def _in_chf(version: Version) -> tuple[ListPrice, ...]:
    price = next(price for price in version.prices if not price.meter)
    return (replace(price, currency="CHF", key=f"{price.interval}-chf"),)


def _applied(current: Catalog, changes: list[Change]) -> Catalog:
    """What the changes alone make of a catalog."""
    known = {plan.key: plan for plan in current.plans}
    for change in changes:
        known[change.plan] = change.added if isinstance(change, PlanAdded) else _changed(known[change.plan], change)
    return in_order(list(known.values()))


def _changed(plan: Plan, change: Change) -> Plan:
    match change:
        case PlanRetired() | PlanRevived():
            return replace(plan, archived=isinstance(change, PlanRetired))
        case PlanChanged(field=field, after=after):
            return replace(plan, **{field: after})  # type: ignore[arg-type]  # the field says of which type
        case VersionAdded(added=added):
            return replace(plan, versions=(*plan.versions, added))
    versions = [_changed_version(one, change) if one.number == change.number else one for one in plan.versions]
    return replace(plan, versions=tuple(versions))


def _changed_version(version: Version, change: Change) -> Version:
    granted = {entitlement.feature: entitlement for entitlement in version.entitlements}
    match change:
        case VersionChanged(field=field, after=after):
            return replace(version, **{field: after})  # type: ignore[arg-type]  # the field says of which type
        case PriceAdded(added=added):
            return replace(version, prices=_sorted([*version.prices, added]))
        case EntitlementAdded(added=entitlement) | EntitlementChanged(after=entitlement):
            granted[entitlement.feature] = entitlement
            return replace(version, entitlements=tuple(granted[feature] for feature in sorted(granted)))
    raise AssertionError(change)


# Parts


def _sorted(prices: list[ListPrice]) -> tuple[ListPrice, ...]:
    return tuple(sorted(prices, key=lambda price: price.key))


def _with(catalog: Catalog, plan: Plan) -> Catalog:
    return in_order([*_without(catalog, plan.key).plans, plan], catalog.meters, catalog.schedules)


def _without(catalog: Catalog, key: str) -> Catalog:
    return Catalog(tuple(plan for plan in catalog.plans if plan.key != key), catalog.meters, catalog.schedules)


def _edition(**other: Any) -> Plan:
    return replace(PRO, versions=(replace(FIRST, **other),))


def _price(key: str) -> ListPrice:
    return next(price for price in FIRST.prices if price.key == key)


def _costing(minor: int) -> tuple[ListPrice, ...]:
    """The prices of Pro, another one by the month in dollars."""
    tiers = (replace(_price("month-usd").rule.tiers[0], flat=Fraction(minor)),)
    other = replace(_price("month-usd"), rule=replace(_price("month-usd").rule, tiers=tiers))
    return tuple(other if price.key == other.key else price for price in FIRST.prices)


def _granting(*others: Entitlement) -> tuple[Entitlement, ...]:
    known = {entitlement.feature: entitlement for entitlement in (*FIRST.entitlements, *others)}
    return tuple(sorted(known.values(), key=lambda entitlement: entitlement.feature))
