"""Users: a directory says who belongs to a workspace, and they come, sit, wait and leave."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy import Role
from kernel import ids
from seats.seating import SeatState
from tests.graph.asking import counted
from tests.graph.scim.talking import SEAT, Talk, talking
from tests.scenery import Scene


async def seats_of(talk: Talk, user: str) -> list[str]:
    """The states of a user's assignments, the oldest first."""
    person = (await talk.entry(user))["person_id"]
    rows = await talk.scene.world.rows("select state from assignment where person_id = $1 order by id", person)
    return [row["state"] for row in rows]


async def membership(talk: Talk, user: str) -> tuple[str, str] | None:
    """The role and the state of a user's last membership."""
    person = (await talk.entry(user))["person_id"]
    rows = await talk.scene.world.rows(
        "select role, state from member where account_id = $1 and person_id = $2 order by id desc limit 1",
        talk.scene.number,
        person,
    )
    return (rows[0]["role"], rows[0]["state"]) if rows else None


def seat(user: dict[str, Any]) -> str | None:
    return (user.get(SEAT) or {}).get("seatStatus")


async def off(talk: Talk, user: str) -> int:
    reply = await talk.patch(f"/Users/{user}", {"op": "replace", "value": {"active": False}})
    return reply.status_code


async def on(talk: Talk, user: str) -> int:
    reply = await talk.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": True})
    return reply.status_code


async def test_a_new_user_is_a_member_with_a_seat(workspace: Scene) -> None:
    talk = await talking(workspace, seats=2)

    made = await talk.user("grace", externalId="00u1")

    entry = await talk.entry(made["id"])
    assert (seat(made), made["active"], made["meta"]["version"]) == ("active", True, 'W/"1"')
    assert made["meta"]["location"].endswith(f"/scim/v2/Users/{made['id']}")
    assert await membership(talk, made["id"]) == ("member", "active")
    assert await seats_of(talk, made["id"]) == [SeatState.ACTIVE]
    assert (entry["external_id"], entry["email"]) == ("00u1", talk.address("grace"))


async def test_everything_a_directory_does_is_in_the_audit_log_under_its_token(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)

    made = await talk.user("grace", phoneNumbers=[{"value": "555-0199", "type": "work"}])
    await off(talk, made["id"])

    rows = await workspace.world.rows(
        "select action, actor, person_id, token, after::text as after from audit_record where account_id = $1"
        " order by seq",
        workspace.number,
    )
    assert [row["action"] for row in rows] == [
        "member.joined",
        "seat.assigned",
        "directory_user.added",
        "member.removed",
        "seat.released",
        "directory_user.changed",
    ]
    assert {row["actor"] for row in rows} == {"directory"}
    assert {row["person_id"] for row in rows} == {None}
    assert len({row["token"] for row in rows}) == 1
    assert not any("555-0199" in row["after"] for row in rows)


async def test_a_full_pool_is_no_error_and_whoever_waits_is_served_in_order(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    first = await talk.user("first")

    second, third = await talk.user("second"), await talk.user("third")
    await off(talk, first["id"])

    assert [seat(user) for user in (first, second, third)] == ["active", "waitlisted", "waitlisted"]
    assert seat(await talk.read(second["id"])) == "active"
    assert seat(await talk.read(third["id"])) == "waitlisted"
    assert await membership(talk, third["id"]) == ("member", "active")


async def test_whoever_comes_back_stands_at_the_end_of_the_line(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    first, second = await talk.user("first"), await talk.user("second")
    await off(talk, first["id"])

    await on(talk, first["id"])
    waiting = await talk.read(first["id"])
    await off(talk, second["id"])

    assert (seat(waiting), waiting["active"]) == ("waitlisted", True)
    assert seat(await talk.read(first["id"])) == "active"
    assert await seats_of(talk, first["id"]) == ["released", "active"]


async def test_seats_that_are_bought_go_to_those_who_wait(workspace: Scene) -> None:
    await workspace.payment_method()
    pool = await workspace.pool(seats=1)
    talk = await talking(workspace)
    await workspace.world.run(
        "update directory set pool_id = $2 where id = $1",
        ids.decode("directory", talk.directory),
        ids.decode("pool", pool),
    )
    users = [await talk.user(name) for name in ("one", "two", "three", "four")]

    bought = await workspace.world.change("changeSeats", workspace.owner, pool=pool, seats=3)

    assert bought.codes == []
    assert [seat(await talk.read(user["id"])) for user in users] == ["active", "active", "active", "waitlisted"]
    assert await counted(workspace, pool) == (3, 3)


async def test_an_admin_who_frees_a_seat_serves_the_line(workspace: Scene) -> None:
    pool = await workspace.pool(seats=1)
    held = await workspace.seat(pool, workspace.members[Role.MEMBER])
    talk = await talking(workspace)
    await workspace.world.run(
        "update directory set pool_id = $2 where id = $1",
        ids.decode("directory", talk.directory),
        ids.decode("pool", pool),
    )
    waits = await talk.user("grace")

    await workspace.world.change("releaseSeat", workspace.owner, seat=held)

    assert seat(waits) == "waitlisted"
    assert seat(await talk.read(waits["id"])) == "active"
    assert await counted(workspace, pool) == (1, 1)


async def test_an_invitation_that_runs_out_serves_the_line(workspace: Scene) -> None:
    pool = await workspace.pool(seats=1)
    await workspace.world.change("assignSeat", workspace.owner, pool=pool, email="late@example.test")
    await workspace.world.run("update invitation set expires_at = created_at where account_id = $1", workspace.number)
    talk = await talking(workspace)
    await workspace.world.run(
        "update directory set pool_id = $2 where id = $1",
        ids.decode("directory", talk.directory),
        ids.decode("pool", pool),
    )

    made = await talk.user("grace")

    assert seat(made) == "active"
    assert await counted(workspace, pool) == (1, 1)


async def test_whoever_is_handed_a_seat_waits_no_more(workspace: Scene) -> None:
    pool = await workspace.pool(seats=2)
    held = [await workspace.seat(pool, await workspace.join()) for _ in range(2)]
    talk = await talking(workspace)
    await workspace.world.run(
        "update directory set pool_id = $2 where id = $1",
        ids.decode("directory", talk.directory),
        ids.decode("pool", pool),
    )
    first, second = await talk.user("first"), await talk.user("second")

    handed = await workspace.world.change("transferSeat", workspace.owner, seat=held[0], email=talk.address("first"))
    freed = await workspace.world.change("releaseSeat", workspace.owner, seat=held[1])

    assert (handed.codes, freed.codes) == ([], [])
    assert await seats_of(talk, first["id"]) == ["released", "active"]
    assert await seats_of(talk, second["id"]) == ["active"]
    assert await counted(workspace, pool) == (2, 2)


async def test_whoever_sits_and_still_waits_takes_no_second_seat(workspace: Scene) -> None:
    pool, twice, other = await workspace.pool(seats=2), await workspace.join(), await workspace.join()
    await workspace.seat(pool, twice)
    held = await workspace.seat(pool, other)
    await workspace.seat(pool, twice, SeatState.WAITLISTED)

    freed = await workspace.world.change("releaseSeat", workspace.owner, seat=held)

    assert freed.codes == []
    assert await counted(workspace, pool) == (1, 1)


async def test_deactivation_frees_the_seat_ends_sessions_and_voids_tokens_at_once(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    grace = await workspace.world.person("grace", email=talk.address("grace"))
    made = await talk.user("grace")
    connection = await workspace.sso()
    session = await workspace.came_through(connection, grace)
    asked = "{ viewer { memberships { nodes { workspace { id } } } } }"
    before = [await workspace.world.ask(asked, bearer) for bearer in (grace, session)]

    status = await off(talk, made["id"])

    after = [await workspace.world.ask(asked, bearer) for bearer in (grace, session)]
    assert status == 204
    assert [reply.codes for reply in before] == [[], []]
    assert [reply.code for reply in after] == ["UNAUTHENTICATED", "UNAUTHENTICATED"]
    assert await seats_of(talk, made["id"]) == ["released"]
    assert await membership(talk, made["id"]) == ("member", "removed")


async def test_a_deleted_user_is_gone_and_can_be_made_again(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    made = await talk.user("grace")

    gone = await talk.say("DELETE", f"/Users/{made['id']}")
    replies = [await talk.say(method, f"/Users/{made['id']}", {}) for method in ("GET", "DELETE", "PATCH", "PUT")]
    again = await talk.user("grace")

    assert gone.status_code == 204
    assert [reply.status_code for reply in replies][:2] == [404, 404]
    assert again["id"] != made["id"]
    assert (await talk.entry(again["id"]))["person_id"] == (await talk.entry(made["id"]))["person_id"]
    assert seat(again) == "active"


async def test_whoever_has_proven_the_address_is_the_user(workspace: Scene) -> None:
    talk = await talking(workspace)
    grace = await workspace.world.person("grace", email=talk.address("grace"))

    made = await talk.user("grace")

    assert (await talk.entry(made["id"]))["person_id"] == grace.number


async def test_an_address_outside_of_verified_domains_ties_nobody(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    victim = await workspace.world.person("victim", email="victim@elsewhere.example.com")

    named = await talk.say("POST", "/Users", talk.told() | {"userName": victim.email})
    made = await talk.user("x", userName="victim", emails=[{"value": victim.email, "primary": True}])

    assert (named.status_code, named.json()["scimType"]) == (400, "invalidValue")
    assert "verified" in named.json()["detail"]
    assert (await talk.entry(made["id"]))["person_id"] is None
    assert seat(made) is None


async def test_an_email_in_a_verified_domain_tells_who_somebody_is(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)

    made = await talk.user(
        "x",
        userName="g.hopper",
        emails=[{"value": "g@home.example.com", "primary": True}, {"value": talk.address("grace")}],
    )

    assert (await talk.entry(made["id"]))["email"] == talk.address("grace")
    assert seat(made) == "active"


async def test_nobody_of_another_workspace_is_taken_over(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    other = await workspace.world.workspace(roles=[Role.OWNER])
    theirs = await workspace.world.person("theirs", email=talk.address("theirs"))
    await other.world.put(other.membership(theirs, Role.MEMBER, await other.world.now()))

    reply = await talk.say("POST", "/Users", talk.told("theirs"))

    assert reply.status_code == 409
    assert "MEMBER_OF_OTHER_WORKSPACE" in reply.json()["detail"]
    assert (
        await workspace.world.value("select count(*) from directory_user where account_id = $1", workspace.number) == 0
    )


async def test_a_directory_decides_about_nobody_above_whoever_connected_it(workspace: Scene) -> None:
    talk = await talking(workspace)
    admin = workspace.members[Role.ADMIN]
    await workspace.world.run(
        "update directory set created_by = $2 where id = $1", ids.decode("directory", talk.directory), admin.number
    )
    boss = await workspace.world.person("boss", email=talk.address("boss"))
    await workspace.world.put(workspace.membership(boss, Role.OWNER, await workspace.world.now()))

    reply = await talk.say("POST", "/Users", talk.told("boss"))
    await workspace.world.run(
        "update directory set created_by = $2 where id = $1",
        ids.decode("directory", talk.directory),
        workspace.owner.number,
    )
    made = await talk.user("boss")

    assert (reply.status_code, "may not decide" in reply.json()["detail"]) == (409, True)
    assert await membership(talk, made["id"]) == ("owner", "active")


async def sole_owner(workspace: Scene) -> tuple[Talk, str]:
    """A workspace whose only owner is in its directory: what talks for it, and the user."""
    talk = await talking(workspace)
    await workspace.world.run(
        "update person set email = $2 where id = $1", workspace.owner.number, talk.address("boss")
    )
    return talk, (await talk.user("boss"))["id"]


@pytest.mark.parametrize("way", ["PATCH", "PUT", "DELETE", "BULK PATCH", "BULK DELETE"])
async def test_the_last_owner_stays(way: str, workspace: Scene) -> None:
    talk, user = await sole_owner(workspace)
    path = f"/Users/{user}"
    change = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
              "Operations": [{"op": "replace", "path": "active", "value": False}]}  # fmt: skip
    bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]}

    match way:
        case "PATCH":
            reply = await talk.say("PATCH", path, change)
        case "PUT":
            reply = await talk.say("PUT", path, talk.told("boss", active=False))
        case "DELETE":
            reply = await talk.say("DELETE", path)
        case "BULK PATCH":
            operation = {"method": "PATCH", "path": path, "data": change}
            reply = await talk.say("POST", "/Bulk", bulk | {"Operations": [operation]})
        case _:
            reply = await talk.say("POST", "/Bulk", bulk | {"Operations": [{"method": "DELETE", "path": path}]})

    told = reply.json()["Operations"][0] if way.startswith("BULK") else reply.json()
    assert str(told["status"]) == "409"
    assert "last owner" in (told.get("response") or told)["detail"]
    assert await membership(talk, user) == ("owner", "active")
    assert (await talk.read(user))["active"] is True


async def test_roles_and_entitlements_are_kept_and_mean_nothing(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)

    made = await talk.user("grace", roles=[{"value": "owner", "primary": True}], entitlements=[{"value": "admin"}])
    await talk.patch(f"/Users/{made['id']}", {"op": "add", "path": "roles", "value": [{"value": "admin"}]})

    assert await membership(talk, made["id"]) == ("member", "active")
    assert [role["value"] for role in (await talk.read(made["id"]))["roles"]] == ["owner", "admin"]


async def test_a_put_that_does_not_tell_active_leaves_it(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    on_, off_ = await talk.user("one"), await talk.user("two")
    await off(talk, off_["id"])

    for user, name in ((on_, "one"), (off_, "two")):
        told = talk.told(name, nickName="N")
        del told["active"]
        reply = await talk.say("PUT", f"/Users/{user['id']}", told)
        assert reply.status_code == 200

    assert [(await talk.read(user["id"]))["active"] for user in (on_, off_)] == [True, False]
    assert await membership(talk, off_["id"]) == ("member", "removed")


async def test_somebody_who_wants_no_seat_is_a_member_without_one(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)

    made = await talk.user("grace", **{SEAT: {"seatWanted": False}})
    await talk.patch(f"/Users/{made['id']}", {"op": "replace", "path": f"{SEAT}:seatWanted", "value": True})
    wanted = await talk.read(made["id"])
    await talk.patch(f"/Users/{made['id']}", {"op": "replace", "path": f"{SEAT}:seatWanted", "value": False})

    assert (seat(made), seat(wanted), seat(await talk.read(made["id"]))) == (None, "active", None)
    assert await membership(talk, made["id"]) == ("member", "active")


async def test_somebody_whose_address_changes_is_followed_and_signs_in_again(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    made = await talk.user("grace")
    person = (await talk.entry(made["id"]))["person_id"]

    reply = await talk.patch(
        f"/Users/{made['id']}", {"op": "replace", "path": "userName", "value": talk.address("hopper")}
    )

    assert reply.status_code == 204
    assert await workspace.world.value("select email from person where id = $1", person) == talk.address("hopper")


async def test_whoever_was_followed_when_they_signed_in_stays_signed_in_when_the_directory_follows(
    workspace: Scene,
) -> None:
    talk, world = await talking(workspace, seats=1), workspace.world
    made = await talk.user("grace")
    person = (await talk.entry(made["id"]))["person_id"]
    await world.run("update person set email = $2 where id = $1", person, talk.address("hopper"))
    await world.run(
        "insert into session (id, person_id, issuer, created_at, expires_at, account_id)"
        " values ($1, $2, 'https://idp.test', $3::timestamptz, $3 + interval '1 hour', $4)",
        *(world.number(), person, await world.now(), workspace.number),
    )

    await talk.patch(f"/Users/{made['id']}", {"op": "replace", "path": "userName", "value": talk.address("hopper")})

    assert await world.value("select ended_at from session where person_id = $1", person) is None
    assert (await talk.entry(made["id"]))["email"] == talk.address("hopper")


async def test_nobody_is_followed_to_somebody_elses_address(workspace: Scene) -> None:
    talk = await talking(workspace, seats=1)
    taken = await workspace.world.person("taken", email=talk.address("taken"))
    made = await talk.user("grace")
    boss, owner = await sole_owner(await workspace.world.workspace(roles=[Role.OWNER]))

    replies = [
        await talk.patch(f"/Users/{made['id']}", {"op": "replace", "path": "userName", "value": taken.email}),
        await boss.patch(f"/Users/{owner}", {"op": "replace", "path": "userName", "value": boss.address("evil")}),
        await talk.patch(f"/Users/{made['id']}", {"op": "replace", "path": "userName", "value": "g@elsewhere.test"}),
    ]

    assert [reply.status_code for reply in replies] == [409, 409, 400]
    assert (await talk.read(made["id"]))["userName"] == talk.address("grace")


async def test_an_invitation_that_waits_is_over_when_the_directory_tells_of_them(workspace: Scene) -> None:
    talk = await talking(workspace, seats=2)
    pool = await workspace.world.value("select pool_id from directory where account_id = $1", workspace.number)
    await workspace.invitation(talk.address("grace"))
    await workspace.seat(ids.encode("pool", pool), talk.address("grace"))

    made = await talk.user("grace")

    assert seat(made) == "active"
    state = await workspace.world.value("select state from invitation where account_id = $1", workspace.number)
    assert state == "revoked"
    assert await workspace.world.value("select assigned from license_pool where id = $1", pool) == 1


async def test_an_open_invitation_is_taken_back_with_whoever_leaves(workspace: Scene) -> None:
    talk = await talking(workspace)
    made = await talk.user("grace")
    await workspace.invitation(talk.address("grace"))

    await off(talk, made["id"])

    state = await workspace.world.value("select state from invitation where account_id = $1", workspace.number)
    assert state == "revoked"
