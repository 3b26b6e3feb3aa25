"""Seating whole lists: every address has its own outcome, and the pool is never overfilled."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from auth.policy import Role
from seats.seating import MOST_AT_ONCE, SeatState
from tests.graph.asking import counted, letters, logged, said, told
from tests.graph.crowd import evidence
from tests.scenery import Scene

QUICK = 60
"""Seconds in which ten thousand addresses are seated, on a busy machine."""


def outcomes(answer: Any) -> list[tuple[str, str, str | None]]:
    """What came of each address: the address, the outcome, and the state of the seat."""
    return [
        (each["email"], each["outcome"], each["seat"]["state"] if each["seat"] else None) for each in answer["outcomes"]
    ]


async def test_every_address_has_its_outcome_in_the_order_given(workspace: Scene) -> None:
    pool, member = await workspace.pool(6), workspace.members[Role.MEMBER]
    await workspace.seat(pool, workspace.owner)
    await workspace.invitation("waits@example.test")
    await workspace.seat(pool, "waits@example.test")
    given = [
        "b@example.test",
        member.email.upper(),
        "nonsense",
        " B@example.test",
        workspace.owner.email,
        "waits@example.test",
        "a@example.test",
        "nonsense",
        "last@example.test",
        "late@example.test",
        "b@example.test",
    ]

    answer = await said(workspace, "assignSeats", pool=pool, emails=given)

    assert outcomes(answer) == [
        ("b@example.test", "INVITED", "INVITED"),
        (member.email, "ASSIGNED", "ACTIVE"),
        ("nonsense", "NOT_AN_ADDRESS", None),
        ("b@example.test", "REPEATED", None),
        (workspace.owner.email, "ALREADY_SEATED", None),
        ("waits@example.test", "ALREADY_SEATED", None),
        ("a@example.test", "INVITED", "INVITED"),
        ("nonsense", "REPEATED", None),
        ("last@example.test", "INVITED", "INVITED"),
        ("late@example.test", "NO_SEAT_LEFT", None),
        ("b@example.test", "REPEATED", None),
    ]
    assert (answer["seated"], answer["pool"]) == (4, {"assigned": 6, "available": 0})
    assert answer["outcomes"][1]["seat"]["person"] == {"id": member.id}
    assert await counted(workspace, pool) == (6, 6)


async def test_everybody_who_is_seated_is_invited_and_recorded(workspace: Scene) -> None:
    pool, member = await workspace.pool(5), workspace.members[Role.MEMBER]
    await workspace.invitation("waits@example.test")

    await said(
        workspace, "assignSeats", pool=pool, emails=["new@example.test", member.email, "waits@example.test", "nonsense"]
    )

    assert await letters(workspace, "new@example.test") == ["pending"]
    assert await letters(workspace, "waits@example.test") == ["pending"]
    assert await letters(workspace, member.email) == []
    assert await logged(workspace) == ["invitation.sent", "seat.assigned", "seat.assigned", "seat.assigned"]


async def test_the_record_of_a_seat_is_the_same_whether_it_came_with_a_list_or_alone(workspace: Scene) -> None:
    pool = await workspace.pool(2)

    await said(workspace, "assignSeat", pool=pool, email="alone@example.test")
    await said(workspace, "assignSeats", pool=pool, emails=["listed@example.test"])

    rows = await workspace.world.rows(
        "select array(select jsonb_object_keys(jsonb_strip_nulls(after)) order by 1) as told"
        " from audit_record where account_id = $1 and action = 'seat.assigned'",
        workspace.number,
    )
    alone, listed = [row["told"] for row in rows]
    assert alone == listed


async def test_a_full_pool_seats_nobody_of_the_list_and_says_so(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    await workspace.seat(pool, workspace.owner)
    before = await evidence(workspace)

    answer = await said(workspace, "assignSeats", pool=pool, emails=["a@example.test", "b@example.test"])

    assert [outcome for _, outcome, _ in outcomes(answer)] == ["NO_SEAT_LEFT"] * 2
    assert await evidence(workspace) == before


async def test_an_empty_list_seats_nobody(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    before = await evidence(workspace)

    answer = await said(workspace, "assignSeats", pool=pool, emails=[])

    assert answer == {
        "__typename": "ListSeated",
        "seated": 0,
        "outcomes": [],
        "pool": {"assigned": 0, "available": 1},
    }
    assert await evidence(workspace) == before


async def test_more_than_ten_thousand_are_refused_whole(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    before = await evidence(workspace)

    reply = await told(workspace, "assignSeats", pool=pool, emails=["a@b.test"] * (MOST_AT_ONCE + 1))

    assert reply.code == "INVALID_INPUT"
    assert reply.json["errors"][0]["message"] == "One call seats at most 10,000 addresses; 10,001 were given."
    assert await evidence(workspace) == before


async def test_ten_thousand_are_seated_in_seconds(workspace: Scene) -> None:
    pool = await workspace.pool(MOST_AT_ONCE + 1)
    await workspace.seat(pool, workspace.owner, SeatState.SUSPENDED)
    emails = [f"person.number.{number}@example.test" for number in range(MOST_AT_ONCE)]

    start = perf_counter()
    reply = await workspace.world.change(
        "assignSeats",
        workspace.owner,
        shows_="... on ListSeated { seated pool { assigned available } }",
        pool=pool,
        emails=emails,
    )
    took = perf_counter() - start

    assert reply.data["assignSeats"] == {"seated": MOST_AT_ONCE, "pool": {"assigned": 10_001, "available": 0}}
    assert took < QUICK
    assert await counted(workspace, pool) == (10_001, 10_001)
    assert await workspace.world.value("select seq from audit_head where account_id = $1", workspace.number) == 20_000
    # Nobody else's worker shall have to let ten thousand invitations run out.
    await workspace.world.run(
        "update invitation set state = 'revoked', answered_at = created_at where account_id = $1", workspace.number
    )


async def test_the_same_list_again_changes_nothing(workspace: Scene) -> None:
    pool, emails = await workspace.pool(5), ["a@example.test", "b@example.test"]
    await said(workspace, "assignSeats", pool=pool, emails=emails)
    before = await evidence(workspace)

    again = await said(workspace, "assignSeats", pool=pool, emails=emails)

    assert [outcome for _, outcome, _ in outcomes(again)] == ["ALREADY_SEATED"] * 2
    assert await evidence(workspace) == before
