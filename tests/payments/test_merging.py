"""Merging: whatever the order and however often, the same news come to the same state."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kernel.money import Money
from payments.merging import Seen, untouched, with_charge, with_intent
from payments.rail.values import Charge, Decline, Intent
from payments.states import PaymentState

AMOUNT, NOTHING = Money(20_00, "USD"), Money(0, "USD")


def at(second: int) -> datetime:
    return datetime.fromtimestamp(1_800_000_000 + second, UTC)


def intent(status: str, charge: str | None = None, decline: str | None = None) -> Intent:
    error = Decline("card_declined", decline, charge=charge) if decline else None
    received = AMOUNT if status == "succeeded" else NOTHING
    return Intent("pi_1", status, AMOUNT, received, charge=charge, error=error, created=at(0))


def charge(name: str, status: str, refunded: int = 0, transaction: str | None = None) -> Charge:
    return Charge(name, status, AMOUNT, Money(refunded, "USD"), intent="pi_1", transaction=transaction)


News = tuple[int, Intent | Charge]
PAID: list[News] = [
    (0, intent("requires_payment_method")),
    (1, charge("ch_1", "failed")),
    (1, intent("requires_payment_method", "ch_1", "insufficient_funds")),
    (2, intent("requires_action", "ch_1")),
    (3, charge("ch_2", "succeeded")),
    (3, intent("succeeded", "ch_2")),
    (4, charge("ch_2", "succeeded", transaction="txn_1")),
    (9, charge("ch_2", "succeeded", refunded=5_00, transaction="txn_1")),
    (9, charge("ch_2", "succeeded", refunded=8_00, transaction="txn_1")),
]
DEBIT_FAILED: list[News] = [
    (0, intent("requires_payment_method")),
    (1, charge("py_1", "pending")),
    (1, intent("processing", "py_1")),
    (5, charge("py_1", "failed")),
    (5, intent("requires_payment_method", "py_1", "insufficient_funds")),
]
RETRIED: list[News] = [
    *DEBIT_FAILED,
    (8, charge("py_2", "pending")),
    (8, intent("processing", "py_2")),
]
GIVEN_UP: list[News] = [
    (0, intent("requires_payment_method")),
    (1, intent("requires_action")),
    (2, intent("canceled")),
]


def merged(told: list[News]) -> Seen:
    seen = Seen()
    for second, what in told:
        seen = with_charge(seen, what) if isinstance(what, Charge) else with_intent(seen, what, at(second))
        seen = Seen.from_document(seen.document)
    return seen


@pytest.mark.parametrize(
    ("life", "state"),
    [
        (PAID, PaymentState.SUCCEEDED),
        (DEBIT_FAILED, PaymentState.FAILED),
        (RETRIED, PaymentState.PROCESSING),
        (GIVEN_UP, PaymentState.CANCELED),
    ],
    ids=["paid", "failed", "retried", "given up"],
)
def test_five_hundred_orders_of_one_life_end_in_one_state(life: list[News], state: PaymentState) -> None:
    chance = random.Random(7)
    wanted = merged(life)

    for _ in range(500):
        told = [news for news in life for _ in range(chance.randint(1, 5))]
        chance.shuffle(told)
        assert merged(told) == wanted

    assert wanted.state is state


def test_all_that_was_told_is_in_the_end() -> None:
    seen = merged(PAID)

    assert (seen.paid_by, seen.received, seen.refunded, seen.transaction) == ("ch_2", 20_00, 8_00, "txn_1")


@given(some.lists(some.sampled_from([*PAID, *DEBIT_FAILED, *GIVEN_UP]), max_size=12))
def test_once_at_its_end_a_payment_stays_there(told: list[News]) -> None:
    ended = [(10, intent("succeeded", "ch_2")), *told]

    assert merged(ended).state is PaymentState.SUCCEEDED


def test_an_answer_to_our_own_call_is_newer_than_what_was_known() -> None:
    seen = merged(PAID[:3])

    answered = with_intent(seen, intent("requires_action", "ch_1"))

    assert seen.state is PaymentState.FAILED
    assert answered.state is PaymentState.REQUIRES_ACTION


def test_an_intent_whose_latest_charge_is_known_was_not_touched() -> None:
    seen = merged(PAID[:3])

    assert untouched(seen, "ch_1")
    assert not untouched(seen, None)
    assert not untouched(merged(PAID), "ch_2")
