"""Arrivals: whoever comes takes up what waits for them, and keeps to the order of locks while others race for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from kernel import ids
from kernel.work import Work
from seats import welcoming
from seats.seating import SeatState
from tests.scene import Scene, Somebody
from tests.seats.racing import Act, Racers, blocked, figures

DAY = timedelta(days=1)
FREE = "select from license_pool where id = $1 for no key update nowait"


async def comes_back(scene: Scene, *, late: bool = False) -> tuple[Somebody, str, str]:
    """Somebody for whom a seat is kept, the seat, and its pool."""
    who, pool = await scene.colleague(), await scene.pool(2)
    seat = await scene.seat(pool, who, SeatState.SUSPENDED)
    left, until = 9 * DAY, -DAY if late else DAY
    now = await scene.world.now()
    await scene.world.run(
        "update assignment set suspended_at = $2, kept_since = $2, kept_until = $3 where id = $1",
        ids.decode("seat", seat),
        now - left,
        now + until,
    )
    return who, seat, pool


async def locked_first(racers: Racers, scene: Scene, row: tuple[str, int], pool: str, act: Act) -> None:
    """An act that comes up to a row of somebody else has no pool by then."""
    async with asyncio.TaskGroup() as together, scene.world.connection() as held:
        await held.execute(*row)
        came = together.create_task(racers.act(scene, act))
        await blocked(scene.world)
        await held.execute(FREE, ids.decode("pool", pool))
    assert came.result() == "done"


async def test_who_comes_by_single_sign_on_has_their_seats_before_any_pool(racers: Racers, workspace: Scene) -> None:
    who, kept, pool = await comes_back(workspace)
    other = await workspace.pool(2)
    waited = await workspace.seat(other, who.email)
    await workspace.invitation(who.email, sent=await workspace.world.now() - 8 * DAY)

    async def join(work: Work) -> None:
        await welcoming.join(work, workspace.number, who.number, who.email)

    row = ("select from assignment where id = $1 for update", ids.decode("seat", kept))
    await locked_first(racers, workspace, row, other, join)

    assert await figures(racers.world, pool) == (2, 1, 1, 1)
    assert await figures(racers.world, other) == (2, 0, 0, 0)
    rows = await workspace.world.rows(
        "select state from assignment where id = any($1::bigint[]) order by pool_id",
        [ids.decode("seat", kept), ids.decode("seat", waited)],
    )
    assert [row["state"] for row in rows] == ["active", "released"]


async def test_who_is_let_in_has_their_invitation_taken_back_before_any_pool(racers: Racers, workspace: Scene) -> None:
    who, _, pool = await comes_back(workspace, late=True)
    invitation = await workspace.invitation(who.email)
    request = await workspace.asks_to_join(who)

    async def approve(work: Work) -> None:
        await welcoming.approve(work, workspace.number, ids.decode("joining", request))

    row = ("select from invitation where id = $1 for update", ids.decode("invitation", invitation))
    await locked_first(racers, workspace, row, pool, approve)

    assert await figures(racers.world, pool) == (2, 0, 0, 0)
    state = "select state from invitation where id = $1"
    assert await workspace.world.value(state, ids.decode("invitation", invitation)) == "revoked"
