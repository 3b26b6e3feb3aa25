"""Admins of seat groups: they give the seats of their group, see who sits there, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from kernel import ids
from tests.graph.crowd import evidence
from tests.scene import Scene, Somebody

ADMIN = """
    __typename
    ... on SeatGroupAdmin { id dismissedAt appointedBy { id } member { person { id } } group { name admins { id } } }
    ... on Problem { message }
"""
SEAT = "__typename ... on Seat { id email state seatGroup { assigned } } ... on Problem { message }"
SIGHT = """query ($workspace: ID!, $things: [ID!]!) {
    node(id: $workspace) { ... on Workspace {
        licensePools { id }
        members(first: 20) { nodes { person { id } } }
        seats(first: 20) { nodes { id email person { id } pool { id } } }
        seatGroups(first: 20) { nodes {
            id allocation assigned pool { id } admins { id } seats(first: 20) { totalCount }
        } }
        invitations(first: 20) { nodes { id } }
    } }
    nodes(ids: $things) { id }
}"""


@dataclass
class Divided:
    """A pool with two groups, an admin of the first, and somebody in each part."""

    scene: Scene
    admin: Somebody
    appointed: str
    pool: str
    mine: str
    other: str
    people: dict[str, Somebody]
    seats: dict[str, str]

    async def does(self, name: str, who: Somebody | None = None, /, **given: Any) -> Any:
        """The whole reply to a mutation of the admin."""
        shows = SEAT if name in {"assignGroupSeat", "releaseSeat"} else "__typename ... on Problem { message }"
        return await self.scene.world.change(name, who or self.admin, shows_=shows, **given)


@pytest.fixture
async def divided(workspace: Scene) -> Divided:
    """What these tests begin with."""
    pool = await workspace.pool(10)
    mine, other = await workspace.seat_group(pool, 3), await workspace.seat_group(pool, 3, name="Sales")
    admin, appointed = await workspace.join(), ""
    appointed = await workspace.group_admin(mine, admin)
    people = {part: await workspace.join() for part in ("mine", "other", "rest")}
    seats = {"rest": await workspace.seat(pool, people["rest"])}
    for part, group in (("mine", mine), ("other", other)):
        reply = await workspace.world.change(
            "assignGroupSeat", workspace.owner, shows_=SEAT, group=group, email=people[part].email
        )
        seats[part] = reply.data["assignGroupSeat"]["id"]
    return Divided(workspace, admin, appointed, pool, mine, other, people, seats)


async def test_an_admin_of_a_group_gives_and_frees_its_seats(divided: Divided) -> None:
    given = (await divided.does("assignGroupSeat", group=divided.mine, email="new@part.test")).data["assignGroupSeat"]
    freed = (await divided.does("releaseSeat", seat=divided.seats["mine"])).data["releaseSeat"]

    assert (given["state"], given["seatGroup"]) == ("INVITED", {"assigned": 2})
    assert (freed["state"], freed["seatGroup"]) == ("RELEASED", {"assigned": 1})
    (record,) = await divided.scene.world.rows(
        "select action, person_id from audit_record where account_id = $1 order by seq desc limit 1",
        divided.scene.number,
    )
    assert tuple(record) == ("seat.released", divided.admin.number)


async def test_they_see_their_group_and_who_sits_there_and_nothing_else(divided: Divided) -> None:
    things = [divided.pool, divided.other, divided.seats["other"], divided.seats["rest"], divided.people["other"].id]

    for _ in range(3):  # the third answer is the compiled one
        reply = await divided.scene.world.ask(SIGHT, divided.admin, workspace=divided.scene.id, things=things)

    assert reply.data["nodes"] == [None] * len(things)
    found, sitter = reply.data["node"], divided.people["mine"]
    assert found["seats"]["nodes"] == [
        {"id": divided.seats["mine"], "email": sitter.email, "person": {"id": sitter.id}, "pool": None}
    ]
    assert found["seatGroups"]["nodes"] == [
        {
            "id": divided.mine,
            "allocation": 3,
            "assigned": 1,
            "pool": None,
            "admins": [{"id": divided.appointed}],
            "seats": {"totalCount": 1},
        }
    ]
    assert found["members"]["nodes"] == [{"person": {"id": divided.admin.id}}]
    assert (found["licensePools"], found["invitations"]["nodes"]) == ([], [])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("changeSeatGroup", {"group": "mine", "seats": 4}),
        ("changeSeatGroup", {"group": "mine", "name": "Ours"}),
        ("removeSeatGroup", {"group": "mine"}),
        ("appointGroupAdmin", {"group": "mine", "member": "admin"}),
        ("dismissGroupAdmin", {"admin": "appointed"}),
        ("groupSeat", {"seat": "mine seat"}),
        ("groupSeat", {"seat": "mine seat", "group": "other"}),
        ("transferSeat", {"seat": "mine seat", "email": "a@part.test"}),
        ("suspendSeat", {"seat": "mine seat"}),
        ("inviteMember", {"workspace": "workspace", "email": "a@part.test"}),
        ("assignSeat", {"pool": "pool", "email": "a@part.test"}),
        ("createSeatGroup", {"pool": "pool", "name": "Mine too", "seats": 1}),
        ("assignGroupSeat", {"group": "other", "email": "a@part.test"}),
        ("releaseSeat", {"seat": "other seat"}),
        ("releaseSeat", {"seat": "rest seat"}),
    ],
)
async def test_what_they_may_not_do_is_refused_and_changes_nothing(
    divided: Divided, name: str, given: dict[str, Any]
) -> None:
    things = {
        **{f"{part} seat": seat for part, seat in divided.seats.items()},
        "mine": divided.mine,
        "other": divided.other,
        "pool": divided.pool,
        "appointed": divided.appointed,
        "admin": divided.scene.member(divided.admin),
        "workspace": divided.scene.id,
    }
    before = await evidence(divided.scene)

    reply = await divided.does(name, **{word: things.get(value, value) for word, value in given.items()})

    hidden = next(iter(given.values())) in {"pool", "other", "other seat", "rest seat"}
    assert reply.code == ("NOT_FOUND" if hidden else "FORBIDDEN"), reply.json
    assert await evidence(divided.scene) == before


async def test_whoever_asks_for_more_for_their_group_is_told_whom_to_ask(divided: Divided) -> None:
    reply = await divided.does("changeSeatGroup", group=divided.mine, seats=10)

    assert reply.json["errors"][0]["message"] == (
        "You may see this, but you may not give and take seats here. Ask an owner."
    )


async def test_an_admin_is_appointed_once_and_dismissed_at_once(divided: Divided) -> None:
    world, owner, member = divided.scene.world, divided.scene.owner, divided.scene.member(divided.people["rest"])

    answers = [
        (await world.change("appointGroupAdmin", owner, shows_=ADMIN, group=divided.mine, member=member)).data
        for _ in range(2)
    ]
    told = answers[0]["appointGroupAdmin"]
    gone = await world.change("dismissGroupAdmin", owner, shows_=ADMIN, admin=divided.appointed)
    again = await world.change("dismissGroupAdmin", owner, shows_=ADMIN, admin=divided.appointed)
    late = await divided.does("assignGroupSeat", group=divided.mine, email="late@part.test")

    assert told["appointedBy"] == {"id": owner.id}
    assert told["member"] == {"person": {"id": divided.people["rest"].id}}
    assert answers[1]["appointGroupAdmin"]["message"] == "This member is an admin of Design already."
    assert gone.data["dismissGroupAdmin"]["group"] == {"name": "Design", "admins": [{"id": told["id"]}]}
    assert again.data["dismissGroupAdmin"]["__typename"] == "GroupAdminDismissed"
    assert late.code == "NOT_FOUND"


async def test_a_group_has_a_hundred_admins_at_most(divided: Divided) -> None:
    scene, member = divided.scene, divided.scene.member(divided.people["rest"])
    for _ in range(99):
        await scene.group_admin(divided.mine, await scene.join())

    reply = await scene.world.change("appointGroupAdmin", scene.owner, group=divided.mine, member=member)

    assert reply.json["errors"][0]["message"] == "A seat group has at most 100 admins. Dismiss one first."


async def test_whoever_was_removed_and_came_back_gives_no_seats(divided: Divided) -> None:
    scene = divided.scene
    member = scene.member(divided.admin)
    await scene.world.change("removeMember", scene.owner, shows_="__typename", member=member)
    await scene.world.run(
        "insert into member (account_id, id, person_id, role, state, joined_at)"
        " select account_id, $2, person_id, role, 'active', joined_at from member where id = $1",
        ids.decode("member", member),
        scene.world.number(),
    )

    reply = await divided.does("assignGroupSeat", group=divided.mine, email="late@part.test")
    ended = await scene.world.change("appointGroupAdmin", scene.owner, group=divided.mine, member=member)

    assert reply.code == "NOT_FOUND"
    assert ended.json["errors"][0]["message"] == "That person is no member any more. Choose somebody who is."
    dismissed = "select dismissed_at is not null from group_admin where id = $1"
    assert await scene.world.value(dismissed, ids.decode("groupadmin", divided.appointed))


async def test_a_removed_group_has_no_admins(divided: Divided) -> None:
    await divided.does("removeSeatGroup", divided.scene.owner, group=divided.mine)

    reply = await divided.does("releaseSeat", seat=divided.seats["mine"])

    assert reply.code == "NOT_FOUND"
    dismissed = "select dismissed_at is not null from group_admin where id = $1"
    assert await divided.scene.world.value(dismissed, ids.decode("groupadmin", divided.appointed))


async def test_where_single_sign_on_is_enforced_another_session_gives_no_seats(divided: Divided) -> None:
    await divided.scene.world.run("update workspace set sso_enforced = true where id = $1", divided.scene.number)

    reply = await divided.does("assignGroupSeat", group=divided.mine, email="late@part.test")

    assert reply.code == "NOT_FOUND"


async def test_a_group_admin_gives_no_seats_of_another_workspace(divided: Divided) -> None:
    elsewhere = await divided.scene.world.workspace()
    group = await elsewhere.seat_group(await elsewhere.pool())

    reply = await divided.does("assignGroupSeat", group=group, email="a@part.test")

    assert reply.code == "NOT_FOUND"
