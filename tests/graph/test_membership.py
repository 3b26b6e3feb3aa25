"""Who belongs to a workspace, as what, and who may say so."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Desk, KeyScope, Role
from kernel import ids
from tests.graph.crowd import evidence, outcome
from tests.graph.deeds import PROBLEM, accepts, invites, removes, renames, turns
from tests.scenery import Scene, World

# Invitations


async def test_an_invitation_is_accepted_once_by_whoever_owns_its_address(workspace: Scene) -> None:
    world = workspace.world
    guest, stranger = await world.person("guest"), await world.person("stranger")
    letter = await workspace.invitation(guest.email, Role.AUDITOR)

    by_stranger = await accepts(workspace, stranger, letter)
    at_once = await asyncio.gather(*(accepts(workspace, guest, letter) for _ in range(5)))

    members = await world.rows(
        "select role from member where account_id = $1 and person_id = $2", workspace.number, guest.number
    )
    assert by_stranger == "NOT_FOUND"
    assert sorted(at_once) == ["InvitationClosed"] * 4 + ["done"]
    assert [row["role"] for row in members] == ["auditor"]


async def test_whoever_was_removed_comes_back_by_a_new_invitation_alone(workspace: Scene) -> None:
    member = workspace.members[Role.MEMBER]
    assert await removes(workspace, workspace.owner, member) == "done"

    gone = await workspace.world.ask("query($id: ID!) { workspace(id: $id) { id } }", member, id=workspace.id)
    back = await accepts(workspace, member, await workspace.invitation(member.email))

    assert gone.data["workspace"] is None
    assert back == "done"
    assert await renames(workspace, member) == "FORBIDDEN"


async def test_an_invitation_that_ran_out_makes_nobody_a_member(workspace: Scene) -> None:
    guest = await workspace.world.person("guest")
    now = await workspace.world.now()
    letter = await workspace.invitation(guest.email, sent=now - timedelta(days=7), life=timedelta(days=7))

    assert await accepts(workspace, guest, letter) == "InvitationClosed"
    assert await renames(workspace, guest) == "NOT_FOUND"


# Roles


BELOW_ADMIN = [Role.SEAT_ADMIN, Role.BILLING_ADMIN, Role.AUDITOR, Role.MEMBER]
GRANTS = {
    Role.OWNER: list(Role),
    Role.ADMIN: BELOW_ADMIN,
    Role.SEAT_ADMIN: [Role.MEMBER],
    Role.BILLING_ADMIN: [],
    Role.AUDITOR: [],
    Role.MEMBER: [],
}


@pytest.mark.parametrize("role", Role)
async def test_nobody_invites_to_a_role_above_what_they_may_grant(role: Role, workspace: Scene) -> None:
    asker = workspace.members[role]

    came = {wanted: await invites(workspace, asker, wanted) for wanted in Role}

    assert came == {wanted: "done" if wanted in GRANTS[role] else "FORBIDDEN" for wanted in Role}


async def test_neither_a_key_nor_staff_invites_to_more_than_membership(workspace: Scene) -> None:
    key = await workspace.key(*KeyScope)
    staff = await workspace.world.person(desk=Desk.ADMIN)
    expected = {wanted: "done" if wanted is Role.MEMBER else "FORBIDDEN" for wanted in Role}

    assert {wanted: await invites(workspace, key, wanted) for wanted in Role} == expected
    assert {wanted: await invites(workspace, staff, wanted, "A ticket.") for wanted in Role} == expected


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
async def test_nobody_gives_or_takes_a_role_above_what_they_may_grant(role: Role, workspace: Scene) -> None:
    asker = workspace.members[role]
    for held in Role:
        target = await workspace.join(held)
        for wanted in Role:
            came = await turns(workspace, asker, target, wanted)
            allowed = held in GRANTS[role] and wanted in GRANTS[role]
            assert came == ("done" if allowed else "FORBIDDEN"), (held, wanted)
            await workspace.world.run("update member set role = $2 where person_id = $1", target.number, held)
        assert await removes(workspace, asker, target) == ("done" if held in GRANTS[role] else "FORBIDDEN")


async def test_an_invitation_to_a_high_role_is_taken_back_by_those_who_may_grant_it(workspace: Scene) -> None:
    letters = {role: await workspace.invitation(f"{role}.{workspace.number:x}@example.test", role) for role in Role}
    asker = workspace.members[Role.SEAT_ADMIN]

    came = {
        role: outcome(await workspace.world.change("revokeInvitation", asker, shows_=PROBLEM, invitation=letter))
        for role, letter in letters.items()
    }

    assert came == {role: "done" if role is Role.MEMBER else "FORBIDDEN" for role in Role}


# Owners


async def _owners(scene: Scene) -> int:
    sql = "select count(*) from member where account_id = $1 and role = 'owner' and state = 'active'"
    found: int = await scene.world.value(sql, scene.number)
    return found


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
async def test_the_last_owner_stays_one(role: Role, workspace: Scene) -> None:
    invited = await workspace.invitation("next.owner@example.test", Role.OWNER)
    former = await workspace.join(Role.OWNER, removed=True)

    assert invited
    assert former
    assert await turns(workspace, workspace.owner, workspace.owner, role) == "LastOwner"
    assert await removes(workspace, workspace.owner, workspace.owner) == "LastOwner"
    assert await turns(workspace, workspace.owner, workspace.owner, Role.OWNER) == "done"


async def test_an_owner_goes_when_another_stays(workspace: Scene) -> None:
    other = await workspace.join(Role.OWNER)

    assert await removes(workspace, workspace.owner, workspace.owner) == "done"
    assert await removes(workspace, other, other) == "LastOwner"


@pytest.mark.parametrize("ends", ["demote each other", "remove each other", "demote themselves", "remove themselves"])
async def test_owners_who_race_to_be_none_leave_one(ends: str, world: World) -> None:
    scene = await world.workspace(roles=[Role.OWNER])
    owners = [scene.owner, *[await scene.join(Role.OWNER) for _ in range(3)]]
    targets = [*owners[1:], owners[0]] if ends.endswith("other") else owners

    came = await asyncio.gather(
        *(
            turns(scene, owner, target, Role.MEMBER) if ends.startswith("demote") else removes(scene, owner, target)
            for owner, target in zip(owners, targets, strict=True)
        )
    )

    # Whoever loses their role meanwhile is answered as what they are by then, even if their change was made.
    assert set(came) <= {"done", "LastOwner", "FORBIDDEN", "NOT_FOUND"}
    assert 1 <= await _owners(scene) <= len(owners) - came.count("done")


async def test_two_owners_who_demote_each_other_at_once_leave_one(world: World) -> None:
    for _ in range(5):
        scene = await world.workspace(roles=[Role.OWNER])
        other = await scene.join(Role.OWNER)

        came = await asyncio.gather(
            turns(scene, scene.owner, other, Role.ADMIN), turns(scene, other, scene.owner, Role.ADMIN)
        )

        assert await _owners(scene) == 1
        assert sorted(came) in (["LastOwner", "done"], ["FORBIDDEN", "done"])


async def test_whoever_leaves_frees_their_seats_and_sees_nothing_more(workspace: Scene) -> None:
    world, member = workspace.world, await workspace.join()
    pool = await workspace.pool()
    seat = await workspace.seat(pool, member)

    reply = await world.change(
        "leaveWorkspace", member, shows_="... on Member { state removedAt }", workspace=workspace.id
    )

    seen = await world.ask("query($id: ID!) { workspace(id: $id) { id } }", member, id=workspace.id)
    freed = await world.rows(
        "select state, release_reason as reason from assignment where id = $1", ids.decode("seat", seat)
    )
    assert reply.data["leaveWorkspace"]["state"] == "REMOVED"
    assert seen.data["workspace"] is None
    assert [(row["state"], row["reason"]) for row in freed] == [("released", "left")]


async def test_the_last_owner_does_not_leave_alone(workspace: Scene) -> None:
    before = await evidence(workspace)

    reply = await workspace.world.change(
        "leaveWorkspace", workspace.owner, shows_="__typename ... on Problem { message }", workspace=workspace.id
    )

    assert reply.data["leaveWorkspace"] == {
        "__typename": "LastOwner",
        "message": "This is the workspace's last owner. Make somebody else an owner first.",
    }
    assert await evidence(workspace) == before


# Giving oneself more


async def test_a_seat_admin_gives_themselves_nothing_more_in_any_way(workspace: Scene) -> None:
    world, pool = workspace.world, await workspace.pool(5)
    who = workspace.members[Role.SEAT_ADMIN]
    group, login = await workspace.directory_group(await workspace.directory()), await workspace.login()
    letter = await workspace.invitation(who.email, Role.OWNER)
    sheet = f"email,role\nmine@example.test,admin\n{who.email},owner"
    before = await evidence(workspace)

    roles = [await turns(workspace, who, who, role) for role in Role]
    invited = [await invites(workspace, who, role) for role in Role if role is not Role.MEMBER]
    rest: dict[str, dict[str, Any]] = {
        "createServiceKey": {"account": workspace.account, "name": "x", "scopes": ["BILLING_WRITE"]},
        "linkSsoLogin": {"login": login, "member": workspace.member(who)},
        "setGroupRule": {"group": group, "role": "OWNER"},
        "changeOverage": {"workspace": workspace.id, "overage": "BUY"},
        "changeSeats": {"pool": pool, "seats": 50},
        "createSetupLink": {"workspace": workspace.id, "purpose": "SSO"},
    }
    refused = {name: (await world.change(name, who, **input_)).code for name, input_ in rest.items()}
    own = await accepts(workspace, who, letter)
    shows = "... on SeatList { rows { outcome } }"
    listed = await world.change("importSeats", who, shows_=shows, workspace=workspace.id, pool=pool, sheet=sheet)

    assert roles == ["FORBIDDEN"] * len(Role)
    assert invited == ["FORBIDDEN"] * (len(Role) - 1)
    assert set(refused.values()) <= {"FORBIDDEN", "NOT_FOUND"}
    assert own == "AlreadyMember"
    assert [row["outcome"] for row in listed.data["importSeats"]["rows"]] == ["ROLE_NOT_YOURS", "OTHER_ROLE"]
    assert await evidence(workspace) == before


async def test_a_list_makes_nobody_an_owner(workspace: Scene) -> None:
    pool = await workspace.pool(5)
    shows = "... on SeatList { rows { outcome says } }"

    listed = await workspace.world.change(
        "importSeats",
        workspace.owner,
        shows_=shows,
        workspace=workspace.id,
        pool=pool,
        sheet="email,role\nmine@example.test,owner",
    )

    (row,) = listed.data["importSeats"]["rows"]
    assert row["outcome"] == "ROLE_NOT_YOURS"
    assert row["says"] == "A list makes nobody an owner. An owner invites them by themselves, or leave it empty."
    invited = "select count(*) from invitation where account_id = $1"
    assert await workspace.world.value(invited, workspace.number) == 0
