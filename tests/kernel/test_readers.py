"""Readers: one round trip, one transaction, nothing left for whoever comes next, and nothing written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from kernel import database
from kernel.errors import Unreachable
from kernel.readers import Readers

SEEN = "select case when set_config('app.person', $1::text, true) = $1 then (select app_text('person') || $2) end"
LEFT = "select app_text('person') || $1::text"
SLOW = "select pg_sleep(60)::text || $1::text"
PATIENCE = 60.0


@pytest.fixture
async def readers(database_url: str) -> AsyncIterator[Readers]:
    made = Readers(database_url, size=1)
    yield made
    await made.close()


async def test_what_is_set_first_counts_for_what_is_read_then_and_no_further(readers: Readers) -> None:
    said = await readers.ask(SEEN, ("ada", "!"), PATIENCE)
    after = await readers.ask(LEFT, ("!",), PATIENCE)

    assert (said, after) == ("ada!", None)


async def test_nothing_is_written_and_a_refusal_leaves_a_connection_that_answers(readers: Readers) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await readers.ask("insert into budget values ('x', 1, now()) returning $1::text", ("",), PATIENCE)

    assert await readers.ask(SEEN, ("ada", "!"), PATIENCE) == "ada!"


async def test_readers_work_as_the_role_that_the_fence_binds(readers: Readers) -> None:
    assert await readers.ask("select current_user::text || $1::text", ("",), PATIENCE) == database.READER_ROLE


async def test_more_questions_than_connections_take_turns(readers: Readers) -> None:
    asked = [readers.ask(SEEN, (str(n), "!"), PATIENCE) for n in range(20)]

    assert await asyncio.gather(*asked) == [f"{n}!" for n in range(20)]


async def test_what_takes_too_long_is_stopped_and_its_connection_replaced(readers: Readers) -> None:
    with pytest.raises(TimeoutError):
        await readers.ask(SLOW, ("",), 0.2)

    assert await readers.ask(SEEN, ("ada", "!"), PATIENCE) == "ada!"


async def test_whoever_waits_too_long_for_a_connection_gives_up(readers: Readers) -> None:
    slow = asyncio.create_task(readers.ask(SLOW, ("",), PATIENCE))
    await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await readers.ask(SEEN, ("ada", "!"), 0.2)

    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await readers.ask(SEEN, ("ada", "!"), PATIENCE) == "ada!"


async def test_a_connection_that_the_server_closed_is_replaced(readers: Readers, database_url: str) -> None:
    pid = await readers.ask("select pg_backend_pid()::text || $1::text", ("",), PATIENCE)
    async with database.connected(database_url) as owner:
        await owner.execute("select pg_terminate_backend($1, 10000)", int(pid))

    answers = []
    for _ in range(2):
        try:
            answers.append(await readers.ask(SEEN, ("ada", "!"), PATIENCE))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            continue

    assert answers
    assert answers[-1] == "ada!"


async def test_a_database_that_is_not_there_takes_no_place(database_url: str) -> None:
    readers = Readers(database.within(database_url, "nowhere"), size=1)

    for _ in range(2):
        with pytest.raises(Unreachable):
            await readers.ask(SEEN, ("ada", "!"), PATIENCE)
