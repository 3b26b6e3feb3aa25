"""A worker of a billing run: claims a chunk, bills it in one transaction, and claims the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from billing.bounds import Bounds
from billing.run import chunks, queries
from billing.run.chunks import Run, Tally
from billing.run.pricing import Pricing, Shelf
from billing.run.rows import Overtaken, Renewal, write
from kernel.id_blocks import IdBlocks

Stopped = Callable[[], bool]
"""Whether to stop after the chunk at hand."""

_NEVER = "infinity"
"""When the clock of a subscription that is over is due."""

_NO = "null"
"""No instant, in an array that PostgreSQL reads."""

_AHEAD = 32
"""Blocks of ids for some chunks to come."""

log = structlog.get_logger("billing.run")


@dataclass(slots=True)
class Worker:
    """One connection that bills chunks of a run."""

    connection: asyncpg.Connection
    run: Run
    pricing: Pricing
    blocks: IdBlocks

    @classmethod
    async def of(cls, url: str, run: Run, bounds: Bounds, blocks: IdBlocks | None = None) -> Worker:
        """A worker with a connection of its own."""
        connection = await chunks.connected(url, repeating=True)
        return cls(connection, run, Pricing(run, Shelf(), bounds), blocks or IdBlocks(_AHEAD))

    async def work(self, stopped: Stopped) -> None:
        """Bill until no chunk is left that nobody works on, or until told to stop, after the chunk at hand."""
        while not stopped() and await self.turn():
            pass

    async def turn(self) -> bool:
        """Bill one period of everything due in a chunk; False when no chunk is left.

        A chunk in which more periods are due, because they were missed, is claimed again.
        """
        async with self.connection.transaction():
            chunk = await chunks.claim(self.connection, self.run)
            if chunk is None:
                return False
            locked = await queries.due(self.connection, chunk, self.run)
            made = await self._bill(locked) if locked else []
            again = any(renewal.period and renewal.period.span.end <= self.run.until for renewal in made)
            await chunks.note(self.connection, self.run, chunk, chunk.tally + _tally(made), done=not again)
        return True

    async def sweep(self, most: int) -> Tally:
        """Bill one period of up to so many subscriptions, those that are overdue longest."""
        async with self.connection.transaction():
            locked = await queries.overdue(self.connection, self.run, most)
            return _tally(await self._bill(locked) if locked else [])

    async def _bill(self, locked: Sequence[asyncpg.Record], *, patient: bool = False) -> list[Renewal]:
        """Bill them all. Rows that the database refuses are found by halves, and held."""
        try:
            async with self.connection.transaction():
                return await self._write(locked, patient=patient)
        except Overtaken:
            return await self._bill(locked, patient=True)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as refusal:
            if len(locked) == 1:
                return [await self._hold(locked[0], refusal)]
        half = len(locked) // 2
        return [*await self._bill(locked[:half]), *await self._bill(locked[half:])]

    async def _write(self, locked: Sequence[asyncpg.Record], *, patient: bool) -> list[Renewal]:
        made = await self.pricing.renewals(self.connection, locked)
        if not made:
            return []
        credit = await queries.credits_of(
            self.connection, (each.due["account_id"] for each in made if each.due["credited"])
        )
        await advance(self.connection, made)
        await write(self.connection, self.run, self.blocks, made, credit, patient=patient)
        return made

    async def _hold(self, due: asyncpg.Record, refusal: asyncpg.PostgresError) -> Renewal:
        log.error("a subscription can't be billed", subscription=due["subscription_id"], reason=str(refusal))
        held = Renewal(due, None, held=f"The database refuses its rows: {type(refusal).__name__}.")
        await advance(self.connection, [held])
        await write(self.connection, self.run, self.blocks, [held], {}, patient=True)
        return held


async def advance(connection: asyncpg.Connection, made: Sequence[Renewal]) -> None:
    """Move clocks and subscriptions into the periods that begin, and hold what is to be looked at."""
    values = [_moved(renewal) for renewal in made]
    accounts, subscriptions, starts, ends, held = (list(column) for column in zip(*values, strict=True))
    await connection.execute(_MOVE, accounts, subscriptions, _instants(starts), _instants(ends), held)


def _moved(renewal: Renewal) -> tuple[int, int, str, str, str | None]:
    account, subscription, due_at, *_ = renewal.due
    if renewal.period:
        return account, subscription, renewal.period.start, renewal.period.end, renewal.held
    # Nothing begins: what is held stays due until somebody has looked, and what is over never is again.
    return account, subscription, _NO, str(due_at) if renewal.held else _NEVER, renewal.held


def _instants(texts: Sequence[str]) -> str:
    """An array as PostgreSQL reads it: its texts are there already, and the driver takes long for instants."""
    return f"{{{','.join(texts)}}}"


def _tally(made: Sequence[Renewal]) -> Tally:
    held = sum(renewal.held is not None for renewal in made)
    billed = [renewal.form.total for renewal in made if renewal.form and renewal.held is None]
    amounts: Counter[str] = Counter()
    for amount in billed:
        amounts[amount.currency] += amount.minor
    reasons = Counter(_why(renewal) for renewal in made if renewal.form is None and renewal.held is None)
    return Tally(len(billed), held, len(made) - len(billed) - held, amounts, reasons)


def _why(renewal: Renewal) -> str:
    """Why a period is skipped."""
    if renewal.period is None:
        return "ended"
    return "paused" if renewal.due["state"] == "paused" else "free"


_MOVE = """
    with moved as (
        select * from unnest($1::bigint[], $2::bigint[], $3::text::timestamptz[], $4::text::timestamptz[],
                             $5::text[])
        as m(account_id, subscription_id, starts_at, ends_at, held)
    ), clocks as (
        update subscription_clock c set due_at = m.ends_at, held = m.held,
               unbilled_since = case when m.starts_at is null then c.unbilled_since end
        from moved m
        where (c.account_id, c.subscription_id) = (m.account_id, m.subscription_id)
    )
    update subscription s set period_start = m.starts_at, period_end = m.ends_at,
           state = case s.state when 'trialing' then 'active' else s.state end
    from moved m where (s.account_id, s.id) = (m.account_id, m.subscription_id) and m.starts_at is not null
"""
