"""Seats that go by themselves, while their holders come back, somebody protects them, or two workers are at it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from kernel import ids
from seats import buying, releasing, taking_back
from tests.graph.test_changes import pooled
from tests.scene import Scene, Somebody
from tests.seats.racing import Act, Racers, blocked, figures

DAY = timedelta(days=1)
NEXT_PERIOD = 32 * DAY
"""When the period that runs is over for certain."""


def take_back(scene: Scene, seat: str) -> Act:
    """What a worker does about a seat that nobody uses."""
    return lambda work: taking_back.take_step(work, scene.number, ids.decode("seat", seat))


def protect(scene: Scene, seat: str) -> Act:
    """Keep a seat from going by itself."""
    return lambda work: releasing.protect(work, scene.number, ids.decode("seat", seat), protected=True)


def renew(scene: Scene, subscription: int) -> Act:
    """What a worker does when the next period begins."""
    return lambda work: buying.begin_next(work, scene.number, subscription)


async def overtaken(
    racers: Racers, scene: Scene, holds: tuple[str, int], meanwhile: tuple[str, int], *acts: Act, later: timedelta
) -> Counter[str]:
    """What comes of acts that find a row held, while somebody else changes another one."""
    world = scene.world
    async with asyncio.TaskGroup() as together, world.connection() as held:
        await held.execute(*holds)
        came = [together.create_task(racers.act(scene, act, later=later)) for act in acts]
        await blocked(world, len(acts))
        await world.run(*meanwhile)
    return Counter(one.result() for one in came)


NOTHING = ("select $1::bigint", 0)
HELD = "select from assignment where id = $1 for update"


async def overdue(scene: Scene, pool: str) -> tuple[Somebody, str]:
    """Somebody whose seat is to be taken back now: nobody has used it for a year, and they were told twice."""
    await scene.world.run("update workspace set reclaim_after_days = 30 where id = $1", scene.number)
    who, now = await scene.join(), await scene.world.now()
    seat = await scene.seat(pool, who)
    await scene.world.run(
        "update assignment set since = $2, reclaim_noticed_at = $3, reclaim_reminded_at = $4, reclaim_at = $5"
        " where id = $1",
        ids.decode("seat", seat),
        *(now - days * DAY for days in (365, 15, 4, 1)),
    )
    return who, seat


async def became(scene: Scene, *seats: str) -> list[str]:
    """Where seats are in their lives."""
    sql = "select state from assignment where id = $1"
    return [await scene.world.value(sql, ids.decode("seat", seat)) for seat in seats]


async def told(scene: Scene, action: str) -> int:
    """How often the audit log tells of something."""
    sql = "select count(*) from audit_record where account_id = $1 and action = $2"
    return int(await scene.world.value(sql, scene.number, action))


# Seats that nobody uses


async def test_two_workers_take_a_seat_back_once(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(2)
    _, seat = await overdue(workspace, pool)
    act, row = take_back(workspace, seat), (HELD, ids.decode("seat", seat))

    came = await overtaken(racers, workspace, row, NOTHING, act, act, later=timedelta(0))

    assert came == Counter(done=2)
    assert await became(workspace, seat) == ["released"]
    assert await figures(racers.world, pool) == (2, 0, 0, 0)
    assert await told(workspace, "seat.released") == 1


async def test_whoever_comes_back_at_that_moment_keeps_the_seat(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(2)
    who, seat = await overdue(workspace, pool)
    used = "update member set last_used_at = $2 where account_id = $3 and person_id = $1"
    mark = (used, who.number, await workspace.world.now(), workspace.number)

    async with asyncio.TaskGroup() as together, workspace.world.connection() as coming:
        await coming.execute(*mark)
        came = together.create_task(racers.act(workspace, take_back(workspace, seat)))
        await blocked(workspace.world)

    assert came.result() == "done"
    assert await became(workspace, seat) == ["active"]
    assert await figures(racers.world, pool) == (2, 1, 1, 1)
    assert await told(workspace, "seat.reclaim_forgotten") == 1


async def test_a_seat_that_is_protected_at_that_moment_is_not_taken_back(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(2)
    _, seat = await overdue(workspace, pool)
    row = (HELD, ids.decode("seat", seat))

    async with asyncio.TaskGroup() as together, workspace.world.connection() as held:
        await held.execute(*row)
        first = together.create_task(racers.act(workspace, protect(workspace, seat)))
        await blocked(workspace.world)
        then = together.create_task(racers.act(workspace, take_back(workspace, seat)))
        await blocked(workspace.world, 2)

    assert (first.result(), then.result()) == ("done", "done")
    assert await became(workspace, seat) == ["active"]
    assert await told(workspace, "seat.protected") == 1


# Fewer seats


async def shrunk(scene: Scene, seats: int, fewer: int) -> tuple[str, int]:
    """A pool that is to have fewer seats in its next period, in a workspace that lets them go; its subscription."""
    life = await pooled(scene, seats)
    await scene.world.run("update workspace set decrease = 'auto_release' where id = $1", scene.number)
    await life.does("changeSeats", pool=life.pool, seats=fewer)
    return life.pool, life.number


async def seated(scene: Scene, pool: str, count: int) -> list[tuple[Somebody, str]]:
    """People in seats, of whom the first has not used the workspace for longest."""
    found, now = [], await scene.world.now()
    for number in range(count):
        who = await scene.join()
        await scene.world.run(
            "update member set last_used_at = $3 where account_id = $1 and person_id = $2",
            scene.number,
            who.number,
            now - (count - number) * 10 * DAY,
        )
        found.append((who, await scene.seat(pool, who)))
    return found


CHANGES = {
    "comes back": "update member set last_used_at = last_used_at + interval '200 days' where id = $1",
    "becomes an owner": "update member set role = 'owner' where id = $1",
}


@pytest.mark.parametrize("how", CHANGES)
async def test_whoever_is_chosen_and_changes_that_moment_keeps_the_seat(
    racers: Racers, workspace: Scene, how: str
) -> None:
    pool, subscription = await shrunk(workspace, 3, 2)
    (who, first), (_, second), (_, third) = await seated(workspace, pool, 3)
    row = (HELD, ids.decode("seat", first))
    change = (CHANGES[how], workspace.memberships[who.number])

    came = await overtaken(racers, workspace, row, change, renew(workspace, subscription), later=NEXT_PERIOD)

    assert came == Counter(done=1)
    assert await became(workspace, first, second, third) == ["active", "released", "active"]
    assert await figures(racers.world, pool) == (2, 2, 2, 2)


async def test_a_seat_that_is_protected_as_the_period_begins_stays(racers: Racers, workspace: Scene) -> None:
    pool, subscription = await shrunk(workspace, 3, 2)
    (_, first), (_, second), (_, third) = await seated(workspace, pool, 3)

    async with asyncio.TaskGroup() as together, workspace.world.connection() as held:
        await held.execute(HELD, ids.decode("seat", first))
        kept = together.create_task(racers.act(workspace, protect(workspace, first)))
        await blocked(workspace.world)
        begun = together.create_task(racers.act(workspace, renew(workspace, subscription), later=NEXT_PERIOD))
        await blocked(workspace.world, 2)

    assert (kept.result(), begun.result()) == ("done", "done")
    assert await became(workspace, first, second, third) == ["active", "released", "active"]
    assert await figures(racers.world, pool) == (2, 2, 2, 2)


async def test_two_workers_begin_a_period_once(racers: Racers, workspace: Scene) -> None:
    pool, subscription = await shrunk(workspace, 4, 2)
    sitting = [seat for _, seat in await seated(workspace, pool, 4)]
    begin, row = renew(workspace, subscription), (HELD, ids.decode("seat", sitting[0]))

    came = await overtaken(racers, workspace, row, NOTHING, begin, begin, later=NEXT_PERIOD)

    assert came == Counter(done=2)
    assert await became(workspace, *sitting) == ["released", "released", "active", "active"]
    assert await figures(racers.world, pool) == (2, 2, 2, 2)
    assert await told(workspace, "seat.released") == 2
    assert await told(workspace, "pool.resized") == 1


async def test_groups_keep_what_is_set_apart_for_them_when_seats_go(racers: Racers, workspace: Scene) -> None:
    pool, subscription = await shrunk(workspace, 6, 4)
    group = await workspace.seat_group(pool, 3)
    inside = [await workspace.seat(pool, await workspace.join()) for _ in range(2)]
    await grouped(workspace, group, inside)
    outside = [seat for _, seat in await seated(workspace, pool, 3)]

    came = await racers.act(workspace, renew(workspace, subscription), later=NEXT_PERIOD)

    ((allocation, taken),) = await workspace.world.rows(
        "select allocation, assigned from seat_group where id = $1", ids.decode("seatgroup", group)
    )
    assert came == "done"
    assert await became(workspace, *inside) == ["active"] * 2
    assert await became(workspace, *outside) == ["released", "active", "active"]
    assert await figures(racers.world, pool) == (4, 4, 4, 4)
    assert (allocation, taken) == (3, 2)


async def grouped(scene: Scene, group: str, seats: list[str]) -> None:
    """Let these seats of the pool be a group's."""
    for seat in seats:
        reply = await scene.world.change("groupSeat", scene.owner, shows_="... on Seat { id }", seat=seat, group=group)
        assert reply.data["groupSeat"]
