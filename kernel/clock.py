"""What time it is: the time of day, or a simulated time that can be moved forward.

The simulated clock is the time of day plus an offset that lives in the database, so
that all processes of one database agree from the moment it was moved. It is asked
for the offset each time. Production has no simulated clock and asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from re import fullmatch
from typing import Protocol

import asyncpg

from kernel.errors import InvalidInput

_MICROSECOND = timedelta(microseconds=1)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Clock(Protocol):
    """Tells the time once at the start of each unit of work; everything below is handed `now`."""

    async def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...


class SystemClock:
    """The time of day."""

    async def now(self) -> datetime:
        """The present instant, aware UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """A clock for development and tests: it runs as fast as any, and can be moved forward."""

    database: asyncpg.Pool | asyncpg.Connection

    async def now(self) -> datetime:
        """The present instant by this clock, aware UTC."""
        moved = await self.database.fetchval("select moved from clock")
        return datetime.now(UTC) + (moved or 0) * _MICROSECOND

    async def begin(self, start: datetime) -> None:
        """Let the clock show `start` now, unless somebody has moved it before."""
        moved = (start - datetime.now(UTC)) // _MICROSECOND
        await self.database.execute("update clock set moved = $1 where moved is null", moved)

    async def advance(self, by: timedelta) -> datetime:
        """Move the clock forward for all processes, and give the new time. Raises InvalidInput."""
        if by <= timedelta(0):
            raise InvalidInput("The clock only moves forward.")
        await self.database.execute("update clock set moved = coalesce(moved, 0) + $1", by // _MICROSECOND)
        return await self.now()


def span(text: str) -> timedelta:
    """How long "90s", "15m", "12h", "3d" or "2w" is. Raises InvalidInput."""
    found = fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if not found:
        raise InvalidInput(f"{text!r} is not a span of time, such as 90s, 15m, 12h, 3d or 2w.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
