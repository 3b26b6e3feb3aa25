"""The feed: what is told of accounts, from the outbox to whoever follows, in the order in which it was committed.

One connection of a process listens. A notification names accounts; their new events
are read once, however many follow, and put into the memory of each follower. That
memory holds `MOST_WAITING` events: a follower who falls behind loses them and reads
them from the outbox again, page by page, at their own pace, until they have caught up.
So a burst costs nobody else anything, and a follower who begins at a cursor is no
different from one who fell behind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from typing import Any

import asyncpg
import structlog

from gateway.live import queries
from gateway.live.whole import whole
from kernel import database
from kernel.errors import InvalidInput, Unavailable
from kernel.work import Work
from resolvers.following import Change, Told, Wanted

CHANNEL = "seatgraph_told"
"""Where the outbox notifies; the migration of the outbox names it too."""

MOST_WAITING = 100
"""The most events that wait in memory for one follower."""

KEPT = timedelta(days=29)
"""How far back a cursor reaches; the worker forgets a day later."""

AT_ONCE = 2
"""How many of those who are behind read at the same time."""

_KNOWN_AS = {"application_name": "seatgraph-live"}
_PROBED = 10  # seconds of silence after which the listening connection is asked whether it lives
_REST = 0.5  # seconds before another try

log = structlog.get_logger("gateway.live")

Begin = Callable[[], AbstractAsyncContextManager[Work]]
"""Opens a unit of work of the product itself."""


class Stopping(Unavailable):
    """The process is about to end."""


class Feed:
    """What is told in this process."""

    def __init__(self, url: str, begin: Begin) -> None:
        self.begin = begin
        self._url = url
        self._followers: dict[int, set[Follower]] = {}
        self._seen: dict[int, int] = {}
        self._stirred: set[int] = set()
        self._stir = asyncio.Event()
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Listen and tell until cancelled."""
        async with asyncio.TaskGroup() as working:
            working.create_task(self._again(self._listen))
            working.create_task(self._again(self._tell))

    async def follow(self, wanted: Wanted) -> AsyncIterator[Change]:
        """The changes that are wanted, from now on or from a place on. Raises InvalidInput."""
        follower = Follower(self, wanted)
        self._followers.setdefault(wanted.account_id, set()).add(follower)
        try:
            async with self.begin() as work:
                place = await queries.last_place(work, wanted.account_id)
                begun = await _beginning(work, wanted, place)
        except BaseException:
            self.leave(follower)
            raise
        follower.begin(begun)
        self._seen.setdefault(wanted.account_id, place)
        # What was told while we asked found nobody who had begun.
        self._wake({wanted.account_id})
        return follower

    async def after(self, wanted: Wanted, place: int) -> list[Told]:
        """The next events, or records, of an account after a place."""
        async with self._reading, self.begin() as work:
            read = queries.records_after if wanted.kind.chained else queries.after
            return await read(work, wanted.account_id, place)

    def leave(self, follower: Follower) -> None:
        """Tell a follower nothing more."""
        account_id = follower.wanted.account_id
        others = self._followers.get(account_id, set())
        others.discard(follower)
        if not others:
            self._followers.pop(account_id, None)
            self._seen.pop(account_id, None)

    def close(self) -> None:
        """Let every follower know that this process ends."""
        for followers in self._followers.values():
            for follower in followers:
                follower.stop()

    def _wake(self, accounts: set[int]) -> None:
        self._stirred |= accounts & self._followers.keys()
        if self._stirred:
            self._stir.set()

    async def _listen(self) -> None:
        """Hear what the outbox notifies, until the connection breaks."""
        broken = asyncio.Event()
        async with database.connected(self._url, role=database.APP_ROLE, server_settings=_KNOWN_AS) as connection:
            connection.add_termination_listener(lambda _: broken.set())
            await connection.add_listener(CHANNEL, self._hear)
            # What happened while nobody listened.
            self._wake(set(self._followers))
            while not broken.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(broken.wait(), _PROBED)
                if not broken.is_set():
                    await connection.fetchval("select 1", timeout=_PROBED)
        raise Unavailable("The connection that listens has ended.")

    def _hear(self, _connection: Any, _process: int, _channel: str, payload: object) -> None:
        self._wake({int(number) for number in str(payload).split(",")})

    async def _tell(self) -> None:
        """Read what happened to the accounts that somebody follows, and tell it."""
        await self._stir.wait()
        self._stir.clear()
        accounts, self._stirred = self._stirred, set()
        places = {account: self._seen[account] for account in accounts if account in self._seen}
        if not places:
            return
        try:
            async with self.begin() as work:
                told = await queries.since(work, places)
        except Exception:
            self._wake(accounts)
            raise
        for account, each in told:
            if each.position > self._seen.get(account, each.position):
                self._seen[account] = each.position
                for follower in self._followers[account]:
                    follower.offer(each)
        if len(told) == queries.READ:
            self._wake(accounts)

    async def _again(self, act: Callable[[], Any]) -> None:
        while True:
            try:
                await act()
            except (Unavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("live events will be read again", kind=type(error).__name__)
                await asyncio.sleep(_REST)
            except Exception as error:
                log.exception("live events will be read again", kind=type(error).__name__)
                await asyncio.sleep(_REST)


async def _beginning(work: Work, wanted: Wanted, last: int) -> int:
    """The place after which somebody is told; `last` is that of the account's last event. Raises InvalidInput."""
    if wanted.kind.chained:
        last = await queries.last_record(work, wanted.account_id)
        # Nothing is ever forgotten of an audit log; a number that it has not reached is of another one.
        if wanted.after is not None and wanted.after > last:
            raise InvalidInput("Nothing is known of this cursor: the audit log has not come so far.")
    elif wanted.after is not None and not await queries.kept(work, wanted.account_id, wanted.after, work.now - KEPT):
        raise InvalidInput(
            f"Nothing is known of this cursor: what happened is kept for {KEPT.days} days."
            " Ask how things are now, and follow without 'after'."
        )
    return last if wanted.after is None else wanted.after


class Follower(AsyncIterator[Change]):
    """One who follows: iterate over it, and close it at the end."""

    def __init__(self, feed: Feed, wanted: Wanted) -> None:
        self.wanted = wanted
        self._feed = feed
        self._waiting: deque[Told] = deque()
        self._stir = asyncio.Event()
        self._last = 0
        self._heard = 0
        self._live = False
        self._stopped = False

    def begin(self, place: int) -> None:
        """Be told what happens after a place."""
        self._last = place

    def stop(self) -> None:
        """Let whoever iterates know that this process ends."""
        self._stopped = True
        self._stir.set()

    def offer(self, told: Told) -> None:
        """Something happened to the account."""
        self._heard = told.position
        if self.wanted.kind.chained:
            # An event says that the audit log has grown; what it says is read from there.
            self._live = False
            self._stir.set()
            return
        if not self._live or told.position <= self._last:
            return
        if len(self._waiting) >= MOST_WAITING:
            # What waits is told, and then what was not taken is read from the outbox.
            self._live = False
            return
        self._last = told.position
        if self.wanted.wants(told):
            self._waiting.append(told)
            self._stir.set()

    async def __anext__(self) -> Change:
        """The next change. Raises Stopping."""
        while True:
            if self._stopped:
                raise Stopping("We are about to restart. Subscribe again after your last cursor.")
            if self._waiting:
                return Change(self.wanted, self._waiting.popleft())
            if self._live:
                await self._stir.wait()
                self._stir.clear()
            else:
                await self._catch_up()

    async def aclose(self) -> None:
        """Follow no more."""
        self._feed.leave(self)

    async def _catch_up(self) -> None:
        heard = self._heard
        told = await whole(self._feed.after(self.wanted, self._last))
        if told:
            self._last = told[-1].position
            self._waiting.extend(each for each in told if self.wanted.wants(each))
        elif heard == self._heard:
            self._live = True
