"""Chunks: a run's work, cut into ranges of accounts that workers claim one by one.

The chunks are planned once, at the start, and are the table of progress too. All
subscriptions of an account lie in one chunk, so that no two workers write to one
account's audit chain. A worker that dies lets go of its chunk, and of everything
that it wrote there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from kernel.database import connect

ROLE = "seatgraph_worker"
"""The role a run works as: row-level security doesn't bind it, and it writes nothing but what a run writes."""

SIZE = 1_000
"""Subscriptions in a chunk: more make interactive changes wait longer for their locks, fewer cost more."""

_PLANNING = 0x5EA7_0002  # the advisory lock of whoever plans a run


@dataclass(frozen=True, slots=True)
class Run:
    """What is billed: everything due by `until`, on invoices of the instant `now`."""

    id: int
    until: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range of accounts, both ends included."""

    number: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of subscriptions that were due."""

    invoices: int = 0
    held: int = 0
    """Left for a person to look at."""

    skipped: int = 0
    """Periods in which there was nothing to bill."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.invoices + other.invoices, self.held + other.held, self.skipped + other.skipped)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: how many subscriptions were planned, how many lie in chunks that are done, and the tally."""

    planned: int
    done: int
    tally: Tally


async def connected(url: str) -> asyncpg.Connection:
    """A connection that may write in bulk: as the run's role, or as the owner where that role could not be made."""
    connection = await connect(url)
    asked = "select from pg_roles where rolname = $1 and rolbypassrls and pg_has_role(oid, 'member')"
    if await connection.fetch(asked, ROLE):
        await connection.execute(f"set role {ROLE}")
    return connection


async def plan(connection: asyncpg.Connection, until: datetime, now: datetime, size: int = SIZE) -> Run | None:
    """The run to this instant that was not finished, or a new one; None when nothing is due."""
    async with connection.transaction():
        await connection.execute(f"select pg_advisory_xact_lock({_PLANNING})")
        begun = "select id from billing_run where until = $1 and finished_at is null order by id limit 1"
        if run_id := await connection.fetchval(begun, until):
            return Run(run_id, until, now)
        due = "select from subscription_clock where due_at <= $1 and held is null limit 1"
        if not await connection.fetch(due, until):
            return None
        # Runs are few: a block of ids is a fair price for not keeping one.
        run_id = await connection.fetchval("select nextval('id_block') * 1024")
        await connection.execute("insert into billing_run values ($1, $2, $3)", run_id, until, now)
        await connection.execute(_CUT, run_id, until, size)
        return Run(run_id, until, now)


async def claim(connection: asyncpg.Connection, run: Run) -> Chunk | None:
    """A chunk that nobody works on, ours until the transaction ends; None when none is left."""
    row = await connection.fetchrow(
        "select number, first_account, last_account from run_chunk where run_id = $1 and done_at is null"
        " order by number limit 1 for update skip locked",
        run.id,
    )
    return Chunk(*row) if row else None


async def note(connection: asyncpg.Connection, run: Run, chunk: Chunk, tally: Tally, *, done: bool) -> None:
    """Count what was done of a chunk, and whether that was all."""
    await connection.execute(
        "update run_chunk set invoices = invoices + $3, held = held + $4, skipped = skipped + $5, done_at = $6"
        " where (run_id, number) = ($1, $2)",
        run.id,
        chunk.number,
        tally.invoices,
        tally.held,
        tally.skipped,
        run.now if done else None,
    )


async def progress(connection: asyncpg.Connection, run: Run) -> Progress:
    """How far the run is, all its workers together."""
    row = await connection.fetchrow(
        "select sum(planned), coalesce(sum(planned) filter (where done_at is not null), 0),"
        " sum(invoices), sum(held), sum(skipped) from run_chunk where run_id = $1",
        run.id,
    )
    assert row is not None, "sums are always one row"
    planned, done, *counts = (int(number) for number in row)
    return Progress(planned, done, Tally(*counts))


async def finish(connection: asyncpg.Connection, run: Run) -> bool:
    """Write down that a run is over; False when chunks are left."""
    return bool(
        await connection.fetch(
            "update billing_run set finished_at = $2 where id = $1"
            " and not exists (select from run_chunk where run_id = $1 and done_at is null) returning id",
            run.id,
            run.now,
        )
    )


_CUT = """
    insert into run_chunk (run_id, number, first_account, last_account, planned)
    select $1, number, min(account_id), max(account_id), count(*)
    from (select account_id, (min(place) over (partition by account_id) - 1) / $3::integer as number
          from (select account_id, row_number() over (order by account_id) as place
                from subscription_clock where due_at <= $2 and held is null) due) placed
    group by number
"""
