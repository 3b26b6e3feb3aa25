"""The catalog as rows: from rows to values, and from values to rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing import catalog, catalog_tables, price_rules, pricing
from billing.catalog import Catalog, ListPrice, Seats, Version
from billing.catalog_tables import PlanVersion
from billing.entitlements import Entitlement, EntitlementKind
from billing.localized import Localized
from billing.proration import Proration

BASE = "base"
"""The key of the price that a subscription is to; those of its meters are called like them."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """All rows of the catalog, by what they are called."""

    plans: Mapping[str, catalog_tables.Plan]
    versions: Mapping[tuple[str, int], PlanVersion]
    prices: Sequence[catalog_tables.Price]
    entitlements: Mapping[tuple[str, int, str], catalog_tables.Entitlement]


def shelf(
    plans: Sequence[catalog_tables.Plan],
    versions: Sequence[PlanVersion],
    prices: Sequence[catalog_tables.Price],
    granted: Sequence[catalog_tables.Entitlement],
) -> Shelf:
    """The rows of all four tables, by what they are called."""
    keys = {plan.id: plan.key for plan in plans}
    named = {version.id: (keys[version.plan_id], version.number) for version in versions}
    return Shelf(
        plans={plan.key: plan for plan in plans},
        versions={named[version.id]: version for version in versions},
        prices=prices,
        entitlements={(*named[row.plan_version_id], row.feature): row for row in granted},
    )


# Read


def called(price: catalog_tables.Price, plan: catalog_tables.Plan, locale: str) -> str:
    """What a price is called on a line: its plan's name in a language, and what a meter counts."""
    name = _localized(plan.name).said_in(locale)
    return f"{name}: {price.meter}" if price.meter else name


def catalog_of(rows: Shelf) -> Catalog:
    """The catalog that the rows say."""
    return catalog.in_order([_plan(rows, plan) for plan in rows.plans.values()])


def price_of(row: catalog_tables.Price) -> ListPrice:
    """The price that a row says."""
    rule = dict(row.rule)
    count, proration = rule.pop("count"), Proration(rule.pop("proration"))
    timing, decrease = pricing.Timing(rule.pop("timing")), pricing.Decrease(rule.pop("decrease"))
    return ListPrice(
        key=catalog.price_key(row.interval, row.currency, row.meter),
        currency=row.currency,
        rule=price_rules.read(rule),
        interval=row.interval,
        count=count,
        proration=proration,
        timing=timing,
        decrease=decrease,
        meter=row.meter,
    )


def entitlement_of(row: catalog_tables.Entitlement) -> Entitlement:
    """The entitlement that a row says."""
    return Entitlement(row.feature, EntitlementKind(row.kind), row.amount, row.text)


def _plan(rows: Shelf, plan: catalog_tables.Plan) -> catalog.Plan:
    mine = sorted(version.number for version in rows.versions.values() if version.plan_id == plan.id)
    return catalog.Plan(
        key=plan.key,
        audience=catalog.Audience(plan.audience),
        name=_localized(plan.name),
        description=_localized(plan.description),
        versions=tuple(_version(rows, rows.versions[plan.key, number]) for number in mine),
        position=plan.position,
        archived=plan.archived_at is not None,
        dunning=plan.dunning,
    )


def _version(rows: Shelf, version: PlanVersion) -> Version:
    prices = [price_of(row) for row in rows.prices if row.plan_version_id == version.id]
    granted = [entitlement_of(row) for row in rows.entitlements.values() if row.plan_version_id == version.id]
    return Version(
        number=version.number,
        prices=tuple(sorted(prices, key=lambda price: price.key)),
        entitlements=tuple(sorted(granted, key=lambda entitlement: entitlement.feature)),
        trial_days=version.trial_days,
        seats=Seats(**version.seats) if version.seats else None,
    )


def _localized(texts: Mapping[str, str]) -> Localized:
    return Localized(tuple(sorted(texts.items())))


# Write


def plan_row(plan: catalog.Plan, plan_id: int, now: datetime) -> catalog_tables.Plan:
    """The row of a new plan."""
    return catalog_tables.Plan(
        id=plan_id,
        key=plan.key,
        audience=catalog.Audience(plan.audience),
        name=written(plan.name),
        description=written(plan.description),
        position=plan.position,
        created_at=now,
        archived_at=now if plan.archived else None,
        dunning=plan.dunning,
    )


def version_row(version: Version, version_id: int, plan_id: int, now: datetime) -> PlanVersion:
    """The row of a new version."""
    return PlanVersion(
        id=version_id,
        plan_id=plan_id,
        number=version.number,
        trial_days=version.trial_days,
        seats=written(version.seats),
        created_at=now,
    )


def price_row(price: ListPrice, price_id: int, version: PlanVersion, now: datetime) -> catalog_tables.Price:
    """The row of a new price of a version."""
    return catalog_tables.Price(
        id=price_id,
        plan_id=version.plan_id,
        plan_version_id=version.id,
        key=price.meter or BASE,
        currency=price.currency,
        interval=price.interval,
        model=price.rule.model,
        amount_minor=price.amount(1).minor,
        rule=written(price),
        meter=price.meter,
        created_at=now,
    )


def entitlement_row(entitlement: Entitlement, entitlement_id: int, version: PlanVersion) -> catalog_tables.Entitlement:
    """The row of a new entitlement of a version."""
    return catalog_tables.Entitlement(
        id=entitlement_id,
        plan_version_id=version.id,
        feature=entitlement.feature,
        kind=entitlement.kind,
        amount=entitlement.amount,
        text=entitlement.text,
    )


def written(value: object) -> Any:
    """A value of the catalog as JSON says it."""
    match value:
        case Localized():
            return dict(value.texts)
        case Seats():
            return {"minimum": value.minimum, "maximum": value.maximum}
        case ListPrice():
            terms = {"proration": value.proration, "timing": value.timing, "decrease": value.decrease}
            return {**price_rules.write(value.rule), "count": value.count, **{key: str(terms[key]) for key in terms}}
        case Entitlement():
            return {"kind": str(value.kind), "amount": value.amount, "text": value.text}
        case Version():
            return {
                "number": value.number,
                "trial_days": value.trial_days,
                "seats": written(value.seats),
                "prices": {price.key: written(price) for price in value.prices},
                "entitlements": {granted.feature: written(granted) for granted in value.entitlements},
            }
        case _:
            return value
