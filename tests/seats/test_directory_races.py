"""A directory and people at once: never more seats than were bought, and none free while somebody waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from kernel import ids
from seats.seating import SeatState
from tests.graph.scim.talking import Talk, talking
from tests.scene import Scene
from tests.seats.racing import Racers, assign, figures, release, watched

SEATS = 12


async def waiting(scene: Scene, pool: str) -> int:
    """How many wait for a seat of a pool."""
    return int(
        await scene.world.value(
            "select count(*) from assignment where pool_id = $1 and state = $2",
            ids.decode("pool", pool),
            SeatState.WAITLISTED,
        )
    )


async def switch(talk: Talk, user: str, *, active: bool) -> str:
    """A directory switches somebody on or off: the status of the answer."""
    reply = await talk.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": active})
    return str(reply.status_code)


async def test_a_directory_and_admins_race_for_seats(workspace: Scene, racers: Racers) -> None:
    pool = await workspace.pool(seats=SEATS)
    talk = await talking(workspace)
    await workspace.world.run(
        "update directory set pool_id = $2 where id = $1",
        ids.decode("directory", talk.directory),
        ids.decode("pool", pool),
    )
    users = [(await talk.user(f"user{n}"))["id"] for n in range(20)]
    held = [await workspace.seat(await workspace.pool(seats=1), await workspace.join()) for _ in range(2)]
    draw = Random(7)

    async with watched(workspace.world, pool) as seen:
        came = Counter[str]()
        for _ in range(4):
            seats = await workspace.world.rows(
                "select id from assignment where pool_id = $1 and state = 'active' order by id limit 4",
                ids.decode("pool", pool),
            )
            came += Counter(
                await asyncio.gather(
                    *(switch(talk, user, active=draw.random() < 0.5) for user in draw.sample(users, 12)),
                    *(
                        racers.act(workspace, assign(workspace, pool, f"a{draw.randrange(999)}@x.test"))
                        for _ in range(6)
                    ),
                    *(racers.act(workspace, release(workspace, ids.encode("seat", row["id"]))) for row in seats),
                )
            )

    assert all(shot.hold for shot in seen)
    end = await figures(workspace.world, pool)
    assert end.assigned == SEATS or await waiting(workspace, pool) == 0
    assert set(came) <= {"204", "done", "PoolExhausted", "AlreadySeated", "SeatNotHeld"}
    assert came["204"] == 48
    assert len(held) == 2


async def test_a_freed_seat_is_never_left_to_nobody(workspace: Scene, racers: Racers) -> None:
    talk = await talking(workspace)
    for _ in range(6):
        pool = await workspace.pool(seats=1)
        held = await workspace.seat(pool, await workspace.join())
        await workspace.world.run(
            "update directory set pool_id = $2 where id = $1",
            ids.decode("directory", talk.directory),
            ids.decode("pool", pool),
        )

        _, made = await asyncio.gather(
            racers.act(workspace, release(workspace, held)), talk.user(f"late{workspace.world.number()}")
        )

        assert (await figures(workspace.world, pool)).assigned == 1
        assert await waiting(workspace, pool) == 0
        assert made["active"]
