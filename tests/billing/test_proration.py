from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.proration import Proration, local_date, local_days, portion, settled, share
from kernel.time import Period
from tests.billing.stories import moments, zones
from tests.billing.world import instant, span

MARCH = span("2024-03-01", "2024-04-01")
PRORATED = (Proration.SECOND, Proration.DAY)


def test_a_part_of_march() -> None:
    rest = Period(instant("2024-03-12T12:00"), MARCH.end)

    assert share([rest], MARCH, Proration.SECOND, "UTC") == Fraction(39, 62)
    assert share([rest], MARCH, Proration.DAY, "UTC") == Fraction(20, 31)
    assert share([rest], MARCH, Proration.NONE, "UTC") == 1


def test_no_part_at_all() -> None:
    assert [share([], MARCH, proration, "UTC") for proration in Proration] == [0, 0, 0]


def test_a_span_within_one_day_holds_no_date() -> None:
    hours = span("2024-03-01T01:00", "2024-03-01T05:00")

    assert share([hours], hours, Proration.DAY, "UTC") == 0


def test_days_are_counted_where_the_account_lives() -> None:
    assert local_days(span("2024-03-09T00:00", "2024-03-11T00:00"), "America/New_York") == 2
    assert local_days(span("2024-03-31T22:30", "2024-04-01T00:00"), "Europe/Berlin") == 0
    assert local_days(span("2024-03-31T21:30", "2024-04-01T00:00"), "Europe/Berlin") == 1


def test_a_portion_is_written_as_a_person_checks_it() -> None:
    rest = Period(instant("2024-03-12T12:00"), MARCH.end)
    odd = Period(MARCH.start, MARCH.start + timedelta(microseconds=7))

    assert portion(rest, MARCH, Proration.SECOND, "UTC") == "1684800/2678400 s"
    assert portion(rest, MARCH, Proration.DAY, "UTC") == "20/31 days"
    assert portion(rest, MARCH, Proration.NONE, "UTC") == ""
    assert portion(MARCH, MARCH, Proration.SECOND, "UTC") == ""
    assert portion(odd, MARCH, Proration.SECOND, "UTC") == "7/2678400000000 µs"
    assert portion(MARCH, Period(MARCH.start, MARCH.end + odd.length), Proration.SECOND, "UTC").endswith("µs")


def test_a_change_counts_from_the_midnight_before_and_an_end_from_the_midnight_after() -> None:
    noon, midnight = instant("2024-03-12T12:00"), instant("2024-03-12")

    assert settled(noon, Proration.DAY, "UTC", leaving=False) == midnight
    assert settled(noon, Proration.DAY, "UTC", leaving=True) == instant("2024-03-13")
    assert settled(midnight, Proration.DAY, "UTC", leaving=True) == midnight
    assert settled(noon, Proration.DAY, "Asia/Kolkata", leaving=False) == instant("2024-03-11T18:30")
    assert settled(noon, Proration.SECOND, "UTC", leaving=True) == noon


@pytest.mark.parametrize("zone_name", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
def test_a_year_of_days_is_a_year_in_every_zone(zone_name: str) -> None:
    year = Period(instant("2024-01-15T12:00"), instant("2025-01-15T12:00"))

    assert local_days(year, zone_name) == 366


@given(moments, st.lists(st.integers(0, 40 * 24 * 3600), min_size=2), zones, st.sampled_from(PRORATED))
def test_the_shares_of_a_period_sum_to_the_whole(
    start: datetime, seconds: list[int], zone_name: str, proration: Proration
) -> None:
    edges = [start + timedelta(seconds=second) for second in sorted(seconds)]
    whole = Period(edges[0], edges[-1] + timedelta(days=1))
    spans = [Period(*ends) for ends in pairwise([*edges, whole.end])]

    shares = [share([part], whole, proration, zone_name) for part in spans]

    assert sum(shares) == 1 == share(spans, whole, proration, zone_name)
    assert min(shares) >= 0


@given(moments, zones)
def test_midnights_are_at_most_a_long_day_around_a_moment(moment: datetime, zone_name: str) -> None:
    before = settled(moment, Proration.DAY, zone_name, leaving=False)
    after = settled(moment, Proration.DAY, zone_name, leaving=True)

    assert before <= moment <= after <= before + timedelta(hours=25)
    assert before.tzinfo is UTC
    assert local_date(before, zone_name) == local_date(moment, zone_name)
    assert settled(before, Proration.DAY, zone_name, leaving=True) == before
    assert settled(after, Proration.DAY, zone_name, leaving=False) == after
