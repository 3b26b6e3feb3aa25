"""Growing far: a directory whose people buy their seats owes little that nobody has asked for."""

from __future__ import annotations

from tests.graph.scim.talking import talking
from tests.graph.test_overage import bought, policy
from tests.scenery import Scene

SEATS, PEOPLE = 12, 25


async def test_a_directory_that_adds_people_one_by_one_is_billed_at_once_when_it_has_doubled_a_pool(
    workspace: Scene,
) -> None:
    talk = await talking(workspace)
    pool = await bought(workspace, SEATS)
    await workspace.world.change("changeDirectory", workspace.owner, directory=talk.directory, pool=pool)
    await workspace.world.change(
        "updateBillingSettings", workspace.owner, account=workspace.account, seatCollection="MONTHLY"
    )
    await policy(workspace)

    for number in range(PEOPLE):
        await talk.user(f"p{number}")

    assert await quantities(workspace) == [SEATS, *range(2 * SEATS, PEOPLE + 1)]


async def quantities(scene: Scene) -> list[int]:
    """How many seats each invoice of a workspace bills up to, in the order they were made."""
    rows = await scene.world.rows(
        "select max(l.quantity) as seats from line_item l join invoice v on v.account_id = l.account_id"
        " and v.id = l.invoice_id where v.account_id = $1 group by v.id, v.created_at order by v.created_at, v.id",
        scene.number,
    )
    return [row["seats"] for row in rows]
