"""The running sandbox: its database, clock, settings and sources of chance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

import asyncpg

from payments.sandbox import configurations, payouts, tables
from payments.sandbox.books import Books, Caller, Settings, World
from payments.sandbox.clock import Clock, Delays
from payments.sandbox.ids import Ids
from payments.sandbox.limits import Limiter
from payments.sandbox.tables import Connection


class State:
    """What every part of one running sandbox shares."""

    def __init__(self, pool: asyncpg.Pool, seed: int | None) -> None:
        self.pool = pool
        self.seed = seed
        self.clock = Clock()
        self.settings = Settings()
        self.delays = Delays()
        self.limiter = Limiter()
        self.ids = Ids(seed)
        self.faulty = False
        """Whether there is any rule for faults."""
        self.work = asyncio.Event()
        """Set when a task or a delivery may be due."""
        self.alone = asyncio.Lock()
        """Held by whoever does tasks, so that they happen in their order."""
        self.delivering = asyncio.Lock()
        """Held by whoever delivers."""

    async def load(self) -> None:
        """Read what was set before a restart, and make what every account has."""
        stored = {row["name"]: row["value"] for row in await self.pool.fetch("select name, value from sandbox.setting")}
        boot = stored.get("boot", 0) + 1
        self.ids = Ids(self.seed, boot)
        self.clock = Clock(stored.get("clock", 0))
        self.settings = Settings(**stored.get("settings", {}))
        self.delays = Delays(**stored.get("delays", {}))
        self.faulty = await self.pool.fetchval("select exists (select from sandbox.fault)")
        await self.keep("boot", boot)
        async with self.books() as books:
            await configurations.ensure(books)
            if not await books.connection.fetchval(
                "select exists (select from sandbox.task where action = 'pay_out_daily')"
            ):
                await payouts.daily(books)

    async def keep(self, name: str, value: object) -> None:
        """Remember a setting beyond a restart."""
        await self.pool.execute(
            "insert into sandbox.setting (name, value) values ($1, $2) on conflict (name) do update set value = $2",
            name,
            value,
        )

    async def keep_all(self) -> None:
        """Remember every setting beyond a restart."""
        await self.keep("clock", self.clock.offset)
        await self.keep("settings", asdict(self.settings))
        await self.keep("delays", asdict(self.delays))

    async def reset(self) -> None:
        """Forget everything."""
        names = ", ".join(f"sandbox.{name}" for name in tables.TABLES)
        async with self.alone, self.delivering:
            await self.pool.execute(f"truncate {names} restart identity")
            self.limiter = Limiter()
            await self.load()

    def opened(self, connection: Connection, caller: Caller, *, locks: bool = True) -> Books:
        """The books for one transaction of a connection."""
        world = World(self.ids, self.delays, self.settings)
        return Books(connection, self.clock.now, world, caller, locks=locks)

    @asynccontextmanager
    async def books(self, caller: Caller | None = None) -> AsyncIterator[Books]:
        """The books for one transaction, written at its end."""
        async with self.pool.acquire() as connection, connection.transaction():
            books = self.opened(connection, caller or Caller())
            yield books
            await books.write()
        self.work.set()
