"""What a report of use may say, and in which stretches of time it is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import metered
from billing.agreement import Agreement, Pause
from billing.catalog import ListPrice
from billing.metered import MeteredItem
from billing.metering import GRACE, Holding, Meter, Refused, Report, Taken, judged, quantity_of
from billing.periods import anniversary
from billing.price_rules import read
from billing.rating import Aggregation
from kernel.time import Interval, Period

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
PRICE = ListPrice("searches", "USD", read({"model": "per_unit", "amount": "1"}), meter="searches")
MONTHS = Agreement((anniversary(datetime(2026, 1, 1, tzinfo=UTC), Interval.MONTH),))
ITEM = MeteredItem("1", PRICE, datetime(2026, 1, 1, tzinfo=UTC))


def held(meter: Meter | None = None, **terms: Any) -> dict[str, list[Holding]]:
    kept = meter or Meter("searches")
    told = {"since": datetime(2026, 1, 1, tzinfo=UTC), "until": None, "opens": MARCH} | terms
    return {kept.key: [Holding(7, kept, **told)]}


def report(**said: Any) -> Report:
    return Report(**{"key": "k", "meter": "searches", "at": NOW} | said)


NO_NUMBERS = [
    *("NaN", "Infinity", "-inf", "", "five", "0x1", "1_0", "1_000_000_000_000", "\N{FULLWIDTH DIGIT ONE}"),
    *("1e400", Decimal("1E+400"), "1e-400", Decimal("NaN"), 10**30, "1" + "0" * 12, "0.1234567891"),
    *(0.5, True, None, [1]),
]


@pytest.mark.parametrize("written", NO_NUMBERS)
def test_what_is_no_plain_decimal_is_no_quantity(written: Any) -> None:
    assert quantity_of(written) is None
    assert isinstance(judged(report(quantity=written), held(), NOW), Refused)


@given(st.decimals(min_value=0, max_value=Decimal(999999999999), places=9))
def test_a_decimal_is_taken_exactly(number: Decimal) -> None:
    assert quantity_of(str(number)) == quantity_of(number) == number


def test_a_tenth_and_two_tenths_are_three_tenths() -> None:
    first, second = quantity_of("0.1"), quantity_of(Decimal("0.2"))

    assert first is not None
    assert second is not None
    assert first + second == quantity_of("0.3")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"key": ""}, "A key is 1 to 100 printable"),
        ({"key": "~k"}, "A key is 1 to 100 printable"),
        ({"key": "k" * 101}, "A key is 1 to 100 printable"),
        ({"key": "a\nb"}, "A key is 1 to 100 printable"),
        ({"meter": "miles"}, 'no meter "miles"'),
        ({"at": None}, "says when it was"),
        ({"at": NOW.replace(tzinfo=None)}, "says when it was"),
        ({"at": NOW + timedelta(minutes=6)}, "is yet to come"),
        ({"at": MARCH - timedelta(microseconds=1)}, "Its period is closed"),
        ({"at": datetime(2025, 1, 1, tzinfo=UTC)}, "No subscription of this account counted"),
        ({"subscription_id": 8}, "No subscription of this account counted"),
        ({"quantity": "-1"}, "not below zero"),
        ({"properties": {"a": {"b": 1}}}, "none inside another"),
        ({"properties": [1]}, "none inside another"),
        ({"properties": {"a": "x" * 3000}}, "up to 2,048 bytes"),
        ({"properties": {"a": "\x00"}}, "NUL"),
    ],
)
def test_a_report_that_cant_count_is_told_why(said: dict[str, Any], why: str) -> None:
    found = judged(report(**said), held(), NOW)

    assert isinstance(found, Refused)
    assert why in found.says


def test_a_clock_may_be_a_little_ahead_and_the_first_instant_of_an_open_period_counts() -> None:
    for at in (NOW + timedelta(minutes=5), MARCH):
        assert isinstance(judged(report(at=at), held(), NOW), Taken)


def test_of_two_subscriptions_that_count_the_report_says_which() -> None:
    two = {"searches": [*held()["searches"], Holding(8, Meter("searches"), MARCH, None, MARCH)]}

    unsure = judged(report(), two, NOW)
    sure = judged(report(subscription_id=8), two, NOW)

    assert isinstance(unsure, Refused)
    assert "Say which" in unsure.says
    assert isinstance(sure, Taken)
    assert sure.holding.subscription_id == 8


def test_a_meter_may_count_what_a_property_says() -> None:
    tokens = held(Meter("searches", value="tokens"))
    people = held(Meter("searches", Aggregation.UNIQUE, distinct="person"))

    counted = judged(report(properties={"tokens": "12.5"}), tokens, NOW)
    known = judged(report(properties={"person": "ada"}), people, NOW)

    assert isinstance(counted, Taken)
    assert isinstance(known, Taken)
    assert (counted.quantity, known.subject) == (Decimal("12.5"), "ada")
    assert isinstance(judged(report(), tokens, NOW), Refused)
    assert isinstance(judged(report(), people, NOW), Refused)


def test_a_level_may_fall() -> None:
    level = held(Meter("searches", Aggregation.WEIGHTED))

    assert isinstance(judged(report(quantity="-2"), level, NOW), Taken)


def test_a_bill_states_the_month_that_is_over_and_the_one_before_that_was_still_open() -> None:
    spans = [stretch.span for stretch in metered.over(MONTHS, [ITEM], MARCH)]

    assert spans == [
        Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        Period(datetime(2026, 2, 1, tzinfo=UTC), MARCH),
    ]


def test_a_plan_that_changed_in_mid_month_has_two_stretches() -> None:
    before = MeteredItem("1", PRICE, ITEM.since, NOW)
    after = MeteredItem("2", PRICE, NOW)

    told = metered.over(MONTHS, [before, after], NOW)
    renewed = metered.over(MONTHS, [before, after], datetime(2026, 4, 1, tzinfo=UTC))

    assert Period(MARCH, NOW) in [stretch.span for stretch in told]
    assert [(stretch.item.key, stretch.span.start) for stretch in renewed if stretch.span.start >= MARCH] == [
        ("1", MARCH),
        ("2", NOW),
    ]


def test_nothing_counts_on_trial_or_while_paused() -> None:
    paused = Period(MARCH + timedelta(days=3), MARCH + timedelta(days=5))
    agreed = Agreement(MONTHS.cycles, trial_until=MARCH, pauses=(Pause(paused.start, paused.end),))

    told = metered.over(agreed, [ITEM], datetime(2026, 4, 1, tzinfo=UTC))

    assert [stretch.span.start for stretch in told] == [MARCH]
    assert told[0].counted == (Period(MARCH, paused.start), Period(paused.end, told[0].span.end))


def test_a_period_that_is_paused_all_along_owes_not_even_a_minimum() -> None:
    april = datetime(2026, 4, 1, tzinfo=UTC)
    agreed = Agreement(MONTHS.cycles, pauses=(Pause(MARCH - timedelta(days=1), april + timedelta(days=1)),))

    told = metered.over(agreed, [ITEM], april)

    assert [stretch.span.end for stretch in told] == [MARCH]


@given(st.integers(1, 80), st.sampled_from([Interval.DAY, Interval.WEEK, Interval.MONTH]), st.integers(0, 10**6))
def test_whatever_was_taken_is_stated_by_the_next_bill(day: int, interval: Interval, second: int) -> None:
    cycles = (anniversary(datetime(2026, 1, 1, tzinfo=UTC), interval, zone_name="Europe/Berlin"),)
    agreed = Agreement(cycles)
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second % 86_400)
    at = max(metered.opens(cycles, now), ITEM.since)
    bills = [period.span.start for period in metered.periods.begun(cycles, now + timedelta(days=40)) if period.number]

    following = next(bill for bill in bills if bill > now)

    assert any(at in stretch.span for stretch in metered.over(agreed, [ITEM], following))
    assert now - metered.opens(cycles, now) >= min(GRACE, now - ITEM.since) or now - GRACE < cycles[0].since
