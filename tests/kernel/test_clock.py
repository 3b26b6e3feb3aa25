"""The clock: the time of day, or a time that everybody agrees to have moved forward."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from kernel import database
from kernel.clock import SimulatedClock, SystemClock, span
from kernel.errors import InvalidInput

SECOND = timedelta(seconds=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


async def test_an_untouched_clock_shows_the_time_of_day(fresh_database_url: str) -> None:
    async with database.connected(fresh_database_url) as connection:
        before, shown, after = await SystemClock().now(), await SimulatedClock(connection).now(), datetime.now(UTC)

    assert before <= shown <= after


async def test_a_simulated_clock_begins_where_it_was_told_and_runs_on(fresh_database_url: str) -> None:
    async with database.connected(fresh_database_url) as connection:
        clock = SimulatedClock(connection)
        await clock.begin(START)

        first, then = await clock.now(), await clock.now()

    assert START <= first < then < START + 60 * SECOND


async def test_a_restart_does_not_take_the_clock_back_to_its_beginning(fresh_database_url: str) -> None:
    async with database.connected(fresh_database_url) as connection:
        clock = SimulatedClock(connection)
        await clock.begin(START)
        moved = await clock.advance(timedelta(days=3))

        await clock.begin(START)

        assert await clock.now() > moved


async def test_all_processes_see_the_moved_clock_at_once(fresh_database_url: str) -> None:
    async with (
        database.connected(fresh_database_url) as here,
        database.connected(fresh_database_url, role=database.APP_ROLE) as there,
    ):
        moved = await SimulatedClock(here).advance(timedelta(days=31))

        assert await SimulatedClock(there).now() >= moved


@pytest.mark.parametrize("by", [timedelta(0), timedelta(days=-1)])
async def test_time_only_moves_forward(fresh_database_url: str, by: timedelta) -> None:
    async with database.connected(fresh_database_url) as connection:
        with pytest.raises(InvalidInput, match="only moves forward"):
            await SimulatedClock(connection).advance(by)


async def test_the_database_insists_that_time_moves_forward(fresh_database_url: str) -> None:
    async with database.connected(fresh_database_url) as connection:
        await SimulatedClock(connection).advance(SECOND)

        with pytest.raises(asyncpg.CheckViolationError, match="only moves forward"):
            await connection.execute("update clock set moved = moved - 1")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90 * SECOND),
        ("15m", 900 * SECOND),
        ("2h", 7_200 * SECOND),
        ("3d", timedelta(3)),
        ("2w", timedelta(14)),
    ],
)
def test_a_span_of_time_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert span(text) == length


@pytest.mark.parametrize("text", ["", "3", "d", "-3d", "1 d", "1mo", "9999999d", "³d"])
def test_anything_else_is_no_span_of_time(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a span of time"):
        span(text)
