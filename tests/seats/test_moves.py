"""Moves that race: whatever goes back and forth, no pool has more seats taken than bought."""

from __future__ import annotations

from collections.abc import Sequence

from kernel import ids
from kernel.work import Work
from seats import moving
from tests.scene import Scene
from tests.seats.racing import Act, Racers, assign, release, watched


def move(scene: Scene, pool: str, seats: Sequence[str]) -> Act:
    """Move seats to another pool."""

    async def act(work: Work) -> None:
        numbers = [ids.decode("seat", seat) for seat in seats]
        await moving.move(work, scene.number, numbers, ids.decode("pool", pool))

    return act


async def test_seats_that_go_back_and_forth_at_once_are_never_too_many(racers: Racers, workspace: Scene) -> None:
    left, right = await workspace.pool(12), await workspace.pool(12)
    here = [await workspace.seat(left, await workspace.join()) for _ in range(10)]
    there = [await workspace.seat(right, await workspace.join()) for _ in range(10)]
    acts = [
        *(move(workspace, right, [seat]) for seat in here[:6]),
        *(move(workspace, left, [seat]) for seat in there[:6]),
        move(workspace, right, here[6:8]),
        move(workspace, left, there[6:8]),
        *(release(workspace, seat) for seat in (*here[7:], *there[7:])),
        *(assign(workspace, pool, f"{number}@move.test") for number in range(4) for pool in (left, right)),
    ]

    async with watched(racers.world, left, right) as seen:
        came = await racers.race(workspace, acts[::2] + acts[1::2])

    assert came.keys() <= {"done", "PoolExhausted", "SeatNotHeld", "AlreadySeated"}
    assert came["done"] > 0
    assert all(each.hold for each in seen)


async def test_one_seat_moves_once_however_often_it_is_asked(racers: Racers, workspace: Scene) -> None:
    left, right = await workspace.pool(1), await workspace.pool(5)
    seat = await workspace.seat(left, await workspace.join())

    async with watched(racers.world, left, right) as seen:
        came = await racers.race(workspace, [move(workspace, right, [seat])] * 10)

    assert came["done"] == 1
    assert came.keys() <= {"done", "SeatNotHeld", "AlreadySeated"}
    assert seen[-2:] == [(1, 0, 0, 0), (5, 1, 1, 1)]
