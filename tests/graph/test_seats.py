"""The life of a seat, as a client lives it."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy import KeyScope, Role
from seats.seating import SeatState
from tests.graph.asking import counted, letters, logged, said, state_of, told
from tests.graph.crowd import evidence
from tests.scenery import Scene

ADA = "ada@example.test"


async def test_a_members_seat_is_theirs_at_once(workspace: Scene) -> None:
    pool, member = await workspace.pool(3), workspace.members[Role.MEMBER]

    answer = await said(workspace, "assignSeat", pool=pool, email=member.email)

    assert answer.pop("id").startswith("seat_")
    assert answer == {
        "__typename": "Seat",
        "state": "ACTIVE",
        "email": member.email,
        "source": "MANUAL",
        "suspendedAt": None,
        "releaseReason": None,
        "person": {"id": member.id},
        "pool": {"purchased": 3, "assigned": 1, "available": 2},
    }
    assert await logged(workspace) == ["seat.assigned"]


async def test_a_strangers_seat_waits_while_they_are_invited(workspace: Scene) -> None:
    pool = await workspace.pool(3)

    answer = await said(workspace, "assignSeat", pool=pool, email=ADA)

    assert (answer["state"], answer["person"]) == ("INVITED", None)
    assert answer["pool"] == {"purchased": 3, "assigned": 1, "available": 2}
    assert await letters(workspace, ADA) == ["pending"]
    assert await logged(workspace) == ["invitation.sent", "seat.assigned"]


async def test_an_invitation_that_is_open_serves_every_seat(workspace: Scene) -> None:
    await workspace.invitation(ADA)

    for _ in range(2):
        await said(workspace, "assignSeat", pool=await workspace.pool(1), email=ADA)

    assert await letters(workspace, ADA) == ["pending"]


@pytest.mark.parametrize("written", ["Ada@Example.TEST", "  ada@example.test ", "ADA@EXAMPLE.TEST\n"])
async def test_an_address_is_one_however_it_is_written(workspace: Scene, written: str) -> None:
    pool = await workspace.pool(3)

    first = await said(workspace, "assignSeat", pool=pool, email=written)
    again = await said(workspace, "assignSeat", pool=pool, email=ADA)

    assert first["email"] == ADA
    assert again["__typename"] == "AlreadySeated"


async def test_a_key_assigns_seats_and_is_named_as_their_source(workspace: Scene) -> None:
    pool, key = await workspace.pool(3), await workspace.key(KeyScope.SEATS_WRITE)

    answer = await said(workspace, "assignSeat", key, pool=pool, email=ADA)

    assert answer["source"] == "KEY"


async def test_a_full_pool_is_explained(workspace: Scene) -> None:
    pool = await workspace.pool(0)
    before = await evidence(workspace)

    answer = await said(workspace, "assignSeat", pool=pool, email=ADA)

    assert answer == {"__typename": "PoolExhausted", "message": "All 0 seats are taken. Release one, or buy more."}
    assert await evidence(workspace) == before


async def test_a_person_sits_once_in_a_pool_and_in_as_many_pools_as_they_need(workspace: Scene) -> None:
    pool, other, member = await workspace.pool(3), await workspace.pool(1), workspace.members[Role.MEMBER]
    await said(workspace, "assignSeat", pool=pool, email=member.email)
    before = await evidence(workspace)

    again = await said(workspace, "assignSeat", pool=pool, email=member.email)

    assert again == {
        "__typename": "AlreadySeated",
        "message": f"{member.email} already has a seat in this pool.",
    }
    assert await evidence(workspace) == before
    assert (await said(workspace, "assignSeat", pool=other, email=member.email))["state"] == "ACTIVE"


NONSENSE = [
    "",
    "ada",
    "ada@",
    "@example.test",
    "ada@example",
    "a b@example.test",
    "ada@example.test, eve@evil.test",
    "ada@example.test\x00",
    "ada\r\nBcc: eve@evil.test@example.test",
    "<ada@example.test>",
    "a" * 250 + "@b.test",
]


@pytest.mark.parametrize("address", NONSENSE)
async def test_nonsense_is_not_seated(workspace: Scene, address: str) -> None:
    pool = await workspace.pool(3)
    before = await evidence(workspace)

    reply = await told(workspace, "assignSeat", pool=pool, email=address)

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_a_closed_pool_seats_nobody(workspace: Scene) -> None:
    pool = await workspace.pool(3)
    await workspace.world.run("update license_pool set closed_at = created_at where account_id = $1", workspace.number)
    before = await evidence(workspace)
    says = "The subscription behind Seats has ended. Buy seats again first."

    answers = [
        await said(workspace, "assignSeat", pool=pool, email=ADA),
        await said(workspace, "assignSeats", pool=pool, emails=[ADA]),
    ]

    assert answers == [{"__typename": "PoolClosed", "message": says}] * 2
    assert await evidence(workspace) == before


# Releasing


async def test_a_released_seat_is_free_for_somebody_else(workspace: Scene) -> None:
    pool, member = await workspace.pool(1), workspace.members[Role.MEMBER]
    seat = await workspace.seat(pool, member)

    answer = await said(workspace, "releaseSeat", seat=seat, reason="Left the team.")

    assert (answer["state"], answer["releaseReason"]) == ("RELEASED", "Left the team.")
    assert answer["pool"] == {"purchased": 1, "assigned": 0, "available": 1}
    assert (await said(workspace, "assignSeat", pool=pool, email=ADA))["pool"]["available"] == 0


async def test_releasing_twice_frees_one_seat(workspace: Scene) -> None:
    pool = await workspace.pool(2)
    seat, _ = await workspace.seat(pool, ADA), await workspace.seat(pool, workspace.owner)
    await said(workspace, "releaseSeat", seat=seat)
    before = await evidence(workspace)

    again = await said(workspace, "releaseSeat", seat=seat)

    assert again == {
        "__typename": "SeatNotHeld",
        "message": "This seat is released, so this can't be done with it. Assign a new seat to the person.",
    }
    assert await evidence(workspace) == before
    assert await counted(workspace, pool) == (1, 1)


@pytest.mark.parametrize("state", SeatState)
async def test_whatever_is_released_is_counted_rightly(workspace: Scene, state: SeatState) -> None:
    pool = await workspace.pool(3)
    seat = await workspace.seat(pool, workspace.owner, state)

    await said(workspace, "releaseSeat", seat=seat)

    assert (await state_of(workspace, seat))[0] == "released"
    assert await counted(workspace, pool) == (0, 0)


@pytest.mark.parametrize("reason", ["a" * 1_001, "because\x00"])
async def test_a_reason_that_cannot_be_kept_is_refused(workspace: Scene, reason: str) -> None:
    seat = await workspace.seat(await workspace.pool(1), workspace.owner)
    before = await evidence(workspace)

    reply = await told(workspace, "releaseSeat", seat=seat, reason=reason)

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_the_same_person_is_seated_anew(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    seat = await workspace.seat(pool, workspace.owner)
    await said(workspace, "releaseSeat", seat=seat)

    answer = await said(workspace, "assignSeat", pool=pool, email=workspace.owner.email)

    assert answer["id"] != seat
    assert answer["state"] == "ACTIVE"
    assert await counted(workspace, pool) == (1, 1)


# Transferring


async def test_a_transfer_leaves_the_pool_as_full_as_it_was(workspace: Scene) -> None:
    pool, member = await workspace.pool(1), workspace.members[Role.MEMBER]
    seat = await workspace.seat(pool, workspace.owner)

    answer = await said(workspace, "transferSeat", seat=seat, email=member.email)

    assert answer["id"] != seat
    assert (answer["state"], answer["source"], answer["person"]) == ("ACTIVE", "TRANSFER", {"id": member.id})
    assert answer["pool"] == {"purchased": 1, "assigned": 1, "available": 0}
    assert await state_of(workspace, seat) == ("released", "transferred")
    assert await counted(workspace, pool) == (1, 1)


async def test_a_seat_transferred_to_a_stranger_waits_for_them(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    seat = await workspace.seat(pool, workspace.owner)

    answer = await said(workspace, "transferSeat", seat=seat, email=ADA)

    assert answer["state"] == "INVITED"
    assert await letters(workspace, ADA) == ["pending"]
    assert await counted(workspace, pool) == (1, 1)


async def test_a_seat_is_not_transferred_to_whoever_has_one(workspace: Scene) -> None:
    pool, member = await workspace.pool(3), workspace.members[Role.MEMBER]
    seat, _ = await workspace.seat(pool, workspace.owner), await workspace.seat(pool, member)
    before = await evidence(workspace)

    answers = [await said(workspace, "transferSeat", seat=seat, email=who.email) for who in (member, workspace.owner)]

    assert [answer["__typename"] for answer in answers] == ["AlreadySeated"] * 2
    assert await evidence(workspace) == before


# Suspending


async def test_a_suspended_seat_is_kept_and_resumed(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    seat = await workspace.seat(pool, workspace.owner)

    suspended = await said(workspace, "suspendSeat", seat=seat)
    resumed = await said(workspace, "resumeSeat", seat=seat)

    assert (suspended["state"], suspended["pool"]["available"]) == ("SUSPENDED", 0)
    assert suspended["suspendedAt"] is not None
    assert (resumed["state"], resumed["suspendedAt"]) == ("ACTIVE", None)
    assert await logged(workspace) == ["seat.suspended", "seat.resumed"]


WRONG = [
    ("suspendSeat", SeatState.INVITED, "Wait until the invitation is accepted, or release the seat."),
    ("suspendSeat", SeatState.SUSPENDED, "Resume it first."),
    ("suspendSeat", SeatState.WAITLISTED, "Release another seat, or buy more, and it will be taken up."),
    ("suspendSeat", SeatState.RELEASED, "Assign a new seat to the person."),
    ("resumeSeat", SeatState.INVITED, "Wait until the invitation is accepted, or release the seat."),
    ("resumeSeat", SeatState.ACTIVE, "It is in use."),
    ("resumeSeat", SeatState.WAITLISTED, "Release another seat, or buy more, and it will be taken up."),
    ("resumeSeat", SeatState.RELEASED, "Assign a new seat to the person."),
    ("transferSeat", SeatState.WAITLISTED, "Release another seat, or buy more, and it will be taken up."),
    ("transferSeat", SeatState.RELEASED, "Assign a new seat to the person."),
    ("releaseSeat", SeatState.RELEASED, "Assign a new seat to the person."),
]


@pytest.mark.parametrize(("mutation", "state", "advice"), WRONG)
async def test_a_move_from_a_wrong_state_is_explained(
    workspace: Scene, mutation: str, state: SeatState, advice: str
) -> None:
    seat = await workspace.seat(await workspace.pool(3), workspace.owner, state)
    before = await evidence(workspace)
    more: dict[str, Any] = {"email": ADA} if mutation == "transferSeat" else {}

    answer = await said(workspace, mutation, seat=seat, **more)

    assert answer == {
        "__typename": "SeatNotHeld",
        "message": f"This seat is {state.value}, so this can't be done with it. {advice}",
    }
    assert await evidence(workspace) == before


# Leaving


async def test_whoever_is_removed_loses_their_seats_at_once(workspace: Scene) -> None:
    pools = [await workspace.pool(1), await workspace.pool(2)]
    member = await workspace.join()
    seats = [
        await workspace.seat(pools[0], member),
        await workspace.seat(pools[1], member, SeatState.SUSPENDED),
        await workspace.seat(pools[1], workspace.owner),
    ]

    answer = await said(workspace, "removeMember", member=workspace.member(member))

    assert answer["state"] == "REMOVED"
    assert [await state_of(workspace, seat) for seat in seats] == [
        ("released", "member removed"),
        ("released", "member removed"),
        ("active", None),
    ]
    assert [await counted(workspace, pool) for pool in pools] == [(0, 0), (1, 1)]


async def test_whoever_was_removed_is_a_stranger_again(workspace: Scene) -> None:
    pool, member = await workspace.pool(1), await workspace.join()
    await workspace.seat(pool, member)
    await said(workspace, "removeMember", member=workspace.member(member))

    answer = await said(workspace, "assignSeat", pool=pool, email=member.email)

    assert (answer["state"], answer["person"]) == ("INVITED", None)
    assert await letters(workspace, member.email) == ["pending"]


async def test_a_seat_elsewhere_is_not_there(workspace: Scene) -> None:
    elsewhere = await workspace.world.workspace(roles=[Role.OWNER])
    seat = await workspace.seat(await workspace.pool(1), workspace.owner)
    before = await evidence(workspace)

    codes = [(await told(workspace, name, elsewhere.owner, seat=seat)).code for name in ("releaseSeat", "suspendSeat")]

    assert codes == ["NOT_FOUND"] * 2
    assert await evidence(workspace) == before


async def test_an_unproven_address_is_a_strangers(workspace: Scene) -> None:
    unproven = await workspace.world.person("eve", verified=False)
    await workspace.join(who=unproven)

    answer = await said(workspace, "assignSeat", pool=await workspace.pool(1), email=unproven.email)

    assert (answer["state"], answer["person"]) == ("INVITED", None)
