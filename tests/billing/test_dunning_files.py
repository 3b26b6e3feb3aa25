"""Dunning schedules in a catalog folder, and what is told of mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing import catalog_files, dunning_files, dunning_rows
from billing.dunning import STANDARD, Course, Delay, EndState, Schedule, Steps
from billing.toml_page import page
from gateway.catalog import FOLDER

GOOD = """
[standard]
hour = 7
access = "12h"
end_after = "10d"
end = "uncollectible"
schedule = { charge = ["1d", "3d"], remind = ["0d"] }
"""


def _read(folder: Path, text: str) -> tuple[tuple[Schedule, ...], list[str]]:
    file = folder / dunning_files.FILE
    file.write_text(text)
    sheet = page(file, "the dunning schedules")
    found = dunning_files.schedules(sheet)
    return found, [mistake.reason for mistake in sheet.sheet.mistakes]


def test_a_schedule_says_what_follows(tmp_path: Path) -> None:
    (found,), mistakes = _read(tmp_path, GOOD)

    assert mistakes == []
    courses = {Course.SCHEDULE: Steps((Delay(days=1), Delay(days=3)), (Delay(),))}
    assert found == Schedule("standard", courses, Delay(days=10), EndState.UNCOLLECTIBLE, Delay(hours=12), 7)
    assert found.says == "2 charges, access until 12h, uncollectible after 10d"


@pytest.mark.parametrize(
    ("was", "becomes", "mistake"),
    [
        ("hour = 7", "hour = 24", "an hour of the day"),
        ('end_after = "10d"', "", "`end_after` is missing"),
        ('end_after = "10d"', 'end_after = "0d"', "leaves some time"),
        ('end = "uncollectible"', 'end = "jail"', "is one of canceled, unpaid, uncollectible"),
        ('access = "12h"', 'access = "a week"', 'is a delay, such as "3d"'),
        ('"3d"', '"3 days"', 'is a list of delays, such as "3d"'),
        ('"3d"', "3", "is a list of texts"),
        ("schedule =", "never =", "`never` charges nothing by itself"),
        ("schedule =", "sometimes =", "`sometimes` is not a key of a dunning schedule"),
        ("[standard]", "[Standard]", "is not a name"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, was: str, becomes: str, mistake: str) -> None:
    _, mistakes = _read(tmp_path, GOOD.replace(was, becomes))

    assert len(mistakes) == 1
    assert mistake in mistakes[0]


def test_a_plan_follows_a_schedule_that_is_there(tmp_path: Path) -> None:
    for file in ("free.toml", "enterprise_pro.toml"):
        (tmp_path / file).write_text((FOLDER / file).read_text())

    with pytest.raises(catalog_files.CatalogInvalid) as refused:
        catalog_files.read(tmp_path)

    assert [mistake.reason for mistake in refused.value.problems] == ['"enterprise" is not a schedule of dunning.toml.']


def test_what_holds_without_a_file_is_what_the_file_that_comes_with_the_product_says() -> None:
    (standard,) = [one for one in catalog_files.read(FOLDER).schedules if one.key == STANDARD.key]

    assert standard == STANDARD


@pytest.mark.parametrize("schedule", [STANDARD, *catalog_files.read(FOLDER).schedules])
def test_a_schedule_is_stored_and_read_again(schedule: Schedule) -> None:
    assert dunning_rows.read(schedule.key, dunning_rows.write(schedule)) == schedule
