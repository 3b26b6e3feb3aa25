"""The counter: customers who buy a seat each, one after another, whether a billing run is under way or not.

A purchase is what the graph does for it: the change is prorated, its invoice gets a
number, and rows, ledger, audit and outbox are written in one transaction. Customers
are drawn from all who pay per seat, those in the chunks at hand included.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles
from time import perf_counter
from typing import Any

import asyncpg

from auth import queries as people
from billing import changes
from kernel import database
from kernel.errors import Conflict
from kernel.id_blocks import IdBlocks
from kernel.work import Work

BEFORE = datetime(2026, 3, 1, tzinfo=UTC)
"""When those buy who are not renewed yet, so that they are not overdue."""

CALM = 300
"""Purchases in calm."""

PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class Waits:
    """How long purchases took, in milliseconds."""

    count: int
    median: float
    p99: float
    longest: float

    @classmethod
    def of(cls, seconds: list[float]) -> Waits:
        hundredths = quantiles(seconds, n=100, method="inclusive")
        return cls(len(seconds), hundredths[49] * 1e3, hundredths[98] * 1e3, max(seconds) * 1e3)

    @property
    def text(self) -> str:
        return f"{self.count:,} purchases: median {self.median:.0f} ms, p99 {self.p99:.0f}, longest {self.longest:.0f}"


def serve(url: str, count: int, after: datetime, told: Any, enough: Any) -> None:
    """A process: so many purchases in calm, told with `told`; then, from then on, until it has been `enough`."""
    asyncio.run(_serve(url, count, after, told, enough))


async def _serve(url: str, count: int, after: datetime, told: Any, enough: Any) -> None:
    engine, blocks = database.engine(url), IdBlocks()
    rng = random.Random(1)
    async with database.connected(url) as owner:

        async def bought() -> float:
            return await _bought(owner, Work(engine, after, ids=blocks), 10 * rng.randrange(count // 10) + 7)

        for _ in range(20):
            await bought()
        told.put(Waits.of([await bought() for _ in range(CALM)]))
        waits = []
        while not enough.is_set():
            waits.append(await bought())
        told.put(Waits.of(waits))
    await engine.dispose()


async def _bought(owner: asyncpg.Connection, work: Work, number: int) -> float:
    """Buy one seat for a subscription; the seconds it took, as often as a renewal came first."""
    asked = "select due_at, (select quantity from item_step where item_id = $2 order by id desc limit 1) as seats"
    known = await owner.fetchrow(f"{asked} from subscription_clock where subscription_id = $1", number, 10 * number)
    if known["due_at"] < work.now:
        work.now = BEFORE
    wish = changes.Wish(10 * number, quantity=known["seats"] + 1)
    began = perf_counter()
    try:
        async with work.transaction():
            await work.bind(number)
            await changes.change(work, await people.account(work, number), number, wish)
    except Conflict:
        pass
    finally:
        await work.close()
    took = perf_counter() - began
    await asyncio.sleep(PAUSE)
    return took
