"""Races: whatever many connections do to a pool at once, its counter is right in every snapshot."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

from seats.seating import SeatState
from tests.scene import Scene
from tests.seats.racing import (
    CONNECTIONS,
    Racers,
    assign,
    assign_all,
    close,
    expire,
    figures,
    invite,
    release,
    remove,
    transfer,
    watched,
)

DAY = timedelta(days=1)


def people(count: int, name: str = "p") -> list[str]:
    return [f"{name}{number}@race.test" for number in range(count)]


async def test_four_hundred_tries_fill_fifty_seats_exactly(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(50)

    async with watched(racers.world, pool) as seen:
        came = await racers.race(workspace, [assign(workspace, pool, email) for email in people(400)])

    assert came == {"done": 50, "PoolExhausted": 350}
    assert seen[-1] == (50, 50, 50, 50)
    assert len(seen) > 1
    assert all(each.hold for each in seen)


async def test_one_person_from_every_side_gets_one_seat(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(50)
    member = await workspace.join()

    stranger = await racers.race(workspace, [assign(workspace, pool, "ada@race.test")] * 16)
    known = await racers.race(workspace, [assign(workspace, pool, member.email)] * 16)

    assert stranger == known == {"done": 1, "AlreadySeated": 15}
    assert await figures(racers.world, pool) == (50, 2, 2, 2)


async def test_one_stranger_in_many_pools_is_invited_once(racers: Racers, workspace: Scene) -> None:
    pools = [await workspace.pool(1) for _ in range(8)]
    acts = [assign(workspace, pool, "ada@race.test") for pool in pools]

    came = await racers.race(workspace, [*acts, *[invite(workspace, "ada@race.test")] * 8])

    assert came["done"] in {8, 9}
    assert came["done"] + came["AlreadyInvited"] == 16
    assert await racers.world.value("select count(*) from invitation where account_id = $1", workspace.number) == 1


async def test_two_long_lists_at_once_are_both_seated(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(1000)
    lists = [people(500, "left"), people(500, "right")]

    came = await racers.race(workspace, [assign_all(workspace, pool, emails) for emails in lists])

    assert came == {"done": 2}
    assert await figures(racers.world, pool) == (1000, 1000, 1000, 1000)


async def test_lists_and_single_seats_share_what_is_there(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(100)
    overlapping = [people(60), people(80)[20:], people(70, "q")]
    acts = [assign_all(workspace, pool, emails) for emails in overlapping]
    acts += [assign(workspace, pool, email) for email in chain(people(30), people(30, "single"))]

    async with watched(racers.world, pool) as seen:
        came = await racers.race(workspace, acts)

    assert came["done"] >= len(overlapping)
    assert came.keys() <= {"done", "AlreadySeated", "PoolExhausted"}
    assert seen[-1] == (100, 100, 100, 100)
    assert all(each.hold for each in seen)


async def test_everything_at_once_leaves_the_counters_right(racers: Racers, workspace: Scene) -> None:
    world = racers.world
    pools = [await workspace.pool(40), await workspace.pool(25)]
    members = [await workspace.join() for _ in range(6)]
    seats = [await workspace.seat(pool, who) for pool in pools for who in members]
    stale = people(6, "stale")
    overdue = [await workspace.invitation(email, sent=await world.now() - 8 * DAY) for email in stale]
    for email in stale:
        await workspace.seat(pools[1], email)
    acts = [
        *(assign(workspace, pools[number % 2], email) for number, email in enumerate(people(60))),
        *(assign_all(workspace, pool, [*people(40), *stale]) for pool in pools),
        *(release(workspace, seat) for seat in seats[::3] * 2),
        *(transfer(workspace, seat, email) for seat, email in zip(seats[1::3] * 2, people(8, "t"), strict=True)),
        *(transfer(workspace, seat, email) for seat, email in zip(seats[2::3], stale, strict=False)),
        *(remove(workspace, who) for who in members),
        *(expire(workspace, letter) for letter in overdue),
        *(invite(workspace, email) for email in stale),
    ]

    async with watched(world, *pools) as seen:
        came = await racers.race(workspace, acts[::2] + acts[1::2])

    assert came.keys() <= {"done", "AlreadySeated", "AlreadyInvited", "PoolExhausted", "SeatNotHeld"}
    assert came["done"] > CONNECTIONS
    assert all(each.hold for each in seen)
    assert await homeless(workspace) == []


async def test_nobody_is_seated_while_they_are_removed(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(100)
    members = [await workspace.join() for _ in range(CONNECTIONS // 2)]

    await racers.race(
        workspace, chain.from_iterable((assign(workspace, pool, who.email), remove(workspace, who)) for who in members)
    )

    assert (await figures(racers.world, pool)).hold
    assert await homeless(workspace) == []


async def test_nobody_keeps_a_seat_in_a_pool_that_closes(racers: Racers, workspace: Scene) -> None:
    pool = await workspace.pool(200)
    subscription = await racers.world.value(
        "select subscription_id from license_pool where account_id = $1", workspace.number
    )
    acts = [assign(workspace, pool, email) for email in people(60)]
    lists = [assign_all(workspace, pool, people(20, "q"))]

    came = await racers.race(workspace, [*acts[:30], close(workspace, subscription), *acts[30:], *lists])

    assert came.keys() <= {"done", "PoolClosed"}
    assert await figures(racers.world, pool) == (200, 0, 0, 0)


async def homeless(scene: Scene) -> list[str]:
    """Addresses with a seat that nobody will ever free: not a member's, and no invitation behind it."""
    rows = await scene.world.rows(
        "select a.email from assignment a where a.account_id = $1 and a.state = any($2)"
        " and not exists (select from member m where m.account_id = a.account_id and m.person_id = a.person_id"
        " and m.state = 'active')"
        " and not exists (select from invitation i where i.account_id = a.account_id and i.email = a.email"
        " and i.state = 'pending')",
        scene.number,
        [SeatState.INVITED, SeatState.ACTIVE, SeatState.SUSPENDED],
    )
    return [row["email"] for row in rows]
