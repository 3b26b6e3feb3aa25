"""Turns: of the changes of one account, a process lets a few go to the database at a time.

They would wait there anyway, for the account's audit chain moves once for each of them. But whoever
waits in PostgreSQL holds a connection, is woken to look at a row that has moved again, and keeps what
others left behind from being cleared away: of thirty-two who want one row, each costs several times
what one of four does. A turn is a courtesy and no lock: whoever has waited too long goes without, and
so does whoever would have to wait with a connection in hand.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary, WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncEngine

AT_ONCE = 4
"""How many changes of one account are under way at a time."""

PATIENCE = 1.0
"""How many seconds anybody waits for a turn."""


class Turns:
    """The accounts that are being changed, each with its turns, as long as anybody has one or waits for one."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._of: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, account_id: int) -> asyncio.Semaphore:
        """The turns at an account."""
        turns = self._of.get(account_id)
        if turns is None:
            turns = self._of[account_id] = asyncio.Semaphore(self._at_once)
        return turns

    async def take(self, account_id: int) -> asyncio.Semaphore | None:
        """A turn at an account, to be released; None for whoever has waited too long. First come, first served."""
        turns = self.of(account_id)
        if not turns.locked():
            await turns.acquire()
            return turns
        try:
            async with asyncio.timeout(PATIENCE):
                await turns.acquire()
        except TimeoutError:
            return None
        return turns


_AT: WeakKeyDictionary[AsyncEngine, Turns] = WeakKeyDictionary()


def of(engine: AsyncEngine) -> Turns:
    """The turns of everybody who works over an engine."""
    turns = _AT.get(engine)
    if turns is None:
        turns = _AT[engine] = Turns()
    return turns


def allow(engine: AsyncEngine, at_once: int) -> None:
    """Let so many changes of one account be under way over an engine, as if they came from several processes."""
    _AT[engine] = Turns(at_once)
