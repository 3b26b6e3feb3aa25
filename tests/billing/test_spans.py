from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.spans import joined, within, without
from kernel.time import Period
from tests.billing.world import instant

START = instant("2024-01-01")


def hours(first: int, last: int) -> Period:
    return Period(START + timedelta(hours=first), START + timedelta(hours=last))


spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda ends: hours(min(ends), max(ends) + 1)), max_size=5
)
moments = st.integers(0, 30).map(lambda hour: START + timedelta(hours=hour))


def covers(periods: list[Period], moment: datetime) -> bool:
    return any(moment in period for period in periods)


def test_a_hole_in_the_middle_leaves_two_ends() -> None:
    assert without([hours(0, 10)], [hours(3, 5)]) == [hours(0, 3), hours(5, 10)]


def test_spans_that_touch_become_one() -> None:
    assert joined([hours(5, 8), hours(0, 5), hours(9, 10)]) == [hours(0, 8), hours(9, 10)]


def test_a_span_inside_another_adds_nothing() -> None:
    assert joined([hours(0, 10), hours(2, 3)]) == [hours(0, 10)]


def test_what_lies_outside_the_frame_is_left_out() -> None:
    assert within([hours(0, 4), hours(6, 9), hours(10, 12)], hours(3, 10)) == [hours(3, 4), hours(6, 9)]


@given(spans, spans, moments)
def test_holes_are_cut_out_and_nothing_else(some: list[Period], holes: list[Period], moment: datetime) -> None:
    assert covers(without(some, holes), moment) == (covers(some, moment) and not covers(holes, moment))
    assert all(without(joined(some), holes))


@given(spans, moments)
def test_joining_covers_the_same_instants(some: list[Period], moment: datetime) -> None:
    whole = joined(some)

    assert covers(whole, moment) == covers(some, moment)
    assert all(before.end < after.start for before, after in pairwise(whole))


@given(spans, spans, moments)
def test_a_frame_keeps_what_is_inside(some: list[Period], frames: list[Period], moment: datetime) -> None:
    for frame in frames:
        assert covers(within(some, frame), moment) == (covers(some, moment) and covers([frame], moment))
        assert all(within(some, frame))
