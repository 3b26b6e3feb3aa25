"""Service keys: never more than whoever made them, and silent when they should be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.policy import KeyScope, Role
from tests.graph.crowd import outcome
from tests.graph.deeds import PROBLEM, invites, refused, removes, turns
from tests.scenery import Scene

SCOPES = {
    Role.OWNER: set(KeyScope),
    Role.ADMIN: {KeyScope.SEATS_READ, KeyScope.SEATS_WRITE, KeyScope.AUDIT_READ, KeyScope.SCHEMA_READ},
    Role.SEAT_ADMIN: {KeyScope.SEATS_READ, KeyScope.SEATS_WRITE, KeyScope.SCHEMA_READ},
    Role.BILLING_ADMIN: {KeyScope.BILLING_READ, KeyScope.BILLING_WRITE, KeyScope.USAGE_WRITE, KeyScope.SCHEMA_READ},
    Role.AUDITOR: set(),
    Role.MEMBER: set(),
}


@pytest.mark.parametrize("role", Role)
async def test_nobody_makes_a_key_that_may_more_than_they(role: Role, workspace: Scene) -> None:
    made = {}
    for scope in KeyScope:
        reply = await workspace.world.change(
            "createServiceKey", workspace.members[role], account=workspace.account, name="CI", scopes=[scope.name]
        )
        made[scope] = outcome(reply)

    assert made == {scope: "done" if scope in SCOPES[role] else "FORBIDDEN" for scope in KeyScope}


async def test_a_key_speaks_and_when_it_spoke_is_remembered_to_the_minute(workspace: Scene) -> None:
    key = await workspace.key(KeyScope.SEATS_READ)
    last = "select last_used_at from service_key where id = $1"

    replies = [await workspace.world.ask("{ viewer { kind account { id } } }", key) for _ in range(2)]
    first = await workspace.world.value(last, key.number)
    await workspace.world.advance(timedelta(seconds=61))
    await workspace.world.ask("{ viewer { kind } }", key)

    assert [reply.data["viewer"] for reply in replies] == [
        {"kind": "service_key", "account": {"id": workspace.account}}
    ] * 2
    assert first + timedelta(minutes=1) < await workspace.world.value(last, key.number)


async def test_a_rotated_key_has_a_day_to_change_over(workspace: Scene) -> None:
    world, asked = workspace.world, "{ viewer { kind } }"
    old = await workspace.key(KeyScope.SEATS_READ)
    rotated = await world.change(
        "rotateServiceKey", workspace.owner, shows_="... on ServiceKeyShown { text }", key=old.id
    )
    new = rotated.data["rotateServiceKey"]["text"]

    async def both() -> list[int]:
        return [(await world.ask(asked, bearer)).status for bearer in (old.bearer, new)]

    at_once = await both()
    await world.advance(timedelta(hours=23, minutes=59))
    in_time = await both()
    await world.advance(timedelta(minutes=1))
    late = await both()

    assert (at_once, in_time, late) == ([200, 200], [200, 200], [401, 200])


async def test_a_key_rotated_twice_keeps_only_the_secret_before(workspace: Scene) -> None:
    world = workspace.world
    first = await workspace.key(KeyScope.SEATS_READ)
    texts = [first.bearer]
    for _ in range(2):
        turned = await world.change(
            "rotateServiceKey", workspace.owner, shows_="... on ServiceKeyShown { text }", key=first.id
        )
        texts.append(turned.data["rotateServiceKey"]["text"])

    assert [(await world.ask("{ viewer { kind } }", text)).status for text in texts] == [401, 200, 200]


async def test_a_revoked_key_is_silent_at_once_with_both_its_secrets(workspace: Scene) -> None:
    world = workspace.world
    key = await workspace.key(KeyScope.SEATS_READ)
    turned = await world.change(
        "rotateServiceKey", workspace.owner, shows_="... on ServiceKeyShown { text }", key=key.id
    )

    revoked = await world.change("revokeServiceKey", workspace.owner, shows_=PROBLEM, key=key.id)

    assert outcome(revoked) == "done"
    for bearer in (key.bearer, turned.data["rotateServiceKey"]["text"]):
        assert refused(await world.ask("{ viewer { kind } }", bearer))
    for mutation in ("rotateServiceKey", "revokeServiceKey"):
        assert outcome(await world.change(mutation, workspace.owner, shows_=PROBLEM, key=key.id)) == "KeyUnusable"


async def test_a_key_is_silent_from_the_instant_it_expires(workspace: Scene) -> None:
    key = await workspace.key(KeyScope.SEATS_READ, life=timedelta(minutes=5))
    assert (await workspace.world.ask("{ viewer { kind } }", key)).status == 200

    await workspace.world.advance(timedelta(minutes=5))

    assert refused(await workspace.world.ask("{ viewer { kind } }", key))


async def test_the_secret_of_one_key_is_nothing_under_anothers_name(workspace: Scene) -> None:
    mine, other = await workspace.key(KeyScope.SEATS_READ), await workspace.key(KeyScope.SEATS_WRITE)

    swapped = mine.bearer.replace(mine.id, other.id)

    assert refused(await workspace.world.ask("{ viewer { kind } }", swapped))


async def test_a_key_falls_and_rises_with_whoever_made_it(workspace: Scene) -> None:
    maker = workspace.members[Role.SEAT_ADMIN]
    key = await workspace.key(KeyScope.SEATS_WRITE, by=maker)

    came = [await invites(workspace, key)]
    for role in (Role.AUDITOR, Role.BILLING_ADMIN, Role.MEMBER, Role.ADMIN):
        assert await turns(workspace, workspace.owner, maker, role) == "done"
        came.append(await invites(workspace, key))
    assert await removes(workspace, workspace.owner, maker) == "done"
    came.append(await invites(workspace, key))

    assert came == ["done", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "done", "NOT_FOUND"]


async def test_key_makers_end_their_own_keys_and_nobody_elses(workspace: Scene) -> None:
    world, seat_admin = workspace.world, workspace.members[Role.SEAT_ADMIN]
    own, owners = await workspace.key(KeyScope.SEATS_READ, by=seat_admin), await workspace.key(KeyScope.SEATS_READ)

    async def rotates(key: str) -> str:
        return outcome(await world.change("rotateServiceKey", seat_admin, shows_=PROBLEM, key=key))

    came = [await rotates(own.id), await rotates(owners.id)]
    assert await turns(workspace, workspace.owner, seat_admin, Role.BILLING_ADMIN) == "done"

    assert came == ["done", "NOT_FOUND"]
    assert await rotates(own.id) == "FORBIDDEN"


async def test_one_persons_idempotency_key_tells_another_nothing(workspace: Scene) -> None:
    other = await workspace.join(Role.OWNER)
    asked: dict[str, Any] = {
        "account": workspace.account,
        "name": "CI",
        "scopes": ["SEATS_READ"],
        "idempotencyKey": "same",
    }

    texts = [
        (await workspace.world.change("createServiceKey", who, shows_="text", **asked)).data["createServiceKey"]["text"]
        for who in (workspace.owner, other, workspace.owner)
    ]

    assert texts[0] == texts[2] != texts[1]
