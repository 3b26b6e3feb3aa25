"""Joining: what becomes of what somebody pays for themselves when they join a workspace.

Nothing: it goes on, and is theirs to cancel. Before they accept, they are shown what a
seat that waits for them gives, which of their own subscriptions it makes needless, and
what canceling each would give back. Accepting touches none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing.entitlements import Entitlement, covers, held


class OwnOutcome(StrEnum):
    """What becomes of one's own subscription on joining a workspace."""

    CONTINUES = "continues"
    """It goes on, and gives something that the seats there don't."""

    COVERED = "covered"
    """It goes on, and gives nothing that the seats there don't: canceling it loses nothing."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A subscription of one's own that runs."""

    subscription_id: int
    plan_version_id: int
    paid_until: datetime


def outcome(own: Iterable[Entitlement], seats: Sequence[Iterable[Entitlement]]) -> OwnOutcome:
    """What becomes of a subscription beside seats, the lowest plan's first: it goes on, whatever they cover."""
    together = held(seats)
    return OwnOutcome.COVERED if seats and covers(together.values(), own) else OwnOutcome.CONTINUES


def outcomes(
    own: Sequence[Owned], seats: Sequence[int], entitlements: Mapping[int, Sequence[Entitlement]]
) -> list[OwnOutcome]:
    """What becomes of each, given the plan versions of the seats and what each version gives."""
    there = [entitlements.get(version, ()) for version in seats]
    return [outcome(entitlements.get(one.plan_version_id, ()), there) for one in own]
