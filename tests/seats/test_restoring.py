"""Restoring: who sits again of those who lost their seats."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seats.restoring import MOST_RESTORED, RestoreOutcome, Sat, verdicts
from seats.seating import SeatSource

people = st.lists(
    st.builds(
        Sat,
        seat_id=st.integers(1),
        person_id=st.integers(1),
        email=st.just("ada@example.test"),
        source=st.sampled_from(SeatSource),
        suspended=st.booleans(),
        member=st.booleans(),
        held=st.booleans(),
    ),
    max_size=20,
)


def sat(seat_id: int, *, suspended: bool = False, member: bool = True, held: bool = False) -> Sat:
    return Sat(seat_id, seat_id, "ada@example.test", SeatSource.MANUAL, suspended, member, held)


def test_whoever_sat_longest_sits_first_and_whoever_needs_no_seat_takes_none() -> None:
    lost = [sat(1, held=True), sat(2, member=False), sat(3), sat(4, suspended=True), sat(5), sat(6)]

    told = verdicts(lost, 2)

    assert [(one.former_id, one.outcome.value) for one in told] == [
        (1, "already_seated"),
        (2, "not_a_member"),
        (3, "restored"),
        (4, "suspended"),
        (5, "restored"),
        (6, "no_seat_left"),
    ]


@given(people, st.none() | st.integers(0, 20))
def test_a_seat_is_left_only_where_nobody_wants_it(lost: list[Sat], room: int | None) -> None:
    told = [one.outcome for one in verdicts(lost, room)]

    wanted = sum(one.member and not one.held and not one.suspended for one in lost)
    assert told.count(RestoreOutcome.RESTORED) == min(wanted, MOST_RESTORED if room is None else room)
    assert told.count(RestoreOutcome.NO_SEAT_LEFT) == wanted - told.count(RestoreOutcome.RESTORED)
    assert [one.lost for one in verdicts(lost, room)] == lost
