"""Seat groups: a pool is divided, people are seated in a part of it, and no part takes what is another's."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy import Role
from kernel import ids
from seats.seating import SeatState
from tests.graph.asking import work_off
from tests.scene import Scene, Somebody
from tests.scenery import World

GROUP = """
    __typename
    ... on SeatGroup { id name allocation assigned available removedAt pool { available setApart } }
    ... on Problem { message }
"""
SEAT = """
    __typename
    ... on Seat { id email state seatGroup { name assigned available } pool { assigned available setApart } }
    ... on Problem { message }
"""
SHOWS = {"assignGroupSeat": SEAT, "groupSeat": SEAT, "assignSeat": SEAT, "releaseSeat": SEAT, "transferSeat": SEAT}


async def does(scene: Scene, name: str, who: Somebody | None = None, /, **given: Any) -> dict[str, Any]:
    """What comes of a mutation."""
    reply = await scene.world.change(name, who or scene.owner, shows_=SHOWS.get(name, GROUP), **given)
    found: dict[str, Any] = reply.data[name]
    return found


async def figures(scene: Scene, pool: str) -> tuple[int, int, int]:
    """How many seats of a pool were bought, are taken, and are set apart."""
    (row,) = await scene.world.rows(
        "select purchased, assigned, set_apart from license_pool where id = $1", ids.decode("pool", pool)
    )
    return tuple(row)


@pytest.fixture
async def pool(workspace: Scene) -> str:
    """Ten seats, of which nobody has one."""
    return await workspace.pool(10)


async def test_seats_are_set_apart_for_a_group_and_for_nobody_else(workspace: Scene, pool: str) -> None:
    made = await does(workspace, "createSeatGroup", pool=pool, name="  Design ", seats=9)

    assert made["name"] == "Design"
    assert (made["allocation"], made["assigned"], made["available"]) == (9, 0, 9)
    assert made["pool"] == {"available": 1, "setApart": 9}
    assert (await does(workspace, "assignSeat", pool=pool, email="a@rest.test"))["__typename"] == "Seat"
    assert await does(workspace, "assignSeat", pool=pool, email="b@rest.test") == {
        "__typename": "PoolExhausted",
        "message": "No seat is free: 1 of 10 are taken, and 9 are set apart for groups. Release one, or buy more.",
    }
    assert await figures(workspace, pool) == (10, 1, 9)


async def test_a_seat_of_a_group_is_taken_from_what_it_has(workspace: Scene, pool: str) -> None:
    group = await workspace.seat_group(pool, 2)
    member = await workspace.join()

    seats = [
        await does(workspace, "assignGroupSeat", group=group, email=email) for email in (member.email, "new@part.test")
    ]
    full = await does(workspace, "assignGroupSeat", group=group, email="third@part.test")

    assert [(seat["state"], seat["seatGroup"]["assigned"]) for seat in seats] == [("ACTIVE", 1), ("INVITED", 2)]
    assert seats[1]["pool"] == {"assigned": 2, "available": 8, "setApart": 0}
    assert full == {
        "__typename": "SeatGroupFull",
        "message": "All 2 seats of Design are taken. Release one, or ask whoever gives this group its seats for more.",
    }
    assert await figures(workspace, pool) == (10, 2, 0)
    letters = "select count(*) from invitation where account_id = $1 and email = 'third@part.test'"
    assert await workspace.world.value(letters, workspace.number) == 0


async def test_a_seat_that_is_freed_goes_back_to_its_group_and_not_to_the_line(workspace: Scene) -> None:
    pool = await workspace.pool(2)
    group = await workspace.seat_group(pool, 2)
    seat = await does(workspace, "assignGroupSeat", group=group, email=(await workspace.join()).email)
    waits = await workspace.seat(pool, await workspace.join(), SeatState.WAITLISTED)

    await does(workspace, "releaseSeat", seat=seat["id"])

    assert await figures(workspace, pool) == (2, 0, 2)
    state = "select state from assignment where id = $1"
    assert await workspace.world.value(state, ids.decode("seat", waits)) == "waitlisted"


async def test_a_removed_group_leaves_its_people_and_gives_its_free_seats_to_the_line(workspace: Scene) -> None:
    pool = await workspace.pool(2)
    group = await workspace.seat_group(pool, 2)
    seat = await does(workspace, "assignGroupSeat", group=group, email=(await workspace.join()).email)
    waits = await workspace.seat(pool, await workspace.join(), SeatState.WAITLISTED)

    removed = await does(workspace, "removeSeatGroup", group=group)
    again = await does(workspace, "removeSeatGroup", group=group)
    late = await does(workspace, "assignGroupSeat", group=group, email="late@part.test")

    assert (removed["allocation"], removed["assigned"]) == (0, 0)
    assert removed["removedAt"] is not None
    rows = await workspace.world.rows(
        "select id, state, seat_group_id from assignment where account_id = $1", workspace.number
    )
    assert {(row["id"], row["state"], row["seat_group_id"]) for row in rows} == {
        (ids.decode("seat", seat["id"]), "active", None),
        (ids.decode("seat", waits), "active", None),
    }
    assert await figures(workspace, pool) == (2, 2, 0)
    assert (
        again
        == late
        == {
            "__typename": "SeatGroupRemoved",
            "message": "The seat group Design was removed. Choose another one.",
        }
    )


async def test_no_group_gets_more_than_is_free_nor_less_than_is_taken(workspace: Scene, pool: str) -> None:
    group = await workspace.seat_group(pool, 6)
    await does(workspace, "assignGroupSeat", group=group, email="a@part.test")
    await does(workspace, "assignGroupSeat", group=group, email="b@part.test")
    await workspace.seat(pool, "rest@part.test")

    more = await does(workspace, "changeSeatGroup", group=group, seats=10)
    other = await does(workspace, "createSeatGroup", pool=pool, name="Sales", seats=4)
    less = await does(workspace, "changeSeatGroup", group=group, seats=1)
    fits = await does(workspace, "changeSeatGroup", group=group, seats=9, name="Art")

    assert more["message"] == (
        "The group would need 4 more seats, and 3 are free in its pool."
        " Release some, take them from another group, or buy more."
    )
    assert other["__typename"] == "SeatsNotFree"
    assert less["message"] == "The group can't have 1 seats, for 2 of them are taken. Release some first."
    assert (fits["name"], fits["allocation"], fits["pool"]["available"]) == ("Art", 9, 0)
    assert await figures(workspace, pool) == (10, 3, 7)


async def test_what_a_group_gives_back_goes_to_the_line(workspace: Scene) -> None:
    pool = await workspace.pool(3)
    group = await workspace.seat_group(pool, 3)
    await workspace.seat(pool, await workspace.join(), SeatState.WAITLISTED)

    await does(workspace, "changeSeatGroup", group=group, seats=1)

    assert await figures(workspace, pool) == (3, 1, 1)


async def test_a_name_is_given_once_in_a_pool(workspace: Scene, pool: str) -> None:
    await workspace.seat_group(pool)
    other = await workspace.seat_group(pool, name="Sales")

    made = await does(workspace, "createSeatGroup", pool=pool, name="DESIGN", seats=1)
    renamed = await does(workspace, "changeSeatGroup", group=other, name="design")
    elsewhere = await does(workspace, "createSeatGroup", pool=await workspace.pool(), name="Design", seats=1)

    assert made["message"] == "Another seat group of this pool is called DESIGN. Choose another name."
    assert renamed["__typename"] == "SeatGroupNameTaken"
    assert elsewhere["__typename"] == "SeatGroup"
    assert await figures(workspace, pool) == (10, 0, 2)


async def test_a_seat_moves_between_groups_and_out_of_them(workspace: Scene, pool: str) -> None:
    left, right = await workspace.seat_group(pool, 4), await workspace.seat_group(pool, 1, name="Sales")
    seat = await workspace.seat(pool, await workspace.join())
    await does(workspace, "assignGroupSeat", group=left, email="a@part.test")

    inside = await does(workspace, "groupSeat", seat=seat, group=right)
    full = await does(
        workspace,
        "groupSeat",
        seat=(await does(workspace, "assignSeat", pool=pool, email="b@part.test"))["id"],
        group=right,
    )
    across = await does(workspace, "groupSeat", seat=seat, group=left)
    outside = await does(workspace, "groupSeat", seat=seat)

    assert inside["seatGroup"] == {"name": "Sales", "assigned": 1, "available": 0}
    assert full["__typename"] == "SeatGroupFull"
    assert across["seatGroup"] == {"name": "Design", "assigned": 2, "available": 2}
    assert outside["seatGroup"] is None
    assert await figures(workspace, pool) == (10, 3, 4)


async def test_nobody_leaves_a_group_while_nothing_else_is_free(workspace: Scene) -> None:
    pool = await workspace.pool(2)
    group = await workspace.seat_group(pool, 2)
    seat = await does(workspace, "assignGroupSeat", group=group, email="a@part.test")

    answer = await does(workspace, "groupSeat", seat=seat["id"])

    assert (
        answer["message"]
        == "No seat is free: 1 of 2 are taken, and 1 are set apart for groups. Release one, or buy more."
    )
    assert await figures(workspace, pool) == (2, 1, 1)


async def test_a_seat_that_is_handed_on_stays_in_its_group(workspace: Scene, pool: str) -> None:
    group = await workspace.seat_group(pool, 1)
    seat = await does(workspace, "assignGroupSeat", group=group, email="a@part.test")

    answer = await does(workspace, "transferSeat", seat=seat["id"], email="b@part.test")

    assert answer["seatGroup"] == {"name": "Design", "assigned": 1, "available": 0}
    assert await figures(workspace, pool) == (10, 1, 0)


async def test_an_invitation_that_nobody_answered_makes_room_in_a_full_group(workspace: Scene, pool: str) -> None:
    group = await workspace.seat_group(pool, 1)
    await does(workspace, "assignGroupSeat", group=group, email="old@part.test")
    await workspace.world.run(
        "update invitation set created_at = created_at - interval '8 days', expires_at = created_at - interval '1 day'"
        " where account_id = $1",
        workspace.number,
    )

    answer = await does(workspace, "assignGroupSeat", group=group, email="new@part.test")

    assert answer["seatGroup"] == {"name": "Design", "assigned": 1, "available": 0}
    assert await figures(workspace, pool) == (10, 1, 0)


async def test_a_pool_keeps_as_many_seats_as_its_groups_have(workspace: Scene, pool: str) -> None:
    await workspace.seat_group(pool, 6)

    answer = (
        await workspace.world.change(
            "changeSeats", workspace.owner, shows_="__typename ... on Problem { message }", pool=pool, seats=5
        )
    ).data["changeSeats"]

    assert answer == {
        "__typename": "SeatsSetApart",
        "message": "The pool can't have 5 seats, for its groups have 6. Give the groups fewer first.",
    }
    assert await figures(workspace, pool) == (10, 0, 6)


async def test_a_group_gets_no_seats_that_go_with_the_next_period(workspace: Scene, pool: str) -> None:
    group = await workspace.seat_group(pool, 4)
    await workspace.world.change("changeSeats", workspace.owner, pool=pool, seats=5)

    fits = await does(workspace, "changeSeatGroup", group=group, seats=5)
    more = await does(workspace, "changeSeatGroup", group=group, seats=6)

    assert fits["allocation"] == 5
    assert more["message"].startswith("The group would need 1 more seats, and 0 are free in its pool.")


async def test_a_list_seats_nobody_in_what_belongs_to_groups(workspace: Scene, pool: str) -> None:
    await workspace.seat_group(pool, 8)

    reply = await workspace.world.change(
        "assignSeats",
        workspace.owner,
        shows_="... on ListSeated { seated outcomes { outcome } }",
        pool=pool,
        emails=[f"p{number}@part.test" for number in range(4)],
    )

    told = reply.data["assignSeats"]
    assert (told["seated"], told["outcomes"][-1]) == (2, {"outcome": "NO_SEAT_LEFT"})
    assert await figures(workspace, pool) == (10, 2, 8)


async def test_groups_are_found_by_pool_and_by_name(workspace: Scene, pool: str) -> None:
    mine, sales = await workspace.seat_group(pool), await workspace.seat_group(pool, name="Sales")
    other = await workspace.seat_group(await workspace.pool(), name="Sales too")
    member = await workspace.join()
    seat = await does(workspace, "assignGroupSeat", group=sales, email=member.email)
    asked = """query ($workspace: ID!, $pool: ID!, $group: ID!) { node(id: $workspace) { ... on Workspace {
        all: seatGroups(first: 9) { nodes { id } }
        sales: seatGroups(first: 9, filter: {search: "sales"}) { nodes { id } }
        here: seatGroups(first: 9, filter: {pool: $pool}) { nodes { id seats(first: 9) { nodes { id } } } }
        seats(first: 9, filter: {seatGroup: $group}) { nodes { id } }
        licensePools { seatGroups(first: 9) { totalCount } }
    } } }"""

    reply = await workspace.world.ask(
        asked, workspace.members[Role.SEAT_ADMIN], workspace=workspace.id, pool=pool, group=sales
    )

    found = reply.data["node"]
    assert {each["id"] for each in found["all"]["nodes"]} == {mine, sales, other}
    assert {each["id"] for each in found["sales"]["nodes"]} == {sales, other}
    assert {each["id"]: each["seats"]["nodes"] for each in found["here"]["nodes"]} == {
        mine: [],
        sales: [{"id": seat["id"]}],
    }
    assert found["seats"]["nodes"] == [{"id": seat["id"]}]
    assert sorted(each["seatGroups"]["totalCount"] for each in found["licensePools"]) == [1, 2]


async def test_a_pool_that_ends_ends_its_groups(workspace: Scene, pool: str) -> None:
    group = await workspace.seat_group(pool, 2)
    await does(workspace, "assignGroupSeat", group=group, email="a@part.test")
    subscription = await workspace.world.value(
        "select subscription_id from license_pool where id = $1", ids.decode("pool", pool)
    )

    await workspace.world.change(
        "cancelSubscription",
        workspace.owner,
        shows_="__typename",
        subscription=ids.encode("sub", subscription),
        at="NOW",
    )
    await work_off(workspace.world)

    assert await figures(workspace, pool) == (10, 0, 0)
    assert (await does(workspace, "assignGroupSeat", group=group, email="b@part.test"))["__typename"] == (
        "SeatGroupRemoved"
    )


async def test_a_group_of_another_workspace_does_not_exist(world: World, workspace: Scene, pool: str) -> None:
    group = await workspace.seat_group(pool)
    elsewhere = await world.workspace()

    for name, given in (
        ("changeSeatGroup", {"seats": 2}),
        ("removeSeatGroup", {}),
        ("assignGroupSeat", {"email": "a@part.test"}),
    ):
        reply = await world.change(name, elsewhere.owner, shows_="__typename", group=group, **given)
        assert reply.code == "NOT_FOUND"
    assert await figures(workspace, pool) == (10, 0, 1)
