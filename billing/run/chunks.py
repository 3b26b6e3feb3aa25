"""Chunks: a run's work, cut into ranges of accounts that workers claim one by one.

The chunks are planned once, at the start, and are the table of progress too. All
subscriptions of an account lie in one chunk, so that no two workers write to one
account's audit chain. A worker that dies lets go of its chunk, and of everything
that it wrote there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import orjson

from kernel.database import connect

ROLE = "seatgraph_worker"
"""The role a run works as: row-level security doesn't bind it, and it writes nothing but what a run writes."""

SIZE = 200
"""Subscriptions in a chunk: more make interactive changes wait longer for a number, twice as many cost 3 % less."""

_PLANNING = "hashtext('billing run')"  # the advisory lock of whoever plans a run


@dataclass(frozen=True, slots=True)
class Run:
    """What is billed: everything due by `until`, on invoices of the instant `now`."""

    id: int
    until: datetime
    now: datetime

    @property
    def name(self) -> str:
        """What its audit records and events say they came from."""
        return f"run-{self.id}" if self.id else "worker"


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of subscriptions that were due."""

    invoices: int = 0
    held: int = 0
    """Left for a person to look at."""

    skipped: int = 0
    """Periods in which there was nothing to bill."""

    amounts: Mapping[str, int] = field(default_factory=dict, compare=False)
    """What the invoices ask for, in minor units by currency."""

    reasons: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Why periods were skipped, and how many for each reason."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.invoices + other.invoices,
            self.held + other.held,
            self.skipped + other.skipped,
            _merged(self.amounts, other.amounts),
            _merged(self.reasons, other.reasons),
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range of accounts, both ends included."""

    number: int
    first: int
    last: int
    tally: Tally
    """What became of it so far."""


def _merged(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted(one.keys() | other.keys())}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, all its workers together."""

    planned: int
    """Subscriptions that were due when it was planned."""

    done: int
    """Those in chunks that are done."""

    chunks: int
    chunks_done: int
    tally: Tally

    def __add__(self, other: Progress) -> Progress:
        return Progress(
            self.planned + other.planned,
            self.done + other.done,
            self.chunks + other.chunks,
            self.chunks_done + other.chunks_done,
            self.tally + other.tally,
        )


NOTHING = Progress(0, 0, 0, 0, Tally())


async def connected(url: str, *, repeating: bool = False) -> asyncpg.Connection:
    """A connection that may write in bulk: as the run's role, or as the owner where that role could not be made.

    Whoever is `repeating` asks the same again and again: to plan it anew takes longer than to answer it.
    """
    connection = await connect(url)
    asked = "select from pg_roles where rolname = $1 and rolbypassrls and pg_has_role(oid, 'member')"
    try:
        if await connection.fetch(asked, ROLE):
            await connection.execute(f"set role {ROLE}")
        if repeating:
            await connection.execute("set plan_cache_mode = force_generic_plan")
    except BaseException:
        # Whoever is stopped here never gets it, and so can't close it.
        connection.terminate()
        raise
    return connection


async def begun(connection: asyncpg.Connection, until: datetime, now: datetime) -> list[Run]:
    """The runs up to this instant that were stopped, or that others are at; the oldest first."""
    asked = "select id, until from billing_run where until <= $1 and finished_at is null order by id"
    return [Run(row["id"], row["until"], now) for row in await connection.fetch(asked, until)]


async def plan(connection: asyncpg.Connection, until: datetime, now: datetime, size: int = SIZE) -> Run | None:
    """A run over everything that is due; None when nothing is."""
    async with connection.transaction():
        await connection.execute(f"select pg_advisory_xact_lock({_PLANNING})")
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
        "select number, first_account, last_account, invoices, held, skipped, amounts, reasons from run_chunk"
        " where run_id = $1 and done_at is null order by number limit 1 for update skip locked",
        run.id,
    )
    if row is None:
        return None
    number, first, last, invoices, held, skipped, amounts, reasons = row
    return Chunk(number, first, last, Tally(invoices, held, skipped, orjson.loads(amounts), orjson.loads(reasons)))


async def note(connection: asyncpg.Connection, run: Run, chunk: Chunk, tally: Tally, *, done: bool) -> None:
    """Write down what was done of a chunk so far, and whether that is all."""
    await connection.execute(
        "update run_chunk set invoices = $3, held = $4, skipped = $5, done_at = $6, amounts = $7, reasons = $8"
        " where (run_id, number) = ($1, $2)",
        run.id,
        chunk.number,
        tally.invoices,
        tally.held,
        tally.skipped,
        run.now if done else None,
        orjson.dumps(tally.amounts).decode(),
        orjson.dumps(tally.reasons).decode(),
    )


async def progress(connection: asyncpg.Connection, run: Run) -> Progress:
    """How far the run is, all its workers together."""
    row = await connection.fetchrow(
        "select coalesce(sum(planned), 0), coalesce(sum(planned) filter (where done_at is not null), 0),"
        " count(*), count(done_at), coalesce(sum(invoices), 0), coalesce(sum(held), 0), coalesce(sum(skipped), 0)"
        " from run_chunk where run_id = $1",
        run.id,
    )
    assert row is not None, "sums are always one row"
    planned, done, count, finished, invoices, held, skipped = (int(number) for number in row)
    amounts, reasons = [await _summed(connection, column, run) for column in ("amounts", "reasons")]
    return Progress(planned, done, count, finished, Tally(invoices, held, skipped, amounts, reasons))


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


async def _summed(connection: asyncpg.Connection, column: str, run: Run) -> dict[str, int]:
    rows = await connection.fetch(
        f"select key, sum(value::bigint)::bigint as sum from run_chunk, jsonb_each_text({column})"  # noqa: S608 - ours
        " where run_id = $1 group by key order by key",
        run.id,
    )
    return {row["key"]: row["sum"] for row in rows}


_CUT = """
    insert into run_chunk (run_id, number, first_account, last_account, planned)
    select $1, number, min(account_id), max(account_id), count(*)
    from (select account_id, (min(place) over (partition by account_id) - 1) / $3::integer as number
          from (select account_id, row_number() over (order by account_id) as place
                from subscription_clock where due_at <= $2 and held is null) due) placed
    group by number
"""
