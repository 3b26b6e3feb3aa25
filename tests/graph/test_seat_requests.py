"""Requests for seats: members ask, admins decide, and nobody waits for what was decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Role
from kernel import ids
from seats.requesting import REQUESTED_FOR, RequestState
from seats.seating import SeatState
from tests.graph.asking import counted, logged, said, work_off
from tests.graph.crowd import evidence
from tests.scenery import Scene, Somebody

REQUEST = """
    __typename
    ... on SeatRequest { id state email note reason person { id } askedBy { id } settledBy { id } seat { state }
                         plan { key } pool { id } }
    ... on Problem { message }
"""
APPROVED = """
    __typename
    ... on SeatRequestApproved { request { state settledBy { id } } seat { id state email } bought cost { minor }
                                 invoice { total { minor } } }
    ... on Problem { message }
"""
SEATED = """
    __typename
    ... on Seat { state }
    ... on SeatRequest { asked: state email person { id } askedBy { id } }
    ... on Problem { message }
"""
LISTED = """
    __typename
    ... on ListSeated { seated outcomes { email outcome request { state email } seat { state } } }
    ... on Problem { message }
"""
LIST = """
    query ($workspace: ID!, $state: [SeatRequestState!]) {
      node(id: $workspace) { ... on Workspace {
        seatRequests(filter: {state: $state}) { edges { node { id state email note } } } } }
    }
"""
SHOWS = {"approveSeatRequest": APPROVED, "assignSeat": SEATED, "assignSeats": LISTED}


async def does(scene: Scene, mutation: str, who: Any = None, **input_: Any) -> Any:
    """What came of a mutation, by the owner unless told otherwise."""
    shows = SHOWS.get(mutation, REQUEST)
    return (await scene.world.change(mutation, who or scene.owner, shows_=shows, **input_)).data[mutation]


async def asks(scene: Scene, who: Somebody, note: str | None = None) -> Any:
    """What came of asking for a seat."""
    return await does(scene, "requestSeat", who, workspace=scene.id, plan=scene.world.catalog.team.plan, note=note)


async def state_of(scene: Scene, request: str) -> tuple[str, str | None]:
    """How a request stands, and why."""
    (row,) = await scene.world.rows(
        "select state, reason from seat_request where id = $1", ids.decode("request", request)
    )
    return row["state"], row["reason"]


async def decides(scene: Scene) -> None:
    """From now on an admin decides about full pools."""
    await scene.world.run("update workspace set overage = 'request' where id = $1", scene.number)


async def letters(scene: Scene, request: str) -> set[tuple[str, str]]:
    """Who was told what of a request by mail."""
    rows = await scene.world.rows("select kind, address from letter where about = $1", request)
    return {(row["kind"], row["address"]) for row in rows}


# Asking


async def test_a_member_asks_for_a_seat_and_whoever_gives_seats_is_told(workspace: Scene) -> None:
    pool, member = await workspace.pool(0), workspace.members[Role.MEMBER]

    answer = await asks(workspace, member, "For the spring project.")
    await work_off(workspace.world)

    told = await letters(workspace, answer["id"])
    assert (answer["state"], answer["email"], answer["note"]) == ("OPEN", member.email, "For the spring project.")
    assert answer["person"] == answer["askedBy"] == {"id": member.id}
    assert answer["pool"] is None
    assert (await counted(workspace, pool)) == (0, 0)
    assert told == {
        ("seat_requested", workspace.members[role].email) for role in (Role.OWNER, Role.ADMIN, Role.SEAT_ADMIN)
    }
    assert await logged(workspace) == ["seat_request.opened"]


async def test_nobody_asks_twice_nor_for_what_they_have(workspace: Scene) -> None:
    pool, member, sitter = await workspace.pool(3), await workspace.join(), await workspace.join()
    await asks(workspace, member)
    await workspace.seat(pool, sitter)
    before = await evidence(workspace)

    again, seated = await asks(workspace, member), await asks(workspace, sitter)

    assert again == {
        "__typename": "AlreadyRequested",
        "message": f"A seat was requested for {member.email} already. An admin has yet to decide.",
    }
    assert seated["__typename"] == "AlreadySeated"
    assert await evidence(workspace) == before


async def test_there_is_nothing_to_ask_for_where_the_plan_is_not_had(workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]
    before = await evidence(workspace)

    answer = await asks(workspace, member)

    assert answer["__typename"] == "NoSeatsOfPlan"
    assert await evidence(workspace) == before


@pytest.mark.parametrize("note", ["x" * 1001, "a\x00b"])
async def test_a_note_that_can_not_be_kept_is_refused(workspace: Scene, note: str) -> None:
    await workspace.pool(1)
    before = await evidence(workspace)

    reply = await workspace.world.change(
        "requestSeat",
        workspace.members[Role.MEMBER],
        shows_=REQUEST,
        workspace=workspace.id,
        plan=workspace.world.catalog.team.plan,
        note=note,
    )

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_admins_see_requests_and_members_see_their_own(workspace: Scene) -> None:
    pool, mine, other = await workspace.pool(), await workspace.join(), await workspace.join()
    requests = [await workspace.request(pool, who) for who in (mine, other)]
    await workspace.request(
        pool, "ada@example.test", state=RequestState.EXPIRED, settled_at=await workspace.world.now()
    )

    async def seen(who: Somebody, *states: str) -> set[str]:
        asked = {"workspace": workspace.id, "state": list(states) or None}
        page = (await workspace.world.ask(LIST, who, **asked)).data["node"]["seatRequests"]
        return {edge["node"]["email"] for edge in page["edges"]}

    assert await seen(workspace.members[Role.SEAT_ADMIN]) == {mine.email, other.email, "ada@example.test"}
    assert await seen(workspace.members[Role.AUDITOR], "OPEN") == {mine.email, other.email}
    assert await seen(mine) == {mine.email}
    assert await seen(workspace.members[Role.BILLING_ADMIN]) == set()
    assert len(requests) == 2


# Deciding


async def test_an_approved_request_is_a_seat_and_whoever_asked_is_told(workspace: Scene) -> None:
    pool, member, admin = await workspace.pool(1), workspace.members[Role.MEMBER], workspace.members[Role.SEAT_ADMIN]
    request = (await asks(workspace, member))["id"]

    answer = await does(workspace, "approveSeatRequest", admin, request=request)
    await work_off(workspace.world)

    assert answer["request"] == {"state": "APPROVED", "settledBy": {"id": admin.id}}
    assert (answer["seat"]["state"], answer["seat"]["email"]) == ("ACTIVE", member.email)
    assert (answer["bought"], answer["cost"], answer["invoice"]) == (0, None, None)
    assert await counted(workspace, pool) == (1, 1)
    assert ("seat_approved", member.email) in await letters(workspace, request)
    assert (await logged(workspace))[1:] == ["seat.assigned", "seat_request.approved"]


async def test_a_full_pool_is_not_approved_past_unless_a_seat_is_bought(workspace: Scene) -> None:
    price = workspace.world.catalog.team.price
    pool = (await said(workspace, "createLicensePool", workspace=workspace.id, price=price, seats=1))["id"]
    await workspace.seat(pool, await workspace.join())
    request = await workspace.request(pool, workspace.members[Role.MEMBER])
    before = await evidence(workspace)

    full = await does(workspace, "approveSeatRequest", request=request)
    unchanged = await evidence(workspace) == before
    bought = await does(workspace, "approveSeatRequest", request=request, buy=True)

    assert full["__typename"] == "PoolExhausted"
    assert unchanged
    assert (bought["request"]["state"], bought["bought"]) == ("APPROVED", 1)
    assert bought["cost"]["minor"] == bought["invoice"]["total"]["minor"] > 0
    assert await counted(workspace, pool) == (2, 2)


async def test_whoever_may_not_buy_approves_nothing_that_has_to_be_bought(workspace: Scene) -> None:
    request = await workspace.request(await workspace.pool(0), workspace.members[Role.MEMBER])
    before = await evidence(workspace)

    reply = await workspace.world.change(
        "approveSeatRequest", workspace.members[Role.SEAT_ADMIN], shows_=APPROVED, request=request, buy=True
    )

    assert reply.code == "FORBIDDEN"
    assert await evidence(workspace) == before


async def test_a_declined_request_says_why(workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]
    await workspace.pool(3)
    request = (await asks(workspace, member))["id"]

    answer = await does(workspace, "declineSeatRequest", request=request, reason="  Not this year. ")
    await work_off(workspace.world)
    again = await asks(workspace, member)

    assert (answer["state"], answer["reason"]) == ("DECLINED", "Not this year.")
    assert ("seat_declined", member.email) in await letters(workspace, request)
    assert again["state"] == "OPEN"


async def test_nobody_is_declined_without_a_reason(workspace: Scene) -> None:
    request = await workspace.request(await workspace.pool(), workspace.members[Role.MEMBER])
    before = await evidence(workspace)

    reply = await workspace.world.change(
        "declineSeatRequest", workspace.owner, shows_=REQUEST, request=request, reason="  "
    )

    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_what_is_decided_is_decided(workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]
    request = await workspace.request(await workspace.pool(), member)
    await does(workspace, "withdrawSeatRequest", member, request=request)
    before = await evidence(workspace)

    answers = [
        await does(workspace, "approveSeatRequest", request=request),
        await does(workspace, "declineSeatRequest", request=request, reason="No."),
        await does(workspace, "withdrawSeatRequest", member, request=request),
    ]

    assert {answer["message"] for answer in answers} == {
        "This request is withdrawn, so nothing was changed. Ask for a new one if a seat is still wanted."
    }
    assert await evidence(workspace) == before


# Nothing to decide any more


async def test_a_request_runs_out_after_fourteen_days(workspace: Scene) -> None:
    world, pool = workspace.world, await workspace.pool()
    long_ago = await world.now() - REQUESTED_FOR - timedelta(hours=1)
    terms = {"created_at": long_ago, "expires_at": long_ago + REQUESTED_FOR}
    request = await workspace.request(pool, workspace.members[Role.MEMBER], **terms)

    late = await does(workspace, "approveSeatRequest", request=request)
    await work_off(world)

    assert late["message"].startswith("This request is expired")
    assert await state_of(workspace, request) == ("expired", None)
    assert await logged(workspace) == ["seat_request.expired"]


async def test_whoever_gets_a_seat_otherwise_requests_it_no_more(workspace: Scene) -> None:
    pool, other = await workspace.pool(2), await workspace.pool(1)
    member = workspace.members[Role.MEMBER]
    request, kept = await workspace.request(pool, member), await workspace.request(other, member)
    await does(workspace, "assignSeat", pool=pool, email=member.email)

    await work_off(workspace.world)

    assert await state_of(workspace, request) == ("withdrawn", "has a seat now")
    assert await state_of(workspace, kept) == ("open", None)


async def test_whoever_left_requests_nothing_any_more(workspace: Scene) -> None:
    leaver = await workspace.join()
    request = await workspace.request(await workspace.pool(), leaver)
    await workspace.world.change("leaveWorkspace", leaver, shows_="__typename", workspace=workspace.id)

    await work_off(workspace.world)

    assert await state_of(workspace, request) == ("withdrawn", "no member any more")


async def test_a_closed_pool_has_nothing_to_request(workspace: Scene) -> None:
    pool = await workspace.pool()
    request = await workspace.request(pool, workspace.members[Role.MEMBER])
    await workspace.world.run("update license_pool set closed_at = created_at where id = $1", ids.decode("pool", pool))

    await work_off(workspace.world)

    assert await state_of(workspace, request) == ("withdrawn", "the pool is closed")


# Where an admin decides about full pools


async def test_a_seat_of_a_full_pool_is_requested_instead(workspace: Scene) -> None:
    pool, admin, member = await workspace.pool(1), workspace.members[Role.SEAT_ADMIN], await workspace.join()
    await decides(workspace)

    first = await does(workspace, "assignSeat", admin, pool=pool, email=member.email)
    second = await does(workspace, "assignSeat", admin, pool=pool, email="eve@example.test")
    again = await does(workspace, "assignSeat", admin, pool=pool, email="eve@example.test")

    assert first == {"__typename": "Seat", "state": "ACTIVE"}
    assert second == {
        "__typename": "SeatRequest",
        "asked": "OPEN",
        "email": "eve@example.test",
        "person": None,
        "askedBy": {"id": admin.id},
    }
    assert again["__typename"] == "AlreadyRequested"
    assert await counted(workspace, pool) == (1, 1)


async def test_of_a_list_those_who_find_no_seat_have_one_requested(workspace: Scene) -> None:
    pool, member = await workspace.pool(1), await workspace.join()
    await decides(workspace)
    people = ["ada@example.test", "eve@example.test", member.email]

    answer = await does(workspace, "assignSeats", pool=pool, emails=people)
    again = await does(workspace, "assignSeats", pool=pool, emails=people)

    asked = [{"state": "OPEN", "email": email} for email in people[1:]]
    assert [one["outcome"] for one in answer["outcomes"]] == ["INVITED", "REQUESTED", "REQUESTED"]
    assert [one["request"] for one in answer["outcomes"]] == [None, *asked]
    assert [one["outcome"] for one in again["outcomes"]] == ["ALREADY_SEATED", "REQUESTED", "REQUESTED"]
    assert (await logged(workspace)).count("seat_request.opened") == 2


async def test_a_stranger_is_invited_once_their_request_is_approved(workspace: Scene) -> None:
    pool = await workspace.pool(0)
    await decides(workspace)
    await does(workspace, "assignSeat", pool=pool, email="eve@example.test")
    request = ids.encode(
        "request", await workspace.world.value("select id from seat_request where account_id = $1", workspace.number)
    )

    answer = await does(workspace, "approveSeatRequest", request=request, buy=True)

    assert answer["seat"] == {"id": answer["seat"]["id"], "state": "INVITED", "email": "eve@example.test"}
    assert "invitation.sent" in await logged(workspace)


async def test_whoever_waits_in_the_line_and_is_approved_waits_no_more(workspace: Scene) -> None:
    pool, member = await workspace.pool(0), await workspace.join()
    place = await workspace.seat(pool, member, SeatState.WAITLISTED)
    request = await workspace.request(pool, member)

    await does(workspace, "approveSeatRequest", request=request, buy=True)

    state = await workspace.world.value("select state from assignment where id = $1", ids.decode("seat", place))
    assert state in {"active", "released"}
    assert await counted(workspace, pool) == (1, 1)
