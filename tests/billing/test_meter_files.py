"""Meters in a catalog folder, and what is told of mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing import meter_files
from billing.metering import Meter
from billing.rating import Aggregation
from billing.toml_page import page


def _read(folder: Path, text: str) -> tuple[tuple[Meter, ...], list[str]]:
    file = folder / meter_files.FILE
    file.write_text(text)
    sheet = page(file, "the meters")
    found = meter_files.meters(sheet)
    return found, [mistake.reason for mistake in sheet.sheet.mistakes]


def test_a_meter_says_how_it_counts(tmp_path: Path) -> None:
    text = """
        [tokens]
        aggregation = "sum"
        value = "tokens"
        group_by = ["model", "region"]

        [people]
        aggregation = "unique"
        distinct = "person"
    """

    found, mistakes = _read(tmp_path, text)

    assert mistakes == []
    assert found == (
        Meter("people", Aggregation.UNIQUE, distinct="person"),
        Meter("tokens", Aggregation.SUM, "tokens", group_by=("model", "region")),
    )
    assert [meter.says for meter in found] == ["unique of person", "sum of tokens by model, region"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[people]\naggregation = 'unique'", "says with `distinct`"),
        ("[people]\naggregation = 'sum'\ndistinct = 'person'", "says with `distinct`"),
        ("[people]\naggregation = 'count'\nvalue = 'tokens'", "has no `value`"),
        ("[people]\naggregation = 'median'", "is one of sum"),
        ("[people]", "`aggregation` is missing"),
        ("[people]\naggregation = 'sum'\ngroup_by = [1]", "a list of names"),
        ("[people]\naggregation = 'sum'\ngroups = 1", "`groups` is not a key of a meter"),
        ("[People]\naggregation = 'sum'", "is not a name"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, text: str, mistake: str) -> None:
    _, mistakes = _read(tmp_path, text)

    assert len(mistakes) == 1
    assert mistake in mistakes[0]
