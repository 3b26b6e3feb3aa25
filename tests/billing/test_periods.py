from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.agreement import Agreement
from billing.periods import (
    Cycle,
    anniversary,
    at,
    begun,
    calendar,
    changed,
    cut_at,
    on_day,
    renewal,
    restarts,
    span_at,
    spans,
    trial_end,
)
from kernel.errors import InvalidInput
from kernel.time import Anchor, Interval
from tests.billing.stories import moments, zones
from tests.billing.world import Books, flat, instant, per_unit, span

SECOND = timedelta(seconds=1)
START = instant("2024-01-31T15:00")
cycles = st.builds(anniversary, moments, st.sampled_from(Interval), st.integers(1, 3), zones) | st.builds(
    calendar, moments, st.sampled_from(Interval), st.just(1), zones
)


def dates(cycle: Cycle, now: str) -> list[str]:
    return [str(period.span.start.date()) for period in begun([cycle], instant(now))]


def test_months_from_the_31st() -> None:
    assert dates(anniversary(START, Interval.MONTH), "2024-04-30T15:00") == [
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
    ]
    assert dates(anniversary(START, Interval.MONTH), "2024-04-30T14:59")[-1] == "2024-03-31"


def test_years_from_a_leap_day() -> None:
    cycle = anniversary(instant("2024-02-29"), Interval.YEAR)

    assert dates(cycle, "2028-03-01")[-2:] == ["2027-02-28", "2028-02-29"]


@pytest.mark.parametrize("interval", Interval)
def test_a_period_that_began_when_its_time_came_for_the_second_time_is_a_whole_one(interval: Interval) -> None:
    """In Berlin, half past two came twice on 29 October 2023."""
    start = instant("2023-10-29T01:30")
    cycle = anniversary(start, interval, zone_name="Europe/Berlin")
    # As it is read from a table, which doesn't tell the two from one another.
    read = replace(cycle, anchor=Anchor(cycle.anchor.local.replace(fold=0), cycle.anchor.zone))

    for each in (cycle, read):
        first = at([each], start)
        assert first.span == first.whole
        assert first.span.start == start
        assert span_at([each], first.span.end - SECOND) == first.span
        assert next(begun([each], first.span.end, first.span.start)) == first


def test_nothing_has_begun_before_the_start() -> None:
    assert dates(anniversary(START, Interval.MONTH), "2024-01-31T14:59") == []


def test_a_calendar_month_is_cut_at_the_start() -> None:
    (first, second) = begun([calendar(START, Interval.MONTH)], instant("2024-02-01"))

    assert (first.span.start, first.span.end) == (START, instant("2024-02-01"))
    assert first.whole == span("2024-01-01", "2024-02-01")
    assert second.span == second.whole == span("2024-02-01", "2024-03-01")


def test_calendars_begin_on_mondays_firsts_and_in_january_where_the_account_lives() -> None:
    late = instant("2024-12-31T23:30")

    assert at([calendar(late, Interval.WEEK)], late).whole == span("2024-12-30", "2025-01-06")
    assert at([calendar(late, Interval.YEAR)], late).whole == span("2024-01-01", "2025-01-01")
    berlin = at([calendar(late, Interval.YEAR, 1, "Europe/Berlin")], late)
    assert berlin.whole == span("2024-12-31T23:00", "2025-12-31T23:00")
    assert berlin.zone == "Europe/Berlin"
    assert at([calendar(late, Interval.MONTH, 3)], late).whole == span("2024-10-01", "2025-01-01")


def test_another_cycle_cuts_a_period_short() -> None:
    moved = [anniversary(START, Interval.MONTH), anniversary(instant("2024-03-15"), Interval.YEAR)]

    periods = list(begun(moved, instant("2025-03-15")))

    assert [period.number for period in periods] == [0, 1, 2, 3]
    assert periods[1].span.end == instant("2024-03-15")
    assert periods[1].whole.end == instant("2024-03-31T15:00")
    assert periods[2].span == span("2024-03-15", "2025-03-15")


def test_periods_are_numbered_through_all_cycles() -> None:
    cycles = [anniversary(instant(f"2024-0{month}-01"), Interval.MONTH) for month in (1, 3, 6)]

    assert [period.number for period in begun(cycles, instant("2024-08-01"))] == list(range(8))
    assert at(cycles, instant("2024-08-01")).number == 7


def test_two_cycles_of_one_instant_are_the_later_one() -> None:
    moved = [anniversary(START, Interval.YEAR), anniversary(START, Interval.MONTH)]

    assert [period.number for period in begun(moved, START)] == [0]
    assert at(moved, START).span.end == instant("2024-02-29T15:00")


def test_before_the_first_period_there_is_the_first_one() -> None:
    cycles = [anniversary(START, Interval.MONTH)]

    assert at(cycles, START - SECOND).number == 0
    assert span_at(cycles, START - SECOND).start == START


def test_a_renewal_is_the_first_start_of_a_period_from_a_moment_on() -> None:
    cycle = [anniversary(START, Interval.MONTH)]

    assert renewal(cycle, START) == START
    assert renewal(cycle, START + SECOND) == instant("2024-02-29T15:00")
    assert renewal(cycle, START - SECOND) == START


def test_a_billing_day_moves() -> None:
    monthly = on_day(anniversary(START, Interval.MONTH), instant("2024-02-29T15:00"), 15)
    quarterly = on_day(anniversary(instant("2024-02-10"), Interval.MONTH, 3), instant("2024-05-10"), 31)
    yearly = on_day(anniversary(instant("2023-02-10"), Interval.YEAR), instant("2024-02-10"), 29)

    assert at([monthly], monthly.since).span == span("2024-02-29T15:00", "2024-03-15T15:00")
    assert [period.span.start.month for period in begun([quarterly], instant("2025-01-01"))] == [5, 5, 8, 11]
    assert dates(quarterly, "2024-12-31")[1:] == ["2024-05-31", "2024-08-31", "2024-11-30"]
    assert dates(yearly, "2028-12-31") == [
        "2024-02-10",
        "2024-02-29",
        "2025-02-28",
        "2026-02-28",
        "2027-02-28",
        "2028-02-29",
    ]
    assert monthly.interval is Interval.MONTH
    assert on_day(monthly, START, 1).anchor.local.day == 1


@pytest.mark.parametrize("day", [0, 32, -1])
def test_a_day_that_no_month_has_is_refused(day: int) -> None:
    with pytest.raises(InvalidInput, match=f"is 1 to 31 here; {day} was"):
        on_day(anniversary(START, Interval.MONTH), START, day)


def test_a_day_that_its_month_never_has_is_refused_for_years() -> None:
    with pytest.raises(InvalidInput, match="is 1 to 30 here; 31 was"):
        on_day(anniversary(instant("2024-04-01"), Interval.YEAR), START, 31)


def test_a_trial_counts_local_days_from_the_original_start() -> None:
    start = instant("2024-03-30T08:00")

    assert trial_end(start, 10) == start + timedelta(days=10)
    assert trial_end(start, 10, "Europe/Berlin") == start + timedelta(days=10, hours=-1)


def test_what_begins_a_new_period() -> None:
    free, paid = flat(0), flat(1000)
    yearly, quarterly = flat(1000, interval=Interval.YEAR), flat(1000, count=3)

    assert restarts(paid, yearly)
    assert restarts(paid, quarterly)
    assert restarts(free, paid)
    assert not restarts(paid, free)
    assert not restarts(free, per_unit(0))
    assert not restarts(paid, flat(2000))
    assert not restarts(None, paid)


def test_a_change_of_interval_keeps_the_cycles_before_and_the_zone() -> None:
    cycles = (anniversary(START, Interval.MONTH, 1, "Asia/Kolkata"),)
    moment = instant("2024-03-15")

    moved = changed(cycles, moment, flat(1), flat(1, interval=Interval.YEAR, count=2))

    assert moved == (*cycles, anniversary(moment, Interval.YEAR, 2, "Asia/Kolkata"))
    assert changed(cycles, moment, flat(1), flat(2)) == cycles


@given(cycles, st.integers(0, 400))
def test_periods_tile_time_from_the_start(cycle: Cycle, days: int) -> None:
    now = cycle.since + timedelta(days=days)

    periods = list(begun([cycle], now))

    assert periods[0].span.start == cycle.since
    assert all(before.span.end == after.span.start for before, after in pairwise(periods))
    assert all(before.whole.end == after.whole.start for before, after in pairwise(periods))
    assert now in periods[-1].span
    assert [period.number for period in periods] == list(range(len(periods)))
    assert all(period.whole.overlap(period.span) == period.span for period in periods)


@given(cycles, moments, st.sampled_from(Interval), st.integers(0, 200), st.integers(0, 200))
def test_beginning_later_yields_the_same_periods(
    cycle: Cycle, moment: datetime, interval: Interval, first: int, more: int
) -> None:
    both = [cycle, anniversary(max(cycle.since, moment), interval)]
    since, now = cycle.since + timedelta(days=first), cycle.since + timedelta(days=first + more)

    periods = list(begun(both, now, since))

    assert periods == [period for period in begun(both, now) if period.span.end > since]
    assert list(spans(both, now, since)) == [period.span for period in periods]
    assert at(both, since) == periods[0]
    assert span_at(both, since) == periods[0].span


@given(moments, zones, st.sampled_from([Interval.MONTH, Interval.YEAR]))
def test_boundaries_keep_the_local_time(start: datetime, zone_name: str, interval: Interval) -> None:
    cycle = anniversary(start, interval, 1, zone_name)

    assert cycle.anchor == Anchor.at(start, zone_name)
    assert at([cycle], start).span.start == start


days_of_month = st.integers(1, 31)


@given(moments, zones, days_of_month, st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_a_period_is_cut_where_the_billing_day_is_moved_and_nowhere_else(
    start: datetime, zone: str, day: int, after: timedelta
) -> None:
    cycle = anniversary(start, Interval.MONTH, 1, zone)
    moved = on_day(cycle, start + after, day)

    _, whole = moved.anchor.period_at(moved.since, Interval.MONTH)
    assert cut_at([cycle, moved], moved.since) == (whole.start != moved.since)
    assert not cut_at([cycle, moved], moved.since + SECOND)
    assert not cut_at([cycle], start)
    assert not cut_at([cycle, moved], at([cycle, moved], moved.since).span.end)


moves = st.lists(st.tuples(st.timedeltas(SECOND, timedelta(days=40)), days_of_month), min_size=1, max_size=5)


@given(moments, zones, moves, st.integers(1, 10**6))
def test_however_often_the_billing_day_moves_every_span_costs_its_share_of_a_whole_month(
    start: datetime, zone: str, moves: list[tuple[timedelta, int]], amount: int
) -> None:
    books = Books(Agreement((anniversary(start, Interval.MONTH, 1, zone),)))
    price, now = flat(amount), start
    books.change("plan", start, price)
    for later, day in moves:
        now += later
        books.run(now)
        # What began at this very instant stays on the grid that billed it.
        if at(books.agreement.cycles, now).span.start == now:
            continue
        cycles = books.agreement.cycles
        books.agreement = replace(books.agreement, cycles=(*cycles, on_day(cycles[-1], now, day)))
        books.run(now)

    for period in begun(books.agreement.cycles, now):
        lines = [entry.line for entry in books.issued if entry.line.period == period.span.start]
        billed = sum(line.net.minor for line in lines)
        assert abs(billed - amount * period.whole.share_of(period.span)) <= max(1, len(lines))
    assert books.run(now) == []
