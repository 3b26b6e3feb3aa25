from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import ledger
from billing.ledger import Account, Entry, Sums, Transfer
from kernel.money import Money
from tests.billing.stories import currencies
from tests.billing.world import usd

SUMS = Sums(deferred=usd(100_00), earned=usd(20_00), tax=usd(24_00))

signed = st.integers(-100_000, 100_000)
positive = st.integers(1, 100_000)


def balance(*entries: Entry) -> dict[Account, int]:
    """Debits less credits of each account that is not settled."""
    sums = ledger.balances(transfer for entry in entries for transfer in entry)
    return {account: amount.minor for (account, _), amount in sums.items() if amount}


def test_an_invoice_is_owed_and_partly_delivered() -> None:
    assert SUMS.total == usd(144_00)
    assert balance(ledger.invoice_finalized(SUMS)) == {
        Account.RECEIVABLE: 144_00,
        Account.DEFERRED: -100_00,
        Account.REVENUE: -20_00,
        Account.TAX: -24_00,
    }


def test_an_invoice_that_gives_back_more_than_it_charges_is_owed_by_us() -> None:
    sums = Sums(deferred=usd(-50_00), earned=usd(20_00), tax=usd(0))

    assert balance(ledger.invoice_finalized(sums)) == {
        Account.RECEIVABLE: -30_00,
        Account.DEFERRED: 50_00,
        Account.REVENUE: -20_00,
    }


def test_a_paid_and_delivered_invoice_leaves_cash_revenue_tax_and_fees() -> None:
    entries = (
        ledger.invoice_finalized(SUMS),
        ledger.payment_received(SUMS.total, fee=usd(4_50)),
        ledger.revenue_recognized(usd(100_00)),
    )

    assert balance(*entries) == {
        Account.CASH: 139_50,
        Account.FEES: 4_50,
        Account.REVENUE: -120_00,
        Account.TAX: -24_00,
    }


def test_what_is_paid_too_much_becomes_credit() -> None:
    entry = ledger.payment_received(usd(150_00), overpaid=usd(6_00))

    assert balance(entry) == {Account.CASH: 150_00, Account.RECEIVABLE: -144_00, Account.CUSTOMER_CREDIT: -6_00}


def test_a_void_invoice_leaves_nothing() -> None:
    assert balance(ledger.invoice_finalized(SUMS), ledger.invoice_voided(SUMS)) == {}


def test_a_void_invoice_that_was_partly_delivered_leaves_nothing() -> None:
    now = Sums(deferred=usd(70_00), earned=usd(50_00), tax=usd(24_00))

    entries = (ledger.invoice_finalized(SUMS), ledger.revenue_recognized(usd(30_00)), ledger.invoice_voided(now))

    assert balance(*entries) == {}


def test_a_refunded_invoice_leaves_only_the_fee() -> None:
    entries = (
        ledger.invoice_finalized(SUMS),
        ledger.payment_received(SUMS.total, fee=usd(4_50)),
        ledger.credit_note(SUMS, Account.REFUNDS),
        ledger.refund_paid(SUMS.total),
    )

    assert balance(*entries) == {Account.CASH: -4_50, Account.FEES: 4_50}
    assert balance(*entries[:3])[Account.REFUNDS] == -SUMS.total.minor


def test_a_failed_refund_is_promised_still() -> None:
    paid = ledger.refund_paid(usd(10_00))

    assert balance(paid, ledger.reversal(paid)) == {}


def test_a_credit_note_goes_where_money_can_be_given_back() -> None:
    assert balance(ledger.credit_note(SUMS, Account.CUSTOMER_CREDIT))[Account.CUSTOMER_CREDIT] == -144_00
    assert balance(ledger.credit_note(SUMS, Account.RECEIVABLE))[Account.RECEIVABLE] == -144_00
    with pytest.raises(AssertionError, match="doesn't go to revenue"):
        ledger.credit_note(SUMS, Account.REVENUE)


def test_credit_pays_an_invoice() -> None:
    entries = (
        ledger.credit_granted(usd(50_00)),
        ledger.credit_granted(usd(94_00), paid=True),
        ledger.invoice_finalized(Sums(usd(144_00), usd(0), usd(0))),
        ledger.credit_applied(usd(144_00)),
    )

    assert balance(*entries) == {Account.REVENUE: 50_00, Account.CASH: 94_00, Account.DEFERRED: -144_00}


def test_a_lost_debt_and_its_relieved_tax() -> None:
    entries = (ledger.invoice_finalized(SUMS), ledger.written_off(SUMS.total, tax=SUMS.tax))

    assert balance(*entries) == {
        Account.DEFERRED: -100_00,
        Account.REVENUE: -20_00,
        Account.BAD_DEBT: 120_00,
    }
    assert balance(ledger.written_off(usd(5))) == {Account.BAD_DEBT: 5, Account.RECEIVABLE: -5}


def test_a_dispute_is_in_flight_until_it_is_decided() -> None:
    opened = ledger.dispute_opened(usd(144_00), fee=usd(15_00))

    assert balance(opened) == {Account.DISPUTES: 144_00, Account.CASH: -159_00, Account.FEES: 15_00}
    assert balance(opened, ledger.dispute_won(usd(144_00))) == {Account.CASH: -15_00, Account.FEES: 15_00}
    assert balance(opened, ledger.dispute_won(usd(144_00), fee_returned=usd(15_00))) == {}
    partly = (ledger.dispute_won(usd(44_00)), ledger.dispute_lost(usd(100_00)))
    assert balance(opened, *partly) == {Account.CASH: -115_00, Account.FEES: 15_00, Account.BAD_DEBT: 100_00}


def test_money_turned_into_another_currency_balances_in_both() -> None:
    sums = ledger.balances(ledger.exchanged(usd(110_00), Money(100_00, "EUR")))

    assert sums == {
        (Account.EXCHANGE, "USD"): usd(110_00),
        (Account.CASH, "USD"): usd(-110_00),
        (Account.CASH, "EUR"): Money(100_00, "EUR"),
        (Account.EXCHANGE, "EUR"): Money(-100_00, "EUR"),
    }


def test_credit_is_applied_as_far_as_it_is_owed_and_there() -> None:
    assert ledger.applicable_credit(usd(293_70), usd(200_00)) == usd(200_00)
    assert ledger.applicable_credit(usd(100), usd(200)) == usd(100)
    assert ledger.applicable_credit(usd(-100), usd(200)) == usd(0)


def test_a_refund_is_what_was_paid_beyond_what_was_used() -> None:
    assert ledger.refundable(usd(30_00), paid=usd(75_00), used=usd(60_00)) == usd(15_00)
    assert ledger.refundable(usd(30_00), paid=usd(200_00), used=usd(60_00)) == usd(30_00)
    assert ledger.refundable(usd(30_00), paid=usd(50_00), used=usd(60_00)) == usd(0)


def test_a_transfer_moves_something_between_two_accounts() -> None:
    with pytest.raises(AssertionError, match="above zero"):
        Transfer(Account.CASH, Account.FEES, usd(0))
    with pytest.raises(AssertionError, match="above zero"):
        Transfer(Account.CASH, Account.FEES, usd(-1))
    with pytest.raises(AssertionError, match="between two accounts"):
        Transfer(Account.CASH, Account.CASH, usd(1))


def test_nothing_that_happened_moves_nothing() -> None:
    assert ledger.invoice_finalized(Sums(usd(0), usd(0), usd(0))) == ()
    assert ledger.fee_charged(None) == ()
    assert ledger.revenue_recognized(usd(0)) == ()


@given(signed, signed, signed, currencies)
def test_an_entry_balances_and_its_reversal_undoes_it(deferred: int, earned: int, tax: int, currency: str) -> None:
    sums = Sums(Money(deferred, currency), Money(earned, currency), Money(tax, currency))

    entry = ledger.invoice_finalized(sums)

    assert sum(balance(entry).values()) == 0
    assert balance(entry).get(Account.RECEIVABLE, 0) == sums.total.minor
    assert balance(entry, ledger.reversal(entry)) == {}


@given(positive, st.integers(0, 1000), positive, currencies)
def test_currencies_are_kept_apart(amount: int, fee: int, other: int, currency: str) -> None:
    entry = (*ledger.payment_received(Money(amount, currency), Money(fee, currency)), *ledger.refund_paid(usd(other)))

    sums = ledger.balances(entry)

    for code in {currency, "USD"}:
        assert sum(amount.minor for (_, kept), amount in sums.items() if kept == code) == 0
    assert Account.ROUNDING not in {account for account, _ in sums}
