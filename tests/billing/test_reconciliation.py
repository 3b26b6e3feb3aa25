"""Reconciliation: each way in which what we say and what the rail says can differ has a name, a risk and an action."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.reconciliation import (
    Claim,
    Discrepancy,
    DiscrepancyKind,
    DiscrepancySubject,
    Moved,
    Paid,
    action,
    compare,
    compare_books,
    compare_payout,
    doubles,
    unclaimed,
)
from kernel.money import Money

NOW = datetime(2026, 3, 2, tzinfo=UTC)
K = DiscrepancyKind


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def claim(minor: int, *, fee: Money | None = None, settled: Money | None = None, hours: int = 48) -> Claim:
    since = NOW - timedelta(hours=hours)
    return Claim(DiscrepancySubject.PAYMENT, 7, "ch_1", "succeeded", usd(minor), since, settled, fee)


def moved(minor: int, fee: int = 0, currency: str = "USD", *, exchanged: bool = False) -> Moved:
    return Moved("txn_1", Money(minor, currency), Money(fee, currency), exchanged)


def shown(found: list[Discrepancy]) -> list[tuple[DiscrepancyKind, str]]:
    return [(each.kind, each.risk.text) for each in found]


CASES = [
    ("agrees", claim(4_000, fee=usd(146)), [moved(4_000, 146)], []),
    ("nothing was to move", claim(0), [], []),
    ("the rail may be late", claim(4_000, hours=12), [], []),
    ("it is missed there", claim(4_000), [], [(K.MISSING_THERE, "40.00 USD")]),
    ("it moved there alone", claim(0), [moved(4_000, 146)], [(K.STATE, "40.00 USD")]),
    ("it came back there", claim(-1_000), [moved(-1_000), moved(1_000)], [(K.STATE, "10.00 USD")]),
    ("it came back", claim(0), [moved(-1_000), moved(1_000)], []),
    ("it went the other way", claim(4_000), [moved(-4_000)], [(K.STATE, "40.00 USD")]),
    ("less moved", claim(4_000), [moved(3_999)], [(K.AMOUNT, "0.01 USD")]),
    ("another fee", claim(4_000, fee=usd(100)), [moved(4_000, 146)], [(K.FEE, "0.46 USD")]),
    (
        "another amount and another fee",
        claim(4_000, fee=usd(100)),
        [moved(4_100, 146)],
        [(K.AMOUNT, "1.00 USD"), (K.FEE, "0.46 USD")],
    ),
    ("no rate is told", claim(4_000), [moved(3_600, 0, "EUR")], [(K.CURRENCY, "36.00 EUR")]),
    ("the rate is told", claim(4_000), [moved(3_600, 0, "EUR", exchanged=True)], []),
    (
        "it came to another amount",
        claim(4_000, settled=Money(3_500, "EUR")),
        [moved(3_600, 0, "EUR", exchanged=True)],
        [(K.AMOUNT, "1.00 EUR")],
    ),
    (
        "the fee is in another currency",
        claim(4_000, fee=usd(146)),
        [moved(3_600, 131, "EUR", exchanged=True)],
        [(K.FEE, "1.31 EUR")],
    ),
]


@pytest.mark.parametrize(("name", "ours", "theirs", "expected"), CASES, ids=[case[0] for case in CASES])
def test_each_difference_has_its_kind_and_the_money_at_risk(
    name: str, ours: Claim, theirs: list[Moved], expected: list[tuple[DiscrepancyKind, str]]
) -> None:
    assert shown(compare(ours, theirs, NOW)) == expected, name


@given(st.integers(1, 10**9), st.lists(st.integers(1, 10**8), min_size=1, max_size=5), st.integers(0, 10**6))
def test_what_moved_in_parts_agrees_exactly_when_the_parts_sum_to_it(minor: int, parts: list[int], fee: int) -> None:
    rows = [moved(part, fee if place == 0 else 0) for place, part in enumerate(parts)]

    found = compare(claim(minor, fee=usd(fee)), rows, NOW)

    assert shown(found) == ([] if minor == sum(parts) else [(K.AMOUNT, usd(abs(sum(parts) - minor)).text)])


def test_what_nobody_claims_is_an_orphan_or_missing_here() -> None:
    strangers = unclaimed(moved(4_000, 146), "charge", "ch_9", ours=False)
    ours = unclaimed(moved(-1_000), "refund", "re_9", ours=True, refund=True)

    assert (strangers.kind, strangers.risk, strangers.reference) == (K.ORPHAN, usd(3_854), "txn_1")
    assert (ours.kind, ours.risk, ours.reference, ours.subject) == (K.MISSING_HERE, usd(1_000), "re_9", "refund")


def test_an_invoice_that_was_paid_twice_shows_what_was_too_much() -> None:
    first = Paid(1, "pay_1", usd(4_000), usd(4_000), usd(0))
    second = Paid(2, "pay_2", usd(4_000), usd(0), usd(0))

    (found,) = doubles([first, second])

    assert (found.kind, found.number, found.risk) == (K.DOUBLE, 2, usd(4_000))
    assert found.there == "pay_1, pay_2"


def test_what_was_paid_too_much_and_went_back_is_no_double() -> None:
    first = Paid(1, "pay_1", usd(4_000), usd(4_000), usd(0))
    second = Paid(2, "pay_2", usd(4_000), usd(0), usd(4_000))

    assert doubles([first, second]) == []


def test_one_payment_that_brought_too_much_is_no_double() -> None:
    assert doubles([Paid(1, "pay_1", usd(5_000), usd(4_000), usd(0))]) == []


def test_books_differ_by_currency() -> None:
    found = compare_books("account_1", {"USD": 3_854, "EUR": 5}, {"USD": 3_854, "GBP": 7})

    assert [(each.reference, each.risk.text) for each in found] == [
        ("account_1/EUR", "0.05 EUR"),
        ("account_1/GBP", "0.07 GBP"),
    ]


def test_a_payout_is_what_it_is_made_of() -> None:
    assert compare_payout("po_1", usd(3_854), 1, usd(3_854)) == []
    assert shown(compare_payout("po_1", usd(3_854), 2, usd(3_800))) == [(K.AMOUNT, "0.54 USD")]


@pytest.mark.parametrize("kind", DiscrepancyKind)
@pytest.mark.parametrize("subject", DiscrepancySubject)
def test_every_difference_says_in_one_sentence_what_mends_it(
    kind: DiscrepancyKind, subject: DiscrepancySubject
) -> None:
    said = action(kind, subject)

    assert said.endswith(".")
    assert said.count(". ") == 0
