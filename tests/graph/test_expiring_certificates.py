"""Certificates that are about to expire: whoever looks after single sign-on is told, each time once."""

from __future__ import annotations

from datetime import timedelta

from auth.policy import Role
from tests.graph.asking import work_off
from tests.scenery import Scene

DAY = timedelta(days=1)
EVENTS = "select count(*) from audit_record where account_id = $1 and action = 'sso_certificate.expiring'"
LETTERS = "select count(*) from letter where account_id = $1 and kind = 'certificate_expiring'"


async def test_owners_and_admins_are_told_three_times(workspace: Scene) -> None:
    world, told = workspace.world, []
    await workspace.saml()

    for days in (300, 336, 340, 359, 364.5, 366, 380):
        await work_off(world, later=days * DAY)
        told.append(await world.value(EVENTS, workspace.number))

    readers = await world.rows(
        "select distinct address from letter where account_id = $1 and kind = 'certificate_expiring'",
        workspace.number,
    )
    assert told == [0, 1, 1, 2, 3, 3, 3]
    assert await world.value(LETTERS, workspace.number) == 3 * len(readers)
    assert {row["address"] for row in readers} == {workspace.members[role].email for role in (Role.OWNER, Role.ADMIN)}


async def test_nobody_is_told_of_a_certificate_that_is_removed(workspace: Scene) -> None:
    world, connection = workspace.world, await workspace.saml()
    await workspace.certificate(connection, name="next")
    await world.run("update sso_certificate set removed_at = created_at where account_id = $1", workspace.number)

    await work_off(world, later=340 * DAY)

    assert await world.value(EVENTS, workspace.number) == 0


async def test_one_that_came_late_is_told_of_once(workspace: Scene) -> None:
    world = workspace.world
    await workspace.saml()

    for days in (364.5, 364.6):
        await work_off(world, later=days * DAY)

    assert await world.value(EVENTS, workspace.number) == 1
