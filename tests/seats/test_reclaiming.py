"""Reclaiming: who is told of a seat that nobody uses, when it is taken back, and who keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.policy import Role
from kernel.errors import InvalidInput
from seats.reclaiming import NOTICE, REMEMBERED, REMINDER, Idle, Notice, ReclaimStep, announced, days_of, step
from seats.seating import SeatState
from seats.shrinking import Sitting

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


def seat(state: SeatState = SeatState.ACTIVE, *, role: Role = Role.MEMBER, protected: bool = False) -> Sitting:
    """A seat that somebody got at the start and never used."""
    return Sitting(1, state, START, role=role, protected=protected)


def life(
    after: timedelta, uses: list[datetime], until: datetime, every: timedelta
) -> dict[ReclaimStep, list[datetime]]:
    """What is done about a seat that is looked at again and again, until it is taken back; by what was done."""
    done: dict[ReclaimStep, list[datetime]] = {each: [] for each in ReclaimStep}
    now, notice = START, None
    while now <= until:
        used = [moment for moment in uses if moment <= now]
        idle = Idle(Sitting(1, SeatState.ACTIVE, START, None, max(used) if used else None), notice, after)
        due = step(idle, now)
        if due is not None:
            done[due].append(now)
        if due is ReclaimStep.NOTICE:
            notice = Notice(now, announced(idle, now, NOTICE))
        elif due is ReclaimStep.REMIND and notice:
            notice = Notice(notice.noticed_at, announced(idle, now, REMINDER), now)
        elif due is ReclaimStep.FORGET:
            notice = None
        elif due is ReclaimStep.RECLAIM:
            return done
        now += every
    return done


def test_a_seat_that_nobody_uses_for_sixty_days_goes_after_two_letters() -> None:
    done = life(60 * DAY, [], START + 90 * DAY, DAY)

    assert done == {
        ReclaimStep.NOTICE: [START + 46 * DAY],
        ReclaimStep.REMIND: [START + 57 * DAY],
        ReclaimStep.RECLAIM: [START + 60 * DAY],
        ReclaimStep.FORGET: [],
    }


def test_whoever_comes_back_after_the_last_letter_keeps_the_seat() -> None:
    done = life(60 * DAY, [START + 59 * DAY], START + 90 * DAY, DAY)

    assert done[ReclaimStep.FORGET] == [START + 59 * DAY]
    assert done[ReclaimStep.RECLAIM] == []


@pytest.mark.parametrize(
    "left",
    [seat(SeatState.SUSPENDED), seat(SeatState.INVITED), seat(role=Role.OWNER), seat(protected=True)],
    ids=["suspended", "invited", "owner", "protected"],
)
def test_some_seats_are_left_alone(left: Sitting) -> None:
    late = START + 400 * DAY
    told = Notice(START + 50 * DAY, START + 64 * DAY, START + 61 * DAY)

    assert step(Idle(left, None, 30 * DAY), late) is None
    assert step(Idle(left, told, 30 * DAY), late) is ReclaimStep.FORGET
    assert step(Idle(seat(), told, None), late) is ReclaimStep.FORGET


@given(
    st.integers(14, 60),
    st.lists(st.integers(0, 120 * 24), max_size=5),
    st.integers(1, 40),
)
def test_nobody_loses_a_seat_without_letters_and_days_to_come_back(after: int, used: list[int], hours: int) -> None:
    uses = sorted(START + timedelta(hours=moment) for moment in used)

    done = life(after * DAY, uses, START + 220 * DAY, timedelta(hours=hours))

    assert done[ReclaimStep.RECLAIM], "a seat that is used no more goes in the end"
    (gone,) = done[ReclaimStep.RECLAIM]
    told, reminded = done[ReclaimStep.NOTICE][-1], done[ReclaimStep.REMIND][-1]
    last = max([START, *[moment + REMEMBERED for moment in uses if moment <= gone]])
    assert gone - last >= after * DAY
    assert gone - told >= NOTICE
    assert gone - reminded >= REMINDER
    assert not any(told <= moment <= gone for moment in uses)


@pytest.mark.parametrize("days", [-1, 0, 13, 731])
def test_days_that_are_none_are_refused(days: int) -> None:
    with pytest.raises(InvalidInput):
        days_of(days)
