"""The sandbox's clock, and how long the slow things of the world take by it.

The sandbox is a server of its own, so it reads the machine's clock, in this module
alone; everything else is told `now`. Advancing adds to the difference between both.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def wall() -> int:
    """The machine's time in whole seconds since 1970."""
    return time.time_ns() // 1_000_000_000


@dataclass(slots=True)
class Clock:
    """The machine's time plus the seconds that were advanced."""

    offset: int = 0

    @property
    def now(self) -> int:
        """Whole seconds since 1970."""
        return wall() + self.offset


@dataclass(slots=True)
class Delays:
    """Simulated seconds between a cause and its effect. Any can be set by the control endpoint."""

    fee: int = 2
    """From an `automatic_async` charge to its balance transaction."""
    tax_id: int = 5
    """From a tax id to its verification."""
    sepa: int = 5 * DAY
    """From a SEPA debit to its result."""
    sepa_slow: int = 14 * DAY
    """The same for the IBANs whose result is delayed."""
    sepa_dispute: int = 20 * DAY
    """From a collected SEPA debit to its reversal by the payer."""
    ach: int = 4 * DAY
    """From an ACH debit to its result."""
    dispute: int = 2
    """From a card charge to its dispute or early fraud warning."""
    dispute_due: int = 14 * DAY
    """From a dispute to the end of the time to respond."""
    review: int = HOUR
    """From evidence that says `winning_evidence` or `losing_evidence` to the decision."""
    review_unknown: int = 60 * DAY
    """From any other evidence to the decision."""
    refund: int = 5 * DAY
    """From a pending refund to its success, and from a doomed one to its failure."""
    authorization: int = 7 * DAY
    """From an authorization to its expiry."""
    available: int = 2 * DAY
    """From a card charge to its funds being available."""
    available_debit: int = 5 * DAY
    """From a collected debit to its funds being available."""
    payout: int = DAY
    """From a payout to its arrival."""
    retry: int = HOUR
    """From a failed delivery to the next try; doubled each time."""
