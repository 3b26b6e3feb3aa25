"""Overage: what becomes of whoever wants a seat of a full pool.

One policy of the workspace for everybody who gives seats: people, lists, single
sign-on and directories.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernel.errors import InvalidInput, Problem

MOST_SEATS = 100_000
"""The highest limit that a workspace may set."""


class Overage(StrEnum):
    """What becomes of whoever wants a seat of a full pool."""

    BLOCK = "block"
    """Nothing: the pool is full, and says so."""

    REQUEST = "request"
    """Their seat is requested, and whoever gives seats decides."""

    BUY = "buy"
    """The missing seats are bought now, up to the limit."""


@dataclass(eq=False)
class OverageLimitReached(Problem):
    """More seats would have to be bought than the workspace lets a pool grow to by itself."""

    says = (
        "All {purchased} seats are taken, and a pool here grows to at most {limit} by itself."
        " Release one, or ask whoever buys for the workspace."
    )
    purchased: int
    """How many seats the pool has."""

    limit: int
    """How many seats a pool grows to at most."""


def missing(purchased: int, assigned: int, wanted: int, limit: int | None) -> int:
    """How many seats are bought for so many people: those that are missing, as far as the limit lets a pool grow."""
    short = max(assigned + wanted - purchased, 0)
    return short if limit is None else min(short, max(limit - purchased, 0))


def limit_of(overage: Overage, limit: int | None) -> int | None:
    """A limit, if it is one and the policy has one. Raises InvalidInput."""
    if limit is None:
        return None
    if overage is not Overage.BUY:
        raise InvalidInput("Only a policy that buys has a limit. Leave it out, or choose BUY.")
    if not 1 <= limit <= MOST_SEATS:
        raise InvalidInput(f"A limit is 1 to {MOST_SEATS:,} seats; {limit:,} was given.")
    return limit
