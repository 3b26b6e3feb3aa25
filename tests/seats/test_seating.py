"""The rules of seating, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import Problem
from seats.seating import (
    CONSUMING,
    AlreadySeated,
    PoolClosed,
    PoolExhausted,
    SeatNotHeld,
    SeatState,
    check,
    movable,
)


def refusal(*, purchased: int = 3, assigned: int = 1, closed: bool = False, held: bool = False) -> Problem | None:
    """Why somebody is not seated, or None."""
    try:
        check("Seats", purchased, assigned, closed=closed, email="ada@example.test", held=held)
    except Problem as problem:
        return problem
    return None


def test_a_free_seat_is_given() -> None:
    assert refusal() is None


def test_the_last_seat_is_given_too() -> None:
    assert refusal(purchased=3, assigned=2) is None


def test_a_full_pool_says_how_many_seats_it_has() -> None:
    assert str(refusal(purchased=3, assigned=3)) == "All 3 seats are taken. Release one, or buy more."


def test_a_second_seat_is_not_given_even_where_one_is_free() -> None:
    assert str(refusal(held=True)) == "ada@example.test already has a seat in this pool."


def test_whoever_sits_is_told_so_even_in_a_full_pool() -> None:
    assert isinstance(refusal(purchased=3, assigned=3, held=True), AlreadySeated)


def test_a_closed_pool_tells_that_first() -> None:
    told = refusal(closed=True, held=True, assigned=3)

    assert str(told) == "The subscription behind Seats has ended. Buy seats again first."


@given(st.integers(0, 5), st.integers(0, 5), st.booleans(), st.booleans())
def test_a_seat_is_given_exactly_when_the_pool_is_open_and_has_room_and_the_person_has_none(
    purchased: int, assigned: int, closed: bool, held: bool
) -> None:
    given_one = refusal(purchased=purchased, assigned=assigned, closed=closed, held=held) is None

    assert given_one == (assigned < purchased and not closed and not held)


def test_what_was_invited_or_suspended_takes_a_place_and_what_waits_or_is_over_does_not() -> None:
    assert {SeatState.INVITED, SeatState.ACTIVE, SeatState.SUSPENDED} == CONSUMING


@given(st.sampled_from(SeatState), st.frozensets(st.sampled_from(SeatState)))
def test_a_move_starts_from_the_states_it_may_start_from(state: SeatState, allowed: frozenset[SeatState]) -> None:
    if state in allowed:
        movable(state, allowed)
    else:
        with pytest.raises(SeatNotHeld, match=f"This seat is {state.value}, so this can't be done with it."):
            movable(state, allowed)


@pytest.mark.parametrize("state", SeatState)
def test_every_state_comes_with_advice(state: SeatState) -> None:
    with pytest.raises(SeatNotHeld) as told:
        movable(state, frozenset())

    assert told.value.advice.endswith(".")


@pytest.mark.parametrize("problem", [PoolExhausted(1), PoolClosed("Seats"), AlreadySeated("a@b.test")])
def test_a_refusal_is_told_in_whole_sentences(problem: Problem) -> None:
    assert problem.message.endswith(".")
    assert "{" not in problem.message
