"""Living: an account with a subscription on a real database, and what can happen to them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from auth import queries as people
from auth.tables import Account, AccountKind
from billing import (
    books,
    catalog_files,
    catalog_store,
    coverage,
    explaining,
    ledger,
    receiving,
    recognition,
    revenue_queries,
    subscriptions,
)
from billing.invariants import INVARIANTS
from kernel import database
from kernel.id_blocks import IdBlocks
from kernel.money import Money
from kernel.work import Work

CATALOG = Path(__file__).resolve().parents[2] / "catalog"
STAFF = {"staff": "on"}
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Life:
    """One account, as staff see it, at a moment that a test moves."""

    engine: AsyncEngine
    blocks: IdBlocks
    owner: asyncpg.Connection
    account_id: int
    now: datetime
    url: str
    subscription_id: int = 0
    item_id: int = 0
    known: dict[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[tuple[Work, Account]]:
        """A unit of work that may write the account's rows, undone by an exception."""
        work = Work(self.engine, self.now, ids=self.blocks, sees=STAFF)
        try:
            async with work.transaction():
                await work.bind(self.account_id)
                yield work, await people.account(work, self.account_id)
        finally:
            await work.close()

    async def do(self, act: Callable[[Work, Account], Awaitable[Answer]]) -> Answer:
        """Do one thing to the account."""
        async with self.work() as (work, account):
            return await act(work, account)

    async def price(self, plan: str, currency: str = "EUR", interval: str = "month") -> int:
        """The base price of a plan of the catalog."""
        number: int = await self.owner.fetchval(
            "select r.id from price r join plan p on p.id = r.plan_id"
            " where p.key = $1 and r.currency = $2 and r.interval = $3 and r.key = 'base'",
            plan,
            currency,
            interval,
        )
        return number

    async def subscribe(self, plan: str, currency: str = "EUR", quantity: int = 1) -> None:
        """Start the account's subscription, past any trial."""
        price = await self.price(plan, currency)
        subscription, item = await self.do(
            lambda work, account: subscriptions.subscribe(work, account, price, quantity)
        )
        self.subscription_id, self.item_id = subscription.id, item.id

    async def code(self, percent: str | None, periods: int | None = None, amounts: dict[str, int] | None = None) -> str:
        """A new promotion code for a percentage, or an amount in each currency, off."""
        number: int = await self.owner.fetchval("select coalesce(max(id), 0) + 1 from coupon")
        await self.owner.execute(
            "insert into coupon (id, key, name, percent, periods, created_at, amounts)"
            ' values ($1, $5, \'{"en": "Kindness"}\', $2, $3, $4, $6)',
            number,
            percent,
            periods,
            self.now,
            f"coupon_{number}",
            None if amounts is None else json.dumps(amounts),
        )
        text = f"CODE{number}"
        await self.owner.execute(
            "insert into promotion_code (id, coupon_id, code, created_at) values ($1, $1, $2, $3)",
            number,
            text,
            self.now,
        )
        return text

    async def one(self, sql: str, *values: Any) -> Any:
        """A value that the database holds."""
        return await self.owner.fetchval(sql, *values)

    async def numbers(self, where: str = "true") -> list[int]:
        """The account's invoices, oldest first."""
        rows = await self.owner.fetch(
            f"select id from invoice where account_id = $1 and {where} order by created_at, id", self.account_id
        )
        return [row["id"] for row in rows]

    async def invoice(self, number: int) -> asyncpg.Record:
        """An invoice as the database holds it."""
        found = await self.owner.fetchrow(
            "select * from invoice where account_id = $1 and id = $2", self.account_id, number
        )
        assert found is not None
        return found

    async def pay(self, number: int, minor: int) -> None:
        """Money comes for an invoice."""

        currency = (await self.invoice(number))["currency"]
        await self.do(lambda work, account: receiving.receive(work, account.id, number, Money(minor, currency)))

    async def balances(self) -> dict[str, int]:
        """What each ledger account holds for this account: debits less credits, of all currencies."""
        rows = await self.owner.fetch(
            "select account, sum(minor)::bigint as minor from ("
            " select debit as account, amount_minor as minor from ledger_transfer where account_id = $1 union all"
            " select credit, -amount_minor from ledger_transfer where account_id = $1) t group by 1",
            self.account_id,
        )
        return {row["account"]: row["minor"] for row in rows if row["minor"]}

    async def assert_sound(self, explained: Sequence[int] = ()) -> None:
        """Insist on every invariant, on books that sum to zero, and that invoices explain themselves.

        `explained` are invoices that did so before, and are not asked again.
        """
        for name, _, sql in INVARIANTS:
            broken = [tuple(row) for row in await self.owner.fetch(sql)]
            assert not broken, (name, broken)
        await assert_covered(self.owner)
        assert sum((await self.balances()).values()) == 0
        for number in set(await self.numbers()) - set(explained):
            told = await self.explained(number)
            assert told.agrees, (number, told)

    async def explained(self, number: int) -> explaining.Explanation:
        """An invoice, computed again."""
        return await self.do(lambda work, account: explaining.explain(work, account, number))

    async def recognize(self, currency: str = "EUR") -> tuple[int, int]:
        """Bring the books up to today: what is deferred then by the ledger, and by the schedule."""

        async def brought(work: Work, account: Account) -> tuple[int, int]:
            await recognition.recognize(work, account, currency)
            kept = -await books.balance(work, account.id, currency, ledger.Account.DEFERRED)
            today = self.now.date()
            (day,) = await revenue_queries.schedule(work, account.id, currency, today, today)
            return kept, day.deferred.minor

        return await self.do(brought)


async def assert_covered(owner: asyncpg.Connection) -> None:
    """Insist that every period was charged once, and that the quick look for it overlooks nothing."""
    async with owner.transaction():
        found = [breach async for breach in coverage.breaches(owner, every=True)]
        assert not found, found
        assert not [breach async for breach in coverage.breaches(owner)]


Open = Callable[..., Awaitable[Life]]


@asynccontextmanager
async def lives(url: str) -> AsyncIterator[Open]:
    """Opens accounts on a database that sells what the product's own catalog says."""
    engine, blocks = database.engine(url), IdBlocks()
    owner_engine = database.engine(url, role=None)
    async with database.connected(url) as owner:
        work = Work(owner_engine, datetime.now().astimezone(), ids=blocks)
        async with work.transaction():
            await work.reserve(1_000)
            await catalog_store.apply(work, catalog_files.read(CATALOG))
        await work.close()

        async def opened(now: datetime, *, country: str = "DE", **columns: Any) -> Life:
            await blocks.reserve(owner, 10)
            row = Account(
                id=blocks.take(),
                kind=AccountKind.WORKSPACE,
                name="Acme",
                email="billing@example.test",
                country=country,
                created_at=now,
                **columns,
            )
            adding = Work(owner_engine, now, ids=blocks)
            async with adding.transaction():
                adding.add(row)
            await adding.close()
            return Life(engine, blocks, owner, row.id, now, url)

        yield opened
    await engine.dispose()
    await owner_engine.dispose()
