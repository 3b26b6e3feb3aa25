from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from billing.price_rules import read, write
from kernel.errors import InvalidInput
from tests.billing.stories import quantities, written_rules

TIER = {"unit": 1}


@given(written_rules)
def test_what_is_written_reads_back_as_the_same_rule(written: dict[str, Any]) -> None:
    rule = read(written)

    assert read(json.loads(json.dumps(write(rule)))) == rule


def test_every_key_is_written_back() -> None:
    written = {
        "model": "graduated",
        "tiers": [{"up_to": "10", "unit": "0.5", "flat": "100", "size": "5"}, {"unit": "0"}],
        "minimum": "1",
        "maximum": "9",
    }

    assert write(read(written)) == written
    package = {"model": "package", "amount": "1", "size": "2", "included": "3"}
    assert write(read(package)) == package
    percentage = {"model": "percentage", "percent": "2.9", "included": "1"}
    assert write(read(percentage)) == percentage


def test_numbers_may_be_whole_decimals_or_text() -> None:
    rules = [read({"model": "flat", "amount": amount}) for amount in (5, "5", "5.0", Decimal(5), Decimal("5E0"))]

    assert len(set(rules)) == 1


def test_a_null_says_the_same_as_a_missing_key() -> None:
    assert read({"model": "flat", "amount": 5, "minimum": None}) == read({"model": "flat", "amount": 5})
    assert read({"model": "per_unit", "amount": 5, "included": None}) == read({"model": "per_unit", "amount": 5})
    tiers = [{"unit": 1, "up_to": None, "size": None, "flat": None}]
    assert read({"model": "volume", "tiers": tiers}) == read({"model": "volume", "tiers": [TIER]})


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ({}, "model:"),
        ({"model": "free"}, "model: must be one of flat, per_unit"),
        ({"model": "flat"}, "amount:"),
        ({"model": "flat", "amount": 0.5}, "amount: must be a whole number or a decimal string"),
        ({"model": "flat", "amount": True}, "amount:"),
        ({"model": "flat", "amount": -1}, "amount: '-1'"),
        ({"model": "flat", "amount": "1e9"}, "amount: '1e9'"),
        ({"model": "flat", "amount": "٣"}, "amount:"),
        ({"model": "flat", "amount": ""}, "amount:"),
        ({"model": "flat", "amount": Decimal("NaN")}, "amount:"),
        ({"model": "flat", "amount": "9" * 19}, "amount:"),
        ({"model": "flat", "amount": 1, "unit": 2}, "unit: is none of amount, maximum, minimum, model"),
        ({"model": "flat", "amount": 1, "included": 2}, "included:"),
        ({"model": "flat", "amount": 1, "minimum": "x"}, "minimum:"),
        ({"model": "flat", "amount": 1, "maximum": "x"}, "maximum:"),
        ({"model": "flat", "amount": 1, "minimum": 3, "maximum": 2}, "minimum: must not be above maximum"),
        ({"model": "per_unit", "amount": 1, "included": "-1"}, "included:"),
        ({"model": "package", "amount": 1}, "size:"),
        ({"model": "package", "amount": 1, "size": 0}, "size: must be above zero"),
        ({"model": "percentage", "percent": "x"}, "percent:"),
        ({"model": "graduated"}, "tiers: must be a list"),
        ({"model": "graduated", "tiers": []}, "tiers: must be a list"),
        ({"model": "graduated", "tiers": {}}, "tiers: must be a list"),
        ({"model": "volume", "tiers": ["x"]}, "tiers[0]: must be a tier"),
        ({"model": "volume", "tiers": [{"unit": 1, "up_to": 5}]}, "tiers[0].up_to: the last tier has no end"),
        ({"model": "volume", "tiers": [TIER, TIER]}, "tiers[0].up_to: must be above 0"),
        ({"model": "volume", "tiers": [{"up_to": 0}, TIER]}, "tiers[0].up_to: must be above 0"),
        ({"model": "volume", "tiers": [{"up_to": 5}, {"up_to": 5}, TIER]}, "tiers[1].up_to: must be above 5"),
        ({"model": "volume", "tiers": [{"unit": "x"}]}, "tiers[0].unit:"),
        ({"model": "volume", "tiers": [{"flat": "x"}]}, "tiers[0].flat:"),
        ({"model": "volume", "tiers": [{"up_to": "x"}, TIER]}, "tiers[0].up_to:"),
        ({"model": "volume", "tiers": [{"size": 0}]}, "tiers[0].size:"),
        ({"model": "volume", "tiers": [{"size": "x"}]}, "tiers[0].size:"),
        ({"model": "volume", "tiers": [{"price": 0}]}, "tiers[0].price: is none of flat, size, unit, up_to"),
    ],
)
def test_a_mistake_names_its_key(written: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(written)

    assert refused.value.message.startswith(key)


@given(written_rules, quantities)
def test_bounds_hold_for_every_quantity(written: dict[str, Any], quantity: int) -> None:
    bounded = read({**written, "minimum": 100, "maximum": "2000.5"})

    assert bounded.cost(quantity) == min(
        max(read(written).cost(quantity), 100), read({"model": "flat", "amount": "2000.5"}).cost(1)
    )
