"""Usage alerts: told once in a period when four fifths, and when all, of a limit is used.

It is looked at after a batch was recorded, and not while it is, so that reporting
stays cheap; being told of a batch twice tells nobody twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing import events, usage_queries, usage_reading
from billing.usage_reading import Running
from kernel.work import Work

AT = (80, 100)
"""The percentages that are told."""


async def look(work: Work, account_id: int, told: Mapping[str, Any]) -> None:
    """Tell of the limits that a batch of reports has reached."""
    for number in await usage_queries.touched(work, account_id, told["usage"]):
        for used in (await usage_reading.running(work, [number]))[0]:
            await _tell(work, used)


async def _tell(work: Work, used: Running) -> None:
    reached = [percent for percent in AT if used.percent is not None and used.percent >= percent]
    for percent in reached:
        if await usage_queries.alert(work, used.account_id, used.subscription_id, used.stretch, percent):
            event = events.UsageThresholdReached(
                used.account_id, used.subscription_id, int(used.stretch.item.key), percent
            )
            work.emit(event, before=None, after={"meter": used.price.meter, "percent": percent})
