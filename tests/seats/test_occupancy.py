"""Occupancy: every second that somebody sat is told on exactly one line, and nobody sits twice."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kernel.time import Period
from seats.occupancy import Places, Sitting, Spell, most_taken, sat_in, seconds_empty

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MONTH = Period(START, START + 31 * DAY)


def day(number: float) -> datetime:
    """So many days after the start."""
    return START + number * DAY


def told(places: Places, *sittings: Sitting) -> list[tuple[int, float, float]]:
    """Who sat, from which day until which."""
    return [
        (spell.number, (spell.span.start - START) / DAY, (spell.span.end - START) / DAY)
        for spell in sat_in(places, sittings)
    ]


def test_people_sit_from_when_they_came_until_they_left_within_the_span() -> None:
    before, during, still = Sitting(1, day(-5), day(10)), Sitting(2, day(3), day(4)), Sitting(3, day(20))

    assert told(Places(0, 10, MONTH), before, during, still) == [(1, 0, 10), (2, 3, 4), (3, 20, 31)]


def test_who_left_before_or_comes_after_is_not_told() -> None:
    assert told(Places(0, 10, MONTH), Sitting(1, day(-5), day(0)), Sitting(2, day(31))) == []


def test_who_came_last_sits_on_the_upper_line_until_somebody_leaves() -> None:
    sittings = (Sitting(1, day(0)), Sitting(2, day(1), day(9)), Sitting(3, day(2)))

    assert told(Places(0, 2, MONTH), *sittings) == [(1, 0, 31), (2, 1, 9), (3, 9, 31)]
    assert told(Places(2, 3, MONTH), *sittings) == [(3, 2, 9)]


def test_a_seat_that_is_handed_on_is_never_empty() -> None:
    sittings = (Sitting(1, day(-1), day(9)), Sitting(2, day(9)))
    places = Places(0, 1, MONTH)

    assert told(places, *sittings) == [(1, 0, 9), (2, 9, 31)]
    assert most_taken(sat_in(places, sittings)) == 1
    assert seconds_empty(places, sat_in(places, sittings)) == 0


def test_places_that_nobody_took_are_empty_all_the_time() -> None:
    places = Places(0, 10, MONTH)
    spells = sat_in(places, [Sitting(number, day(-1)) for number in range(7)])

    assert places.count - most_taken(spells) == 3
    assert seconds_empty(places, spells) == 3 * 31 * 24 * 3600


hours = st.integers(-100, 900)
sittings = st.lists(st.tuples(hours, st.integers(1, 500), st.booleans()), max_size=12).map(
    lambda rows: [
        Sitting(number, START + timedelta(hours=since), START + timedelta(hours=since + stay) if leaves else None)
        for number, (since, stay, leaves) in enumerate(rows)
    ]
)


@given(sittings, st.integers(0, 12), st.integers(0, 12))
def test_the_lines_of_a_span_share_out_every_second_that_somebody_sat(
    people: list[Sitting], lower: int, upper: int
) -> None:
    edges = sorted({0, lower, upper, 100})
    lines = [Places(above, upto, MONTH) for above, upto in itertools.pairwise(edges)]

    spells = [spell for places in lines for spell in sat_in(places, people)]

    for person in people:
        whole = Period(person.since, max(person.until or MONTH.end, person.since)).overlap(MONTH)
        mine = sorted((spell.span for spell in spells if spell.number == person.number), key=lambda span: span.start)
        assert sum((span.length for span in mine), timedelta(0)) == whole.length
        assert all(one.end <= other.start for one, other in itertools.pairwise(mine))


@given(sittings, st.integers(0, 6), st.integers(1, 6), st.integers(0, 743))
def test_at_any_instant_those_sit_there_whose_turn_it_is(
    people: list[Sitting], above: int, count: int, hour: int
) -> None:
    moment = START + timedelta(hours=hour)
    present = [each for each in people if each.since <= moment and (each.until is None or moment < each.until)]
    ranked = sorted(present, key=lambda each: (each.since, each.number))

    spells = sat_in(Places(above, above + count, MONTH), people)

    assert {spell.number for spell in spells if moment in spell.span} == {
        each.number for each in ranked[above : above + count]
    }
    assert most_taken(spells) <= count


def test_spells_that_touch_are_one() -> None:
    """At one instant one leaves below and another sits down below: who is pushed back and forth has not moved."""
    sittings = (Sitting(1, day(0), day(9)), Sitting(2, day(1)), Sitting(3, day(2)))

    spells = sat_in(Places(1, 3, MONTH), (*sittings, Sitting(0, day(9))))

    assert Spell(Period(day(2), MONTH.end), 3) in spells
