"""What follows a decline, and how often the networks let us ask."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import retries
from payments.retries import NETWORK_LIMITS, DeclineClass, allowed_from, classify, follows, shown
from payments.sandbox.declines import DECLINES

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("reasons", "follows"),
    [
        ("stolen_card lost_card pickup_card revocation_of_authorization expired_card invalid_account", "never"),
        ("incorrect_number highest_risk_level fraudulent merchant_blacklist", "never"),
        ("authentication_required incorrect_cvc incorrect_zip card_not_supported currency_not_supported", "ask"),
        ("processing_error issuer_not_available reenter_transaction try_again_later", "technical"),
        ("insufficient_funds generic_decline do_not_honor card_velocity_exceeded duplicate_transaction", "schedule"),
    ],
)
def test_what_follows_is_said_by_the_reason(reasons: str, follows: str) -> None:
    for reason in reasons.split():
        told = DECLINES[reason]

        assert classify(told.code, told.decline_code, told.advice) == follows, reason


def test_the_bank_s_advice_is_followed_where_it_is_stricter() -> None:
    assert classify("card_declined", "generic_decline", "do_not_try_again") is DeclineClass.NEVER
    assert classify("card_declined", "generic_decline", "confirm_card_data") is DeclineClass.ASK
    assert classify("card_declined", "stolen_card", "try_again_later") is DeclineClass.NEVER


def test_a_word_that_no_bank_has_said_before_is_tried_another_day() -> None:
    assert classify("card_declined", "mercury_in_retrograde", "sleep_on_it") is DeclineClass.SCHEDULE
    assert classify(None, None, None) is DeclineClass.SCHEDULE


def test_a_customer_is_not_told_that_a_card_counts_as_stolen() -> None:
    for hidden in ("lost_card", "stolen_card", "fraudulent", "merchant_blacklist"):
        assert shown(hidden) == "generic_decline"
    assert shown("insufficient_funds") == "insufficient_funds"
    assert shown(None) is None


@pytest.mark.parametrize(
    ("kind", "reason", "tries", "days", "expected"),
    [
        ("us_bank_account", "insufficient_funds", 1, 0, "schedule"),
        ("us_bank_account", "insufficient_funds", 2, 13, "schedule"),
        ("us_bank_account", "insufficient_funds", 3, 13, "ask"),
        ("us_bank_account", "insufficient_funds", 2, 14, "ask"),
        ("us_bank_account", "generic_could_not_process", 1, 0, "ask"),
        ("us_bank_account", "account_closed", 1, 0, "never"),
        ("sepa_debit", "insufficient_funds", 1, 0, "ask"),
        ("card", "insufficient_funds", 9, 20, "schedule"),
        ("card", "service_not_allowed", 3, 5, "schedule"),
        ("card", "service_not_allowed", 4, 7, "ask"),
    ],
)
def test_debits_have_rules_of_their_own(kind: str, reason: str, tries: int, days: int, expected: str) -> None:
    code = "card_declined" if kind == "card" else "payment_intent_payment_attempt_failed"

    assert follows(code, reason, None, kind=kind, tries=tries, since_first=days * DAY) == expected


@pytest.mark.parametrize(
    ("brand", "tries", "wait"),
    [
        ("visa", [DAY] * 19, timedelta(0)),
        ("visa", [DAY] * 20, 29 * DAY),
        ("Visa", [29 * DAY, *[DAY] * 19], DAY),
        ("mastercard", [timedelta(hours=1)] * 9, timedelta(0)),
        ("mastercard", [timedelta(hours=1)] * 10, timedelta(hours=23)),
        ("mastercard", [2 * DAY] * 35, 28 * DAY),
        ("amex", [timedelta(0)] * 100, timedelta(0)),
    ],
)
def test_networks_count_the_tries_at_a_card(brand: str, tries: list[timedelta], wait: timedelta) -> None:
    assert allowed_from(brand, [NOW - ago for ago in tries], NOW) == NOW + wait


minutes = st.integers(0, 3 * 24 * 60).map(lambda number: timedelta(minutes=number))


@given(st.sampled_from(["visa", "mastercard"]), st.lists(minutes, max_size=120))
def test_whoever_waits_as_long_as_told_never_exceeds_a_limit(brand: str, wishes: list[timedelta]) -> None:
    made: list[datetime] = []
    now = NOW

    for wish in wishes:
        now = allowed_from(brand, made, now + wish)
        made.append(now)

    for limit in (limit for limit in NETWORK_LIMITS if limit.brand == brand):
        for at in made:
            assert sum(at - limit.within < other <= at for other in made) <= limit.most


@given(st.sampled_from(["visa", "mastercard"]), st.lists(minutes, max_size=60))
def test_nobody_waits_longer_than_a_limit_asks(brand: str, ago: list[timedelta]) -> None:
    tries = [NOW - each for each in ago]

    at = allowed_from(brand, tries, NOW)

    limits = [limit for limit in NETWORK_LIMITS if limit.brand == brand]
    before = at - timedelta(seconds=1)
    full = any(sum(before - limit.within < one <= before for one in tries) >= limit.most for limit in limits)
    assert at == NOW or full
    assert at - NOW <= retries.COUNTED
