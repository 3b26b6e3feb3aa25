"""Discounts on subscriptions, and what they took off a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry

from auth.policy import Permission
from billing import tables
from billing.coupons import CodeNotAccepted, DiscountGone
from billing.subscriptions import SubscriptionOver
from kernel.money import Money
from resolvers import discounting as resolve
from resolvers.graph import Amount, Column, holders
from schema.base import Node, Word, face, one, value
from schema.changes import mutation

TAKEN_OFF = """
    select jsonb_agg(jsonb_build_object(
        'name', coalesce(d.name, c.name ->> 'en', e.value ->> 0), 'minor', (e.value ->> 1)::bigint) order by e.place)
    from jsonb_array_elements({row}.discounts) with ordinality e (value, place)
    left join subscription_discount d
        on d.account_id = {row}.account_id and d.subscription_id = {row}.subscription_id and d.key = e.value ->> 0
    left join coupon c on c.key = e.value ->> 0
"""
"""What each discount took off a line, in the order they were taken, with what it is called."""


@dataclass(frozen=True, slots=True)
class TakenOff:
    """What one discount took off a line."""

    name: str
    amount: Money


def taken_off(row: Any, _info: Any) -> list[TakenOff]:
    """The discounts on a line, from what `TAKEN_OFF` told."""
    told = json.loads(row.discounts) if isinstance(row.discounts, str) else row.discounts or []
    return [TakenOff(taken["name"], Money(taken["minor"], row.currency)) for taken in told]


@value(TakenOff)
class LineDiscount:
    """What one discount took off a line; below zero on a line that gives something back."""

    name: str
    """What the discount is called."""

    amount = Word(Column("amount"), "Money", resolve=lambda row, _: row.amount)
    """How much it took off."""


@face(tables.SubscriptionDiscount, "discount", visible=holders(Permission.SEE_BILLING))
class Discount(Node):
    """A percentage or a fixed amount off a subscription. Several are taken in the order they were granted."""

    name: str
    """What it is called, in the language of the account when it was granted."""

    percent: str | None
    """How many percent it takes off each line, as a decimal number; null for an amount."""

    amount = Word(
        Column("fixed_minor"),
        "Money | None",
        resolve=lambda row, _: None if row.fixed_minor is None else Money(row.fixed_minor, row.currency),
        compiled=Amount("fixed_minor"),
        needs=("currency",),
    )
    """How much it takes off each period, once, however often that changes; null for a percentage."""

    periods: int | None
    """For how many billing periods; null for as long as the subscription runs."""

    since: datetime
    """From when it counts."""

    until: datetime | None
    """When it was taken away."""

    subscription = one("Subscription", by="subscription_id", required=True)
    """What it is off."""


@strawberry.type
class DiscountMutation:
    """What is done about discounts."""

    apply_discount = mutation(resolve.apply_discount, "Discount", refusals=[CodeNotAccepted, SubscriptionOver])
    remove_discount = mutation(resolve.remove_discount, "Discount", refusals=[DiscountGone, SubscriptionOver])
