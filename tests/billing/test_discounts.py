from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.discounts import Discount, Offer, give_up, take
from billing.lines import Taken
from kernel.errors import InvalidInput
from kernel.money import Money
from tests.billing.stories import currencies, minors
from tests.billing.world import instant, usd

SINCE = instant("2024-01-01")


def percent(number: int | Fraction, key: str = "percent") -> Discount:
    return Discount(key, SINCE, Fraction(number))


def fixed(amount: Money, key: str = "fixed") -> Discount:
    return Discount(key, SINCE, fixed=amount)


def taken(amounts: list[Money], *discounts: Discount) -> list[int]:
    offers = [Offer(discount, range(len(amounts))) for discount in discounts]
    return [sum(part.amount.minor for part in parts) for parts in take(amounts, offers)]


def test_five_dollars_off_two_lines_are_split_by_their_size() -> None:
    assert taken([usd(10_00), usd(20_00)], fixed(usd(5_00))) == [1_67, 3_33]


def test_a_percentage_is_rounded_on_each_line() -> None:
    assert taken([usd(5), usd(5), usd(15)], percent(10)) == [1, 1, 2]


def test_a_percentage_follows_a_line_below_zero() -> None:
    assert taken([usd(-12_00), usd(20_00)], percent(20)) == [-2_40, 4_00]


def test_a_fixed_amount_leaves_lines_below_zero_alone() -> None:
    assert taken([usd(-12_00), usd(20_00)], fixed(usd(5_00))) == [0, 5_00]
    assert taken([usd(-12_00)], fixed(usd(5_00))) == [0]


def test_discounts_are_taken_one_after_another() -> None:
    assert taken([usd(100_00)], percent(50), fixed(usd(10_00))) == [60_00]
    assert taken([usd(100_00)], fixed(usd(10_00)), percent(50)) == [55_00]


def test_a_fixed_amount_is_never_more_than_the_lines() -> None:
    assert taken([usd(10_00), usd(5_00)], fixed(usd(100_00)), fixed(usd(1_00), "more")) == [10_00, 5_00]


def test_what_is_spent_is_spent() -> None:
    amounts = [usd(10_00)]

    assert take(amounts, [Offer(fixed(usd(5_00)), [0], usd(3_00))]) == [(Taken("fixed", usd(2_00)),)]
    assert take(amounts, [Offer(fixed(usd(5_00)), [0], usd(5_00))]) == [()]


def test_an_offer_meets_only_its_lines() -> None:
    amounts = [usd(10_00), usd(20_00), usd(30_00)]

    assert take(amounts, [Offer(fixed(usd(5_00)), [0, 2])]) == [
        (Taken("fixed", usd(1_25)),),
        (),
        (Taken("fixed", usd(3_75)),),
    ]
    assert take(amounts, [Offer(percent(10), [])]) == [(), (), ()]


def test_each_discount_gives_up_its_part() -> None:
    parts = give_up([Taken("a", usd(30)), Taken("b", usd(10))], usd(-8))

    assert parts == [usd(-6), usd(-2)]
    assert give_up([Taken("a", usd(-30))], usd(0)) == [usd(0)]
    assert give_up([Taken("a", usd(-30))], usd(6)) == [usd(6)]


@pytest.mark.parametrize(
    ("terms", "mistake"),
    [
        ({}, "either a percentage or a fixed amount"),
        ({"percent": Fraction(5), "fixed": usd(5)}, "either a percentage or a fixed amount"),
        ({"percent": Fraction(0)}, "percent: must be above 0"),
        ({"percent": Fraction(101)}, "at most 100"),
        ({"fixed": usd(0)}, "fixed: must be above zero"),
        ({"percent": Fraction(5), "periods": 0}, "periods: must be at least 1"),
    ],
)
def test_a_discount_that_makes_no_sense_is_refused(terms: dict[str, Any], mistake: str) -> None:
    with pytest.raises(InvalidInput, match=mistake):
        Discount("any", SINCE, **terms)


def test_the_smallest_and_the_largest_discount_are_allowed() -> None:
    assert taken([usd(10_00)], percent(100)) == [10_00]
    assert taken([usd(10_00)], percent(Fraction(1, 10))) == [1]
    assert Discount("once", SINCE, fixed=usd(1), periods=1).periods == 1


@given(st.lists(minors, min_size=1, max_size=6), st.integers(1, 10**6), currencies)
def test_a_fixed_amount_is_taken_whole_or_as_far_as_there_is_something(
    amounts: list[int], budget: int, currency: str
) -> None:
    lines = [Money(amount, currency) for amount in amounts]

    parts = taken(lines, fixed(Money(budget, currency)))

    assert sum(parts) == min(budget, sum(amounts))
    assert all(0 <= part <= amount for part, amount in zip(parts, amounts, strict=True))


@given(st.lists(minors, min_size=1, max_size=6), st.lists(st.integers(1, 100), max_size=4), currencies)
def test_percentages_multiply_up_to_rounding(amounts: list[int], percents: list[int], currency: str) -> None:
    lines = [Money(amount, currency) for amount in amounts]
    left = Fraction(1)
    for number in percents:
        left *= 1 - Fraction(number, 100)

    parts = taken(lines, *(percent(number) for number in percents))

    for amount, part in zip(amounts, parts, strict=True):
        assert 0 <= part <= amount
        assert abs(amount - part - amount * left) <= len(percents)
