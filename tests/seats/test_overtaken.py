"""The last seat goes to somebody else at this moment: the workspace's policy holds for whoever was late, too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from kernel import ids
from kernel.work import Work
from seats import operations, wanting
from seats.seating import SeatSource
from tests.scene import Scene
from tests.seats.racing import Racers, blocked, figures

T = TypeVar("T")

ASSIGN = """
    __typename
    ... on SeatRequest { state email }
    ... on SeatBought { bought seat { email pool { purchased assigned } } }
    ... on Problem { message }
"""
LIST = "__typename ... on ListSeated { seated bought outcomes { outcome } pool { purchased assigned } }"


async def overtaken(racers: Racers, scene: Scene, pool: str, late: Coroutine[Any, Any, T]) -> T:
    """What comes of somebody who saw that a seat is free, and comes to it after a rival who has just taken it."""
    taken, looked = asyncio.Event(), asyncio.Event()

    async def act(work: Work) -> None:
        await operations.assign(work, scene.number, ids.decode("pool", pool), "rival@race.test", SeatSource.MANUAL)
        taken.set()
        await looked.wait()

    async with asyncio.TaskGroup() as together:
        rival = together.create_task(racers.act(scene, act))
        await asyncio.wait_for(taken.wait(), 60)
        came = together.create_task(late)
        await blocked(scene.world)
        looked.set()
    assert rival.result() == "done"
    return came.result()


async def assigned(scene: Scene, pool: str) -> Any:
    """What came of seating Ada."""
    reply = await scene.world.change("assignSeat", scene.owner, shows_=ASSIGN, pool=pool, email="ada@race.test")
    return reply.data["assignSeat"]


async def listed(scene: Scene, pool: str) -> Any:
    """What came of a list of two."""
    emails = ["ada@race.test", "eve@race.test"]
    reply = await scene.world.change("assignSeats", scene.owner, shows_=LIST, pool=pool, emails=emails)
    return reply.data["assignSeats"]


async def policy(scene: Scene, overage: str) -> None:
    """What becomes of whoever wants a seat of a full pool, from now on."""
    await scene.world.run("update workspace set overage = $2 where id = $1", scene.number, overage)


async def sold(scene: Scene, seats: int) -> str:
    """A pool that was bought and billed."""
    shows, price = "... on LicensePool { id }", scene.world.catalog.team.price
    bought = await scene.world.change(
        "createLicensePool", scene.owner, shows_=shows, workspace=scene.id, price=price, seats=seats, name="Sold"
    )
    pool: str = bought.data["createLicensePool"]["id"]
    return pool


async def test_who_comes_too_late_for_the_last_seat_has_one_requested(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(1)
    await policy(workspace, "request")

    answer = await overtaken(racers, workspace, pool, assigned(workspace, pool))

    assert answer == {"__typename": "SeatRequest", "state": "OPEN", "email": "ada@race.test"}
    assert await figures(racers.world, pool) == (1, 1, 1, 1)
    assert await invited(workspace) == ["rival@race.test"]


async def test_who_comes_too_late_for_the_last_seat_has_one_bought(racers: Racers, workspace: Scene) -> None:
    pool = await sold(workspace, 1)
    await policy(workspace, "buy")

    answer = await overtaken(racers, workspace, pool, assigned(workspace, pool))

    assert answer == {
        "__typename": "SeatBought",
        "bought": 1,
        "seat": {"email": "ada@race.test", "pool": {"purchased": 2, "assigned": 2}},
    }


async def test_who_comes_too_late_for_the_last_seat_is_told_so(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(1)

    answer = await overtaken(racers, workspace, pool, assigned(workspace, pool))

    assert answer == {"__typename": "PoolExhausted", "message": "All 1 seats are taken. Release one, or buy more."}
    assert await figures(racers.world, pool) == (1, 1, 1, 1)
    assert await invited(workspace) == ["rival@race.test"]


async def test_a_list_that_is_overtaken_buys_what_is_missing_by_then(racers: Racers, workspace: Scene) -> None:
    pool = await sold(workspace, 2)
    await policy(workspace, "buy")

    answer = await overtaken(racers, workspace, pool, listed(workspace, pool))

    assert answer == {
        "__typename": "ListSeated",
        "seated": 2,
        "bought": 1,
        "outcomes": [{"outcome": "INVITED"}] * 2,
        "pool": {"purchased": 3, "assigned": 3},
    }


@pytest.mark.parametrize(("overage", "state", "seats"), [("buy", "active", 2), ("block", "waitlisted", 1)])
async def test_whom_a_directory_seats_too_late_has_a_seat_bought_or_waits(
    racers: Racers, workspace: Scene, overage: str, state: str, seats: int
) -> None:
    pool, who = await sold(workspace, 1), await workspace.join()
    await policy(workspace, overage)

    async def want(work: Work) -> None:
        member = (who.number, who.email)
        await wanting.want(work, workspace.number, ids.decode("pool", pool), member, SeatSource.SCIM)

    came = await overtaken(racers, workspace, pool, racers.act(workspace, want))

    theirs = "select state from assignment where account_id = $1 and person_id = $2"
    assert came == "done"
    assert await workspace.world.value(theirs, workspace.number, who.number) == state
    assert await figures(racers.world, pool) == (seats, seats, seats, seats)


async def invited(scene: Scene) -> list[str]:
    """Whom the workspace has asked to join."""
    rows = await scene.world.rows("select email from invitation where account_id = $1 order by id", scene.number)
    return [row["email"] for row in rows]
