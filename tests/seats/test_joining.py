"""Joining: what becomes of one's own subscription beside the seats of a workspace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from billing.entitlements import Entitlement, flag, held, limit
from seats.joining import OwnOutcome, outcome

features = st.sampled_from(["search", "export", "models"])
plans = st.lists(
    st.builds(lambda feature, on: flag(feature, on=on), features, st.booleans())
    | st.builds(limit, st.sampled_from(["queries", "files"]), st.none() | st.integers(0, 5)),
    max_size=6,
    unique_by=lambda one: one.feature,
)


def test_a_lower_seat_covers_no_higher_plan() -> None:
    own, seat = [limit("queries", 600)], [limit("queries", 100)]

    assert outcome(own, [seat]) is OwnOutcome.CONTINUES
    assert outcome(seat, [own]) is OwnOutcome.COVERED


def test_two_seats_cover_together_what_neither_does_alone() -> None:
    own = [flag("search", on=True), flag("export", on=True)]
    seats = [[flag("search", on=True)], [flag("export", on=True)]]

    assert outcome(own, seats) is OwnOutcome.COVERED
    assert outcome(own, seats[:1]) is OwnOutcome.CONTINUES


@given(plans)
def test_nothing_is_covered_without_a_seat(own: list[Entitlement]) -> None:
    assert outcome(own, []) is OwnOutcome.CONTINUES


@given(plans, st.lists(plans, min_size=1, max_size=3))
def test_whoever_cancels_what_is_covered_loses_nothing(own: list[Entitlement], seats: list[list[Entitlement]]) -> None:
    covered = outcome(own, seats) is OwnOutcome.COVERED

    assert covered == (held([own, held(seats).values()]) == held(seats))


@given(plans, st.lists(plans, max_size=2))
def test_a_seat_of_the_same_plan_covers_it(own: list[Entitlement], others: list[list[Entitlement]]) -> None:
    assert outcome(own, [*others, own]) is OwnOutcome.COVERED
