"""What follows an invoice that is not paid, as a plan of steps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.dunning import CHARGING, STANDARD, Course, Delay, Schedule, Step, StepKind, Steps, ahead, due, steps
from kernel.time import zone

DUE = datetime(2026, 3, 27, 22, 30, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def days_of(planned: list[Step], kind: StepKind, name: str = BERLIN) -> list[str]:
    return [f"{step.at.astimezone(zone(name)):%m-%d %H:%M}" for step in planned if step.kind is kind]


def test_days_are_counted_on_the_account_s_calendar_across_daylight_saving() -> None:
    planned = steps(STANDARD, Course.SCHEDULE, DUE, BERLIN)

    charged = ["03-28 09:00", "03-30 09:00", "04-01 09:00", "04-03 09:00", "04-06 09:00", "04-10 09:00", "04-14 09:00"]
    assert days_of(planned, StepKind.CHARGE) == charged
    assert days_of(planned, StepKind.TAKE_ACCESS) == ["04-10 09:00"]
    assert days_of(planned, StepKind.END) == ["04-17 09:00"]


def test_hours_are_exact_and_the_first_reminder_comes_at_once() -> None:
    planned = steps(STANDARD, Course.TECHNICAL, DUE, BERLIN)

    assert planned[0] == Step(DUE + timedelta(hours=2), StepKind.CHARGE)
    assert steps(STANDARD, Course.ASK, DUE, BERLIN)[0] == Step(DUE, StepKind.REMIND)


@pytest.mark.parametrize("course", [Course.NEVER, Course.ASK, Course.SENT])
def test_what_must_not_be_charged_by_itself_is_not_whatever_the_schedule_says(course: Course) -> None:
    careless = replace(STANDARD, courses={course: Steps(charge=(Delay(days=1),))})

    assert days_of(steps(careless, course, DUE, BERLIN), StepKind.CHARGE) == []


def test_a_worker_that_was_away_for_a_week_charges_once() -> None:
    planned = steps(STANDARD, Course.SCHEDULE, DUE, BERLIN)

    assert due(planned, DUE, DUE + timedelta(days=8)) == [StepKind.CHARGE, StepKind.REMIND]
    assert due(planned, DUE, DUE + timedelta(days=60)) == [StepKind.END]


delays = st.one_of(
    st.integers(0, 40).map(lambda days: Delay(days=days)), st.integers(1, 96).map(lambda hours: Delay(hours=hours))
)
schedules = st.builds(
    Schedule,
    key=st.just("any"),
    courses=st.dictionaries(
        st.sampled_from(Course),
        st.builds(Steps, st.lists(delays, max_size=8).map(tuple), st.lists(delays, max_size=5).map(tuple)),
    ),
    end_after=st.integers(1, 40).map(lambda days: Delay(days=days)),
    end=st.sampled_from(["canceled", "unpaid", "uncollectible"]),
    access=st.none() | delays,
    hour=st.integers(0, 23),
)
instants = st.integers(0, 365 * 24 * 60).map(lambda minutes: DUE + timedelta(minutes=minutes))
zones = st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"])


@given(schedules, st.sampled_from(Course), instants, zones)
def test_a_plan_is_in_order_begins_when_it_is_due_and_ends_once(
    schedule: Schedule, course: Course, start: datetime, name: str
) -> None:
    planned = steps(schedule, course, start, name)

    instants_of = [step.at for step in planned]
    assert instants_of == sorted(instants_of)
    assert instants_of[0] >= start
    assert [step.kind for step in planned].count(StepKind.END) == 1
    assert planned[-1].kind is StepKind.END
    assert course in CHARGING or StepKind.CHARGE not in {step.kind for step in planned}


@given(schedules, st.sampled_from(Course), instants, zones, st.lists(st.integers(0, 20_000), max_size=30))
def test_whenever_somebody_looks_each_step_is_taken_at_most_once_and_the_end_last(
    schedule: Schedule, course: Course, start: datetime, name: str, looks: list[int]
) -> None:
    planned = steps(schedule, course, start, name)
    now, taken_until, done = start, None, []

    for minutes in [*looks, 200_000]:
        now += timedelta(minutes=minutes)
        if StepKind.END not in done:
            done += due(planned, taken_until, now)
        taken_until = now

    assert done[-1] is StepKind.END
    assert ahead(planned, taken_until) == []
    for kind in StepKind:
        assert done.count(kind) <= sum(step.kind is kind for step in planned)
