"""Turns: how many calls of the rail all processes of one database make in a second.

A row for each operation, and one for all of them, says when the next call may
begin. One statement takes a turn; whoever took one waits for it without holding
a connection. Interactive calls take the next free turn, however far ahead; batch
work takes one only when nobody is in line.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from payments.rail.errors import Throttled

ALL = "*"
_SECOND = 1_000_000  # microseconds, in which turns are counted
_PATIENCE = 10 * _SECOND
_ASKED_AGAIN = 1_000
"""How often batch work looks whether anybody is in line before it gives up for now."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most calls of a second, together and of each operation."""

    together: int
    each: int


LIVE = Limits(together=100, each=25)
"""What Stripe lets a live account do unless it has raised it."""

SANDBOX = Limits(together=25, each=25)
"""What it lets a test account do."""

OURS = Limits(together=1_000, each=1_000)
"""For the sandbox that comes with the product, which limits nobody unless it is told to."""


class Turns(Protocol):
    """Says when a call may begin."""

    async def take(self, operation: str, *, urgent: bool) -> None:
        """Wait until the operation may be called. Raises Throttled when that is too far away."""
        ...


@dataclass(frozen=True, slots=True)
class SharedTurns:
    """Turns that all processes of one database share."""

    database: asyncpg.Pool
    limits: Limits

    async def take(self, operation: str, *, urgent: bool) -> None:
        """Wait until the operation may be called. Raises Throttled when that is too far away."""
        for _ in range(_ASKED_AGAIN):
            wait = await self._ask(operation, _PATIENCE if urgent else 0)
            if wait < 0 and urgent:
                raise Throttled(f"{operation}: {-wait // _SECOND} seconds of calls are in line")
            await _pause(abs(wait))
            if wait >= 0:
                return
        raise Throttled(f"{operation}: interactive calls take all turns")

    async def _ask(self, operation: str, patience: int) -> int:
        """Microseconds until our turn; below zero how long the line is, when it is longer than our patience."""
        spacings = _SECOND // self.limits.together, _SECOND // self.limits.each
        wait: int = await self.database.fetchval(
            "select rail_take_turn($1, $2, $3, $4)", operation, *spacings, patience
        )
        return wait


async def _pause(microseconds: int) -> None:
    if microseconds:
        await asyncio.sleep(microseconds / _SECOND)
