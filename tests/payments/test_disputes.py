"""Disputes: where they are by all that was seen, what they move, and what may be done."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from payments.disputes import (
    ANSWERABLE,
    DECIDED,
    INQUIRIES,
    DisputeNotAnswerable,
    DisputeOutcome,
    DisputeState,
    DisputeStep,
    Moved,
    Movement,
    Position,
    check,
    internal,
    moved,
    outcome,
    precedes,
    refundable,
    seen,
    standing,
    steps,
    together,
)

S = DisputeState
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
states = st.sampled_from(S)
sightings = st.dictionaries(states, st.integers(1, 50), min_size=1)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def told(*news: tuple[DisputeState, int]) -> dict[DisputeState, int]:
    known: dict[DisputeState, int] = {}
    for state, at in news:
        known = seen(known, state, datetime.fromtimestamp(at, UTC))
    return known


@given(states, states, states)
def test_statuses_are_in_a_partial_order(a: S, b: S, c: S) -> None:
    assert precedes(a, a)
    assert not (precedes(a, b) and precedes(b, a)) or a is b
    assert not (precedes(a, b) and precedes(b, c)) or precedes(a, c)


@given(sightings, sightings, sightings)
def test_news_come_to_the_same_in_any_order_and_any_number(a: dict[S, int], b: dict[S, int], c: dict[S, int]) -> None:
    one = together(together(a, b), c)
    other = together(c, together(b, together(a, b)))

    assert one == other
    assert standing(one) is standing(other)


@given(sightings)
def test_nothing_seen_comes_after_where_a_dispute_is_but_a_decided_appeal(
    known: dict[S, int],
) -> None:
    at = standing(known)

    later = [state for state in known if precedes(at, state) and state is not at]
    assert at in known
    assert all(known[state] < known[at] for state in later)


@pytest.mark.parametrize(
    ("life", "ends"),
    [
        ([S.NEEDS_RESPONSE, S.UNDER_REVIEW, S.WON], S.WON),
        ([S.WARNING_NEEDS_RESPONSE, S.WARNING_UNDER_REVIEW, S.WARNING_CLOSED], S.WARNING_CLOSED),
        ([S.WARNING_NEEDS_RESPONSE, S.NEEDS_RESPONSE, S.LOST], S.LOST),
        ([S.NEEDS_RESPONSE, S.PREVENTED], S.PREVENTED),
        ([S.UNDER_REVIEW, S.LOST, S.APPEAL_NEEDS_RESPONSE], S.APPEAL_NEEDS_RESPONSE),
        ([S.UNDER_REVIEW, S.LOST, S.APPEAL_NEEDS_RESPONSE, S.APPEAL_UNDER_REVIEW, S.WON], S.WON),
        ([S.UNDER_REVIEW, S.WON, S.APPEAL_NEEDS_RESPONSE, S.LOST], S.LOST),
    ],
)
def test_a_life_ends_the_same_whichever_way_it_is_told(life: list[S], ends: S) -> None:
    news = [(state, at) for at, state in enumerate(life, 100)]

    assert standing(told(*news)) is ends
    assert standing(told(*reversed(news))) is ends
    assert standing(told(*news, news[0])) is ends


def test_our_deadline_is_two_days_before_the_banks() -> None:
    due = NOW + timedelta(days=9)

    assert internal(due, NOW) == NOW + timedelta(days=7)
    assert internal(NOW + timedelta(days=1), NOW) == NOW
    assert internal(None, NOW) is None


def test_what_may_be_done_depends_on_where_it_is() -> None:
    due = NOW + timedelta(days=5)

    assert steps(Position(S.NEEDS_RESPONSE, due, submitted=False), NOW) == {
        DisputeStep.STAGE,
        DisputeStep.SUBMIT,
        DisputeStep.ACCEPT,
    }
    assert steps(Position(S.WARNING_NEEDS_RESPONSE, due, submitted=False), NOW) == set(DisputeStep)
    assert steps(Position(S.NEEDS_RESPONSE, None, submitted=False), NOW) == {DisputeStep.ACCEPT}
    assert steps(Position(S.NEEDS_RESPONSE, NOW, submitted=False), NOW) == {DisputeStep.ACCEPT}
    assert steps(Position(S.UNDER_REVIEW, due, submitted=True), NOW) == set()


@given(states, st.one_of(st.none(), st.integers(-3, 3)), st.booleans(), st.sampled_from(DisputeStep))
def test_whatever_may_not_be_done_is_refused_with_a_reason(
    state: S, days: int | None, submitted: bool, step: DisputeStep
) -> None:
    position = Position(state, None if days is None else NOW + timedelta(days=days), submitted)

    if step in steps(position, NOW):
        check(position, step, NOW)
        assert state in ANSWERABLE | INQUIRIES
        assert state not in DECIDED
    else:
        with pytest.raises(DisputeNotAnswerable):
            check(position, step, NOW)


def movement(number: int, amount: int, fee: int = 0, currency: str = "USD") -> Movement:
    return Movement(f"txn_{number}", Money(amount, currency), Money(fee, currency))


def test_a_dispute_takes_its_amount_and_a_fee_and_gives_back_what_was_won() -> None:
    taken = moved(usd(20_00), [movement(1, -20_00, 15_00)])
    won = moved(usd(20_00), [movement(1, -20_00, 15_00), movement(2, 20_00)])

    assert taken == Moved(usd(20_00), usd(0), usd(15_00))
    assert won == Moved(usd(20_00), usd(20_00), usd(15_00))
    assert outcome(S.WON, won) is DisputeOutcome.WON
    assert outcome(S.NEEDS_RESPONSE, taken) is None
    assert outcome(S.LOST, taken) is DisputeOutcome.LOST


def test_part_of_a_lost_dispute_may_come_back() -> None:
    part = moved(usd(20_00), [movement(1, -20_00, 15_00), movement(2, 5_00)])

    assert (part.reinstated, part.away) == (usd(5_00), usd(15_00))
    assert outcome(S.LOST, part) is DisputeOutcome.PARTLY_WON


def test_what_is_settled_in_another_currency_comes_back_by_its_share() -> None:
    half = moved(usd(20_00), [movement(1, -18_00, 15_00, "EUR"), movement(2, 9_00, 0, "EUR")])

    assert half == Moved(usd(20_00), usd(10_00), Money(15_00, "EUR"))


def test_what_an_appeal_takes_again_is_away_once() -> None:
    again = moved(usd(20_00), [movement(1, -20_00), movement(2, 20_00), movement(3, -20_00)])

    assert again.away == usd(20_00)


@given(st.integers(1, 10**9), st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 2000)), max_size=5))
def test_never_more_comes_back_than_was_taken_whatever_is_told_twice(
    disputed: int, rows: list[tuple[int, int]]
) -> None:
    movements = [movement(number, amount, fee) for number, (amount, fee) in enumerate(rows)]

    money = moved(usd(disputed), [*movements, *movements])

    assert usd(0) <= money.reinstated <= money.withdrawn <= usd(disputed)
    assert money == moved(usd(disputed), reversed(movements))


def test_what_a_dispute_took_is_not_refunded_but_an_inquiry_may_be() -> None:
    left = refundable(usd(100_00), usd(10_00), [(S.WARNING_NEEDS_RESPONSE, usd(100_00)), (S.WON, usd(5_00))])

    assert left == usd(90_00)
    assert refundable(usd(100_00), usd(10_00), [(S.LOST, usd(30_00))]) == usd(60_00)
    assert refundable(usd(100_00), usd(10_00), [(S.NEEDS_RESPONSE, usd(100_00))]) == usd(0)
