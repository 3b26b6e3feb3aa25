"""Listing: what comes of each row of a sheet, and what pools would buy for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auth.policy import Role
from seats.listing import SEATED, Known, OpenPool, RowOutcome, bought, verdicts
from seats.sheets import Row

few = st.integers(0, 12)
MEMBERS = frozenset({Role.MEMBER})


def rows(count: int) -> list[Row]:
    """A sheet of so many people, every one of whom is new."""
    return [Row(line, f"p{line}@x.test", "", "") for line in range(2, count + 2)]


def pool(free: int, growth: int = 0) -> OpenPool:
    """A pool with so much room, that may buy so much more."""
    return OpenPool(1, "Seats", "team", 20, free, growth)


def known(one: OpenPool) -> Known:
    """A workspace with one pool, and nobody of the list."""
    return Known({"seats": [one]}, {}, {}, frozenset())


@given(few, few, few)
def test_a_list_buys_what_is_missing_and_no_more(free: int, growth: int, people: int) -> None:
    one = pool(free, growth)

    told = verdicts(rows(people), known(one), one, MEMBERS)

    seated = sum(each.outcome in SEATED for each in told)
    assert seated == min(people, free + growth)
    assert bought(told, known(one)).get(one.id, 0) == max(seated - free, 0) <= growth


@given(few, few)
def test_whoever_finds_no_seat_has_one_requested_where_an_admin_decides(free: int, people: int) -> None:
    one = pool(free)

    told = verdicts(rows(people), known(one), one, MEMBERS, requests=True)

    assert [each.outcome for each in told] == [
        RowOutcome.INVITED if place < free else RowOutcome.REQUESTED for place in range(people)
    ]
    assert bought(told, known(one)) == {}


def test_why_a_pool_buys_no_more_is_told() -> None:
    one = OpenPool(1, "Seats", "team", 2, 0, 0, "Ask whoever buys.")

    (told,) = verdicts(rows(1), known(one), one, MEMBERS)

    assert (told.outcome, told.says) == (RowOutcome.NO_SEAT_LEFT, "All 2 seats of Seats are taken. Ask whoever buys.")
