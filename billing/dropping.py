"""Dropping an add-on: which item may go by itself, and when.

What is paid can be used until the period ends, so an add-on goes with it. It goes
at once, and gives its rest back, where the plan credits at once, and where nothing
is being paid for: on trial, and while the subscription is paused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing.facts import Facts
from billing.pricing import Decrease
from billing.states import SubscriptionState
from billing.tables import SubscriptionItem
from kernel.errors import Problem

_UNPAID = {SubscriptionState.TRIALING, SubscriptionState.PAUSED}


@dataclass(eq=False)
class NotAnAddOn(Problem):
    """The item is what the subscription is to, and not one more beside it."""

    says = "This item is what the subscription is to. Change its price, or cancel the subscription instead."


@dataclass(eq=False)
class PaidUntilRenewal(Problem):
    """The plan gives nothing back before the period ends."""

    says = "This item is paid until {until:%Y-%m-%d}; nothing is given back before. Drop it at the end of the period."
    until: datetime
    """When the period ends."""


def check(facts: Facts, item: SubscriptionItem) -> None:
    """Refuse to drop the item that a subscription is to, which is its first one. Raises NotAnAddOn."""
    if item.id == min(facts.items, key=lambda known: known.id).id:
        raise NotAnAddOn


def check_now(facts: Facts, item_id: int) -> None:
    """Refuse to drop at once what is paid for, where the plan doesn't credit it. Raises PaidUntilRenewal."""
    subscription = facts.subscription
    (item,) = (item for item in facts.items if item.id == item_id)
    if subscription.state in _UNPAID or facts.prices[item.price_id].decrease is Decrease.NOW:
        return
    raise PaidUntilRenewal(subscription.period_end)
