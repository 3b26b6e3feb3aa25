"""Stock: the catalog that tests sell from, and how rows are put into a database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import asyncpg
from sqlalchemy import Table, inspect
from sqlmodel import SQLModel

from billing.catalog import Audience
from billing.catalog_tables import Entitlement, Plan, PlanVersion, Price
from billing.entitlements import EntitlementKind
from billing.pricing import Model
from kernel import ids
from kernel.clock import SimulatedClock
from kernel.id_blocks import IdBlocks
from kernel.rows import plain
from kernel.time import Interval


async def put(connection: asyncpg.Connection, *rows: SQLModel) -> None:
    """Insert rows in their order, neighbors of one table together."""
    for kind, group in groupby(rows, type):
        made = cast("Table", inspect(kind).local_table)
        names = ", ".join(column.name for column in made.columns if not column.computed)
        written = [{name: _written(value) for name, value in row.model_dump().items()} for row in group]
        told = f"jsonb_populate_recordset(null::{made.name}, $1::text::jsonb)"
        sql = f"insert into {made.name} ({names}) select {names} from {told}"
        await connection.execute(sql, json.dumps(written))


def _written(value: Any) -> Any:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else plain(value)


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan of the catalog, in its only version, at its price in dollars a month."""

    key: str
    plan_number: int
    version_number: int
    price_number: int
    amount_minor: int

    @property
    def plan(self) -> str:
        """The plan, as a client knows it."""
        return ids.encode("plan", self.plan_number)

    @property
    def price(self) -> str:
        """The price, as a client knows it."""
        return ids.encode("price", self.price_number)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is sold in tests."""

    pro: Offer
    """For persons: 20.00 USD a month."""

    team: Offer
    """For workspaces: 40.00 USD a seat and month."""

    enterprise: Offer
    """For workspaces: 80.00 USD a seat and month."""

    max: Offer
    """For persons: 50.00 USD a month."""

    max_yearly: Offer
    """The same plan: 500.00 USD a year."""

    max_euro: Offer
    """The same plan: 45.00 EUR a month."""

    metered: Offer
    """For anyone: nothing a month, and 0.50 USD for a search, by the meter `searches`."""


@dataclass(frozen=True, slots=True)
class Stock:
    """Puts plans on the shelf."""

    connection: asyncpg.Connection
    blocks: IdBlocks
    now: datetime

    async def offer(
        self, key: str, audience: Audience, amount_minor: int, *, per_seat: bool = False, meter: str | None = None
    ) -> Offer:
        """A plan with one version, one price, and a metered one where there is a meter."""
        plan, title = self.blocks.take(), key.removeprefix("t_").title()
        version = PlanVersion(
            id=self.blocks.take(),
            plan_id=plan,
            seats={"minimum": 1, "maximum": None} if per_seat else None,
            created_at=self.now,
        )
        base = self.price(version, Model.PER_UNIT if per_seat else Model.FLAT, amount_minor)
        await put(
            self.connection,
            Plan(
                id=plan,
                key=key,
                audience=audience,
                name={"en": title, "de": f"{title} (de)"},
                description={"en": f"The {title} plan."},
                created_at=self.now,
            ),
            version,
            base,
            *([self.price(version, Model.PER_UNIT, 50, meter)] if meter else []),
            self.flag(version, "model_choice"),
        )
        if meter:
            await self.connection.execute(
                "insert into meter (key, aggregation) values ($1, 'sum') on conflict do nothing", meter
            )
        return Offer(key, plan, version.id, base.id, amount_minor)

    async def further(
        self, offer: Offer, amount_minor: int, *, currency: str = "USD", interval: Interval = Interval.MONTH
    ) -> Offer:
        """The plan of an offer at another price of its version."""
        version = PlanVersion(id=offer.version_number, plan_id=offer.plan_number, created_at=self.now)
        row = self.price(version, Model.FLAT, amount_minor)
        row.currency, row.interval = currency, interval
        await put(self.connection, row)
        return Offer(offer.key, offer.plan_number, offer.version_number, row.id, amount_minor)

    def price(self, version: PlanVersion, model: Model, amount_minor: int, meter: str | None = None) -> Price:
        """A price in dollars a month."""
        timing, proration = ("arrears", "none") if meter else ("advance", "second")
        terms = {"count": 1, "proration": proration, "timing": timing, "decrease": "at_renewal"}
        return Price(
            id=self.blocks.take(),
            plan_id=version.plan_id,
            plan_version_id=version.id,
            key=meter or "base",
            currency="USD",
            interval=Interval.MONTH,
            model=model,
            amount_minor=amount_minor,
            rule={"model": model.value, "amount": str(amount_minor), **terms},
            meter=meter,
            created_at=self.now,
        )

    def flag(self, version: PlanVersion, feature: str) -> Entitlement:
        """Something that holders may do."""
        return Entitlement(
            id=self.blocks.take(), plan_version_id=version.id, feature=feature, kind=EntitlementKind.FLAG, amount=1
        )


async def stocked(connection: asyncpg.Connection, blocks: IdBlocks) -> Catalog:
    """The catalog of tests, put on the shelf."""
    stock = Stock(connection, blocks, await SimulatedClock(connection).now())
    most = await stock.offer("t_max", Audience.PERSON, 5000)
    return Catalog(
        pro=await stock.offer("t_pro", Audience.PERSON, 2000),
        team=await stock.offer("t_team", Audience.WORKSPACE, 4000, per_seat=True),
        enterprise=await stock.offer("t_enterprise", Audience.WORKSPACE, 8000, per_seat=True),
        max=most,
        max_yearly=await stock.further(most, 50000, interval=Interval.YEAR),
        max_euro=await stock.further(most, 4500, currency="EUR"),
        metered=await stock.offer("t_metered", Audience.ANYONE, 0, meter="searches"),
    )
