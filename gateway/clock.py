"""The simulated clock at the command line: shown, and moved forward for all processes of one database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway import playing
from kernel import database
from kernel.clock import SimulatedClock, span

_SECOND = timedelta(seconds=1)


async def shown(url: str) -> str:
    """What the clock shows, in one sentence."""
    async with database.connected(url) as owner:
        return _told(await SimulatedClock(owner).now())


async def advanced(url: str, by: str) -> str:
    """Move the clock forward, and that of the Stripe sandbox; what it shows then.

    Raises InvalidInput for what is no span of time, or Unavailable.
    """
    length = span(by)
    async with database.connected(url) as owner:
        # Told by the time of day at which it was moved: the sandbox may take a while.
        told = _told(await SimulatedClock(owner).advance(length))
        await playing.advance(owner, length // _SECOND)
        return told


def _told(now: datetime) -> str:
    moved = (now - datetime.now(UTC) + _SECOND / 2) // _SECOND * _SECOND
    if not moved:
        return f"It is {now:%Y-%m-%dT%H:%M:%SZ}, the time of day."
    way = "ahead of" if moved > timedelta(0) else "behind"
    return f"It is {now:%Y-%m-%dT%H:%M:%SZ}, {abs(moved)} {way} the time of day."
