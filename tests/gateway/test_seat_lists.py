"""Lists at the command line: foreseen, seated a thousand at a time, and told of in a sheet that is harmless."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gateway import seat_lists
from gateway.seat_lists import Wish
from gateway.settings import Settings
from kernel.errors import InvalidInput
from seats.listing import RowOutcome
from tests.graph.asking import counted, logged
from tests.scene import Scene
from tests.scenery import SETTINGS


async def run(scene: Scene, wish: Wish) -> tuple[list[RowOutcome], list[str]]:
    """What came of each line, and what was told meanwhile."""
    told: list[str] = []
    came = await seat_lists.run(Settings.model_validate(SETTINGS), scene.world.url, wish, told.append)
    return [verdict.outcome for verdict in came], told


async def test_a_long_list_is_seated_bit_by_bit_and_once(workspace: Scene, tmp_path: Path) -> None:
    pool, file = await workspace.pool(1_500), tmp_path / "people.csv"
    file.write_bytes(
        b"\xef\xbb\xbf" + "Email;Büro\n".encode("latin-1") + b"".join(b"p%d@x.test;\n" % n for n in range(1_600))
    )
    wish = Wish(file, workspace.id)

    foreseen, _ = await run(workspace, Wish(file, workspace.id, dry=True))
    assert await counted(workspace, pool) == (0, 0)
    came, told = await run(workspace, wish)
    again, _ = await run(workspace, wish)

    assert foreseen == came == [RowOutcome.INVITED] * 1_500 + [RowOutcome.NO_SEAT_LEFT] * 100
    assert again == [RowOutcome.ALREADY_SEATED] * 1_500 + [RowOutcome.NO_SEAT_LEFT] * 100
    assert told[0].startswith("Line 1 of this list is not UTF-8, so all of it was read as Latin-1.")
    assert told[1:] == ["The column Büro means nothing here.", "1,000 of 1,500", "1,500 of 1,500"]
    assert await counted(workspace, pool) == (1_500, 1_500)


async def test_a_list_that_is_taken_whole_is_refused_whole(workspace: Scene, tmp_path: Path) -> None:
    pool, file, before = await workspace.pool(1), tmp_path / "people.csv", await logged(workspace)
    file.write_text("email\na@x.test\nb@x.test\n")

    came, _ = await run(workspace, Wish(file, workspace.id, whole=True))

    assert came == [RowOutcome.INVITED, RowOutcome.NO_SEAT_LEFT]
    assert await counted(workspace, pool) == (0, 0)
    assert await logged(workspace) == before


async def test_the_results_hold_no_formula(workspace: Scene, tmp_path: Path) -> None:
    await workspace.pool(3)
    file, results = tmp_path / "people.csv", tmp_path / "results.csv"
    file.write_text('email,role\n"=HYPERLINK(""http://x.test"")",\na@x.test,@sum\n')

    await run(workspace, Wish(file, workspace.id, results=results))

    with results.open(encoding="utf-8", newline="") as page:
        written = list(csv.reader(page))
    assert written[0] == ["line", "email", "outcome", "says"]
    assert [row[2] for row in written[1:]] == ["not_an_address", "unknown_role"]
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in written for cell in row)


async def test_a_list_that_can_not_be_taken_is_refused_in_a_sentence(workspace: Scene, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    await workspace.pool(1)
    file.write_bytes(b"email\n" + b"zo\xeb@x.test\n" * 100_001)
    with pytest.raises(InvalidInput, match="more than 100,000 rows"):
        await run(workspace, Wish(file, workspace.id))
    with pytest.raises(InvalidInput, match="can't be read: No such file"):
        await run(workspace, Wish(tmp_path / "none.csv", workspace.id))


def test_every_line_without_a_seat_is_told_and_counted() -> None:
    told = [
        seat_lists.Verdict(2, "a@x.test", RowOutcome.INVITED, "a"),
        seat_lists.Verdict(3, "", RowOutcome.NOT_AN_ADDRESS, "This line is no e-mail address. Correct it."),
    ]

    assert seat_lists.sentences(told, dry=True) == [
        "Line 3: This line is no e-mail address. Correct it.",
        "Nothing was changed. 2 lines: 1 invited, 1 not an address.",
    ]
    assert not seat_lists.is_whole(told)
