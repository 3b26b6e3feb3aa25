"""Turns at the rail, shared through the database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic

import asyncpg
import pytest

from kernel import database
from payments.rail.errors import Throttled
from payments.rail.opening import SANDBOX_KEY, limits
from payments.rail.turns import LIVE, OURS, SANDBOX, Limits, SharedTurns


@dataclass(frozen=True, slots=True)
class Crowd:
    """Two processes on one database."""

    pools: list[asyncpg.Pool]

    def turns(self, together: int = 10_000, each: int = 10_000) -> list[SharedTurns]:
        return [SharedTurns(pool, Limits(together, each)) for pool in self.pools]


@pytest.fixture
async def crowd(database_url: str) -> AsyncIterator[Crowd]:
    pools = [await database.pool(database_url, size=4) for _ in range(2)]
    await pools[0].execute("update rail_turn set next_at = 0")
    yield Crowd(pools)
    for pool in pools:
        await pool.close()


async def test_two_processes_together_keep_to_the_pace_of_an_operation(crowd: Crowd) -> None:
    one, two = crowd.turns(each=20)
    begun = monotonic()

    await asyncio.gather(*(turns.take("kept.pace", urgent=True) for turns in (one, two) for _ in range(5)))

    # Ten turns at twenty a second: the first begins at once, nine wait 50 ms each.
    assert monotonic() - begun >= 0.44


async def test_all_operations_share_one_pace(crowd: Crowd) -> None:
    one, two = crowd.turns(together=20)
    begun = monotonic()

    await asyncio.gather(*(turns.take(f"all.{number}", urgent=True) for turns in (one, two) for number in range(5)))

    assert monotonic() - begun >= 0.44


async def test_batch_work_lets_interactive_calls_go_first(crowd: Crowd) -> None:
    one, two = crowd.turns(each=20)
    finished: list[str] = []

    async def take(turns: SharedTurns, *, urgent: bool) -> None:
        await turns.take("in.line", urgent=urgent)
        finished.append("urgent" if urgent else "batch")

    await one.take("in.line", urgent=True)
    batch = [asyncio.create_task(take(one, urgent=False)) for _ in range(3)]
    await asyncio.gather(*(take(two, urgent=True) for _ in range(5)))
    await asyncio.gather(*batch)

    assert finished == ["urgent"] * 5 + ["batch"] * 3


async def test_a_line_that_is_too_long_is_told_and_takes_no_turn(crowd: Crowd) -> None:
    (one, _) = crowd.turns(each=20)
    await crowd.pools[0].execute(
        "insert into rail_turn values ('too.long', extract(epoch from clock_timestamp()) * 1000000 + 60000000)"
    )
    before = await crowd.pools[0].fetchval("select next_at from rail_turn where operation = 'too.long'")

    with pytest.raises(Throttled, match="seconds of calls are in line"):
        await one.take("too.long", urgent=True)

    assert await crowd.pools[0].fetchval("select next_at from rail_turn where operation = 'too.long'") == before


def test_a_key_says_how_many_calls_it_may_make() -> None:
    assert (limits("sk_live_1"), limits("rk_live_1"), limits("sk_test_1")) == (LIVE, LIVE, SANDBOX)
    assert limits(SANDBOX_KEY) == OURS
    assert (Limits(100, 25), Limits(25, 25)) == (LIVE, SANDBOX)
