"""One-time passwords by the clock: the figures of RFC 6238, and what counts when."""

from __future__ import annotations

from base64 import b32encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.glass import rules
from kernel.errors import InvalidInput

SECRET = b32encode(b"12345678901234567890").decode()
STEP = timedelta(seconds=30)
NOW = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("second", "digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(second: int, digits: str) -> None:
    # RFC 6238, appendix B, prints eight digits; six are the last six of them.
    assert rules.code(SECRET, datetime.fromtimestamp(second, UTC)) == digits[-6:]


@given(st.integers(-5, 5), st.integers(86_400, 60 * 366 * 86_400))
def test_a_clock_may_be_one_step_off(ahead: int, second: int) -> None:
    now = datetime.fromtimestamp(second, UTC)
    shown = rules.code(SECRET, now, ahead)
    near = [rules.code(SECRET, now, step) for step in (-1, 0, 1)]

    assert (rules.step(SECRET, shown, now, None) is not None) is (shown in near)


def test_a_code_counts_once_and_none_before_it_does_after() -> None:
    shown = rules.code(SECRET, NOW)
    last = rules.step(SECRET, shown, NOW, None)

    assert last is not None
    assert rules.step(SECRET, shown, NOW, last) is None
    assert rules.step(SECRET, shown, NOW + STEP, last) is None
    assert rules.step(SECRET, rules.code(SECRET, NOW, -1), NOW, last) is None
    assert rules.step(SECRET, rules.code(SECRET, NOW, 1), NOW, last) == last + 1


def test_people_type_the_gap_too() -> None:
    shown = rules.code(SECRET, NOW)

    assert rules.step(SECRET, f"{shown[:3]} {shown[3:]}", NOW, None) is not None


@pytest.mark.parametrize("typed", ["", "1", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\0" * 6, "9" * 10_000])
def test_what_is_no_code_is_told_apart_from_a_wrong_one(typed: str) -> None:
    with pytest.raises(InvalidInput, match="6 digits"):
        rules.step(SECRET, typed, NOW, None)


def test_the_door_stays_closed_longer_each_time() -> None:
    closed = [rules.closed_for(failures) for failures in range(1, 16)]

    assert [closed[index] for index in (4, 9, 14)] == [timedelta(minutes=minutes) for minutes in (15, 30, 60)]
    assert [found for found in closed if found is None] == [None] * 12
    assert rules.closed_for(10_000 * rules.TRIES) == timedelta(days=1)


def test_a_secret_has_160_bits_and_an_address_that_apps_read() -> None:
    secrets = {rules.new_secret() for _ in range(50)}

    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {32}
    assert (
        rules.address(SECRET, "ada@acme.test", "Acme & Sons")
        == f"otpauth://totp/Acme%20%26%20Sons%3Aada%40acme.test?secret={SECRET}&issuer=Acme+%26+Sons"
    )
