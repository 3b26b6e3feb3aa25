"""Invitations: asked once, answered once, by whoever owns the address, and over after seven days."""

from __future__ import annotations

import asyncio

import pytest

from auth.policy import Role
from tests.graph.asking import DAY, counted, letter_to, letters, logged, said, state_of, stranger, told, work_off
from tests.graph.crowd import evidence
from tests.scenery import Scene

ADA = "ada@example.test"


async def test_an_invitation_is_open_for_seven_days(workspace: Scene) -> None:
    answer = await said(workspace, "inviteMember", workspace=workspace.id, email=" Ada@Example.test ", role="AUDITOR")

    (row,) = await workspace.world.rows(
        "select expires_at - created_at as open from invitation where account_id = $1", workspace.number
    )
    assert (answer["email"], answer["role"], answer["state"]) == (ADA, "AUDITOR", "PENDING")
    assert row["open"] == 7 * DAY
    assert await logged(workspace) == ["invitation.sent"]


async def test_whoever_accepts_is_a_member_and_takes_the_seats_that_wait(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    pools = [await workspace.pool(1), await workspace.pool(1)]
    seats = [(await said(workspace, "assignSeat", pool=pool, email=grace.email))["id"] for pool in pools]
    letter = await letter_to(workspace, grace.email)

    answer = await said(workspace, "acceptInvitation", grace, invitation=letter)

    assert (answer["role"], answer["state"], answer["person"]) == ("MEMBER", "ACTIVE", {"id": grace.id})
    assert [await state_of(workspace, seat) for seat in seats] == [("active", None)] * 2
    assert [await counted(workspace, pool) for pool in pools] == [(1, 1)] * 2
    assert await letters(workspace, grace.email) == ["accepted"]
    again = await said(workspace, "assignSeat", pool=pools[0], email=grace.email)
    assert again["__typename"] == "AlreadySeated"


async def test_an_invitation_is_found_by_whoever_it_was_sent_to(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    letter = await workspace.invitation(grace.email)

    reply = await workspace.world.ask("{ viewer { invitations { nodes { id state } } } }", grace)

    assert reply.data["viewer"]["invitations"]["nodes"] == [{"id": letter, "state": "PENDING"}]


async def test_an_invitation_to_another_address_is_not_there(workspace: Scene) -> None:
    letter, grace = await workspace.invitation(ADA), await stranger(workspace.world)
    before = await evidence(workspace)

    reply = await told(workspace, "acceptInvitation", grace, invitation=letter)

    assert reply.code == "NOT_FOUND"
    assert await evidence(workspace) == before


async def test_an_unproven_address_accepts_nothing(workspace: Scene) -> None:
    grace = await workspace.world.person("grace", verified=False)
    letter = await workspace.invitation(grace.email)
    before = await evidence(workspace)

    reply = await told(workspace, "acceptInvitation", grace, invitation=letter)

    assert reply.code == "NOT_FOUND"
    assert await evidence(workspace) == before


async def test_an_admin_who_sees_a_letter_can_not_answer_it(workspace: Scene) -> None:
    letter = await workspace.invitation(ADA)
    before = await evidence(workspace)

    answer = await said(workspace, "acceptInvitation", workspace.members[Role.ADMIN], invitation=letter)

    assert answer == {
        "__typename": "InvitedSomebodyElse",
        "message": "This invitation is for another address. Sign in with the address it was sent to.",
    }
    assert await evidence(workspace) == before


async def test_a_second_answer_is_refused(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    letter = await workspace.invitation(grace.email)
    await said(workspace, "acceptInvitation", grace, invitation=letter)
    before = await evidence(workspace)

    answers = [
        await said(workspace, "acceptInvitation", grace, invitation=letter),
        await said(workspace, "revokeInvitation", invitation=letter),
    ]

    assert (
        answers
        == [{"__typename": "InvitationClosed", "message": "This invitation is accepted. Ask for a new one."}] * 2
    )
    assert await evidence(workspace) == before


async def test_revoking_frees_the_seat_that_waits(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    seat = (await said(workspace, "assignSeat", pool=pool, email=ADA))["id"]

    answer = await said(workspace, "revokeInvitation", invitation=await letter_to(workspace, ADA))

    assert answer["state"] == "REVOKED"
    assert await state_of(workspace, seat) == ("released", "invitation revoked")
    assert await counted(workspace, pool) == (0, 0)


async def test_sending_it_anew_makes_another_one_and_the_seat_goes_on_waiting(workspace: Scene) -> None:
    grace, pool = await stranger(workspace.world), await workspace.pool(1)
    first = await workspace.invitation(grace.email, sent=await workspace.world.now() - 6 * DAY)
    seat = await workspace.seat(pool, grace.email)

    second = await said(workspace, "resendInvitation", invitation=first)
    twice = await said(workspace, "resendInvitation", invitation=first)
    late = await said(workspace, "acceptInvitation", grace, invitation=first)
    await work_off(workspace.world, later=3 * DAY)
    waiting = await state_of(workspace, seat)
    came = await said(workspace, "acceptInvitation", grace, invitation=second["id"])

    assert (second["email"], second["state"], second["id"] == first) == (grace.email, "PENDING", False)
    assert twice["message"] == late["message"] == "This invitation is revoked. Ask for a new one."
    assert waiting == ("invited", None)
    assert came["state"] == "ACTIVE"
    assert await state_of(workspace, seat) == ("active", None)
    assert await counted(workspace, pool) == (1, 1)
    assert await letters(workspace, grace.email) == ["revoked", "accepted"]


async def test_one_that_ran_out_is_not_sent_anew(workspace: Scene) -> None:
    letter = await workspace.invitation(ADA, sent=await workspace.world.now() - 7 * DAY)
    before = await evidence(workspace)

    answer = await said(workspace, "resendInvitation", invitation=letter)

    assert answer == {"__typename": "InvitationClosed", "message": "This invitation is expired. Ask for a new one."}
    assert await evidence(workspace) == before


async def test_sent_anew_from_several_sides_at_once_it_is_sent_once(workspace: Scene) -> None:
    letter = await workspace.invitation(ADA, sent=await workspace.world.now() - DAY)

    came = await asyncio.gather(*(said(workspace, "resendInvitation", invitation=letter) for _ in range(4)))

    assert sorted(one["__typename"] for one in came) == ["Invitation", *["InvitationClosed"] * 3]
    assert await letters(workspace, ADA) == ["revoked", "pending"]


async def test_a_seat_admin_sends_no_admins_invitation_anew(workspace: Scene) -> None:
    letter = await workspace.invitation(ADA, role=Role.ADMIN)
    before = await evidence(workspace)

    reply = await told(workspace, "resendInvitation", workspace.members[Role.SEAT_ADMIN], invitation=letter)

    assert reply.code == "FORBIDDEN"
    assert await evidence(workspace) == before


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_whoever_was_invited_in_vain_is_invited_again(workspace: Scene, end: str) -> None:
    if end == "revoked":
        await said(workspace, "revokeInvitation", invitation=await workspace.invitation(ADA))
    else:
        await workspace.invitation(ADA, sent=await workspace.world.now() - 7 * DAY)

    answer = await said(workspace, "inviteMember", workspace=workspace.id, email=ADA)

    assert answer["state"] == "PENDING"
    assert await letters(workspace, ADA) == [end, "pending"]


async def test_members_and_the_invited_are_not_invited(workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]
    await workspace.invitation(ADA)
    before = await evidence(workspace)

    answers = [
        await said(workspace, "inviteMember", workspace=workspace.id, email=email) for email in (ADA, member.email)
    ]

    assert answers == [
        {
            "__typename": "AlreadyInvited",
            "message": f"{ADA} has been invited already. Revoke that invitation first, or wait for the answer.",
        },
        {
            "__typename": "AlreadyMember",
            "message": f"{member.email} is a member already. Assign a seat, or change the role, instead.",
        },
    ]
    assert await evidence(workspace) == before


# Running out


async def test_nobody_accepts_after_seven_days(workspace: Scene) -> None:
    grace = await stranger(workspace.world)
    letter = await workspace.invitation(grace.email, sent=await workspace.world.now() - 7 * DAY)
    before = await evidence(workspace)

    answers = [
        await said(workspace, "acceptInvitation", grace, invitation=letter),
        await said(workspace, "revokeInvitation", invitation=letter),
    ]

    assert (
        answers == [{"__typename": "InvitationClosed", "message": "This invitation is expired. Ask for a new one."}] * 2
    )
    assert await evidence(workspace) == before


async def test_a_seat_that_nobody_took_in_seven_days_is_free(workspace: Scene) -> None:
    pool = await workspace.pool(2)
    seat = (await said(workspace, "assignSeat", pool=pool, email=ADA))["id"]
    await workspace.seat(pool, workspace.owner)

    await work_off(workspace.world, later=7 * DAY - DAY / 24)
    early = await state_of(workspace, seat)
    await work_off(workspace.world, later=7 * DAY + DAY / 24)

    assert early == ("invited", None)
    assert await state_of(workspace, seat) == ("released", "invitation expired")
    assert await letters(workspace, ADA) == ["expired"]
    assert await counted(workspace, pool) == (1, 1)
    assert (await logged(workspace))[-2:] == ["invitation.expired", "seat.released"]


async def test_one_that_was_accepted_does_not_run_out(workspace: Scene) -> None:
    grace, pool = await stranger(workspace.world), await workspace.pool(1)
    seat = (await said(workspace, "assignSeat", pool=pool, email=grace.email))["id"]
    await said(workspace, "acceptInvitation", grace, invitation=await letter_to(workspace, grace.email))

    await work_off(workspace.world, later=8 * DAY)

    assert await state_of(workspace, seat) == ("active", None)


async def test_a_full_pool_lets_overdue_invitations_go_before_it_refuses(workspace: Scene) -> None:
    pool = await workspace.pool(2)
    for email in ("late@example.test", "later@example.test"):
        await workspace.invitation(email, sent=await workspace.world.now() - 8 * DAY)
        await workspace.seat(pool, email)

    answer = await said(workspace, "assignSeat", pool=pool, email=ADA)

    assert answer["state"] == "INVITED"
    assert answer["pool"] == {"purchased": 2, "assigned": 1, "available": 1}
    assert await counted(workspace, pool) == (1, 1)


async def test_a_list_lets_overdue_invitations_go_too(workspace: Scene) -> None:
    pool, now = await workspace.pool(2), await workspace.world.now()
    for email in ("late@example.test", "later@example.test"):
        await workspace.invitation(email, sent=now - 8 * DAY)
        await workspace.seat(pool, email)

    answer = await said(workspace, "assignSeats", pool=pool, emails=["late@example.test", ADA, "eve@example.test"])

    assert [outcome["outcome"] for outcome in answer["outcomes"]] == ["INVITED", "INVITED", "NO_SEAT_LEFT"]
    assert await letters(workspace, "late@example.test") == ["expired", "pending"]
    assert await counted(workspace, pool) == (2, 2)


async def test_whoever_let_a_seat_go_by_is_seated_again_though_the_pool_has_room(workspace: Scene) -> None:
    pool = await workspace.pool(5)
    await workspace.invitation(ADA, sent=await workspace.world.now() - 8 * DAY)
    seat = await workspace.seat(pool, ADA)

    answer = await said(workspace, "assignSeat", pool=pool, email=ADA)

    assert answer["state"] == "INVITED"
    assert await state_of(workspace, seat) == ("released", "invitation expired")
    assert await letters(workspace, ADA) == ["expired", "pending"]
    assert await counted(workspace, pool) == (1, 1)


async def test_nobody_is_promised_a_seat_by_an_invitation_that_has_run_out(workspace: Scene) -> None:
    first, second = await workspace.pool(1), await workspace.pool(1)
    await workspace.invitation(ADA, sent=await workspace.world.now() - 8 * DAY)
    await workspace.seat(first, ADA)

    seat = (await said(workspace, "assignSeat", pool=second, email=ADA))["id"]
    await work_off(workspace.world)

    assert await state_of(workspace, seat) == ("invited", None)
    assert [await counted(workspace, pool) for pool in (first, second)] == [(0, 0), (1, 1)]


async def test_an_invitation_elsewhere_is_not_there(workspace: Scene) -> None:
    elsewhere = await workspace.world.workspace(roles=[Role.OWNER])
    letter = await workspace.invitation(ADA)

    reply = await told(workspace, "revokeInvitation", elsewhere.owner, invitation=letter)

    assert reply.code == "NOT_FOUND"
    assert await letters(workspace, ADA) == ["pending"]
