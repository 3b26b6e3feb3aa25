"""Races for the seats of two groups of one pool: never above what a group has, nor above what was bought."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from kernel import ids
from seats import seat_groups
from seats.seating import SeatSource
from tests.scene import Scene
from tests.seats.racing import Act, Racers, assign, assign_all, release, remove, transfer


class Bounds(NamedTuple):
    """A pool and its groups in one snapshot."""

    purchased: int
    assigned: int
    set_apart: int
    consuming: int
    groups: list[tuple[int, int, int]]
    """Of each group: what it has, what it counts, and who is there."""

    @property
    def hold(self) -> bool:
        """Whether all counters tell the truth, within what they are bound by."""
        apart = sum(has - counts for has, counts, _ in self.groups)
        return (
            self.consuming == self.assigned
            and self.set_apart == apart
            and self.assigned + self.set_apart <= self.purchased
            and all(there == counts <= has for has, counts, there in self.groups)
        )


async def bounds(scene: Scene, pool: str) -> Bounds:
    """A pool and its groups as they stand."""
    (row,) = await scene.world.rows(
        "select p.purchased, p.assigned, p.set_apart, (select count(*) from assignment a where a.pool_id = p.id"
        " and a.state in ('invited', 'active', 'suspended')) as consuming,"
        " array(select array[g.allocation, g.assigned, (select count(*) from assignment a"
        " where a.seat_group_id = g.id and a.state in ('invited', 'active', 'suspended'))] from seat_group g"
        " where g.pool_id = p.id order by g.id) as groups from license_pool p where p.id = $1",
        ids.decode("pool", pool),
    )
    return Bounds(*row)


@asynccontextmanager
async def watched(scene: Scene, pool: str) -> AsyncIterator[list[Bounds]]:
    """Every snapshot that can be taken meanwhile, and one at the end."""
    seen: list[Bounds] = []
    over = asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            seen.append(await bounds(scene, pool))

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        over.set()
        await watching
    seen.append(await bounds(scene, pool))


def seat(scene: Scene, group: str, email: str) -> Act:
    """Seat somebody in a group."""
    return lambda work: seat_groups.assign(work, scene.number, ids.decode("seatgroup", group), email, SeatSource.MANUAL)


def allot(scene: Scene, group: str, seats: int) -> Act:
    """Give a group so many seats."""
    return lambda work: seat_groups.change(work, scene.number, ids.decode("seatgroup", group), None, seats)


def regroup(scene: Scene, one: str, group: str | None) -> Act:
    """Move a seat into a group, or out of all."""
    number = None if group is None else ids.decode("seatgroup", group)
    return lambda work: seat_groups.regroup(work, scene.number, ids.decode("seat", one), number)


def end(scene: Scene, group: str) -> Act:
    """Remove a group."""
    return lambda work: seat_groups.remove(work, scene.number, ids.decode("seatgroup", group))


async def test_two_groups_and_the_rest_are_each_filled_exactly(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(30)
    left, right = await workspace.seat_group(pool, 12), await workspace.seat_group(pool, 8, name="Sales")
    acts = [
        act
        for number in range(40)
        for act in (
            seat(workspace, left, f"l{number}@race.test"),
            seat(workspace, right, f"r{number}@race.test"),
            assign(workspace, pool, f"p{number}@race.test"),
        )
    ]

    async with watched(workspace, pool) as seen:
        came = await racers.race(workspace, acts)

    assert came == {"done": 30, "SeatGroupFull": 60, "PoolExhausted": 30}
    assert seen[-1] == (30, 30, 0, 30, [[12, 12, 12], [8, 8, 8]])
    assert all(each.hold for each in seen)


async def test_one_person_from_both_groups_gets_one_seat(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(30)
    groups = [await workspace.seat_group(pool, 10), await workspace.seat_group(pool, 10, name="Sales")]

    came = await racers.race(workspace, [seat(workspace, group, "ada@race.test") for group in groups * 8])

    assert came == {"done": 1, "AlreadySeated": 15}
    assert (await bounds(workspace, pool)).hold


async def test_everything_at_once_leaves_every_counter_right(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(40)
    left, right = await workspace.seat_group(pool, 10), await workspace.seat_group(pool, 10, name="Sales")
    gone = await workspace.seat_group(pool, 3, name="Gone")
    members = [await workspace.join() for _ in range(8)]
    seats = [await workspace.seat(pool, who) for who in members]
    acts = [
        *(seat(workspace, (left, right, gone)[number % 3], f"g{number}@race.test") for number in range(45)),
        *(assign(workspace, pool, f"p{number}@race.test") for number in range(20)),
        assign_all(workspace, pool, [f"q{number}@race.test" for number in range(10)]),
        *(regroup(workspace, one, group) for one in seats[:4] for group in (left, right, None)),
        *(release(workspace, one) for one in seats[:2]),
        *(transfer(workspace, one, f"t{one}@race.test") for one in seats[2:4]),
        *(remove(workspace, who) for who in members[4:]),
        *(allot(workspace, group, number) for number in (6, 12, 9) for group in (left, right)),
        end(workspace, gone),
    ]

    async with watched(workspace, pool) as seen:
        came = await racers.race(workspace, acts[::3] + acts[1::3] + acts[2::3])

    assert came.keys() <= {
        *("done", "PoolExhausted", "AlreadySeated", "SeatNotHeld"),
        *("SeatGroupFull", "SeatGroupRemoved", "AllocationTaken", "SeatsNotFree"),
    }
    assert came["done"] > 16
    assert all(each.hold for each in seen)
