"""Turns: a few changes of one account at a time, and nobody who waits for ever."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel import database, turns
from kernel.id_blocks import IdBlocks
from kernel.turns import AT_ONCE, Turns
from kernel.work import Work
from tests.scenery import World


async def test_a_few_changes_of_an_account_are_under_way_and_the_next_one_goes_when_one_is_over() -> None:
    account = Turns(2)
    held = [await account.take(1), await account.take(1)]

    third, fourth = (asyncio.create_task(account.take(1)) for _ in range(2))
    await asyncio.sleep(0)
    before = (third.done(), fourth.done())
    held[0].release()
    first_in_line = await third
    waits_still = not fourth.done()
    held[1].release()

    assert before == (False, False)
    assert first_in_line is not None
    assert waits_still
    assert await fourth is first_in_line


async def test_another_account_is_not_waited_for() -> None:
    accounts = Turns(1)
    held = await accounts.take(1)

    other = await accounts.take(2)

    assert held is not None
    assert other is not None
    assert other is not held


async def test_whoever_has_waited_too_long_goes_without_a_turn_and_takes_none_from_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.01)
    account = Turns(1)
    held = await account.take(1)

    without = await account.take(1)
    held.release()

    assert without is None
    assert await account.take(1) is held


async def test_an_account_that_nobody_changes_is_forgotten() -> None:
    accounts = Turns(1)
    (await accounts.take(1)).release()

    assert dict(accounts._of) == {}


async def test_a_change_has_its_turn_from_when_it_may_write_an_account_until_it_is_over(
    world: World, engine: AsyncEngine
) -> None:
    now, blocks, entered = await world.now(), IdBlocks(), list[int]()
    enough, over = asyncio.Event(), asyncio.Event()

    async def change(account_id: int) -> None:
        work = Work(engine, now, ids=blocks)
        async with work.transaction():
            await work.bind(account_id)
            entered.append(account_id)
            if len(entered) > AT_ONCE:
                enough.set()
            # Bound again, as a change of several steps is, it has one turn still.
            await work.bind(account_id)
            await over.wait()

    async with asyncio.TaskGroup() as group:
        for account_id in [7] * (AT_ONCE + 2) + [8]:
            group.create_task(change(account_id))
        await enough.wait()
        for _ in range(100):
            # Whoever else may would go in by now.
            await asyncio.sleep(0)
        at_first = Counter(entered)
        over.set()

    assert at_first == {7: AT_ONCE, 8: 1}
    assert Counter(entered) == {7: AT_ONCE + 2, 8: 1}


async def test_nobody_waits_for_a_turn_with_a_connection_in_hand(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 600)
    engine, now, blocks = database.engine(database_url, pool_size=1), await world.now(), IdBlocks()
    turns.allow(engine, 1)
    first, second = Work(engine, now, ids=blocks), Work(engine, now, ids=blocks)

    async with asyncio.timeout(30), first.transaction():
        await first.bind(7)
        waits = asyncio.create_task(_read_and_bind(second))
        # The only connection is theirs until they want the turn.
        found = await first.fetch("select 1 as one")
    told = await waits
    await engine.dispose()

    assert [row["one"] for row in found] == [1]
    assert told == [1, 7]


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ("select pg_current_xact_id()", True),
        # An advisory lock makes no number of a transaction.
        ("select pg_advisory_xact_lock(7)", False),
    ],
)
async def test_who_has_written_or_may_count_on_a_lock_goes_without_a_turn_and_keeps_it(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch, before: str, asked: bool
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 600)
    engine, now, blocks = database.engine(database_url, pool_size=2), await world.now(), IdBlocks()
    turns.allow(engine, 1)
    first, second = Work(engine, now, ids=blocks), Work(engine, now, ids=blocks)
    kept = (
        "select coalesce(pg_current_xact_id_if_assigned()::text, '') ||"
        " (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as kept"
    )

    async with asyncio.timeout(30), first.transaction():
        await first.bind(7)
        async with second.transaction():
            await second.fetch(before)
            (had,) = await second.fetch(kept)
            await second.bind(7, asked=asked)
            (has,) = await second.fetch(kept)
    await engine.dispose()

    assert had == has


async def _read_and_bind(work: Work) -> list[int]:
    async with work.transaction():
        (found,) = await work.fetch("select 1 as one")
        await work.bind(7, asked=True)
        (bound,) = await work.fetch("select current_setting('app.account')::int as account")
    return [found["one"], bound["account"]]


async def test_a_change_that_fails_gives_its_turn_back(world: World, engine: AsyncEngine) -> None:
    for _ in range(AT_ONCE + 1):
        work = Work(engine, await world.now(), ids=IdBlocks())
        with pytest.raises(ZeroDivisionError):
            await _fail(work)

    assert dict(turns.of(engine)._of) == {}


async def _fail(work: Work) -> None:
    async with work.transaction():
        await work.bind(7)
        raise ZeroDivisionError
