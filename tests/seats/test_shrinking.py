"""Shrinking: which seats go first when a pool is to have fewer than are taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from auth.policy import Role
from seats.seating import SeatState
from seats.shrinking import ReleaseReason, Sitting, exempt, leaving, reason

DAY = timedelta(days=1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
INVITED, ACTIVE, SUSPENDED = SeatState.INVITED, SeatState.ACTIVE, SeatState.SUSPENDED

moments = st.integers(0, 400).map(lambda days: NOW - days * DAY)


@st.composite
def pools(draw: st.DrawFn) -> list[Sitting]:
    """Who sits in a pool."""
    return [
        Sitting(
            number,
            draw(st.sampled_from([INVITED, ACTIVE, SUSPENDED])),
            draw(moments),
            draw(st.none() | moments),
            draw(st.none() | moments),
            draw(st.none() | st.sampled_from(list(Role))),
            draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


def test_those_who_never_came_go_before_those_who_came_least() -> None:
    sitting = [
        Sitting(1, ACTIVE, NOW - 90 * DAY, last_used_at=NOW - DAY),
        Sitting(2, ACTIVE, NOW - 90 * DAY, last_used_at=NOW - 40 * DAY),
        Sitting(3, ACTIVE, NOW - 90 * DAY),
        Sitting(4, SUSPENDED, NOW - 90 * DAY, suspended_at=NOW - DAY),
        Sitting(5, INVITED, NOW - 3 * DAY),
        Sitting(6, INVITED, NOW - 2 * DAY),
        Sitting(7, ACTIVE, NOW - 90 * DAY, role=Role.OWNER),
        Sitting(8, INVITED, NOW - DAY, protected=True),
    ]

    assert [one.seat_id for one in leaving(sitting, 100)] == [6, 5, 4, 3, 2, 1]
    assert [one.seat_id for one in leaving(sitting, 2)] == [6, 5]


@given(pools(), st.integers(-2, 15))
def test_as_many_go_as_are_too_many_and_never_who_is_exempt(sitting: list[Sitting], too_many: int) -> None:
    gone = leaving(sitting, too_many)

    assert len(gone) == min(max(too_many, 0), sum(not exempt(one) for one in sitting))
    assert not any(exempt(one) for one in gone)
    assert len({one.seat_id for one in gone}) == len(gone)


@given(pools(), st.integers(0, 12), st.integers(0, 12))
def test_whoever_goes_when_few_are_too_many_goes_when_more_are(sitting: list[Sitting], few: int, more: int) -> None:
    assert leaving(sitting, few + more)[:few] == leaving(sitting, few)


@given(pools(), st.randoms(use_true_random=False))
def test_the_order_is_one_whatever_order_they_are_read_in(sitting: list[Sitting], chance: Random) -> None:
    shuffled = list(sitting)
    chance.shuffle(shuffled)

    groups = [list(ReleaseReason).index(reason(one)) for one in leaving(sitting, 100)]
    assert leaving(shuffled, 100) == leaving(sitting, 100)
    assert groups == sorted(groups)
