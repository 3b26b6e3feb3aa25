"""Requests: what becomes of one by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidInput
from seats.requesting import (
    LONGEST_NOTE,
    REQUESTED_FOR,
    RequestSettled,
    RequestState,
    check_open,
    note_of,
    outcome,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
moments = st.timedeltas(-2 * REQUESTED_FOR, 2 * REQUESTED_FOR).map(lambda by: NOW + by)


def refused(state: RequestState, expires_at: datetime) -> bool:
    try:
        check_open(state, expires_at, NOW)
    except RequestSettled:
        return True
    return False


def test_a_request_is_open_until_its_last_moment() -> None:
    assert not refused(RequestState.OPEN, NOW + timedelta(microseconds=1))
    assert refused(RequestState.OPEN, NOW)


@given(st.booleans(), st.booleans(), st.booleans(), moments)
def test_a_request_that_nothing_became_of_can_be_decided(
    seated: bool, closed: bool, gone: bool, expires_at: datetime
) -> None:
    became = outcome(seated=seated, closed=closed, gone=gone, expires_at=expires_at, now=NOW)

    assert (became is RequestState.WITHDRAWN) == (seated or closed or gone)
    assert became is not None or not refused(RequestState.OPEN, expires_at)
    assert became is not RequestState.EXPIRED or refused(RequestState.OPEN, expires_at)


@given(st.sampled_from(RequestState), moments)
def test_what_is_settled_is_decided_no_more(state: RequestState, expires_at: datetime) -> None:
    assert refused(state, expires_at) == (state is not RequestState.OPEN or expires_at <= NOW)


def test_a_note_is_a_text_of_limited_length() -> None:
    assert note_of("x" * LONGEST_NOTE) == "x" * LONGEST_NOTE
    assert note_of("") is note_of(None) is None
    with pytest.raises(InvalidInput):
        note_of("x" * (LONGEST_NOTE + 1))
