"""What is sold: plans, their versions, prices and entitlements. Everybody may see it."""

from __future__ import annotations

from typing import Any

from billing import catalog_tables, entitlements, listing
from billing.catalog import Audience
from billing.entitlements import EntitlementKind
from billing.pricing import Model
from kernel.time import Interval
from resolvers.graph import Column, everyone
from schema.base import Node, Word, computed, face, localized, many, money, one, value, words
from schema.lists import choosable, equal, exactly
from schema.scalars import Long

words(Audience, "Who a plan is for.")
words(Model, "How an amount follows from a quantity.")
words(EntitlementKind, "What an entitlement's value is.")
words(Interval, "How long a period lasts.")


@face(catalog_tables.Plan, "plan", visible=everyone)
class Plan(Node):
    """What people buy."""

    key: str
    """Its stable name: `pro`."""

    audience: Audience
    """Who it is for."""

    name = localized("name")
    """What it is called."""

    description = localized("description")
    """What it is, in a sentence."""

    offered = computed("{row}.archived_at is null", "bool")
    """Whether it can be bought now; those who have it keep it."""

    version = one(
        "PlanVersion",
        by="version_id",
        sql="select v.id from plan_version v where v.plan_id = {row}.id order by v.number desc limit 1",
        required=True,
    )
    """What is sold now: the newest version."""

    versions = many("PlanVersion", by="plan_id", order="number")
    """Every version there has been; subscriptions stay on theirs."""


@face(catalog_tables.PlanVersion, "version", visible=everyone)
class PlanVersion(Node):
    """One edition of a plan."""

    number: int
    """Counted from 1."""

    trial_days: int
    """How long it is free at first."""

    per_seat = computed("{row}.seats is not null", "bool")
    """Whether it is sold per seat, with `createLicensePool`."""

    plan = one("Plan", by="plan_id", required=True)
    """Whose edition it is."""

    prices = choosable(
        "Price",
        by="plan_version_id",
        order="id",
        filters={
            "currency": equal("currency", "Only in this currency, such as `EUR`."),
            "interval": exactly("interval", "Interval", "Only for this interval."),
        },
    )
    """What it costs, in every currency and interval, or in the one asked for."""

    entitlements = many("Entitlement", by="plan_version_id", order="feature")
    """What it lets a holder do."""


@value(listing.Step)
class PriceTier:
    """One step of a price: what a unit costs up to a quantity."""

    up_to: Long | None
    """The last unit of this step; null for the last step."""

    unit: str
    """What a unit costs, exact in major units: `0.0000025`. A unit may cost less than the currency can pay."""

    flat = Word(Column("flat"), "Money", resolve=lambda row, _: row.flat)
    """What the step costs as a whole, once it is reached."""

    size: Long | None
    """How many units are sold together; null for single ones."""


def _tiers(row: Any, _info: Any) -> list[listing.Step]:
    return listing.steps(row.rule, row.currency)


@face(catalog_tables.Price, "price", visible=everyone)
class Price(Node):
    """One immutable amount rule of a plan version."""

    key: str
    """Its name within the version: `base`, or what a meter counts."""

    currency: str
    """The currency it is in."""

    interval: Interval
    """How often it is billed."""

    model: Model
    """How an amount follows from a quantity."""

    amount = money("amount_minor")
    """What a price list shows first: the flat amount, or that of the first unit."""

    tiers = Word(Column("rule"), "list[PriceTier]", resolve=_tiers, needs=("currency",))
    """How the amount follows from the quantity, step by step; a price without steps has one."""

    meter: str | None
    """What is counted, for a price of usage."""

    plan = one("Plan", by="plan_id", required=True)
    """What it is a price of."""


@face(catalog_tables.Entitlement, "entitlement", visible=everyone)
class Entitlement(Node):
    """Something a plan version lets a holder do."""

    feature: str
    """What: `messages_per_day`."""

    kind: EntitlementKind
    """Whether it is on or off, a limit, or a text."""

    amount: Long | None
    """The limit, null for none; 1 or 0 for a flag."""

    text: str | None
    """The text, for one that is a text."""


@value(entitlements.Entitlement)
class HeldEntitlement:
    """Something somebody may do, by the highest of their plans."""

    feature: str
    """What: `messages_per_day`."""

    kind: EntitlementKind
    """Whether it is on or off, a limit, or a text."""

    amount: Long | None
    """The limit, null for none; 1 or 0 for a flag."""

    text: str | None
    """The text, for one that is a text."""
