"""How often an invitation is sent anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.resending import MOST_IN_ALL, MOST_TO_ONE, WITHIN, ResentTooOften, check

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
instants = st.lists(st.integers(0, 3_599).map(lambda ago: NOW - timedelta(seconds=ago)), max_size=12)


def refusal(sent: list[datetime]) -> ResentTooOften | None:
    """Why an address to which letters went at these instants gets none now."""
    try:
        check(sent, [])
    except ResentTooOften as refused:
        return refused
    return None


def test_the_fifth_letter_waits_until_the_first_is_an_hour_old() -> None:
    sent = [NOW - timedelta(minutes=minutes) for minutes in (50, 40, 30, 20)]

    check(sent[1:], [])
    with pytest.raises(ResentTooOften) as refused:
        check(sent, [])

    assert refused.value.again_at == NOW + timedelta(minutes=10)
    assert str(refused.value).endswith("Try again after 12:10 UTC.")


def test_all_of_a_workspace_count_too() -> None:
    with pytest.raises(ResentTooOften):
        check([], [NOW] * MOST_IN_ALL)

    check([], [NOW] * (MOST_IN_ALL - 1))


@given(instants)
def test_when_it_may_be_sent_again_fewer_than_the_most_went_out_within_the_hour(sent: list[datetime]) -> None:
    refused = refusal(sent)

    if refused is None:
        assert len(sent) < MOST_TO_ONE
    else:
        assert refused.again_at > NOW
        assert len([one for one in sent if one > refused.again_at - WITHIN]) < MOST_TO_ONE
