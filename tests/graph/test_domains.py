"""Domains: proven by a record, to one tenant at a time, and looked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.policy import Role
from auth.sso.rules import DomainBehavior
from kernel import ids
from tests.auth.providing import provider
from tests.graph.asking import work_off
from tests.graph.surfing import browser
from tests.scenery import Scene

DAY = timedelta(days=1)
SHOWN = "__typename ... on Domain { id name record value verifiedAt } ... on Problem { message }"


async def added(scene: Scene, name: str) -> Any:
    reply = await scene.world.change("addDomain", scene.owner, shows_=SHOWN, workspace=scene.id, name=name)
    return reply.data["addDomain"]


async def verified(scene: Scene, domain: str) -> Any:
    return (await scene.world.change("verifyDomain", scene.owner, shows_=SHOWN, domain=domain)).data["verifyDomain"]


def own(scene: Scene) -> str:
    return f"own-{scene.number:x}.test"


async def actions(scene: Scene) -> list[str]:
    rows = await scene.world.rows("select action from audit_record where account_id = $1 order by seq", scene.number)
    return [row["action"] for row in rows]


async def test_a_record_proves_a_domain(workspace: Scene) -> None:
    made = await added(workspace, f"  {own(workspace).upper()}. ")
    early = await verified(workspace, made["id"])
    workspace.world.names.records[made["record"]] = ["v=spf1 -all", made["value"]]

    proven = await verified(workspace, made["id"])

    assert (made["name"], made["record"]) == (own(workspace), f"_seatgraph.{own(workspace)}")
    assert early["__typename"] == "DomainUnproven"
    assert made["value"] in early["message"]
    assert proven["verifiedAt"]
    assert await actions(workspace) == ["domain.added", "domain.verified"]


async def test_another_record_proves_nothing(workspace: Scene) -> None:
    made = await added(workspace, own(workspace))
    workspace.world.names.records[made["record"]] = [made["value"] + "x", "seatgraph-domain-verification="]

    assert (await verified(workspace, made["id"]))["__typename"] == "DomainUnproven"
    assert await actions(workspace) == ["domain.added"]


async def test_a_name_system_that_fails_is_no_answer(workspace: Scene) -> None:
    made = await added(workspace, own(workspace))
    workspace.world.names.records[made["record"]] = None

    reply = await workspace.world.change("verifyDomain", workspace.owner, domain=made["id"])

    assert reply.code == "UNAVAILABLE"
    assert await actions(workspace) == ["domain.added"]


@pytest.mark.parametrize(
    "name",
    ["", "acme", "gmail.com", "GMail.com.", "co.uk", "github.io", "com", "acme.example/", "a@b.test", "127.0.0.1",
     "-acme.test", "*.acme.test", "a" * 300 + ".test", "münchen.test", "acme..test", "acme.test\x00"],
)  # fmt: skip
async def test_what_nobody_owns_is_not_added(name: str, workspace: Scene) -> None:
    reply = await workspace.world.change("addDomain", workspace.owner, workspace=workspace.id, name=name)

    assert reply.code == "INVALID_INPUT"
    assert await actions(workspace) == []


async def test_a_proven_domain_belongs_to_one_tenant(workspace: Scene) -> None:
    other = await workspace.world.workspace(roles=[Role.OWNER])
    mine, theirs = await added(workspace, own(workspace)), await added(other, own(workspace))
    workspace.world.names.records[mine["record"]] = [mine["value"], theirs["value"]]
    await verified(workspace, mine["id"])

    refused = await verified(other, theirs["id"])
    again = await added(workspace, own(workspace))
    await workspace.world.change("removeDomain", workspace.owner, domain=mine["id"])

    assert refused["__typename"] == "DomainTaken"
    assert again["__typename"] == "DomainNamed"
    assert (await verified(other, theirs["id"]))["verifiedAt"]


async def test_a_record_that_is_gone_for_a_week_loses_the_domain(workspace: Scene) -> None:
    world = workspace.world
    made = await added(workspace, own(workspace))
    world.names.records[made["record"]] = [made["value"]]
    await verified(workspace, made["id"])
    state = "select verified_at is not null, failing_since is not null from workspace_domain where id = $1"
    number, seen = ids.decode("domain", made["id"]), []

    for days, records in ((2, [made["value"]]), (4, []), (6, None), (8, []), (12, [])):
        world.names.records[made["record"]] = records
        await work_off(world, later=days * DAY)
        seen.append(tuple((await world.rows(state, number))[0].values()))

    assert seen == [(True, False), (True, True), (True, True), (True, True), (False, True)]
    assert await actions(workspace) == ["domain.added", "domain.verified", "domain.lost"]


async def test_names_for_which_nobody_answers_leave_the_others_their_turn(workspace: Scene) -> None:
    world, looked = workspace.world, "select count(*) from workspace_domain where account_id = $1 and checked_at > $2"
    silent = [f"s{number}-{own(workspace)}" for number in range(25)]
    for name in [*silent, own(workspace)]:
        await workspace.domain(name, DomainBehavior.NONE)
    world.names.records |= {f"_seatgraph.{name}": None for name in silent}

    asked = await world.now() + DAY
    await work_off(world, later=2 * DAY)

    assert await world.value(looked, workspace.number, asked) == 26
    failing = "select name from workspace_domain where account_id = $1 and failing_since is not null"
    assert [row["name"] for row in await world.rows(failing, workspace.number)] == [own(workspace)]


async def test_people_of_a_domain_get_a_seat_where_one_is_free(workspace: Scene) -> None:
    world, pool, name = workspace.world, await workspace.pool(1), own(workspace)
    await workspace.domain(name, DomainBehavior.JOIN_AND_SEAT, pool=pool)

    ahead = await workspace.world.now() - datetime.now(UTC)
    async with provider() as idp:
        idp.now = lambda: datetime.now(UTC) + ahead
        connection = await workspace.sso(idp.issuer)
        for number in range(2):
            idp.claims = {"sub": f"p{number}", "email": f"p{number}@{name}"}
            async with browser(world) as tab:
                assert (await tab.sign_in(connection, idp)).status_code == 303
            await work_off(world)

    held = await world.rows("select email, source from assignment where account_id = $1", workspace.number)
    assert [tuple(row) for row in held] == [(f"p0@{name}", "sso")]


@pytest.mark.parametrize(("behavior", "with_pool"), [("JOIN", True), ("JOIN_AND_SEAT", False)])
async def test_a_pool_goes_with_seats(behavior: str, with_pool: bool, workspace: Scene) -> None:
    domain, pool = await workspace.domain(own(workspace)), await workspace.pool()

    given = {"pool": pool} if with_pool else {}
    reply = await workspace.world.change("changeDomain", workspace.owner, domain=domain, behavior=behavior, **given)

    assert reply.code == "INVALID_INPUT"
    assert await actions(workspace) == []
