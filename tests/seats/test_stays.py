"""What a stay costs: a person's part of the time that a line bills, exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from kernel.time import Period
from seats.occupancy import Places, Sitting
from seats.stays import Billed, cost, sat

START = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
JUNE = Period(START, START + 30 * DAY)


def test_half_a_month_in_one_of_two_seats_costs_a_quarter() -> None:
    line = Billed(Places(0, 2, JUNE), Money(80_00, "USD"))
    spells = sat(line, [Sitting(7, START + 15 * DAY)], JUNE.end)

    assert cost(7, [(line, spells)]) == Money(20_00, "USD")
    assert cost(8, [(line, spells)]) == Money(0, "USD")
    assert cost(7, []) is None


def test_what_is_given_back_is_given_back_to_whoever_sat_there() -> None:
    charge = Billed(Places(0, 1, JUNE), Money(30_00, "USD"))
    credit = Billed(Places(0, 1, Period(START + 20 * DAY, JUNE.end)), Money(-10_00, "USD"))
    stays = [Sitting(1, START)]
    lines = [(line, sat(line, stays, JUNE.end)) for line in (charge, credit)]

    assert cost(1, lines) == Money(20_00, "USD")


def test_time_to_come_costs_nothing_yet() -> None:
    line = Billed(Places(0, 1, JUNE), Money(30_00, "USD"))

    assert cost(1, [(line, sat(line, [Sitting(1, START)], START + 10 * DAY))]) == Money(10_00, "USD")
    assert sat(line, [Sitting(1, START)], START) == []


days = st.integers(0, 30)


@given(st.lists(st.tuples(days, days), max_size=8), st.integers(1, 5), st.integers(-10_000, 10_000))
def test_people_never_cost_more_than_what_is_billed(spans: list[tuple[int, int]], seats: int, minor: int) -> None:
    line = Billed(Places(0, seats, JUNE), Money(minor, "USD"))
    stays = [Sitting(n, START + min(span) * DAY, START + max(span) * DAY) for n, span in enumerate(spans)]
    spells = sat(line, stays, JUNE.end)

    parts = [cost(stay.number, [(line, spells)]) for stay in stays]

    total = sum(part.minor for part in parts if part)
    # Each part is rounded once, by half a cent at most.
    assert abs(total) <= abs(minor) + len(parts) / 2
