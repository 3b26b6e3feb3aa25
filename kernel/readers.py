"""Readers: raw connections on which compiled reads are asked, each in one round trip.

A statement is a transaction of its own. So what it tells row-level security first counts for what it
reads then, and for nobody after it. Nothing can be written here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from kernel import database

READERS = 4
"""Connections of one process; each asks for a millisecond or less at a time."""

_SETTINGS = {
    "default_transaction_read_only": "on",
    # The first values of a statement ask for so little that PostgreSQL would think it is cheap to plan for each.
    "plan_cache_mode": "force_generic_plan",
}


class _Reader:
    """One connection, and the statements that it has prepared."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._prepared: OrderedDict[str, PreparedStatement[Any]] = OrderedDict()

    async def statement(self, sql: str) -> PreparedStatement[Any]:
        """A statement, prepared once; the least recently used one is forgotten first."""
        found = self._prepared.get(sql)
        if found is None:
            found = self._prepared[sql] = await self.connection.prepare(sql)
            if len(self._prepared) > database.STATEMENTS:
                self._prepared.popitem(last=False)
        else:
            self._prepared.move_to_end(sql)
        return found


class Readers:
    """At most so many connections of one role, opened when they are needed: of the one that reads for customers."""

    def __init__(self, url: str, size: int = READERS, *, role: str = database.READER_ROLE) -> None:
        self.size = size
        self._role = role
        self._url = url
        self._free = size
        self._idle: list[_Reader] = []
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def ask(self, sql: str, values: Sequence[Any], patience: float) -> Any:
        """The only value of the only row, which is told in a transaction of its own.

        Raises TimeoutError after so many seconds, and whatever the driver raises.
        """
        reader = self._idle.pop() if self._idle else None
        if reader is None or reader.connection.is_closed():
            reader = await self._another(reader, patience)
        try:
            statement = await reader.statement(sql)
            rows = await statement.fetch(*values, timeout=patience)
        except asyncpg.PostgresError:
            self._back(reader)
            raise
        except BaseException:
            # Nobody knows what it was doing when we left.
            reader.connection.terminate()
            self._gone()
            raise
        self._back(reader)
        return rows[0][0]

    async def close(self) -> None:
        """Close what is open."""
        while self._idle:
            await self._idle.pop().connection.close()

    async def _another(self, closed: _Reader | None, patience: float) -> _Reader:
        if closed is not None:
            self._gone()
        async with asyncio.timeout(patience):
            while not self._free and not self._idle:
                await self._turn()
            if self._idle:
                return self._idle.pop()
            self._free -= 1
            try:
                return _Reader(await database.connect(self._url, role=self._role, server_settings=_SETTINGS))
            except BaseException:
                self._gone()
                raise

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()
            raise

    def _back(self, reader: _Reader) -> None:
        self._idle.append(reader)
        if self._waiting:
            self._wake()

    def _gone(self) -> None:
        self._free += 1
        self._wake()

    def _wake(self) -> None:
        """Let whoever has waited longest look again."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
