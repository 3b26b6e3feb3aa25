"""Looking after people: sessions that others end, identities that move, and our staff who look and change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from auth.policy import Desk, Role
from kernel import ids
from tests.graph.crowd import evidence
from tests.scenery import Scene, Somebody, World

ME = "{ viewer { kind person { id } account { id } memberships { nodes { role workspace { id } } } } }"
WHY = "They can't find their seat."


async def looking(scene: Scene, who: Somebody, *, account: str | None = None) -> tuple[Somebody, str, str]:
    """One of our Support who looks as somebody: who it is, the look, and the text of it."""
    support = await scene.world.person("support", desk=Desk.SUPPORT)
    asked = {"account": account or scene.account, "person": who.id}
    reply = await scene.world.change("viewAs", support, shows_="text viewing { id }", reason_=WHY, **asked)
    told = reply.data["viewAs"]
    return support, told["viewing"]["id"], told["text"]


async def records(scene: Scene) -> list[Any]:
    sql = "select * from audit_record where account_id = $1 order by seq"
    return await scene.world.rows(sql, scene.number)


# Looking


async def test_whoever_looks_sees_what_the_person_sees(workspace: Scene) -> None:
    admin = workspace.members[Role.SEAT_ADMIN]
    _, _, text = await looking(workspace, admin)
    sees = "query($id: ID!) { workspace(id: $id) { name auditLog(first: 5) { nodes { seq } } } }"

    mine = await workspace.world.ask(ME, text)
    seen = await workspace.world.ask(sees, text, id=workspace.id)
    theirs = await workspace.world.ask(sees, admin, id=workspace.id)

    assert mine.data["viewer"]["person"] == {"id": admin.id}
    assert mine.data["viewer"]["kind"] == "person"
    assert mine.data["viewer"]["memberships"]["nodes"] == [{"role": "SEAT_ADMIN", "workspace": {"id": workspace.id}}]
    assert seen.data == theirs.data


async def test_whoever_looks_as_an_owner_changes_nothing(workspace: Scene) -> None:
    _, _, text = await looking(workspace, workspace.owner)
    before = await evidence(workspace)

    replies = [
        await workspace.world.change("renameWorkspace", text, workspace=workspace.id, name="Mine"),
        await workspace.world.change("createWorkspace", text, name="Mine"),
        await workspace.world.change("viewAs", text, account=workspace.account, person=workspace.owner.id),
        await workspace.world.change("endSessions", text, account=workspace.account, person=workspace.owner.id),
    ]

    assert [reply.code for reply in replies] == ["FORBIDDEN"] * 4
    assert await evidence(workspace) == before


async def test_nothing_but_the_account_is_seen(world: World, workspace: Scene) -> None:
    elsewhere = await world.workspace(roles=[])
    await elsewhere.join(Role.OWNER, workspace.owner)
    _, _, text = await looking(workspace, workspace.owner)
    sees = "query($id: ID!) { workspace(id: $id) { name auditLog(first: 5) { nodes { seq } } } }"

    assert (await world.ask(sees, text, id=elsewhere.id)).data["workspace"] is None
    assert (await world.ask(sees, workspace.owner, id=elsewhere.id)).data["workspace"]
    seen = (await world.ask(ME, text)).data["viewer"]["memberships"]["nodes"]
    assert [node["workspace"] for node in seen] == [{"id": workspace.id}, None]


async def test_the_customer_reads_who_looked_why_and_until_when(workspace: Scene) -> None:
    support, viewing, _ = await looking(workspace, workspace.owner)
    document = (
        "query($id: ID!) { workspace(id: $id) { auditLog(first: 5) { nodes { action actor reason subject after } } } }"
    )

    (told,) = (await workspace.world.ask(document, workspace.owner, id=workspace.id)).data["workspace"]["auditLog"][
        "nodes"
    ]

    assert (told["action"], told["actor"], told["reason"]) == ("viewing.started", "staff", WHY)
    assert told["subject"] == viewing
    assert (told["after"]["person_id"], told["after"]["staff_id"]) == (workspace.owner.id, support.id)
    assert "hash" not in told["after"]


@pytest.mark.parametrize("ending", ["themselves", "an owner"])
async def test_a_look_is_ended_at_once(workspace: Scene, ending: str) -> None:
    support, viewing, text = await looking(workspace, workspace.members[Role.MEMBER])
    who, why = (support, "Done.") if ending == "themselves" else (workspace.owner, None)

    ended = await workspace.world.change("endViewing", who, shows_="endedAt", reason_=why, viewing=viewing)

    assert ended.data["endViewing"]["endedAt"]
    assert (await workspace.world.ask(ME, text)).status == 401
    assert [row["action"] for row in await records(workspace)] == ["viewing.started", "viewing.ended"]


async def test_a_look_ends_after_half_an_hour(workspace: Scene) -> None:
    _, viewing, text = await looking(workspace, workspace.owner)
    lasts = await workspace.world.value(
        "select expires_at - created_at from viewing where id = $1", ids.decode("viewing", viewing)
    )
    await workspace.world.run(
        "update viewing set created_at = created_at - interval '1 hour', expires_at = expires_at - interval '1 hour'"
        " where id = $1",
        ids.decode("viewing", viewing),
    )

    assert lasts.total_seconds() == 1_800
    assert (await workspace.world.ask(ME, text)).status == 401


async def test_whoever_no_longer_works_for_us_looks_no_more(workspace: Scene) -> None:
    support, _, text = await looking(workspace, workspace.owner)

    await workspace.world.run("delete from staff where person_id = $1", support.number)

    assert (await workspace.world.ask(ME, text)).status == 401


@pytest.mark.parametrize("text", ["sgv_", "sgv_" + "a" * 43, "sgv_" + "a" * 44])
async def test_a_text_that_is_none_of_ours_is_refused(text: str, workspace: Scene) -> None:
    assert (await workspace.world.ask(ME, text)).status == 401


async def test_a_consumer_is_looked_at_through_their_own_account(world: World, workspace: Scene) -> None:
    ada = await world.person("ada")
    _, _, text = await looking(workspace, ada, account=ada.account)

    assert (await world.ask(ME, text)).data["viewer"]["account"] == {"id": ada.account}


async def test_nobody_is_looked_at_where_they_do_not_belong(world: World, workspace: Scene) -> None:
    support, ada = await world.person("support", desk=Desk.SUPPORT), await world.person("ada")
    before = await evidence(workspace)

    reply = await world.change("viewAs", support, reason_=WHY, account=workspace.account, person=ada.id)

    assert reply.code == "NOT_FOUND"
    assert await evidence(workspace) == before


async def test_an_enforced_sign_in_hides_nothing_from_whoever_looks(workspace: Scene) -> None:
    await workspace.world.run("update workspace set sso_enforced = true where id = $1", workspace.number)

    _, _, text = await looking(workspace, workspace.owner)

    assert (await workspace.world.ask(ME, text)).data["viewer"]["memberships"]["nodes"]


# Sessions


async def test_an_admin_signs_a_member_out_of_the_workspace(workspace: Scene) -> None:
    ada = await workspace.join()
    text = await workspace.came_through(await workspace.sso(), ada)
    asked = {"account": workspace.account, "person": ada.id}

    reply = await workspace.world.change("endSessions", workspace.members[Role.ADMIN], shows_="ended", **asked)

    assert reply.data["endSessions"] == {"ended": 1}
    assert (await workspace.world.ask(ME, text)).status == 401
    assert (await workspace.world.ask(ME, ada)).data["viewer"]["person"] == {"id": ada.id}
    assert [row["after"] for row in await records(workspace)] == ['{"sessions": 1}']


async def test_an_admin_signs_no_owner_out(workspace: Scene) -> None:
    asked = {"account": workspace.account, "person": workspace.owner.id}
    before = await evidence(workspace)

    reply = await workspace.world.change("endSessions", workspace.members[Role.ADMIN], **asked)

    assert reply.code == "FORBIDDEN"
    assert await evidence(workspace) == before


async def test_support_signs_a_consumer_out_everywhere(world: World) -> None:
    support, ada = await world.person("support", desk=Desk.SUPPORT), await world.person("ada")
    asked = {"account": ada.account, "person": ada.id}

    reply = await world.change("endSessions", support, shows_="ended", reason_="Their phone was stolen.", **asked)

    assert reply.data["endSessions"] == {"ended": 1}
    assert (await world.ask(ME, ada)).status == 401
    assert (await world.ask(ME, support)).status == 200


async def test_nobody_is_signed_out_through_the_account_of_another(world: World, workspace: Scene) -> None:
    support, ada = await world.person("support", desk=Desk.SUPPORT), await world.person("ada")

    for account in (workspace.account, workspace.owner.account):
        reply = await world.change("endSessions", support, reason_="No.", account=account, person=ada.id)
        assert reply.code == "NOT_FOUND"

    assert (await world.ask(ME, ada)).status == 200


# Identities


async def moved(scene: Scene, who: Somebody, identity: str, to: Somebody) -> Any:
    shown = "__typename ... on SsoIdentity { person { id } subject } ... on Problem { message }"
    why = "They asked." if who not in scene.members.values() else None
    input_ = {"identity": identity, "member": scene.member(to)}
    return await scene.world.change("relinkIdentity", who, shows_=shown, reason_=why, **input_)


async def test_an_admin_moves_an_identity_and_its_sessions_are_over(workspace: Scene) -> None:
    connection, old, new = await workspace.sso(), await workspace.join(), await workspace.join()
    identity = await workspace.identity(old, connection)
    text = await workspace.came_through(connection, old)

    reply = await moved(workspace, workspace.members[Role.ADMIN], identity, new)

    assert reply.data["relinkIdentity"]["person"] == {"id": new.id}
    assert (await workspace.world.ask(ME, text)).status == 401
    (told,) = await records(workspace)
    assert told["action"] == "identity.relinked"
    held = "select person_id from sso_identity where account_id = $1 and unlinked_at is null"
    assert [row["person_id"] for row in await workspace.world.rows(held, workspace.number)] == [new.number]


async def test_staff_move_one_only_where_the_provider_vouched_for_the_address(workspace: Scene) -> None:
    staff = await workspace.world.person("staff", desk=Desk.ADMIN)
    old, new = await workspace.join(), await workspace.join()
    identity = await workspace.identity(old)
    await workspace.vouched(identity, "somebody@else.test")
    before = await evidence(workspace)

    refused = await moved(workspace, staff, identity, new)
    unchanged = await evidence(workspace) == before
    await workspace.vouched(identity, new.email)
    done = await moved(workspace, staff, identity, new)

    assert refused.data["relinkIdentity"]["__typename"] == "Unvouched"
    assert unchanged
    assert done.data["relinkIdentity"]["person"] == {"id": new.id}


async def test_neither_staff_nor_admins_move_one_to_an_owner(workspace: Scene) -> None:
    staff = await workspace.world.person("staff", desk=Desk.ADMIN)
    identity = await workspace.identity(await workspace.join())
    await workspace.vouched(identity, workspace.owner.email)
    before = await evidence(workspace)

    codes = [
        (await moved(workspace, who, identity, workspace.owner)).code for who in (staff, workspace.members[Role.ADMIN])
    ]

    assert codes == ["FORBIDDEN", "FORBIDDEN"]
    assert await evidence(workspace) == before


async def test_one_is_not_moved_to_somebody_who_has_another(workspace: Scene) -> None:
    connection, old, new = await workspace.sso(), await workspace.join(), await workspace.join()
    identity = await workspace.identity(old, connection)
    await workspace.identity(new, connection)

    reply = await moved(workspace, workspace.owner, identity, new)

    assert reply.data["relinkIdentity"]["__typename"] == "SubjectTaken"
