from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.proration import local_date
from billing.revenue import deferred, earned_between, recognized, schedule
from kernel.money import Money
from kernel.time import Period
from tests.billing.stories import moments, monies, zones
from tests.billing.world import span, usd

JUNE = span("2024-06-01", "2024-07-01")

lengths = st.integers(0, 400 * 24 * 3600)


def test_a_month_is_earned_a_day_at_a_time() -> None:
    assert recognized(usd(30_00), JUNE, date(2024, 5, 31)) == usd(0)
    assert recognized(usd(30_00), JUNE, date(2024, 6, 1)) == usd(1_00)
    assert recognized(usd(30_00), JUNE, date(2024, 6, 30)) == usd(30_00)
    assert deferred(usd(30_00), JUNE, date(2024, 6, 10)) == usd(20_00)
    assert earned_between(usd(30_00), JUNE, date(2024, 6, 10), date(2024, 6, 12)) == usd(2_00)


def test_parts_that_do_not_divide_evenly_are_spread() -> None:
    days = [amount.minor for _, amount in schedule(usd(1_00), span("2024-06-01", "2024-06-08"))]

    assert days == [14, 15, 14, 14, 14, 15, 14]


def test_a_span_within_a_day_is_earned_on_it() -> None:
    hours = span("2024-06-03T01:00", "2024-06-03T05:00")

    assert list(schedule(usd(5), hours)) == [(date(2024, 6, 3), usd(5))]
    assert deferred(usd(5), hours, date(2024, 6, 2)) == usd(5)


def test_days_are_those_of_the_account() -> None:
    first, *_, last = schedule(usd(30), span("2024-06-01T04:00", "2024-07-01T04:00"), "America/New_York")

    assert (first[0], last[0]) == (date(2024, 6, 1), date(2024, 6, 30))
    assert recognized(usd(30), span("2024-06-01T00:00", "2024-07-01"), date(2024, 5, 31), "America/New_York") == usd(1)


@given(monies, moments, lengths, zones)
def test_parts_sum_to_the_line_and_the_rest_is_deferred(
    amount: Money, start: datetime, seconds: int, zone_name: str
) -> None:
    period = Period(start, start + timedelta(seconds=seconds))
    earned = 0

    days = list(schedule(amount, period, zone_name))

    assert days[0][0] == local_date(start, zone_name)
    assert all(later - day == timedelta(days=1) for (day, _), (later, _) in pairwise(days))
    for day, part in days:
        earned += part.minor
        assert deferred(amount, period, day, zone_name).minor == amount.minor - earned
        assert abs(part.minor - Fraction(amount.minor, len(days))) <= 1
    assert earned == amount.minor
    assert not deferred(amount, period, days[-1][0] + timedelta(days=99), zone_name)


@given(monies, moments, lengths, zones)
def test_a_credit_of_a_line_takes_back_exactly_its_revenue(
    amount: Money, start: datetime, seconds: int, zone_name: str
) -> None:
    period = Period(start, start + timedelta(seconds=seconds))

    for day, part in schedule(amount, period, zone_name):
        assert earned_between(-amount, period, day - timedelta(days=1), day, zone_name) == -part
