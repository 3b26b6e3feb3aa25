"""Moving seats between the pools of a workspace."""

from __future__ import annotations

from typing import Any

from kernel import ids
from seats.seating import SeatState
from tests.graph.asking import counted, logged, said, state_of
from tests.graph.crowd import evidence
from tests.scenery import Scene

MOVED = """
    __typename
    ... on SeatsMoved { pool { assigned } moved { seat { state email source pool { id } } } }
    ... on Problem { message }
"""


async def moves(scene: Scene, pool: str, *seats: str) -> Any:
    """The whole reply to moving seats."""
    return await scene.world.change("moveSeats", scene.owner, shows_=MOVED, seats=list(seats), pool=pool)


async def test_a_seat_moves_to_another_pool_in_one_step(workspace: Scene) -> None:
    pro, team, member = await workspace.pool(1), await workspace.pool(2), await workspace.join()
    seat = await workspace.seat(pro, member)

    answer = (await moves(workspace, team, seat)).data["moveSeats"]

    moved = {"state": "ACTIVE", "email": member.email, "source": "TRANSFER", "pool": {"id": team}}
    assert answer == {"__typename": "SeatsMoved", "pool": {"assigned": 1}, "moved": [{"seat": moved}]}
    assert await state_of(workspace, seat) == ("released", "moved to another pool")
    assert [await counted(workspace, pool) for pool in (pro, team)] == [(0, 0), (1, 1)]
    assert await logged(workspace) == ["seat.released", "seat.assigned"]


async def test_whoever_waits_for_what_is_left_has_it(workspace: Scene) -> None:
    full, other = await workspace.pool(1), await workspace.pool(1)
    seat = await workspace.seat(full, await workspace.join())
    place = await workspace.seat(full, await workspace.join(), SeatState.WAITLISTED)

    await moves(workspace, other, seat)

    assert (await state_of(workspace, place))[0] == "active"
    assert [await counted(workspace, pool) for pool in (full, other)] == [(1, 1), (1, 1)]


async def test_a_place_in_the_line_of_the_other_pool_is_given_up(workspace: Scene) -> None:
    first, other, member = await workspace.pool(1), await workspace.pool(1), await workspace.join()
    seat, place = await workspace.seat(first, member), await workspace.seat(other, member, SeatState.WAITLISTED)

    await moves(workspace, other, seat)

    assert await state_of(workspace, place) == ("released", "has a seat now")
    assert await counted(workspace, other) == (1, 1)


async def test_seats_keep_the_state_they_were_in(workspace: Scene) -> None:
    first, other = await workspace.pool(3), await workspace.pool(3)
    await workspace.invitation("ada@example.test")
    waits = await workspace.seat(first, "ada@example.test")
    rests = await workspace.seat(first, await workspace.join(), SeatState.SUSPENDED)

    answer = (await moves(workspace, other, rests, waits)).data["moveSeats"]

    assert [one["seat"]["state"] for one in answer["moved"]] == ["SUSPENDED", "INVITED"]
    assert [await counted(workspace, pool) for pool in (first, other)] == [(0, 0), (2, 2)]


async def test_all_of_them_move_or_nobody(workspace: Scene) -> None:
    first, other = await workspace.pool(3), await workspace.pool(1)
    seats = [await workspace.seat(first, await workspace.join()) for _ in range(2)]
    before = await evidence(workspace)

    full = (await moves(workspace, other, *seats)).data["moveSeats"]

    assert full == {"__typename": "PoolExhausted", "message": "All 1 seats are taken. Release one, or buy more."}
    assert await evidence(workspace) == before


async def test_a_move_buys_nothing(workspace: Scene) -> None:
    first, full = await workspace.pool(1), await workspace.pool(0)
    seat = await workspace.seat(first, await workspace.join())
    await workspace.world.run("update workspace set overage = 'buy' where id = $1", workspace.number)
    before = await evidence(workspace)

    answer = (await moves(workspace, full, seat)).data["moveSeats"]

    assert answer["__typename"] == "PoolExhausted"
    assert await evidence(workspace) == before


async def test_nobody_moves_to_where_they_sit(workspace: Scene) -> None:
    first, other, member = await workspace.pool(1), await workspace.pool(2), await workspace.join()
    seat, there = await workspace.seat(first, member), await workspace.seat(other, member)
    before = await evidence(workspace)

    answers = [(await moves(workspace, other, one)).data["moveSeats"]["__typename"] for one in (seat, there)]

    assert answers == ["AlreadySeated", "AlreadySeated"]
    assert await evidence(workspace) == before


async def test_what_nobody_holds_moves_nowhere(workspace: Scene) -> None:
    first, other = await workspace.pool(1), await workspace.pool(2)
    over = await workspace.seat(first, await workspace.join(), SeatState.RELEASED)
    before = await evidence(workspace)

    answer = (await moves(workspace, other, over)).data["moveSeats"]

    assert answer["__typename"] == "SeatNotHeld"
    assert await evidence(workspace) == before


async def test_a_closed_pool_takes_nobody(workspace: Scene) -> None:
    first, closed = await workspace.pool(1), await workspace.pool(2)
    seat = await workspace.seat(first, await workspace.join())
    number = ids.decode("pool", closed)
    await workspace.world.run("update license_pool set closed_at = created_at where id = $1", number)
    before = await evidence(workspace)

    answer = (await moves(workspace, closed, seat)).data["moveSeats"]

    assert answer["__typename"] == "PoolClosed"
    assert await evidence(workspace) == before


async def test_seats_of_others_and_lists_of_nothing_are_refused(workspace: Scene) -> None:
    other = await workspace.world.workspace()
    pool, mine = await workspace.pool(5), await workspace.seat(await workspace.pool(1), await workspace.join())
    theirs = await other.seat(await other.pool(1), await other.join())
    before = await evidence(workspace), await evidence(other)

    codes = [
        (await moves(workspace, pool, mine, theirs)).code,
        (await moves(workspace, pool)).code,
        (await moves(workspace, pool, mine, mine)).code,
    ]

    assert codes == ["NOT_FOUND", "INVALID_INPUT", "INVALID_INPUT"]
    assert (await evidence(workspace), await evidence(other)) == before


async def test_whoever_moved_sits_once_and_can_be_moved_back(workspace: Scene) -> None:
    first, other, member = await workspace.pool(1), await workspace.pool(1), await workspace.join()
    seat = await workspace.seat(first, member)

    await moves(workspace, other, seat)
    again = await said(workspace, "assignSeat", pool=first, email=member.email)

    assert again["state"] == "ACTIVE"
    assert [await counted(workspace, pool) for pool in (first, other)] == [(1, 1), (1, 1)]
