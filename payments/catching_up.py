"""Catching up: events that the rail has told, and that we never heard, are heard now.

They are stored as if they had been posted to us, and applied by the same merge; what
we had heard is kept as it was.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from kernel.errors import InvalidInput
from kernel.work import Work
from payments import hearing, webhooks
from payments.rail.happenings import KEPT
from payments.rail.hooks import EVENTS
from payments.rail.opening import Rail
from payments.rail.values import Body

_SURE = timedelta(hours=1)
"""How long before the rail forgets an event we don't count on it any more."""


async def page(work: Work, rail: Rail, since: datetime, until: datetime, after: str | None) -> tuple[int, str | None]:
    """Hear one page of a span's events; how many of them were new to us, and from where the next page goes on.

    Opens transactions, so call it outside of one. Raises RailError.
    """
    if after is None:
        await _try_again(work, since)
    kept = max(since, work.now - KEPT + _SURE)
    if kept >= until:
        return 0, None
    told = await rail.happenings.told(kept, until, after)
    async with work.transaction():
        new = sum([await _heard(work, body) for body in told.rows if body.get("type") in EVENTS])
    return new, told.after


async def apply(work: Work, rail: Rail, most: int) -> int:
    """Apply what was heard and waits; how many events that were. Opens transactions."""
    waiting = await hearing.due(work, work.now, most)
    await work.rest()
    for event in waiting:
        await hearing.apply(work, rail, event)
    return len(waiting)


async def _heard(work: Work, body: Body) -> bool:
    try:
        return await hearing.store(work, webhooks.shaped(dict(body)))
    except InvalidInput:
        return False


async def _try_again(work: Work, since: datetime) -> None:
    """What could not be applied in time may be by now."""
    async with work.transaction():
        await work.execute(
            "update rail_event set next_at = $1, tries = 0, outcome = null where at >= $2 and outcome = $3",
            work.now,
            since,
            hearing.GIVEN_UP,
        )
