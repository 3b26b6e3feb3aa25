from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from billing.agreement import Item, Pause, Step
from billing.discounts import Discount
from billing.lines import Issued, Kind
from billing.periods import calendar
from billing.proration import Proration
from billing.rating import Usage
from billing.timeline import bill
from kernel.time import Interval, Period
from tests.billing.world import JUNE, MONTHLY, Books, day, flat, nets, per_unit, span, usd

# Usage


def test_late_usage_bills_the_difference() -> None:
    usage = Usage("calls", per_unit("0.5"), JUNE, 1000)
    books = Books(replace(MONTHLY, usage=(usage,)))
    first = books.run(JUNE.end)
    books.agreement = replace(MONTHLY, usage=(replace(usage, quantity=1200),))

    late = books.run(JUNE.end)

    assert (nets(first), nets(late)) == ([5_00], [1_00])
    assert (late[0].kind, late[0].period, late[0].span) == (Kind.USAGE, JUNE.start, JUNE)
    assert books.run(JUNE.end) == []


def test_usage_that_is_not_stated_is_left_alone() -> None:
    books = Books(replace(MONTHLY, usage=(Usage("calls", per_unit(1), JUNE, 1000),)))
    books.run(JUNE.end)
    books.agreement = MONTHLY

    assert books.run(JUNE.end) == []


def test_usage_of_two_spans_prices_and_items_is_kept_apart() -> None:
    july = span("2024-07-01", "2024-08-01")
    usage = [
        Usage("calls", per_unit(1), JUNE, 1),
        Usage("calls", per_unit(1), july, 2),
        Usage("calls", per_unit(2), JUNE, 4),
        Usage("bytes", per_unit(1), JUNE, 8),
    ]
    books = Books(replace(MONTHLY, usage=tuple(usage)))

    assert sum(nets(books.run(july.end))) == 1 + 2 + 8 + 8
    assert books.run(july.end) == []


def test_corrected_usage_gives_back_what_was_recorded_after_discounts() -> None:
    half = (Discount("half", day(1), Fraction(50), until=day(2)),)
    usage = Usage("calls", per_unit(1), JUNE, 1000)
    books = Books(replace(MONTHLY, discounts=half, usage=(usage,)))
    books.run(JUNE.end)
    books.agreement = replace(MONTHLY, usage=(replace(usage, quantity=600),))

    (line,) = books.run(JUNE.end)

    assert (line.amount, line.net, line.discount) == (usd(-400), usd(-200), usd(-200))


# Corrections


def test_a_line_that_was_issued_twice_is_given_back_once() -> None:
    books = Books(MONTHLY)
    (line,) = books.change("plan", day(1), flat(30_00))
    books.issued.append(Issued(7, line))

    lines = books.run(day(2))

    assert [(entry.kind, entry.net.minor, entry.reverses) for entry in lines] == [(Kind.CREDIT, -30_00, 7)]


def test_an_instant_that_was_recorded_too_late_is_charged_for_the_time_before() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(16), flat(30_00))
    books.agreement = MONTHLY.stepped("plan", Step(day(11), flat(30_00)))

    (line,) = books.run(day(17))

    assert (line.net, line.span) == (usd(5_00), Period(day(11), day(16)))


def test_two_spans_that_were_not_used_are_two_credits() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))
    books.agreement = replace(books.agreement, pauses=(Pause(day(11), day(16)),), ended_at=day(21))

    lines = books.run(day(25))

    assert [(line.kind, line.span, line.net) for line in lines] == [
        (Kind.CREDIT, Period(day(11), day(16)), usd(-5_00)),
        (Kind.CREDIT, Period(day(21), JUNE.end), usd(-10_00)),
    ]


def test_a_span_taken_again_and_one_given_back_stand_in_order_of_time() -> None:
    books = Books(replace(MONTHLY, pauses=(Pause(day(11)),)))
    books.change("plan", day(1), flat(30_00))
    books.run(day(11))
    books.agreement = replace(books.agreement, pauses=(Pause(day(6), day(21)),))

    lines = books.run(day(25))

    assert [(line.kind, line.span, line.net) for line in lines] == [
        (Kind.CREDIT, Period(day(6), day(11)), usd(-5_00)),
        (Kind.RESTORED, Period(day(21), JUNE.end), usd(10_00)),
    ]


def test_an_adjusted_line_gives_back_no_more_than_is_left_and_takes_that_again() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))
    books.issued = [replace(books.issued[0], adjusted=usd(25_00))]

    assert nets(books.change("plan", day(11), None)) == [-5_00]
    assert nets(books.change("plan", day(21), flat(30_00))) == []
    assert nets(books.change("plan", day(11), flat(30_00))) == [5_00]


def test_by_day_a_credit_is_explained_in_days() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00, proration=Proration.DAY))

    (line,) = books.change("plan", day(11), None)

    assert line.formula == "30.00 USD charged \N{MULTIPLICATION SIGN} 20/30 days"


def test_a_line_that_is_given_back_whole_is_explained_by_what_was_charged() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))

    (line,) = books.change("plan", day(1), None)

    assert line.formula == "30.00 USD charged"


def test_an_item_that_never_was_is_given_back_whole() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))
    books.agreement = MONTHLY

    assert nets(books.run(day(16))) == [-30_00]


def test_two_prices_with_one_key_are_our_mistake() -> None:
    items = (Item("a", (Step(day(1), flat(1)), Step(day(2), replace(flat(2), key=flat(1).key)))),)
    books = Books(replace(MONTHLY, items=items))

    with pytest.raises(AssertionError, match="two prices have the key"):
        bill(replace(books.agreement, cycles=(calendar(day(1), Interval.DAY, 7),)), now=day(2))
