"""Using: the usage that bills state, read from what was recorded.

Interactive changes, renewals, previews, the billing run and explanations read it
here, for one subscription or for a thousand, so all of them count alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing import metered, usage_queries
from billing.facts import Facts, agreement, metered_items
from billing.lines import Evidence
from billing.rating import Usage
from billing.usage_queries import Asked, Fetch, Reading


@dataclass(frozen=True, slots=True)
class Stated:
    """What metered items have reached, and which reports were seen for it."""

    usage: tuple[Usage, ...] = ()
    seen: str | None = None


async def stated(fetch: Fetch, facts: Facts, at: datetime) -> Stated:
    """The usage that a bill of a subscription states at an instant: of every stretch that is over."""
    return (await all_stated(fetch, [(facts, at)]))[facts.subscription.id]


async def seen_then(fetch: Fetch, facts: Facts, at: datetime, seen: str | None) -> tuple[Usage, ...]:
    """The same, from the reports that were seen when an invoice was made; none where it saw none."""
    return () if seen is None else (await all_stated(fetch, [(facts, at)], seen))[facts.subscription.id].usage


async def all_stated(
    fetch: Fetch, asked: Sequence[tuple[Facts, datetime]], seen: str | None = None
) -> Mapping[int, Stated]:
    """The same for many subscriptions, in as few statements as for one."""
    stretches: list[Asked] = [
        (facts.subscription.account_id, facts.subscription.id, stretch)
        for facts, at in asked
        if facts.metered
        for stretch in metered.over(agreement(facts), metered_items(facts), at, facts.again)
    ]
    told = {facts.subscription.id: Stated() for facts, _ in asked}
    if not stretches:
        return told
    known = await usage_queries.meters(fetch)
    found, seen = await usage_queries.readings(fetch, stretches, known, seen)
    usage: dict[int, list[Usage]] = {}
    for (_, number, stretch), reading in zip(stretches, found, strict=True):
        usage.setdefault(number, []).append(used(stretch, reading))
    return told | {number: Stated(tuple(each), seen) for number, each in usage.items()}


def used(stretch: metered.Stretch, reading: Reading) -> Usage:
    """What a stretch came to, at its price."""
    evidence = Evidence(reading.events, reading.first, reading.last)
    return Usage(stretch.item.key, stretch.item.price, stretch.span, reading.quantity, evidence)
