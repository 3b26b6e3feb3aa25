"""Amounts as Stripe writes them, by its own documented examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kernel.errors import Problem
from kernel.money import Money
from payments.rail.currencies import AmountNotChargeable, chargeable, check_chargeable, received, sent


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Money(20_00, "USD"), 2000),
        (Money(500, "JPY"), 500),
        (Money(5, "ISK"), 500),
        (Money(5, "UGX"), 500),
        (Money(5_00, "MGA"), 5),
        (Money(5_120, "KWD"), 5120),
        (Money(10_45, "HUF"), 1045),
        (Money(800_45, "TWD"), 80045),
    ],
)
def test_an_amount_is_written_as_stripe_does_and_read_back(ours: Money, theirs: int) -> None:
    assert sent(ours) == theirs
    assert received(theirs, ours.currency.lower()) == ours


@given(some.integers(0, 10**8), some.sampled_from(["USD", "EUR", "JPY", "ISK", "UGX", "KWD", "MGA", "HUF"]))
def test_what_can_be_sent_is_read_back_to_the_minor_unit(minor: int, currency: str) -> None:
    amount = Money(minor, currency)
    try:
        theirs = sent(amount)
    except AmountNotChargeable:
        return

    assert received(theirs, currency) == amount


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        (Money(49, "USD"), "0.49 USD can't be charged by card or debit: the least is 0.50 USD."),
        (Money(174_99, "HUF"), "174.99 HUF can't be charged by card or debit: the least is 175.00 HUF."),
        (
            Money(1_000_000_00, "USD"),
            "1000000.00 USD can't be charged by card or debit: the most is 999999.99 USD. Pay in parts.",
        ),
        (
            Money(1_000_000, "ISK"),
            "1000000 ISK can't be charged by card or debit: the most is 999999 ISK. Pay in parts.",
        ),
        (Money(5_124, "KWD"), "5.124 KWD can't be charged by card or debit: its last decimal has to be zero."),
        (
            Money(5_50, "MGA"),
            "5.50 MGA can't be charged by card or debit: it is not a whole number of the currency's units.",
        ),
    ],
)
def test_what_stripe_does_not_charge_is_refused_in_a_sentence(amount: Money, says: str) -> None:
    with pytest.raises(Problem) as refused:
        check_chargeable(amount)

    assert refused.value.message == says


@given(some.integers(0, 999_999), some.sampled_from(["USD", "JPY", "ISK", "KWD", "MGA", "HUF"]))
def test_what_can_be_charged_of_an_amount_is_taken_and_nearly_all_of_it(minor: int, currency: str) -> None:
    amount = Money(minor, currency)

    part = chargeable(amount)

    assert not part or check_chargeable(part)
    assert part == chargeable(part)
    if part:
        assert 0 <= minor - part.minor < {"KWD": 10, "MGA": 100}.get(currency, 1)
    else:
        with pytest.raises(AmountNotChargeable):
            check_chargeable(amount)


def test_a_fee_with_parts_of_a_unit_is_told_to_the_nearest() -> None:
    assert received(1_450, "isk") == Money(15, "ISK")
