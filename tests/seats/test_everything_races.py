"""A directory, admins and whoever pays, all at once: never a seat too many, and none that nobody can have."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from kernel import ids
from seats.seating import SeatState
from tests.graph.scim.talking import Talk, talking
from tests.scene import Scene
from tests.seats.racing import Racers, assign, figures, release, resize, transfer, watched

SEATS = 20
USERS = 24
ROUNDS = 3


async def shift(talk: Talk, user: str, *, active: bool) -> str:
    """A directory switches somebody on or off: the status of the answer."""
    reply = await talk.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": active})
    return str(reply.status_code)


async def held(scene: Scene, pool: str) -> list[str]:
    """The seats of a pool that are taken."""
    rows = await scene.world.rows(
        "select id from assignment where pool_id = $1 and state in ('active', 'invited') order by id",
        ids.decode("pool", pool),
    )
    return [ids.encode("seat", row["id"]) for row in rows]


async def waiting(scene: Scene, pool: str) -> int:
    """How many wait for a seat of a pool."""
    sql = "select count(*) from assignment where pool_id = $1 and state = $2"
    return int(await scene.world.value(sql, ids.decode("pool", pool), SeatState.WAITLISTED))


async def test_a_directory_admins_and_buyers_race_for_one_pool(workspace: Scene, racers: Racers) -> None:
    pool = await workspace.pool(SEATS)
    talk = await talking(workspace)
    await workspace.world.run(
        "update directory set pool_id = $2 where id = $1",
        ids.decode("directory", talk.directory),
        ids.decode("pool", pool),
    )
    users = [(await talk.user(f"user{n}"))["id"] for n in range(USERS)]
    draw, came = Random(11), Counter[str]()

    async with watched(workspace.world, pool) as seen:
        for turn in range(ROUNDS):
            there = await held(workspace, pool)
            seats = draw.sample(there, min(len(there), 12))
            acts = [
                *(assign(workspace, pool, f"a{draw.randrange(99)}@x.test") for _ in range(12)),
                *(release(workspace, seat) for seat in seats[:8] * 2),
                *(transfer(workspace, seat, f"t{draw.randrange(99)}@x.test") for seat in seats[6:]),
                *(resize(workspace, pool, SEATS + turn + more) for more in (1, 2)),
            ]
            draw.shuffle(acts)
            switched = [(user, draw.random() < 0.5) for user in draw.sample(users, 10)]
            came += Counter(
                await asyncio.gather(
                    *(shift(talk, user, active=active) for user, active in switched),
                    *(racers.act(workspace, act) for act in acts),
                )
            )

    assert all(each.hold for each in seen)
    # Who buys as many as there are, because somebody else bought them a moment ago, is told that nothing changes.
    assert came.keys() <= {"204", "done", "PoolExhausted", "AlreadySeated", "SeatNotHeld", "NothingChanges"}
    assert came["204"] == ROUNDS * 10
    end = await figures(workspace.world, pool)
    assert SEATS < end.purchased <= SEATS + ROUNDS + 1
    assert end.assigned == end.purchased or await waiting(workspace, pool) == 0


async def test_what_a_race_leaves_free_can_be_taken_to_the_last_seat(workspace: Scene, racers: Racers) -> None:
    pool = await workspace.pool(SEATS)
    await racers.race(workspace, [assign(workspace, pool, f"p{n}@x.test") for n in range(SEATS)])
    seats = await held(workspace, pool)
    mixed = [
        *(release(workspace, seat) for seat in seats[::2] * 2),
        *(transfer(workspace, seat, f"t{n}@x.test") for n, seat in enumerate(seats)),
        *(resize(workspace, pool, SEATS + 4) for _ in range(2)),
    ]

    async with watched(racers.world, pool) as seen:
        await racers.race(workspace, mixed)
        came = await racers.race(workspace, [assign(workspace, pool, f"q{n}@x.test") for n in range(3 * SEATS)])

    assert all(each.hold for each in seen)
    assert came["done"] + came["PoolExhausted"] == 3 * SEATS
    assert seen[-1] == (SEATS + 4,) * 4
