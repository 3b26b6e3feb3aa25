"""Standing: what is read together with the facts of a subscription, so that whoever changes it asks but once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.catalog_tables import Plan, PlanVersion, Price
from billing.states import ChangeState
from billing.tables import LineItem, ScheduledChange, SubscriptionClock


@dataclass(frozen=True, slots=True)
class Offer:
    """A price as it is sold: the rows of the price, of its plan's version, and of the plan."""

    price: Price
    version: PlanVersion
    plan: Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """What goes with the facts of a subscription, until something is written."""

    clock: SubscriptionClock
    offers: Mapping[int, Offer]
    """The prices of the facts, by number."""

    waiting: Sequence[ScheduledChange]
    """What waited when this was read."""

    issued: Sequence[LineItem]
    """Its lines on invoices that were not voided, oldest first."""

    void: Sequence[int]
    """The void invoices it is on."""

    adjusted: Mapping[int, int]
    """What credit notes gave back on its lines, in minor units, by line."""

    lines: int
    """How many lines it got within a day."""

    @property
    def pending(self) -> list[ScheduledChange]:
        """What waits still: what has given way since does so no more."""
        return [due for due in self.waiting if due.state is ChangeState.PENDING]
