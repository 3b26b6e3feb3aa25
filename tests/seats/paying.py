"""Paying: workspaces that buy seats on a clock of their own, and what they were asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from auth.tables import Account, Workspace
from billing import previews
from billing.catalog import Audience
from billing.catalog_tables import PlanVersion
from billing.collecting import SeatCollection
from billing.previews import Foreseen
from billing.pricing import Decrease, Model
from billing.proration import Proration
from billing.subscriptions import CancelAt
from gateway.worker import Worker
from kernel.time import Interval
from kernel.work import Work
from seats import buying, operations, pools
from seats.buying import Resized
from seats.seating import SeatSource
from tests.billing.living import Life, lives
from tests.stock import Stock, put

SEAT = 4_000
"""What a seat costs for a whole period, in minor units."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A clock that stands where a test put it."""

    moment: datetime

    async def now(self) -> datetime:
        """That moment."""
        return self.moment


@dataclass(slots=True)
class Buyer:
    """A workspace that pays, and its pools in the order they were bought."""

    life: Life
    pools: list[int] = field(default_factory=list)

    async def buy(self, price: int, seats: int) -> int:
        """A pool with so many seats; its place among the pools."""
        pool = await self.life.do(lambda work, account: pools.create_pool(work, account, price, seats, "Seats"))
        self.pools.append(pool.id)
        return len(self.pools) - 1

    async def resize(self, seats: int, pool: int = 0) -> Resized:
        """Have so many seats."""
        number = self.pools[pool]
        return await self.life.do(lambda work, account: buying.resize(work, account, number, seats, None))

    async def foresees(self, seats: int, pool: int = 0) -> Foreseen:
        """What so many seats would come to, now and later."""
        number = self.pools[pool]

        async def foreseen(work: Work, account: Account) -> Foreseen:
            quote = await buying.preview(work, account, number, seats)
            return await previews.foreseen(
                work, account, quote.billed, wish=quote.wish, waits=quote.waits, collected_at=quote.collected_at
            )

        return await self.life.do(foreseen)

    async def seat(self, email: str, pool: int = 0) -> int:
        """Invite somebody to a seat."""
        number, account_id = self.pools[pool], self.life.account_id
        sat = await self.life.do(lambda work, _: operations.assign(work, account_id, number, email, SeatSource.MANUAL))
        return sat.id

    async def free(self, seat: int) -> None:
        """Release a seat."""
        await self.life.do(lambda work, _: operations.release(work, self.life.account_id, seat, None))

    async def cancel(self, at: CancelAt = CancelAt.NOW, *, credit: bool = False, pool: int = 0) -> None:
        """Cancel what pays for a pool."""
        number = await self.subscription(pool)
        await self.life.do(lambda work, account: buying.cancel(work, account, number, at, None, credit=credit))

    async def collects(self, how: SeatCollection) -> None:
        """From now on, seats are billed so."""
        await self.life.owner.execute(
            "update account set seat_collection = $2 where id = $1", self.life.account_id, how.value
        )

    async def until(self, moment: datetime) -> None:
        """Let time pass, stopping wherever something may fall due, and do what does."""
        while self.life.now < moment:
            self.life.now = min(self.life.now + timedelta(hours=12), moment)
            await self.work_off()
            self.life.now = self.life.now.replace(microsecond=0)

    async def work_off(self) -> None:
        """Do whatever is due to be ended or billed; each turn of the worker takes a moment."""
        while await self._turn():
            self.life.now += timedelta(microseconds=1)

    async def _turn(self) -> bool:
        worker = Worker(self.life.url, self.life.engine, Standing(self.life.now), self.life.blocks)
        steps = (worker.expire, worker.end, worker.renew, worker.collect, worker.finalize)
        return any([await step(self.life.now) for step in steps])

    async def subscription(self, pool: int = 0) -> int:
        """What pays for a pool."""
        return int(await self.life.one("select subscription_id from license_pool where id = $1", self.pools[pool]))

    async def size(self, pool: int = 0) -> int:
        """How many seats a pool has."""
        return int(await self.life.one("select purchased from license_pool where id = $1", self.pools[pool]))

    async def totals(self) -> list[int]:
        """What each invoice asks for before tax, in the order they were made; void ones are left out."""
        rows = await self.life.owner.fetch(
            "select subtotal_minor from invoice where account_id = $1 and state <> 'void' order by created_at, id",
            self.life.account_id,
        )
        return [row["subtotal_minor"] for row in rows]

    async def lines(self, place: int = -1) -> list[asyncpg.Record]:
        """The lines of one of the invoices."""
        number = (await self.life.numbers("state <> 'void'"))[place]
        rows: list[asyncpg.Record] = await self.life.owner.fetch(
            "select * from line_item where account_id = $1 and invoice_id = $2 order by position",
            self.life.account_id,
            number,
        )
        return rows

    async def days(self) -> list[datetime]:
        """When each invoice was made."""
        rows = await self.life.owner.fetch(
            "select created_at from invoice where account_id = $1 and state <> 'void' order by created_at, id",
            self.life.account_id,
        )
        return [row["created_at"].replace(microsecond=0) for row in rows]


@dataclass(slots=True)
class Market:
    """Where workspaces and plans come from."""

    open: Callable[..., Awaitable[Life]]
    sold: int = 0

    async def buyer(self, now: datetime, collects: SeatCollection = SeatCollection.IMMEDIATELY, **terms: Any) -> Buyer:
        """A workspace without pools, from where no tax is charged."""
        life = await self.open(now, **{"country": "US", "seat_collection": collects.value, **terms})
        await put(life.owner, Workspace(id=life.account_id, name="Acme", created_at=now))
        return Buyer(life)

    async def price(
        self,
        life: Life,
        *,
        currency: str = "USD",
        interval: Interval = Interval.MONTH,
        decrease: Decrease = Decrease.AT_RENEWAL,
        proration: Proration = Proration.SECOND,
        amount: int = SEAT,
    ) -> int:
        """The price of a new plan by the seat."""
        self.sold += 1
        await life.blocks.reserve(life.owner, 20)
        stock = Stock(life.owner, life.blocks, life.now - timedelta(days=1))
        offer = await stock.offer(f"team_{self.sold}", Audience.WORKSPACE, amount, per_seat=True)
        version = PlanVersion(id=offer.version_number, plan_id=offer.plan_number, created_at=stock.now)
        row = stock.price(version, Model.PER_UNIT, amount)
        row.currency, row.interval, row.key = currency, interval, "other"
        row.rule = {**row.rule, "decrease": decrease.value, "proration": proration.value}
        await put(life.owner, row)
        return row.id


@asynccontextmanager
async def markets(url: str) -> AsyncIterator[Market]:
    """A market on a database."""
    async with lives(url) as opened:
        yield Market(opened)
