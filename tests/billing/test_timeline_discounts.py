from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from billing.agreement import Agreement, Step
from billing.discounts import Discount
from billing.lines import Kind
from billing.periods import anniversary
from billing.proration import Proration
from kernel.money import Money
from kernel.time import Interval
from tests.billing.world import JUNE, MONTHLY, Books, day, flat, instant, nets, usd


def test_a_credit_gives_back_what_was_recorded_after_discounts() -> None:
    books = Books(replace(MONTHLY, discounts=(Discount("half", day(1), Fraction(50), periods=1),)))
    (charge,) = books.change("plan", day(1), flat(30_00))

    (credit,) = books.change("plan", day(16), None)

    assert (charge.amount, charge.net) == (usd(30_00), usd(15_00))
    assert (credit.amount, credit.discount, credit.net) == (usd(-15_00), usd(-7_50), usd(-7_50))


def test_what_is_restored_has_the_discount_that_was_recorded() -> None:
    books = Books(replace(MONTHLY, discounts=(Discount("half", day(1), Fraction(50)),)))
    books.change("plan", day(1), flat(30_00))
    books.change("plan", day(11), None)
    books.agreement = replace(books.agreement, discounts=())

    (line,) = books.change("plan", day(16), flat(30_00))

    assert (line.kind, line.amount, line.discount) == (Kind.RESTORED, usd(15_00), usd(7_50))
    books.agreement = replace(books.agreement, discounts=(Discount("most", day(1), Fraction(90)),))
    books.change("plan", day(21), None)
    assert nets(books.change("plan", day(26), flat(30_00))) == [2_50]


def test_a_discount_lasts_for_its_periods() -> None:
    books = Books(replace(MONTHLY, discounts=(Discount("half", day(16), Fraction(50), periods=2),)))
    books.change("plan", day(16), flat(30_00))

    books.run(instant("2024-09-01"))

    assert [entry.line.net.minor for entry in books.issued] == [7_50, 15_00, 30_00, 30_00]


def test_a_discount_granted_later_meets_what_begins_later() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))
    books.agreement = replace(books.agreement, discounts=(Discount("half", day(10), Fraction(50), until=JUNE.end),))

    assert nets(books.change("extra", day(16), flat(20_00))) == [5_00]
    assert nets(books.run(JUNE.end)) == [30_00, 20_00]


def test_a_discount_by_day_counts_from_the_midnight_before() -> None:
    noon = day(16) + timedelta(hours=12)
    books = Books(replace(MONTHLY, discounts=(Discount("half", noon, Fraction(50)),)))

    assert nets(books.change("plan", noon, flat(30_00, proration=Proration.DAY))) == [7_50]


def test_a_discount_granted_on_trial_begins_with_the_first_period() -> None:
    cycle = anniversary(day(16), Interval.MONTH)
    books = Books(Agreement((cycle,), discounts=(Discount("half", day(1), Fraction(50), periods=1),)))

    books.change("plan", day(16), flat(30_00))

    assert nets(books.run(cycle.anchor.boundary(1, Interval.MONTH))) == [30_00]
    assert books.net == 45_00


def test_a_discount_may_be_limited_to_prices_and_is_of_one_currency() -> None:
    price, other = flat(30_00), flat(20_00)
    limited = Discount("half", day(1), Fraction(50), prices=frozenset({price.key}))
    foreign = Discount("ten", day(1), fixed=Money(10_00, "EUR"))
    books = Books(replace(MONTHLY, discounts=(limited, foreign)))
    books.agreement = books.agreement.stepped("a", Step(day(1), price)).stepped("b", Step(day(1), other))

    assert nets(books.run(day(1))) == [15_00, 20_00]


def test_a_fixed_discount_is_a_budget_of_the_period() -> None:
    books = Books(replace(MONTHLY, discounts=(Discount("ten", day(1), fixed=usd(10_00)),)))

    assert nets(books.change("plan", day(1), flat(6_00))) == [0]
    assert nets(books.change("extra", day(16), flat(20_00))) == [6_00]
    assert nets(books.change("more", day(16), flat(20_00))) == [10_00]
    assert nets(books.run(JUNE.end)) == [6_00 - 1_30, 20_00 - 4_35, 20_00 - 4_35]


def test_what_a_credit_gives_up_of_a_fixed_discount_can_be_spent_again() -> None:
    books = Books(replace(MONTHLY, discounts=(Discount("ten", day(1), fixed=usd(10_00)),)))
    books.change("plan", day(1), flat(30_00))

    lines = books.change("plan", day(16), flat(60_00))

    assert nets(lines) == [-10_00, 30_00 - 5_00]
