"""Budgets: how many points everybody may spend, shared by all processes of one database.

A budget fills up by so many points a second, to a most. PostgreSQL keeps what is left of
it, and no request waits for PostgreSQL to be told: each process counts by itself what was
spent, and settles with the others once a second, for everybody in one statement. Whoever
spends a tenth of a budget sooner is settled at once, so with n processes nobody spends
more than n tenths beyond their budget; what was spent too much is missing afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Any, Protocol

import asyncpg
import structlog

from gateway import budget_queries as queries
from kernel.errors import RateLimited, Unreachable

_EVERY = 1.0
"""Seconds between two settlements."""

_SHARE = 10
"""Which part of a budget one process lets somebody spend before it asks the others: a tenth."""

_FORGOTTEN = 60.0
"""Seconds after which somebody who spends nothing is asked about again."""

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Unreachable)
"""What is raised while the database doesn't answer."""

_SHOWN = (
    b'{"requestedQueryCost":%d,"actualQueryCost":%d,"throttleStatus":'
    b'{"maximumAvailable":%d,"currentlyAvailable":%d,"restoreRate":%d}}'
)

log = structlog.get_logger("gateway.budgets")


@dataclass(frozen=True, slots=True)
class Purse:
    """What everybody may spend: points at most, and how many come back in a second."""

    most: int
    restored: int


class Overspent(RateLimited):
    """The budget doesn't hold what a request costs; the details tell when it will."""

    def __init__(self, bill: Bill, wait: int) -> None:
        super().__init__(
            f"This request costs {bill.asked:,} points and {bill.left:,} are left. Try again in {wait} seconds.",
            seconds=wait,
        )
        self.bill = bill


@dataclass(slots=True)
class _Account:
    """What one process knows of somebody's budget."""

    left: float
    at: float
    """When that was so, by the clock of this process."""

    spent: int = 0
    """What was spent since and not settled yet."""

    def now(self, purse: Purse, at: float) -> int:
        """How many points are left, below zero for what was spent too much."""
        return int(min(purse.most, self.left + (at - self.at) * purse.restored)) - self.spent


@dataclass(slots=True)
class Bill:
    """What one request costs, and what is left after it."""

    asked: int
    purse: Purse
    left: int
    used: int | None = None
    _account: _Account | None = None

    def settle(self, used: int) -> None:
        """Give back what was asked for and not used, or take what was used beyond."""
        assert self._account is not None, "a bill that was refused is not settled"
        self.used = used
        self._account.spent += used - self.asked
        self.left = min(self.purse.most, self.left + self.asked - used)

    @property
    def text(self) -> bytes:
        """What `shown` is as JSON."""
        numbers = (self.asked, self.used or 0, self.purse.most, max(self.left, 0), self.purse.restored)
        return _SHOWN % numbers

    def shown(self) -> dict[str, Any]:
        """What the client is told in `extensions.cost`."""
        return {
            "requestedQueryCost": self.asked,
            "actualQueryCost": self.used,
            "throttleStatus": {
                "maximumAvailable": self.purse.most,
                "currentlyAvailable": max(self.left, 0),
                "restoreRate": self.purse.restored,
            },
        }


class Settle(Protocol):
    """Tells the others what each of these spent, and how many points each has left of all."""

    async def __call__(self, spent: Sequence[tuple[str, int]], purse: Purse) -> dict[str, int]:
        """By name."""
        ...


class Budgets:
    """The budgets that one process has met lately."""

    def __init__(self, purse: Purse, settle: Settle, clock: Callable[[], float] = monotonic) -> None:
        self.purse = purse
        self._settle = settle
        self._clock = clock
        self._accounts: dict[str, _Account] = {}
        self._turn = asyncio.Lock()

    async def take(self, name: str, asked: int) -> Bill:
        """Spend what a request may cost. Raises Overspent."""
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = _Account(self.purse.most, self._clock())
        if account.spent + asked > self.purse.most // _SHARE or account.now(self.purse, self._clock()) < asked:
            await self.settle([name])
        left = account.now(self.purse, self._clock())
        if left < asked:
            raise Overspent(Bill(asked, self.purse, left), ceil((asked - left) / self.purse.restored))
        account.spent += asked
        return Bill(asked, self.purse, left - asked, _account=account)

    async def run(self) -> None:
        """Settle every second until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.settle([name for name, account in self._accounts.items() if account.spent])
                self._forget()
            except AWAY as error:
                log.warning("budgets will be settled again", kind=type(error).__name__)

    async def close(self) -> None:
        """Tell the others what is not settled yet, for this process ends."""
        with suppress(*AWAY):
            await self.settle(list(self._accounts))

    async def settle(self, names: Sequence[str]) -> None:
        """Tell the other processes what these spent here, and learn what they spent there."""
        if not names:
            return
        async with self._turn:
            told = [(name, self._accounts[name].spent) for name in names if name in self._accounts]
            left = await self._settle(told, self.purse)
            now = self._clock()
            for name, spent in told:
                account = self._accounts[name]
                account.left, account.at = left[name], now
                account.spent -= spent

    def _forget(self) -> None:
        """Forget who spends nothing any more."""
        now = self._clock()
        for name, account in list(self._accounts.items()):
            if not account.spent and now - account.at > _FORGOTTEN:
                del self._accounts[name]


def shared(connections: asyncpg.Pool) -> Settle:
    """Settles with all processes of one database."""

    async def settle(spent: Sequence[tuple[str, int]], purse: Purse) -> dict[str, int]:
        return await queries.settle(connections, spent, purse.most, purse.restored)

    return settle
