"""The audit log is followed as it grows, from any of its places on, by those who may read it."""

from __future__ import annotations

from auth.policy import Role
from gateway.live.queries import PAGE
from kernel import audit, pages
from tests.gateway.live.speaking import Served, begun, following, speaking
from tests.scenery import Scene

RECORDS = """
    subscription($account: ID!, $after: String, $action: String) {
        auditRecorded(account: $account, after: $after, action: $action) {
            cursor event at record { seq action actor outcome person { id } subject }
        }
    }
"""


async def rename(scene: Scene, name: str) -> None:
    reply = await scene.world.change("renameWorkspace", scene.owner, workspace=scene.id, name=name)
    assert reply.data["renameWorkspace"] == {"__typename": "Workspace"}


async def recorded(scene: Scene, many: int) -> None:
    """So many records, without an event that wakes anybody."""
    now = await scene.world.now()
    about = [
        audit.Entry(scene.world.number(), scene.number, now, "workspace.renamed", "workspace", scene.number, None, {})
        for _ in range(many)
    ]
    async with scene.world.connection() as connection:
        await audit.append(connection, about)


async def test_a_record_is_told_as_it_is_written(door: Served, workspace: Scene) -> None:
    async with following(door, workspace.owner, RECORDS, account=workspace.account) as speaker:
        await begun(workspace)
        await rename(workspace, "Acme Two")
        told = await speaker.change()

    assert told["event"] == "workspace.renamed"
    assert told["record"] == {
        "seq": 1,
        "action": "workspace.renamed",
        "actor": "person",
        "outcome": "DONE",
        "person": {"id": workspace.owner.id},
        "subject": workspace.id,
    }


async def test_whoever_comes_back_is_told_all_that_was_recorded_since_in_its_order(
    door: Served, workspace: Scene
) -> None:
    async with following(door, workspace.owner, RECORDS, account=workspace.account) as speaker:
        await begun(workspace)
        await rename(workspace, "Acme Two")
        cursor = (await speaker.change())["cursor"]
    missed = 2 * PAGE + 7
    await recorded(workspace, missed)

    async with following(door, workspace.owner, RECORDS, account=workspace.account, after=cursor) as speaker:
        numbers = [(await speaker.change())["record"]["seq"] for _ in range(missed)]
        await rename(workspace, "Acme Three")
        last = (await speaker.change())["record"]["seq"]

    assert [*numbers, last] == list(range(2, missed + 3))


async def test_only_one_action_is_told_to_whoever_asks_for_it(door: Served, workspace: Scene) -> None:
    action = "workspace.renamed"
    async with following(door, workspace.owner, RECORDS, account=workspace.account, action=action) as speaker:
        await begun(workspace)
        about = {"workspace": workspace.id, "email": "new@example.test", "role": "MEMBER"}
        assert (await workspace.world.change("inviteMember", workspace.owner, **about)).data
        await rename(workspace, "Acme Two")
        told = await speaker.change()

    assert (told["event"], told["record"]["seq"]) == (action, 2)


async def test_whoever_may_no_longer_read_it_is_told_nothing_more(door: Served, workspace: Scene) -> None:
    auditor = workspace.members[Role.AUDITOR]
    async with speaking(door) as speaker:
        await speaker.greet(auditor)
        await speaker.subscribe("1", RECORDS, account=workspace.account)
        await begun(workspace)
        input_ = {"member": workspace.member(auditor), "role": "MEMBER"}
        assert (await workspace.world.change("changeRole", workspace.owner, **input_)).data
        refused = await speaker.refusal()

    assert refused[0] == "FORBIDDEN"


async def test_a_cursor_beyond_the_log_is_refused(door: Served, workspace: Scene) -> None:
    beyond = pages.write(f"AuditRecord:{workspace.number}", (4_711,))

    async with speaking(door) as speaker:
        await speaker.greet(workspace.owner)
        await speaker.subscribe("1", RECORDS, account=workspace.account, after=beyond)
        refused = await speaker.refusal()

    assert refused[0] == "INVALID_INPUT"
