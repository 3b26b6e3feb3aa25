"""What lines give back: never more than is left, and exactly what was asked for."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import crediting
from billing.crediting import CreditTooHigh, Given, Rest
from billing.tax import Rate, taxed
from kernel.errors import InvalidInput
from kernel.money import Money, total

RATES = [Rate(Fraction(19)), Rate(Fraction(10), inclusive=True), Rate(Fraction(0)), Rate(Fraction(77, 10))]
AMOUNTS = st.lists(st.tuples(st.integers(1, 5_000), st.sampled_from(RATES)), min_size=1, max_size=5)
PARTS = st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.fractions(0, 1)), max_size=12)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def invoiced(lines: list[tuple[int, Rate]]) -> list[Rest]:
    """The lines of an invoice, taxed as invoices are, of which nothing was given back."""
    taxes = [eur(0)] * len(lines)
    for group in taxed([(eur(minor), rate) for minor, rate in lines]):
        for place, part in zip(group.places, group.parts, strict=True):
            taxes[place] = part
    return [
        Rest(place, place, rate, eur(minor), tax, eur(0), eur(0))
        for place, ((minor, rate), tax) in enumerate(zip(lines, taxes, strict=True), 1)
    ]


def after(rests: list[Rest], given_back: list[Given]) -> list[Rest]:
    """What is left once that was given back."""
    known = {given.rest.line_id: given for given in given_back}
    return [
        Rest(
            rest.line_id,
            rest.position,
            rest.rate,
            rest.net,
            rest.tax,
            rest.given + known[rest.line_id].amount,
            rest.given_tax + known[rest.line_id].tax,
        )
        if rest.line_id in known
        else rest
        for rest in rests
    ]


def test_half_a_line_takes_half_its_tax_along() -> None:
    (rest,) = invoiced([(100_00, RATES[0])])

    (given_back,) = crediting.by_line([rest], {1: eur(50_00)})

    assert (given_back.amount, given_back.tax, given_back.total) == (eur(50_00), eur(9_50), eur(59_50))


def test_an_amount_with_its_taxes_is_split_over_the_lines() -> None:
    rests = invoiced([(100_00, RATES[0]), (50_00, RATES[0])])

    first, second = crediting.by_total(rests, eur(119_00))

    assert (first.total, second.total) == (eur(79_33), eur(39_67))
    assert first.tax + second.tax == eur(19_00)


@pytest.mark.parametrize("minor", [0, -1])
def test_nothing_and_less_are_no_credit(minor: int) -> None:
    rests = invoiced([(100, RATES[0])])

    with pytest.raises(InvalidInput):
        crediting.by_total(rests, eur(minor))
    with pytest.raises(InvalidInput):
        crediting.by_line(rests, {1: eur(minor)})


def test_a_unit_of_tax_is_not_lost_with_the_last_unit_before_it() -> None:
    rests = invoiced([(1, RATES[0])] * 3)

    first = crediting.by_total(rests, eur(2))
    last = crediting.by_total(after(rests, first), eur(2))

    assert total((one.total for one in [*first, *last]), "EUR") == eur(4)


@given(AMOUNTS, PARTS)
def test_any_credits_sum_exactly_and_the_last_leaves_nothing(
    lines: list[tuple[int, Rate]], parts: list[tuple[bool, int, Fraction]]
) -> None:
    rests = invoiced(lines)
    asked = total((rest.left_total for rest in rests), "EUR")
    back = eur(0)

    for whole, place, share in parts:
        left = total((rest.left_total for rest in rests), "EUR")
        rest = rests[place % len(rests)]
        amount = (left if whole else rest.left).times(share)
        if not amount:
            continue
        given_back = crediting.by_total(rests, amount) if whole else crediting.by_line(rests, {rest.position: amount})
        if whole:
            assert total((one.total for one in given_back), "EUR") == amount
        assert all(one.amount.minor >= 0 and one.tax.minor >= 0 and one.total.minor > 0 for one in given_back)
        back += total((one.total for one in given_back), "EUR")
        rests = after(rests, given_back)
        assert all(rest.given <= rest.net and rest.given_tax <= rest.tax for rest in rests)

    left = total((rest.left_total for rest in rests), "EUR")
    with pytest.raises(CreditTooHigh):
        crediting.by_total(rests, left + eur(1))
    if left:
        last = crediting.by_total(rests, left)
        back += total((one.total for one in last), "EUR")
        rests = after(rests, last)
    assert back == asked
    assert all(rest.given == rest.net and rest.given_tax == rest.tax for rest in rests)
