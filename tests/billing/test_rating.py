from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.lines import Kind, Line, Taken
from billing.price_rules import read
from billing.pricing import Price
from billing.rating import Aggregation, Event, Usage, allowance, capped, committed, measured, rated, true_up
from kernel.money import Money
from tests.billing.stories import currencies, quantities, written_rules
from tests.billing.world import per_unit, span, usd

JUNE = span("2024-06-01", "2024-07-01")


def hour(number: int) -> datetime:
    return JUNE.start + timedelta(hours=number)


EVENTS = [
    Event("c", hour(3), 2, "grace"),
    Event("a", hour(1), 5, "ada"),
    Event("b", hour(3), 3, "ada"),
    Event("a", hour(2), 100, "nobody"),
    Event("z", JUNE.end, 1000, "later"),
    Event("y", JUNE.start - timedelta(seconds=1), 1000, "earlier"),
]


@pytest.mark.parametrize(
    ("aggregation", "quantity"),
    [
        (Aggregation.SUM, 10),
        (Aggregation.COUNT, 3),
        (Aggregation.MAX, 5),
        (Aggregation.LAST, 2),
        (Aggregation.UNIQUE, 2),
    ],
)
def test_events_become_one_quantity(aggregation: Aggregation, quantity: int) -> None:
    assert measured(EVENTS, aggregation, JUNE) == quantity


def test_without_events_the_level_stays() -> None:
    levels = [measured([], aggregation, JUNE, opening=7) for aggregation in Aggregation]

    assert dict(zip(Aggregation, levels, strict=True)) == {
        Aggregation.SUM: 7,
        Aggregation.COUNT: 0,
        Aggregation.MAX: 7,
        Aggregation.LAST: 7,
        Aggregation.UNIQUE: 0,
        Aggregation.WEIGHTED: 7,
    }


def test_a_level_is_weighted_by_how_long_it_stands() -> None:
    half = JUNE.start + timedelta(days=15)

    events = [Event("up", half, 10), Event("down", half + timedelta(days=6), -5)]

    assert measured(events, Aggregation.WEIGHTED, JUNE, opening=4) == 4 + 5 - Fraction(5 * 9, 30)


def test_usage_costs_its_quantity_less_what_was_billed() -> None:
    usage = Usage("calls", per_unit("0.5"), JUNE, 1001)

    first = rated(usage, [], JUNE.start)
    assert first
    late = rated(Usage("calls", usage.price, JUNE, 1101), [first], JUNE.start)

    assert late
    assert (first.amount, late.amount) == (usd(5_01), usd(50))
    assert first.formula == "1001 \N{MULTIPLICATION SIGN} 0.005"
    assert late.formula.endswith(" 0.005 \N{MINUS SIGN} 5.01 USD billed")
    assert (first.kind, first.item, first.quantity, first.above) == (Kind.USAGE, "calls", 1001, None)
    assert (first.period, first.span, first.price) == (JUNE.start, JUNE, usage.price.key)


def test_what_is_billed_already_is_not_billed_again() -> None:
    usage = Usage("calls", per_unit(1), JUNE, 100)
    first = rated(usage, [], JUNE.start)
    assert first

    assert rated(usage, [first], JUNE.start) is None


def test_a_smaller_quantity_gives_back_its_share_of_each_discount() -> None:
    recorded = Line(
        Kind.USAGE,
        "calls",
        "unit",
        100,
        None,
        JUNE.start,
        JUNE,
        usd(100),
        "",
        discounts=(Taken("a", usd(20)), Taken("b", usd(10))),
    )

    line = rated(Usage("calls", per_unit(1), JUNE, 50), [recorded], JUNE.start)

    assert line
    assert line.discounts == (Taken("a", usd(-10)), Taken("b", usd(-5)))
    assert line.net == usd(-35)


def test_a_double_allowance_ends_with_whichever_is_used_up_first() -> None:
    assert allowance([50, 100, 250, 400], 250, 3) == (Fraction(250), 2)
    assert allowance([50, 100, 250, 400], 1000, 3) == (Fraction(400), 3)
    assert allowance([50, 100], 1000, 3) == (Fraction(150), 2)
    assert allowance([50], 50, 1) == (Fraction(50), 1)
    assert allowance([Decimal("0.5")], 0, 0) == (Fraction(0), 0)


def test_a_commitment_is_owed_and_overage_costs_more() -> None:
    windows = [committed(Fraction(cost), Fraction(10), Fraction(2)) for cost in (4, 10, 16)]

    assert windows == [10, 10, 22]
    assert committed(Fraction(16), Fraction(10)) == 16


def test_a_minimum_is_made_up_for() -> None:
    assert true_up(usd(1000), usd(100)) == usd(900)
    assert true_up(usd(1000), usd(1100)) == usd(0)


def test_a_maximum_leaves_room_in_order() -> None:
    assert capped([usd(15), usd(7)], usd(10)) == [usd(10), usd(0)]
    assert capped([usd(4), usd(7)], usd(10)) == [usd(4), usd(6)]
    assert capped([usd(4)], usd(-1)) == [usd(0)]


@given(st.lists(st.integers(0, 719), max_size=8), st.randoms())
def test_the_order_in_which_events_arrive_does_not_matter(hours: list[int], random: Any) -> None:
    events = [Event(str(place), hour(number), place + 1, str(number % 3)) for place, number in enumerate(hours)]
    shuffled = random.sample(events, len(events))

    for aggregation in Aggregation:
        assert measured(events, aggregation, JUNE) == measured(shuffled + events, aggregation, JUNE)


@given(written_rules, st.lists(quantities, min_size=1), currencies)
def test_however_usage_was_reported_the_whole_of_it_is_billed(
    written: dict[str, Any], reached: list[int], currency: str
) -> None:
    price = Price("usage", currency, read(written))
    lines: list[Line] = []
    for quantity in reached:
        if line := rated(Usage("calls", price, JUNE, quantity), lines, JUNE.start):
            lines.append(line)

    assert sum(line.amount.minor for line in lines) == price.amount(reached[-1]).minor


@given(st.lists(st.integers(-1000, 1000)), st.integers(0, 2000), currencies)
def test_a_cap_is_never_passed(amounts: list[int], room: int, currency: str) -> None:
    allowed = capped([Money(max(0, amount), currency) for amount in amounts], Money(room, currency))

    assert sum(part.minor for part in allowed) == min(room, sum(max(0, amount) for amount in amounts))
