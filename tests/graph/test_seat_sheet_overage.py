"""Lists and full pools: a list follows the workspace's policy, as one person does, and its preview says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auth.policy import Role
from gateway import seat_lists
from gateway.seat_lists import Wish
from gateway.settings import Settings
from kernel import ids
from seats.listing import RowOutcome
from tests.graph.asking import counted, letters, logged
from tests.graph.crowd import evidence
from tests.graph.test_overage import bought, policy
from tests.scenery import SETTINGS, Scene

LIST = """
    done seated requested bought
    purchases { pool { name } bought cost { minor currency } collectedAt invoice { total { minor } }
                preview { total { minor } } }
    rows { line outcome says seat { state } request { id state email } }
"""
PREVIEW = f"""
    query ($workspace: ID!, $sheet: String!, $pool: ID, $whole: Boolean! = false) {{
      previewSeatList(workspace: $workspace, sheet: $sheet, pool: $pool, whole: $whole) {{ {LIST} }}
    }}
"""


async def foreseen(scene: Scene, sheet: str, by: Any = None, **more: Any) -> Any:
    """What would come of a sheet."""
    reply = await scene.world.ask(PREVIEW, by or scene.owner, workspace=scene.id, sheet=sheet, **more)
    return reply.data["previewSeatList"]


async def sent(scene: Scene, sheet: str, by: Any = None, **more: Any) -> Any:
    """What came of a sheet."""
    shows = f"... on SeatList {{ {LIST} }} ... on Problem {{ message }}"
    reply = await scene.world.change(
        "importSeats", by or scene.owner, shows_=shows, workspace=scene.id, sheet=sheet, **more
    )
    return reply.data["importSeats"]


def came(answer: Any) -> list[str]:
    """What came of each line."""
    return [row["outcome"] for row in answer["rows"]]


async def test_a_list_buys_what_a_pool_is_short_of_once_and_as_was_foreseen(workspace: Scene) -> None:
    pool, member = await bought(workspace, 1), await workspace.join()
    await policy(workspace)
    sheet = f"email,role\n{member.email},\nboss@example.test,auditor\nnew@example.test,\nnonsense,"

    told = await foreseen(workspace, sheet)
    answer = await sent(workspace, sheet)

    assert came(told) == came(answer) == ["ASSIGNED", "INVITED", "INVITED", "NOT_AN_ADDRESS"]
    assert (told["bought"], answer["bought"], answer["seated"]) == (2, 2, 3)
    (quoted,), (paid,) = told["purchases"], answer["purchases"]
    assert quoted["cost"] == paid["cost"]
    assert quoted["preview"]["total"]["minor"] == paid["invoice"]["total"]["minor"] == paid["cost"]["minor"] > 0
    assert (quoted["invoice"], paid["preview"], paid["pool"]) == (None, None, {"name": "Seats"})
    assert await counted(workspace, pool) == (3, 3)
    assert (await logged(workspace)).count("pool.resized") == 1


async def test_a_list_that_has_room_buys_nothing_and_again_nothing(workspace: Scene) -> None:
    await bought(workspace, 1)
    await policy(workspace)
    sheet = "email\na@example.test\nb@example.test"
    await sent(workspace, sheet)

    told = await foreseen(workspace, sheet)
    again = await sent(workspace, sheet)

    assert came(told) == came(again) == ["ALREADY_SEATED"] * 2
    assert (told["purchases"], again["purchases"], again["bought"]) == ([], [], 0)
    assert (await logged(workspace)).count("pool.resized") == 1


async def test_whoever_sends_a_list_foresees_its_cost_and_no_invoice(workspace: Scene) -> None:
    await bought(workspace, 1)
    await policy(workspace)
    sheet, admin = "email\na@example.test\nb@example.test", workspace.members[Role.SEAT_ADMIN]

    told = await foreseen(workspace, sheet, admin)
    answer = await sent(workspace, sheet, admin)

    (quoted,), (paid,) = told["purchases"], answer["purchases"]
    assert quoted["cost"] == paid["cost"]
    assert quoted["preview"] is paid["invoice"] is None


async def test_a_list_buys_as_far_as_the_limit_lets_a_pool_grow(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await policy(workspace, limit=2)
    sheet = "email\na@example.test\nb@example.test\nc@example.test"

    told = await foreseen(workspace, sheet)
    answer = await sent(workspace, sheet)

    assert came(told) == came(answer) == ["INVITED", "INVITED", "NO_SEAT_LEFT"]
    assert answer["rows"][2]["says"] == (
        "All 1 seats of Seats are taken. A pool here grows to at most 2 by itself: release one, or ask whoever buys"
        " for the workspace."
    )
    assert (told["bought"], answer["bought"]) == (1, 1)
    assert await counted(workspace, pool) == (2, 2)


async def test_a_list_that_is_taken_whole_buys_for_everybody_or_nothing(workspace: Scene) -> None:
    pool = await bought(workspace, 1)
    await policy(workspace, limit=2)
    before = await evidence(workspace)

    refused = await sent(workspace, "email\na@x.test\nb@x.test\nc@x.test", whole=True)
    assert (refused["done"], refused["purchases"]) == (False, [])
    assert await evidence(workspace) == before

    taken = await sent(workspace, "email\na@x.test\nb@x.test", whole=True)
    assert (taken["done"], taken["bought"]) == (True, 1)
    assert await counted(workspace, pool) == (2, 2)


async def test_pools_that_can_buy_no_more_are_told_of_and_stop_no_other(workspace: Scene) -> None:
    ended, other = await bought(workspace, 1), await bought(workspace, 1)
    await policy(workspace)
    await workspace.world.run(
        "update subscription s set state = 'canceled', ended_at = period_start where account_id = $1"
        " and exists (select from license_pool p where p.subscription_id = s.id and p.id = $2)",
        workspace.number,
        ids.decode("pool", ended),
    )
    sheet = "email,pool\n" + "".join(f"{name}@x.test,{pool}\n" for pool in (ended, other) for name in "abc")

    told = await foreseen(workspace, sheet)
    answer = await sent(workspace, sheet)

    assert came(told) == came(answer) == ["INVITED", "NO_SEAT_LEFT", "NO_SEAT_LEFT"] + ["INVITED"] * 3
    assert answer["rows"][1]["says"].startswith("All 1 seats of Seats are taken. ")
    assert (told["bought"], answer["bought"]) == (2, 2)
    assert (await counted(workspace, ended), await counted(workspace, other)) == ((1, 1), (3, 3))


async def test_seats_are_requested_for_whoever_a_list_has_none_for(workspace: Scene) -> None:
    pool, member = await workspace.pool(1), await workspace.join()
    await policy(workspace, "REQUEST")
    sheet = f"email,role\na@example.test,\n{member.email},\nb@example.test,\nboss@example.test,auditor"

    told = await foreseen(workspace, sheet)
    answer = await sent(workspace, sheet, workspace.members[Role.ADMIN])
    before = await evidence(workspace)
    again = await sent(workspace, sheet, workspace.members[Role.ADMIN])

    assert came(told) == came(answer) == ["INVITED", "REQUESTED", "REQUESTED", "NO_SEAT_LEFT"]
    assert came(again) == ["ALREADY_SEATED", "REQUESTED", "REQUESTED", "NO_SEAT_LEFT"]
    assert [row["request"] for row in told["rows"]] == [None] * 4
    asked = [row["request"] for row in answer["rows"][1:3]]
    assert [(each["state"], each["email"]) for each in asked] == [("OPEN", member.email), ("OPEN", "b@example.test")]
    assert [row["request"] for row in again["rows"][1:3]] == asked
    assert answer["rows"][3]["says"].endswith("Invite boss@example.test first, or leave the role empty.")
    assert (answer["seated"], answer["requested"], answer["bought"]) == (1, 2, 0)
    assert await letters(workspace, "b@example.test") == []
    assert await counted(workspace, pool) == (1, 1)
    assert await evidence(workspace) == before


async def test_nothing_is_requested_for_a_list_that_is_taken_whole(workspace: Scene) -> None:
    await workspace.pool(1)
    await policy(workspace, "REQUEST")
    sheet, before = "email\na@example.test\nb@example.test", await evidence(workspace)

    told = await foreseen(workspace, sheet, whole=True)
    answer = await sent(workspace, sheet, whole=True)

    assert came(told) == came(answer) == ["INVITED", "NO_SEAT_LEFT"]
    assert (answer["done"], answer["requested"]) == (False, 0)
    assert await evidence(workspace) == before


async def test_a_list_at_the_command_line_buys_once_and_tells_for_how_much(workspace: Scene, tmp_path: Path) -> None:
    pool, file = await bought(workspace, 1), tmp_path / "people.csv"
    await policy(workspace)
    file.write_text("email\n" + "".join(f"p{number}@x.test\n" for number in range(1_100)))
    settings = Settings.model_validate(SETTINGS)
    foresaw: list[str] = []
    told: list[str] = []

    await seat_lists.run(settings, workspace.world.url, Wish(file, workspace.id, dry=True), foresaw.append)
    rows = await seat_lists.run(settings, workspace.world.url, Wish(file, workspace.id), told.append)

    assert {row.outcome for row in rows} == {RowOutcome.INVITED}
    # A second later the rest of the period is shorter, and so many seats cost a cent less.
    assert foresaw[0].startswith(f"1,099 more seats of {pool} would be bought, for 439")
    assert told[0].startswith(f"1,099 more seats of {pool} were bought, for 439")
    assert await counted(workspace, pool) == (1_100, 1_100)
    # Nobody else's worker shall have to let a thousand invitations run out.
    await workspace.world.run(
        "update invitation set state = 'revoked', answered_at = created_at where account_id = $1", workspace.number
    )
