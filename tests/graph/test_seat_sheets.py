"""Lists as spreadsheets write them: every line is told before and after, and nobody sits beyond what was bought."""

from __future__ import annotations

from typing import Any

from auth.policy import Role
from kernel import ids
from seats.seating import MOST_AT_ONCE
from tests.graph.asking import DAY, counted, letters, logged, said
from tests.graph.crowd import evidence
from tests.scenery import Scene

PREVIEW = """
    query($workspace: ID!, $sheet: String!, $pool: ID, $whole: Boolean! = false) {
      previewSeatList(workspace: $workspace, sheet: $sheet, pool: $pool, whole: $whole) {
        done seated ignoredColumns rows { line email outcome says seat { id } }
      }
    }
"""


async def previewed(scene: Scene, sheet: str, as_: Any = None, **more: Any) -> Any:
    """What would come of a sheet."""
    reply = await scene.world.ask(PREVIEW, as_ or scene.owner, workspace=scene.id, sheet=sheet, **more)
    return reply.data["previewSeatList"]


def lines(answer: Any) -> list[tuple[int, str]]:
    """What came of each line."""
    return [(row["line"], row["outcome"]) for row in answer["rows"]]


async def test_a_preview_tells_what_comes_of_every_line_and_changes_nothing(workspace: Scene) -> None:
    pool, member = await workspace.pool(6, name="Büro"), workspace.members[Role.MEMBER]
    await workspace.seat(pool, workspace.members[Role.AUDITOR])
    await workspace.invitation("asked@example.test")
    sheet = "\ufeff" + "\r\n".join(
        [
            "E-Mail;Pool;Role;Team",
            f'"{member.email.upper()}";Büro;;Sales',
            "new@example.test;büro;auditor;",
            "NEW@example.test;;;",
            f"{workspace.members[Role.AUDITOR].email};;;",
            '"=cmd()";;;',
            "one@example.test;Basement;;",
            "two@example.test;;emperor;",
            "three@example.test;;owner;",
            f"{workspace.members[Role.MEMBER].email};;admin;",
            "asked@example.test;;admin;",
        ]
    )
    before = await evidence(workspace)

    answer = await previewed(workspace, sheet, workspace.members[Role.ADMIN])

    assert answer["ignoredColumns"] == ["Team"]
    assert lines(answer) == [
        (2, "ASSIGNED"),
        (3, "INVITED"),
        (4, "REPEATED"),
        (5, "ALREADY_SEATED"),
        (6, "NOT_AN_ADDRESS"),
        (7, "UNKNOWN_POOL"),
        (8, "UNKNOWN_ROLE"),
        (9, "ROLE_NOT_YOURS"),
        (10, "OTHER_ROLE"),
        (11, "OTHER_ROLE"),
    ]
    assert answer["rows"][2]["says"] == "new@example.test stands in line 3 already, for the same pool."
    assert answer["rows"][5]["says"].startswith("No open pool is called Basement. ")
    assert (answer["done"], answer["seated"]) == (False, 2)
    assert await evidence(workspace) == before


async def test_what_was_foreseen_is_what_comes(workspace: Scene) -> None:
    pool, member = await workspace.pool(2), await workspace.join()
    sheet = f"plan,email,role\nt_team,new@example.test,auditor\n,{member.email},\n,late@example.test,\n,nonsense,"
    foreseen = await previewed(workspace, sheet)

    answer = await said(workspace, "importSeats", workspace=workspace.id, sheet=sheet)

    assert [{**row, "seat": None} for row in answer["rows"]] == foreseen["rows"]
    assert (answer["done"], answer["seated"], foreseen["seated"]) == (True, 2, 2)
    assert [row["seat"] and row["seat"]["state"] for row in answer["rows"]] == ["INVITED", "ACTIVE", None, None]
    assert answer["rows"][2]["says"] == "All 2 seats of Seats are taken. Release one, or buy more."
    assert await counted(workspace, pool) == (2, 2)
    assert await letters(workspace, "new@example.test") == ["pending"]
    role = "select role from invitation where account_id = $1 and email = 'new@example.test'"
    assert await workspace.world.value(role, workspace.number) == "auditor"


async def test_a_list_that_is_sent_again_changes_nothing(workspace: Scene) -> None:
    pool, member = await workspace.pool(5), await workspace.join()
    sheet = f"email,role\n{member.email},member\nnew@example.test,auditor"
    await said(workspace, "importSeats", workspace=workspace.id, pool=pool, sheet=sheet)
    before = await logged(workspace)

    again = await said(workspace, "importSeats", workspace=workspace.id, pool=pool, sheet=sheet)

    assert [row["outcome"] for row in again["rows"]] == ["ALREADY_SEATED", "ALREADY_SEATED"]
    assert await logged(workspace) == before
    assert await counted(workspace, pool) == (2, 2)


async def test_a_list_that_is_taken_whole_leaves_nobody_out_or_seats_nobody(workspace: Scene) -> None:
    pool, before = await workspace.pool(2), await logged(workspace)
    sheet = "email\na@example.test\na@example.test\nb@example.test"

    refused = await said(workspace, "importSeats", workspace=workspace.id, whole=True, sheet=sheet + "\nc@example.test")
    assert (refused["done"], refused["rows"][3]["outcome"]) == (False, "NO_SEAT_LEFT")
    assert await counted(workspace, pool) == (0, 0)
    assert await logged(workspace) == before

    taken = await said(workspace, "importSeats", workspace=workspace.id, whole=True, sheet=sheet)
    assert (taken["done"], taken["seated"]) == (True, 2)
    assert await counted(workspace, pool) == (2, 2)


async def test_seats_of_who_never_answered_are_foreseen_as_free(workspace: Scene) -> None:
    pool = await workspace.pool(1)
    await workspace.invitation("stale@example.test", sent=await workspace.world.now() - 8 * DAY)
    await workspace.seat(pool, "stale@example.test")
    sheet = "email\nstale@example.test\nnew@example.test"

    foreseen = await previewed(workspace, sheet)
    answer = await said(workspace, "importSeats", workspace=workspace.id, sheet=sheet)

    assert lines(foreseen) == lines(answer) == [(2, "INVITED"), (3, "NO_SEAT_LEFT")]
    assert await counted(workspace, pool) == (1, 1)


async def test_a_line_that_could_mean_two_pools_is_asked_about(workspace: Scene) -> None:
    pools = [await workspace.pool(1), await workspace.pool(1)]

    answer = await previewed(workspace, f"email,pool\na@x.test,\na@x.test,Seats\na@x.test,{pools[1]}")

    assert lines(answer) == [(2, "UNKNOWN_POOL"), (3, "UNKNOWN_POOL"), (4, "INVITED")]
    assert [row["says"][:19] for row in answer["rows"][:2]] == ["This line names no ", "More than one pool "]


async def test_what_is_no_list_is_refused_in_a_sentence(workspace: Scene) -> None:
    await workspace.pool(1)
    before = await evidence(workspace)
    long = "email\n" + "a@x.test\n" * (MOST_AT_ONCE + 1)

    said_of = {
        sheet: (await said(workspace, "importSeats", workspace=workspace.id, sheet=sheet))["message"]
        for sheet in ("", "name\nAda", long)
    }

    assert said_of[""].startswith("This list can't be read: its first line names no column email.")
    assert said_of["name\nAda"] == said_of[""]
    assert said_of[long].startswith("This list has more than 10,000 rows")
    reply = await workspace.world.ask(PREVIEW, workspace.owner, workspace=workspace.id, sheet="")
    assert reply.code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_the_pool_of_a_list_is_an_open_one_of_the_workspace(workspace: Scene) -> None:
    mine, other = await workspace.pool(1), await (await workspace.world.workspace()).pool(1)
    await workspace.world.run("update license_pool set closed_at = now() where id = $1", ids.decode("pool", mine))
    for pool in (mine, other):
        reply = await workspace.world.ask(
            PREVIEW, workspace.owner, workspace=workspace.id, sheet="email\na@x.test", pool=pool
        )
        assert reply.code == "INVALID_INPUT"


async def test_a_preview_is_for_those_who_may_seat_people(workspace: Scene) -> None:
    stranger = await workspace.world.person()
    asked = {"workspace": workspace.id, "sheet": "email\na@x.test"}

    codes = [
        (await workspace.world.ask(PREVIEW, who, **asked)).code
        for who in (workspace.members[Role.AUDITOR], workspace.members[Role.MEMBER], stranger, None)
    ]

    assert codes == ["FORBIDDEN", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND"]
