from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing.price_rules import read
from billing.pricing import MINUS, TIMES, Price, plain
from kernel.money import Money
from tests.billing.stories import amounts, currencies, ladders, quantities, written_rules
from tests.billing.world import flat, per_unit, tiered, usd

STAIRS = [{"up_to": 10, "unit": 1000}, {"unit": 800}]


def test_fourteen_seats_on_a_ladder() -> None:
    assert tiered("graduated", STAIRS).amount(14) == usd(132_00)
    assert tiered("volume", STAIRS).amount(14) == usd(112_00)


def test_four_more_seats_cost_the_difference_of_the_totals() -> None:
    assert tiered("graduated", STAIRS).cost(14, above=10) == 32_00
    assert tiered("volume", STAIRS).cost(14, above=10) == 12_00


def test_a_tier_reaches_up_to_and_with_its_last_unit() -> None:
    assert tiered("volume", STAIRS).amount(10) == usd(100_00)
    assert tiered("volume", STAIRS).amount(11) == usd(88_00)


def test_a_flat_fee_of_a_tier_is_due_once_a_unit_falls_into_it() -> None:
    price = tiered("graduated", [{"up_to": 10, "unit": 100, "flat": 5}, {"unit": 50, "flat": 7}])

    assert [price.cost(units) for units in (0, 10, 11)] == [5, 1005, 1062]


def test_a_begun_package_is_a_whole_one() -> None:
    price = Price("package", "USD", read({"model": "package", "amount": 1500, "size": 100, "included": 50}))

    assert [price.amount(units).minor for units in (0, 50, 51, 150, 151)] == [0, 0, 1500, 1500, 3000]


def test_a_percentage_of_an_amount() -> None:
    price = Price("share", "USD", read({"model": "percentage", "percent": "2.9"}))

    assert price.amount(100_00) == usd(2_90)


def test_a_minimum_and_a_maximum_bound_the_whole_period() -> None:
    price = Price("bounded", "USD", read({"model": "per_unit", "amount": 10, "minimum": 100, "maximum": 300}))

    assert [price.amount(units).minor for units in (0, 10, 11, 30, 31)] == [100, 100, 110, 300, 300]


def test_a_quantity_below_nothing_costs_nothing() -> None:
    assert per_unit(100).amount(-5) == usd(0)


def test_units_may_cost_less_than_the_smallest_coin() -> None:
    assert per_unit("0.0002").amount(7_500) == usd(2)
    assert per_unit("0.0002").amount(7_499) == usd(1)


def aloud(formula: str) -> str:
    return formula.replace(TIMES, "x").replace(MINUS, "-")


def test_a_formula_reads_like_a_price_list() -> None:
    bounded = Price("bounded", "USD", read({"model": "per_unit", "amount": 10, "minimum": 100, "maximum": 300}))

    assert aloud(tiered("graduated", STAIRS).formula(14)) == "10 x 10.00 + 4 x 8.00"
    assert aloud(tiered("graduated", STAIRS).formula(14, above=10)) == "(10 x 10.00 + 4 x 8.00) - (10 x 10.00)"
    assert aloud(tiered("volume", [{"unit": 5, "flat": 100}]).formula(3)) == "3 x 0.05 + 1.00"
    assert aloud(flat(2000).formula(3)) == "20.00"
    assert aloud(per_unit("0.5").formula(3)) == "3 x 0.005"
    assert aloud(per_unit(500, "JPY").formula(3)) == "3 x 500"
    assert aloud(bounded.formula(2)) == "2 x 0.10, at least 1.00"
    assert aloud(bounded.formula(99)) == "99 x 0.10, at most 3.00"
    packages = Price("packages", "USD", read({"model": "package", "amount": 1500, "size": 100}))
    assert aloud(packages.formula(101)) == "2 x 15.00"
    assert aloud(Price("free", "USD", read({"model": "graduated", "tiers": [{"unit": 0}]})).formula(2)) == "2 x 0.00"


def test_a_number_is_written_plainly() -> None:
    assert [plain(number) for number in (10, Decimal("0.0002"), Fraction(-5, 2), Fraction(0))] == [
        "10",
        "0.0002",
        "-2.5",
        "0",
    ]
    assert plain(Fraction(1, 2), 2) == "0.50"
    assert plain(Fraction(1, 3)) == "0.33333333333333333333"
    assert plain(Fraction(-1, 100)) == "-0.01"


@given(written_rules)
def test_a_price_is_free_when_no_quantity_costs_anything(written: dict[str, Any]) -> None:
    rule = read(written)

    assert rule.free == (not any(rule.cost(quantity) for quantity in range(200)))


def test_a_price_with_a_minimum_is_not_free() -> None:
    assert not read({"model": "flat", "amount": 0, "minimum": 1}).free


@given(ladders(), quantities)
def test_a_ladder_climbed_step_by_step_is_the_ladder(tiers: list[dict[str, Any]], quantity: int) -> None:
    price = tiered("graduated", tiers)

    steps = [price.cost(units + 1, above=units) for units in range(quantity)]

    assert price.cost(0) + sum(steps) == price.cost(quantity)


@given(written_rules, quantities)
def test_parts_sum_to_the_whole(written: dict[str, Any], quantity: int) -> None:
    rule = read(written)

    assert sum(part.amount for part in rule.parts(quantity)) == rule.cost(quantity)
    assert sum(part.units for part in rule.parts(quantity)) == max(0, quantity - rule.included)


@given(amounts, quantities, currencies)
def test_a_ladder_of_one_tier_is_per_unit(amount: int | str, quantity: int, currency: str) -> None:
    models = [tiered(model, [{"unit": amount}], currency) for model in ("graduated", "volume")]

    expected = per_unit(amount, currency).amount(quantity)

    assert [price.amount(quantity) for price in models] == [expected, expected]


@given(written_rules, quantities, currencies)
def test_an_amount_is_rounded_once(written: dict[str, Any], quantity: int, currency: str) -> None:
    price = Price("any", currency, read(written))

    assert abs(price.amount(quantity).minor - price.cost(quantity)) <= Fraction(1, 2)
    assert price.amount(quantity) == Money(price.amount(quantity).minor, currency)


@given(st.fractions(max_denominator=1))
def test_whole_numbers_stay_whole(number: Fraction) -> None:
    assert Fraction(plain(number)) == number
