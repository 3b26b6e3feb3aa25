"""Full pools: what a workspace says becomes of whoever wants a seat there."""

from __future__ import annotations

from typing import Any

from auth.policy import Role
from kernel import ids
from seats.seating import SeatState
from tests.graph.asking import counted, logged, said, work_off
from tests.graph.crowd import evidence
from tests.scenery import Scene

SEATED = """
    __typename
    ... on Seat { state }
    ... on SeatBought { bought cost { minor } invoice { total { minor } } collectedAt
                        seat { state email pool { purchased assigned } } }
    ... on Problem { message }
"""
LISTED = """
    __typename
    ... on ListSeated { seated bought cost { minor } invoice { total { minor } } outcomes { outcome }
                        pool { purchased assigned } }
    ... on Problem { message }
"""
PREVIEW = """
    query ($pool: ID!, $emails: [String!]!) {
      previewAssign(pool: $pool, emails: $emails) {
        seated bought cost { minor currency } collectedAt invoice { total { minor } }
      }
    }
"""
SEATS = "query ($pool: ID!, $seats: Int!) { previewSeats(pool: $pool, seats: $seats) { total { minor } } }"
POLICY = "id overage overageLimit"


async def bought(scene: Scene, seats: int) -> str:
    """A pool that was bought and billed."""
    price = scene.world.catalog.team.price
    pool: str = (await said(scene, "createLicensePool", workspace=scene.id, price=price, seats=seats))["id"]
    return pool


async def policy(scene: Scene, overage: str = "BUY", limit: int | None = None) -> Any:
    """What becomes of whoever wants a seat of a full pool, from now on."""
    reply = await scene.world.change(
        "changeOverage", scene.owner, shows_=POLICY, workspace=scene.id, overage=overage, limit=limit
    )
    return reply.data["changeOverage"]


async def seats(scene: Scene, pool: str, *emails: str, by: Any = None) -> Any:
    """What came of seating one address, or several at once."""
    one = len(emails) == 1
    what: dict[str, Any] = {"email": emails[0]} if one else {"emails": list(emails)}
    name, shows = ("assignSeat", SEATED) if one else ("assignSeats", LISTED)
    return (await scene.world.change(name, by or scene.owner, shows_=shows, pool=pool, **what)).data[name]


async def asked(scene: Scene, pool: str, seats: int) -> int:
    """What so many seats would bill now, in minor units."""
    reply = await scene.world.ask(SEATS, scene.owner, pool=pool, seats=seats)
    minor: int = reply.data["previewSeats"]["total"]["minor"]
    return minor


async def test_a_pool_blocks_unless_the_workspace_says_otherwise(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await seats(workspace, pool, "ada@example.test")
    before = await evidence(workspace)

    full = await seats(workspace, pool, "eve@example.test")

    assert full == {"__typename": "PoolExhausted", "message": "All 1 seats are taken. Release one, or buy more."}
    assert await evidence(workspace) == before


async def test_a_full_pool_buys_the_missing_seat_and_says_what_it_cost(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await seats(workspace, pool, "ada@example.test")
    await policy(workspace)
    price = await asked(workspace, pool, 2)

    answer = await seats(workspace, pool, "eve@example.test")

    assert price > 0
    assert answer.pop("cost")["minor"] == answer.pop("invoice")["total"]["minor"] == price
    assert answer == {
        "__typename": "SeatBought",
        "bought": 1,
        "collectedAt": None,
        "seat": {"state": "INVITED", "email": "eve@example.test", "pool": {"purchased": 2, "assigned": 2}},
    }
    assert await counted(workspace, pool) == (2, 2)


async def test_whoever_buys_hears_once_a_day_that_a_pool_buys_by_itself(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await policy(workspace)
    await workspace.world.change("changeSeats", workspace.owner, pool=pool, seats=2)
    await work_off(workspace.world)
    by_hand = await letters(workspace)

    await seats(workspace, pool, *(f"p{number}@example.test" for number in range(3)))
    await seats(workspace, pool, "eve@example.test")
    await work_off(workspace.world)

    assert by_hand == []
    assert await letters(workspace) == sorted(
        workspace.members[role].email for role in (Role.OWNER, Role.BILLING_ADMIN)
    )


async def letters(scene: Scene) -> list[str]:
    """Who was told that a pool buys seats by itself."""
    sql = "select address from letter where account_id = $1 and kind = 'pool_grown' order by address"
    return [row["address"] for row in await scene.world.rows(sql, scene.number)]


async def test_a_pool_with_room_buys_nothing(workspace: Scene) -> None:
    pool = await bought(workspace, 2)
    await policy(workspace)

    first = await seats(workspace, pool, "ada@example.test")
    again = await seats(workspace, pool, "ada@example.test")

    assert first == {"__typename": "Seat", "state": "INVITED"}
    assert again["__typename"] == "AlreadySeated"
    assert "pool.resized" not in await logged(workspace)


async def test_a_list_buys_what_is_missing_all_at_once(workspace: Scene) -> None:
    pool = await bought(workspace, 2)
    await policy(workspace)
    price = await asked(workspace, pool, 4)
    people = [f"p{number}@example.test" for number in range(4)]

    answer = await seats(workspace, pool, *people, people[0], "nonsense")

    assert (answer["seated"], answer["bought"]) == (4, 2)
    assert answer["cost"]["minor"] == answer["invoice"]["total"]["minor"] == price
    assert answer["pool"] == {"purchased": 4, "assigned": 4}
    assert [one["outcome"] for one in answer["outcomes"]] == ["INVITED"] * 4 + ["REPEATED", "NOT_AN_ADDRESS"]
    assert (await logged(workspace)).count("pool.resized") == 1


async def test_a_list_that_sits_already_buys_nothing(workspace: Scene) -> None:
    pool = await bought(workspace, 2)
    people = ["ada@example.test", "eve@example.test"]
    await seats(workspace, pool, *people)
    await policy(workspace)

    again = await seats(workspace, pool, *people)

    assert (again["seated"], again["bought"], again["cost"]) == (0, 0, None)
    assert await counted(workspace, pool) == (2, 2)


async def test_a_pool_grows_to_its_limit_and_no_further(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await policy(workspace, limit=3)
    listed = await seats(workspace, pool, *[f"p{number}@example.test" for number in range(5)])
    before = await evidence(workspace)

    one = await seats(workspace, pool, "ada@example.test")

    assert (listed["seated"], listed["bought"]) == (3, 2)
    assert [outcome["outcome"] for outcome in listed["outcomes"]] == ["INVITED"] * 3 + ["NO_SEAT_LEFT"] * 2
    assert one == {
        "__typename": "OverageLimitReached",
        "message": "All 3 seats are taken, and a pool here grows to at most 3 by itself."
        " Release one, or ask whoever buys for the workspace.",
    }
    assert await evidence(workspace) == before


async def test_what_was_foreseen_is_what_it_costs(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await policy(workspace)
    people = ["ada@example.test", "eve@example.test", "joe@example.test"]

    told = (await workspace.world.ask(PREVIEW, workspace.owner, pool=pool, emails=people)).data["previewAssign"]
    answer = await seats(workspace, pool, *people)

    assert (told["seated"], told["bought"]) == (3, 2) == (answer["seated"], answer["bought"])
    assert told["cost"]["minor"] == answer["cost"]["minor"] == told["invoice"]["total"]["minor"]


async def test_whoever_gives_seats_foresees_the_cost_and_no_invoice(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await policy(workspace)
    people, admin = ["ada@example.test", "eve@example.test"], workspace.members[Role.SEAT_ADMIN]

    told = (await workspace.world.ask(PREVIEW, admin, pool=pool, emails=people)).data["previewAssign"]
    answer = await seats(workspace, pool, *people, by=admin)

    assert told["invoice"] is answer["invoice"] is None
    assert told["cost"]["minor"] == answer["cost"]["minor"] > 0


async def test_only_whoever_gives_seats_foresees_anything(workspace: Scene) -> None:
    pool = await bought(workspace, 1)

    auditor = await workspace.world.ask(PREVIEW, workspace.members[Role.AUDITOR], pool=pool, emails=["a@b.test"])
    member = await workspace.world.ask(PREVIEW, workspace.members[Role.MEMBER], pool=pool, emails=["a@b.test"])

    assert [auditor.code, member.code] == ["FORBIDDEN", "NOT_FOUND"]


async def test_a_preview_of_a_pool_with_room_costs_nothing(workspace: Scene) -> None:
    pool = await bought(workspace, 2)
    await policy(workspace)

    told = (await workspace.world.ask(PREVIEW, workspace.owner, pool=pool, emails=["ada@b.test"])).data

    assert told["previewAssign"] == {
        "seated": 1,
        "bought": 0,
        "cost": None,
        "collectedAt": None,
        "invoice": None,
    }


async def test_the_seat_goes_to_whom_it_was_bought_for_and_not_to_who_waits(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await seats(workspace, pool, "ada@example.test")
    waits = await workspace.seat(pool, await workspace.join(), SeatState.WAITLISTED)
    await policy(workspace)

    answer = await seats(workspace, pool, "eve@example.test")

    assert answer["seat"]["pool"] == {"purchased": 2, "assigned": 2}
    state = await workspace.world.value("select state from assignment where id = $1", ids.decode("seat", waits))
    assert state == "waitlisted"


async def test_whoever_waited_and_is_seated_waits_no_more(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await seats(workspace, pool, "ada@example.test")
    alone, listed = await workspace.join(), await workspace.join()
    places = [await workspace.seat(pool, who, SeatState.WAITLISTED) for who in (alone, listed)]
    await policy(workspace)

    await seats(workspace, pool, alone.email)
    await seats(workspace, pool, listed.email, "eve@example.test")

    rows = await workspace.world.rows(
        "select state, release_reason from assignment where id = any($1)",
        [ids.decode("seat", place) for place in places],
    )
    assert [tuple(row) for row in rows] == [("released", "has a seat now")] * 2
    assert await counted(workspace, pool) == (4, 4)


async def test_a_subscription_that_ended_grows_no_more(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await seats(workspace, pool, "ada@example.test")
    await policy(workspace)
    await workspace.world.run(
        "update subscription set state = 'canceled', ended_at = period_start where account_id = $1", workspace.number
    )
    before = await evidence(workspace)

    answer = await seats(workspace, pool, "eve@example.test")

    assert answer["__typename"] == "SubscriptionOver"
    assert await evidence(workspace) == before


async def test_the_policy_is_what_was_said_last(workspace: Scene) -> None:
    buys = await policy(workspace, limit=7)
    blocks = await policy(workspace, "BLOCK")

    assert buys == {"id": workspace.id, "overage": "BUY", "overageLimit": 7}
    assert blocks == {"id": workspace.id, "overage": "BLOCK", "overageLimit": None}


async def test_a_limit_is_a_number_of_seats_of_a_policy_that_buys(workspace: Scene) -> None:
    before = await evidence(workspace)

    replies = [
        await workspace.world.change(
            "changeOverage", workspace.owner, shows_=POLICY, workspace=workspace.id, overage=overage, limit=limit
        )
        for overage, limit in [("BLOCK", 5), ("BUY", 0), ("BUY", -1), ("BUY", 100_001)]
    ]

    assert [reply.code for reply in replies] == ["INVALID_INPUT"] * 4
    assert await evidence(workspace) == before
