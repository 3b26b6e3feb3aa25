"""Overage: how many seats are bought for whoever is missing one."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import ids
from kernel.errors import InvalidInput
from kernel.work import Work
from seats import asking, bulk, deciding, growing, operations, queries, wanting
from seats.overage import MOST_SEATS, Overage, limit_of, missing
from seats.seating import SeatSource
from tests.scene import Scene, Somebody
from tests.seats.racing import Act, Racers, figures, release, watched

few = st.integers(0, 300)


def test_as_many_are_bought_as_are_missing() -> None:
    assert missing(10, 9, 3, None) == 2
    assert missing(10, 9, 1, None) == 0
    assert missing(10, 10, 5, 12) == 2
    assert missing(10, 10, 5, 8) == 0


@given(few, few, few, st.none() | few)
def test_a_pool_grows_for_nobody_else_and_never_beyond_its_limit(
    purchased: int, free: int, wanted: int, limit: int | None
) -> None:
    assigned = max(purchased - free, 0)

    bought = missing(purchased, assigned, wanted, limit)

    assert 0 <= bought <= wanted
    assert bought == 0 or limit is None or purchased + bought <= limit
    assert bought == 0 or purchased + bought <= assigned + wanted
    assert limit is not None or assigned + wanted <= purchased + bought


@given(few, few, few, few)
def test_two_at_once_buy_what_they_would_buy_one_after_another(
    purchased: int, free: int, first: int, second: int
) -> None:
    assigned = max(purchased - free, 0)

    one = missing(purchased, assigned, first, None)
    other = missing(purchased + one, assigned + first, second, None)

    assert one + other == missing(purchased, assigned, first + second, None)


@pytest.mark.parametrize("limit", [0, -1, MOST_SEATS + 1])
def test_a_limit_that_is_none_is_refused(limit: int) -> None:
    with pytest.raises(InvalidInput):
        limit_of(Overage.BUY, limit)


# Races


def growing_assign(scene: Scene, pool: str, email: str) -> Act:
    """Seat somebody, in a workspace that buys what is missing."""

    async def act(work: Work) -> None:
        number = ids.decode("pool", pool)
        growth = await growing.allowed(work, scene.number, number)
        await operations.assign(work, scene.number, number, email, SeatSource.MANUAL, growth=growth)

    return act


def growing_list(scene: Scene, pool: str, emails: list[str]) -> Act:
    """Seat a list, in a workspace that buys what is missing."""

    async def act(work: Work) -> None:
        number = ids.decode("pool", pool)
        growth = await growing.allowed(work, scene.number, number)
        await bulk.assign_all(work, scene.number, number, emails, growth)

    return act


async def buys(scene: Scene, limit: int | None = None) -> None:
    await scene.world.run("update workspace set overage = 'buy', overage_limit = $2 where id = $1", scene.number, limit)


def people(count: int, name: str = "p") -> list[str]:
    return [f"{name}{number}@grow.test" for number in range(count)]


async def resized(scene: Scene) -> list[tuple[int, ...]]:
    """Every change of a pool's size, from and to."""
    rows = await scene.world.rows(
        "select before, after from audit_record where account_id = $1 and action = 'pool.resized' order by seq",
        scene.number,
    )
    return [tuple(json.loads(row[when])["purchased"] for when in ("before", "after")) for row in rows]


async def test_whoever_races_for_a_full_pool_buys_a_seat_each_and_none_twice(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(5)
    await buys(workspace)

    async with watched(racers.world, pool) as seen:
        came = await racers.race(workspace, [growing_assign(workspace, pool, email) for email in people(25)])

    assert came == Counter(done=25)
    assert seen[-1] == (25, 25, 25, 25)
    assert all(each.hold for each in seen)
    assert await resized(workspace) == [(size, size + 1) for size in range(5, 25)]


def wants_a_seat(scene: Scene, pool: str, who: Somebody) -> Act:
    """Want a seat for a member, as a directory does."""

    async def act(work: Work) -> None:
        member = (who.number, who.email)
        await wanting.want(work, scene.number, ids.decode("pool", pool), member, SeatSource.SCIM)

    return act


async def test_a_directory_buys_up_to_the_limit_and_lets_the_rest_wait(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(1)
    await buys(workspace, 4)
    members = [await workspace.join() for _ in range(7)]

    came = await racers.race(workspace, [wants_a_seat(workspace, pool, who) for who in members])

    waiting = await racers.world.value(
        "select count(*) from assignment where account_id = $1 and state = 'waitlisted'", workspace.number
    )
    assert came == Counter(done=7)
    assert await figures(racers.world, pool) == (4, 4, 4, 4)
    assert waiting == 3


async def test_a_directory_whose_pool_can_buy_no_more_lets_people_wait(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(0)
    await buys(workspace)
    await workspace.world.run(
        "update subscription set state = 'canceled', ended_at = period_start where account_id = $1", workspace.number
    )

    came = await racers.race(workspace, [wants_a_seat(workspace, pool, await workspace.join())])

    assert came == Counter(done=1)
    assert await figures(racers.world, pool) == (0, 0, 0, 0)


async def test_one_person_from_every_side_buys_one_seat(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(1)
    await buys(workspace)
    await racers.race(workspace, [growing_assign(workspace, pool, "first@grow.test")])

    came = await racers.race(workspace, [growing_assign(workspace, pool, "ada@grow.test")] * 12)

    assert came == Counter(done=1, AlreadySeated=11)
    assert await figures(racers.world, pool) == (2, 2, 2, 2)
    assert await resized(workspace) == [(1, 2)]


async def test_lists_people_and_leavers_fill_a_pool_to_its_limit_exactly(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(6)
    seats = [await workspace.seat(pool, await workspace.join()) for _ in range(6)]
    await buys(workspace, 30)
    acts = [
        *(growing_assign(workspace, pool, email) for email in people(20)),
        *(growing_list(workspace, pool, [*people(15, name), *people(5)]) for name in ("q", "r")),
        *(release(workspace, seat) for seat in seats),
    ]

    async with watched(racers.world, pool) as seen:
        came = await racers.race(workspace, acts[::2] + acts[1::2])

    assert came.keys() <= {"done", "AlreadySeated", "OverageLimitReached"}
    assert all(each.hold for each in seen)
    assert max(each.purchased for each in seen) <= 30
    assert seen[-1].assigned <= seen[-1].purchased <= 30
    sizes = await resized(workspace)
    assert all(after > before for before, after in sizes)
    assert [before for before, _ in sizes[1:]] == [after for _, after in sizes[:-1]]


# Requests that race


def approving(scene: Scene, request: str) -> Act:
    """Approve a request for a seat."""

    async def act(work: Work) -> None:
        await queries.keep_members(work, scene.number)
        await deciding.approve(work, scene.number, ids.decode("request", request), SeatSource.MANUAL, None)

    return act


def declining(scene: Scene, request: str) -> Act:
    """Decline a request for a seat."""
    return lambda work: deciding.decline(work, scene.number, ids.decode("request", request), "No.")


def asking_for(scene: Scene, pool: str, email: str) -> Act:
    """Request a seat of a full pool."""
    return lambda work: asking.ask_instead(work, scene.number, ids.decode("pool", pool), email)


async def test_a_request_is_decided_once_however_many_decide(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(5)
    request = await workspace.request(pool, await workspace.join())
    acts = [approving(workspace, request), declining(workspace, request)] * 8

    came = await racers.race(workspace, acts)

    state = await racers.world.value("select state from seat_request where account_id = $1", workspace.number)
    taken = 1 if state == "approved" else 0
    assert came == Counter(done=1, RequestSettled=15)
    assert await figures(racers.world, pool) == (5, taken, taken, taken)


async def test_a_seat_is_requested_once_from_however_many_sides(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(0)

    came = await racers.race(workspace, [asking_for(workspace, pool, "ada@grow.test")] * 12)

    assert came == Counter(done=1, AlreadyRequested=11)


async def test_no_more_requests_are_approved_than_there_are_seats(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(4)
    requests = [await workspace.request(pool, await workspace.join()) for _ in range(12)]

    async with watched(racers.world, pool) as seen:
        came = await racers.race(workspace, [approving(workspace, request) for request in requests * 2])

    assert came["done"] == 4
    assert came.keys() <= {"done", "PoolExhausted", "RequestSettled"}
    assert seen[-1] == (4, 4, 4, 4)
    assert all(each.hold for each in seen)
