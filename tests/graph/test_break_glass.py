"""Break-glass: an owner comes in while their workspace's own sign-in is the only one, and is away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.policy import Role
from tests.graph.crowd import evidence
from tests.scenery import Scene

MINUTE = timedelta(minutes=1)
STEP = timedelta(seconds=30)
OPENED = "__typename ... on BreakGlassOpened { session until triesLeft } ... on Problem { message }"
SHOWN = "__typename ... on Problem { message }"
SEEN = "query($id: ID!) { workspace(id: $id) { id ssoConnections { id } } }"
WRONG = "000000"


@pytest.fixture
async def locked(workspace: Scene) -> tuple[Scene, str]:
    """A workspace that enforces single sign-on, and the secret of its owner."""
    await workspace.sso()
    _, secret = await workspace.glass()
    await workspace.world.run("update workspace set sso_enforced = true where id = $1", workspace.number)
    return workspace, secret


async def tried(scene: Scene, code: str, who: Any = None) -> Any:
    """What comes of a code."""
    return await scene.world.change("openBreakGlass", who or scene.owner, shows_=OPENED, workspace=scene.id, code=code)


async def opened(scene: Scene, secret: str) -> str:
    """The session of an owner who broke the glass."""
    text: str = (await tried(scene, await scene.app_code(secret))).data["openBreakGlass"]["session"]
    return text


async def enrolled(scene: Scene, who: Any) -> tuple[str, str]:
    """The secret and the id of a second factor that waits to be confirmed."""
    shows = "... on BreakGlassEnrolled { secret breakGlass { id } }"
    begun = await scene.world.change("enrollBreakGlass", who, shows_=shows, workspace=scene.id)
    made = begun.data["enrollBreakGlass"]
    return made["secret"], made["breakGlass"]["id"]


async def wrong(scene: Scene, secret: str) -> str:
    """A code that is not one of those that count now."""
    near = {await scene.app_code(secret, ahead) for ahead in (-2, -1, 0, 1, 2)}
    return next(code for code in (WRONG, "111111", "222222", "333333", "444444", "555555") if code not in near)


async def actions(scene: Scene) -> list[str]:
    rows = await scene.world.rows("select action from audit_record where account_id = $1 order by seq", scene.number)
    return [row["action"] for row in rows]


async def test_an_owner_enrolls_with_an_app_and_comes_in(workspace: Scene) -> None:
    world, owner = workspace.world, workspace.owner
    shows = "... on BreakGlassEnrolled { secret url breakGlass { confirmedAt person { email } } }"
    begun = (await world.change("enrollBreakGlass", owner, shows_=shows, workspace=workspace.id)).data
    secret = begun["enrollBreakGlass"]["secret"]
    early = await tried(workspace, await workspace.app_code(secret))

    sure = await world.change(
        "confirmBreakGlass",
        owner,
        shows_="... on BreakGlass { confirmedAt }",
        workspace=workspace.id,
        code=await workspace.app_code(secret),
    )
    await world.advance(STEP)
    came = await tried(workspace, await workspace.app_code(secret))

    assert begun["enrollBreakGlass"]["url"].startswith("otpauth://totp/")
    assert begun["enrollBreakGlass"]["breakGlass"] == {"confirmedAt": None, "person": {"email": owner.email}}
    assert early.code == "NOT_FOUND"
    assert sure.data["confirmBreakGlass"]["confirmedAt"]
    assert came.data["openBreakGlass"]["session"].startswith("sgs_")
    assert await actions(workspace) == ["break_glass.enrolled", "break_glass.confirmed", "break_glass.opened"]


async def test_whoever_broke_the_glass_mends_how_people_sign_in_and_nothing_else(locked: tuple[Scene, str]) -> None:
    scene, secret = locked
    world = scene.world
    outside = await world.ask(SEEN, scene.owner, id=scene.id)
    text = await opened(scene, secret)

    inside = await world.ask(SEEN, text, id=scene.id)
    elsewhere = await world.change("createWorkspace", text, name="Another")
    leaving = await world.change("leaveWorkspace", text, workspace=scene.id)
    rename = await world.change("renameWorkspace", text, workspace=scene.id, name="Mine")
    invite = await world.change("inviteMember", text, workspace=scene.id, email="new@example.test")
    again = await world.change("enrollBreakGlass", text, workspace=scene.id)
    mended = await world.change("enforceSso", text, workspace=scene.id, enforced=False)
    back = await world.ask(SEEN, scene.owner, id=scene.id)

    assert outside.data["workspace"] is None
    assert len(inside.data["workspace"]["ssoConnections"]) == 1
    assert [reply.code for reply in (elsewhere, leaving, rename, invite, again)] == ["FORBIDDEN"] * 5
    assert mended.data["enforceSso"]["__typename"] == "SsoEnforcement"
    assert back.data["workspace"]["id"] == scene.id
    assert await actions(scene) == ["break_glass.opened", "workspace.changed"]


async def test_the_door_closes_after_half_an_hour(locked: tuple[Scene, str]) -> None:
    scene, secret = locked
    text = await opened(scene, secret)

    await scene.world.advance(29 * MINUTE)
    before = await scene.world.ask(SEEN, text, id=scene.id)
    await scene.world.advance(MINUTE)
    after = await scene.world.ask(SEEN, text, id=scene.id)

    assert before.data["workspace"]["id"] == scene.id
    assert after.code == "UNAUTHENTICATED"


async def test_a_code_opens_once(locked: tuple[Scene, str]) -> None:
    scene, secret = locked
    code = await scene.app_code(secret)
    await tried(scene, code)

    again = await tried(scene, code)

    assert again.data["openBreakGlass"]["session"] is None
    assert await actions(scene) == ["break_glass.opened", "break_glass.refused"]


async def test_wrong_codes_are_counted_told_and_stop_the_right_one_for_a_while(locked: tuple[Scene, str]) -> None:
    scene, secret = locked
    left = []
    for _ in range(5):
        reply = await tried(scene, await wrong(scene, secret))
        left.append(reply.data["openBreakGlass"]["triesLeft"])

    closed = await tried(scene, await scene.app_code(secret))
    kept = await actions(scene)
    await scene.world.advance(15 * MINUTE)
    later = await tried(scene, await scene.app_code(secret))

    assert left == [4, 3, 2, 1, 0]
    assert closed.data["openBreakGlass"]["__typename"] == "BreakGlassClosed"
    assert kept == ["break_glass.refused"] * 5
    assert later.data["openBreakGlass"]["session"]


async def test_whoever_is_no_owner_any_more_finds_no_door(locked: tuple[Scene, str]) -> None:
    scene, secret = locked
    await scene.join(Role.OWNER)
    text = await opened(scene, secret)
    await scene.world.run(
        "update member set role = 'admin' where account_id = $1 and person_id = $2", scene.number, scene.owner.number
    )

    inside = await scene.world.ask(SEEN, text, id=scene.id)
    again = await tried(scene, await scene.app_code(secret, 1))

    assert inside.data["workspace"] is None
    assert again.code == "NOT_FOUND"


async def test_three_owners_are_enrolled_at_most_and_one_replaces_their_own(workspace: Scene) -> None:
    world, owners = workspace.world, [await workspace.join(Role.OWNER) for _ in range(3)]
    for owner in owners:
        await workspace.glass(owner)

    fourth = await world.change("enrollBreakGlass", workspace.owner, shows_=SHOWN, workspace=workspace.id)
    anew = await world.change("enrollBreakGlass", owners[0], shows_=SHOWN, workspace=workspace.id)

    assert fourth.data["enrollBreakGlass"]["__typename"] == "BreakGlassFull"
    assert anew.data["enrollBreakGlass"]["__typename"] == "BreakGlassEnrolled"
    assert await actions(workspace) == ["break_glass.enrolled"]


async def test_the_app_one_has_opens_until_a_new_one_is_confirmed(locked: tuple[Scene, str]) -> None:
    scene, former = locked
    through = await scene.came_through(await scene.sso(), scene.owner)
    secret, _ = await enrolled(scene, through)

    inside = await opened(scene, former)
    sure = await scene.world.change(
        "confirmBreakGlass", through, shows_=SHOWN, workspace=scene.id, code=await scene.app_code(secret)
    )
    await scene.world.advance(STEP)
    over = await scene.world.ask(SEEN, inside, id=scene.id)
    anew = await tried(scene, await scene.app_code(secret))
    gone = await tried(scene, await scene.app_code(former, 1))

    assert inside
    assert sure.data["confirmBreakGlass"]["__typename"] == "BreakGlass"
    assert over.code == "UNAUTHENTICATED"
    assert anew.data["openBreakGlass"]["session"]
    assert gone.data["openBreakGlass"]["session"] is None
    told = [each for each in await actions(scene) if each in {"break_glass.confirmed", "break_glass.replaced"}]
    assert told == ["break_glass.replaced", "break_glass.confirmed"]
    replaced = await scene.world.value(
        "select subject_id from audit_record where account_id = $1 and action = 'break_glass.replaced'", scene.number
    )
    former_one = "select id from break_glass where account_id = $1 and removed_at is not null"
    assert replaced == await scene.world.value(former_one, scene.number)


async def test_a_new_app_that_is_given_up_changes_nothing(locked: tuple[Scene, str]) -> None:
    scene, former = locked
    through = await scene.came_through(await scene.sso(), scene.owner)
    first, _ = await enrolled(scene, through)
    second, number = await enrolled(scene, through)
    late = await scene.world.change(
        "confirmBreakGlass", through, shows_=SHOWN, workspace=scene.id, code=await scene.app_code(first)
    )
    inside = await opened(scene, former)

    gone = await scene.world.change("removeBreakGlass", through, shows_=SHOWN, breakGlass=number)

    still = await scene.world.ask(SEEN, inside, id=scene.id)
    assert first != second
    assert late.data["confirmBreakGlass"]["__typename"] == "CodeWrong"
    assert gone.data["removeBreakGlass"]["__typename"] == "BreakGlass"
    assert still.data["workspace"]["id"] == scene.id


async def test_a_second_factor_of_somebody_who_owns_nothing_any_more_counts_for_nothing(workspace: Scene) -> None:
    world, connection = workspace.world, await workspace.sso()
    await workspace.glass(await workspace.join(Role.OWNER))
    await world.run(
        "update sso_connection set tested_at = $2, tested_by = $3 where account_id = $1",
        *(workspace.number, await world.now(), workspace.owner.number),
    )
    demoted = "update member set role = 'admin' where account_id = $1 and role = 'owner' and person_id <> $2"
    await world.run(demoted, workspace.number, workspace.owner.number)

    refused = await world.change("enforceSso", workspace.owner, shows_=SHOWN, workspace=workspace.id, enforced=True)

    assert connection
    assert refused.data["enforceSso"]["__typename"] == "BreakGlassNeeded"
    assert await actions(workspace) == []


async def test_former_owners_take_no_place_of_the_three(workspace: Scene) -> None:
    for _ in range(3):
        await workspace.glass(await workspace.join(Role.OWNER))
    await workspace.world.run(
        "update member set state = 'removed', removed_at = now()"
        " where account_id = $1 and role = 'owner' and person_id <> $2",
        *(workspace.number, workspace.owner.number),
    )

    begun = await workspace.world.change("enrollBreakGlass", workspace.owner, shows_=SHOWN, workspace=workspace.id)

    assert begun.data["enrollBreakGlass"]["__typename"] == "BreakGlassEnrolled"


@pytest.mark.parametrize("way", ["changeRole", "removeMember", "leaveWorkspace"])
async def test_the_last_owner_who_can_break_the_glass_stays_while_single_sign_on_is_enforced(
    way: str, locked: tuple[Scene, str]
) -> None:
    scene, _ = locked
    other = await scene.join(Role.OWNER)
    connection = await scene.sso()
    who = scene.owner if way == "leaveWorkspace" else other
    through = await scene.came_through(connection, who)
    input_ = {
        "changeRole": {"member": scene.member(scene.owner), "role": "ADMIN"},
        "removeMember": {"member": scene.member(scene.owner)},
        "leaveWorkspace": {"workspace": scene.id},
    }[way]
    before = await evidence(scene)

    kept = await scene.world.change(way, through, shows_=SHOWN, **input_)
    unchanged = await evidence(scene) == before
    await scene.glass(other)
    done = await scene.world.change(way, through, shows_=SHOWN, **input_)

    assert kept.data[way]["__typename"] == "BreakGlassNeeded"
    assert unchanged
    assert done.data[way]["__typename"] == "Member"


async def test_a_wrong_code_confirms_nothing(workspace: Scene) -> None:
    _, secret = await workspace.glass(confirmed=False)

    reply = await workspace.world.change(
        "confirmBreakGlass",
        workspace.owner,
        shows_=SHOWN,
        workspace=workspace.id,
        code=await wrong(workspace, secret),
    )

    assert reply.data["confirmBreakGlass"]["__typename"] == "CodeWrong"
    assert await actions(workspace) == []


async def test_nothing_is_enforced_while_nobody_could_break_the_glass(workspace: Scene) -> None:
    world = workspace.world
    await workspace.sso()
    await world.run(
        "update sso_connection set tested_at = $2, tested_by = $3 where account_id = $1",
        workspace.number,
        await world.now(),
        workspace.owner.number,
    )
    await workspace.glass(confirmed=False)

    reply = await world.change("enforceSso", workspace.owner, shows_=SHOWN, workspace=workspace.id, enforced=True)

    assert reply.data["enforceSso"]["__typename"] == "BreakGlassNeeded"
    assert await actions(workspace) == []


async def test_the_last_one_is_not_removed_while_single_sign_on_is_enforced(locked: tuple[Scene, str]) -> None:
    scene, secret = locked
    world = scene.world
    through = await scene.came_through(await scene.sso(), scene.owner)
    text = await opened(scene, secret)
    (glass,) = await _listed(scene, through)

    kept = await world.change("removeBreakGlass", through, shows_=SHOWN, breakGlass=glass)
    await scene.glass(await scene.join(Role.OWNER))
    gone = await world.change("removeBreakGlass", through, shows_="... on BreakGlass { removedAt }", breakGlass=glass)

    assert kept.data["removeBreakGlass"]["__typename"] == "BreakGlassNeeded"
    assert gone.data["removeBreakGlass"]["removedAt"]
    assert (await world.ask(SEEN, text, id=scene.id)).code == "UNAUTHENTICATED"


async def _listed(scene: Scene, asker: Any) -> list[str]:
    asked = "query($id: ID!) { workspace(id: $id) { breakGlass { id } } }"
    return [one["id"] for one in (await scene.world.ask(asked, asker, id=scene.id)).data["workspace"]["breakGlass"]]
