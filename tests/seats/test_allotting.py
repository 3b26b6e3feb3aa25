"""Allotting: what a seat group may have of a pool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidInput, Problem
from seats.allotting import MOST_SEATS, AllocationTaken, SeatsNotFree, allocation_of, check_allocation, free

counts = st.integers(0, 200)


def test_what_is_neither_taken_nor_set_apart_is_free() -> None:
    assert free(purchased=10, assigned=3, set_apart=5) == 2


def test_a_pool_that_got_smaller_has_nothing_free() -> None:
    assert free(purchased=6, assigned=3, set_apart=5) == 0


@given(counts, counts, counts, counts)
def test_an_allocation_that_is_let_through_fits(assigned: int, before: int, wanted: int, room: int) -> None:
    before = max(assigned, before)

    try:
        check_allocation(assigned, before, wanted, room)
    except AllocationTaken:
        assert wanted < assigned
    except SeatsNotFree:
        assert wanted - before > room
    else:
        assert assigned <= wanted <= before + room


@pytest.mark.parametrize("room", [-3, 0])
def test_a_refusal_tells_of_no_fewer_free_seats_than_none(room: int) -> None:
    with pytest.raises(Problem) as refused:
        check_allocation(0, 1, 2, room)

    assert isinstance(refused.value, SeatsNotFree)
    assert (refused.value.free, refused.value.wanted) == (0, 1)


@pytest.mark.parametrize("seats", [-1, MOST_SEATS + 1])
def test_an_allocation_is_a_number_of_seats(seats: int) -> None:
    with pytest.raises(InvalidInput, match=r"0 to 100,000 seats"):
        allocation_of(seats)
