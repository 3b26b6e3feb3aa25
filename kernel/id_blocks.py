"""Ids before they are given to rows: PostgreSQL hands out ranges, and a process gives away what is in its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import asyncpg

_BLOCK = 1024


class IdBlocks:
    """The ids this process may still give away, taken from PostgreSQL in blocks of 1,024, at least `ahead` at once."""

    def __init__(self, ahead: int = 1) -> None:
        self._ahead = ahead
        self._ranges: list[range] = []
        self._next = iter(range(0))
        self._spare = 0
        """How many are here and reserved for nobody; below zero while more of them are on their way."""

    def take(self) -> int:
        """The next id, one of those reserved."""
        for number in self._next:
            return number
        assert self._ranges, "reserve ids before you take them"
        # The oldest first: what is made later has the higher id, which settles the order within one instant.
        self._next = iter(self._ranges.pop(0))
        return next(self._next)

    def draw(self, count: int) -> Iterator[int]:
        """So many of those reserved, for whoever takes thousands; what is not taken of them is given to nobody."""
        drawn = list(islice(self._next, count))
        while len(drawn) < count:
            drawn.append(self.take())
            drawn += islice(self._next, count - len(drawn))
        return iter(drawn)

    def promise(self, count: int) -> int:
        """Keep `count` ids for the caller, beside those that others were promised; how many blocks that lacks."""
        self._spare -= count
        return max(-(self._spare // _BLOCK), 0)

    async def reserve(self, connection: asyncpg.Connection, count: int) -> None:
        """Have `count` ids ready for the caller, beside those that others have reserved and not taken yet."""
        await self.fill(connection, self.promise(count))

    async def fill(self, connection: asyncpg.Connection, blocks: int) -> None:
        """Take so many blocks, if any."""
        if not blocks:
            return
        asked = "select nextval('id_block') as number from generate_series(1, $1)"
        for block in await connection.fetch(asked, max(blocks, self._ahead)):
            self._ranges.append(range(block["number"] * _BLOCK, (block["number"] + 1) * _BLOCK))
            self._spare += _BLOCK

    def give_back(self, count: int) -> None:
        """Whoever reserved these takes them no more."""
        self._spare += count
