from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from billing.agreement import Pause, Step
from billing.lines import Kind
from billing.periods import changed
from billing.pricing import Decrease, Timing
from billing.proration import Proration
from billing.timeline import bill
from kernel.time import Interval, Period
from tests.billing.world import JUNE, MONTHLY, Books, day, flat, instant, nets, per_unit, span, tiered, usd


def test_a_plan_change_in_mid_month_gives_back_half_and_charges_half() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(20_00))

    lines = books.change("plan", day(16), flat(50_00))

    assert [(line.kind, line.net, line.span) for line in lines] == [
        (Kind.CREDIT, usd(-10_00), Period(day(16), JUNE.end)),
        (Kind.CHARGE, usd(25_00), Period(day(16), JUNE.end)),
    ]


def test_every_line_explains_itself() -> None:
    books = Books(MONTHLY)
    charge = books.change("seats", day(1), per_unit(10_00, proration=Proration.DAY), 3)[0]
    plan = books.change("plan", day(1), flat(20_00))[0]
    more = books.change("seats", day(16), per_unit(10_00, proration=Proration.DAY), 5)[0]
    credit = books.change("plan", day(16), None)[0]

    assert [line.formula for line in (charge, plan)] == ["3 \N{MULTIPLICATION SIGN} 10.00", "20.00"]
    assert more.formula.replace("\N{MULTIPLICATION SIGN}", "x").replace("\N{MINUS SIGN}", "-") == (
        "((5 x 10.00) - (3 x 10.00)) x 15/30 days"
    )
    assert credit.formula == "20.00 USD charged \N{MULTIPLICATION SIGN} 1296000/2592000 s"
    assert (more.item, more.quantity, more.above) == ("seats", 5, 3)
    assert (credit.reverses, credit.price, credit.period) == (1, plan.price, JUNE.start)


def test_a_single_amount_for_a_part_of_a_month_needs_no_brackets() -> None:
    books = Books(MONTHLY)

    (line,) = books.change("plan", day(16), flat(20_00, proration=Proration.DAY))

    assert line.formula == "20.00 \N{MULTIPLICATION SIGN} 15/30 days"


def test_several_changes_in_a_month_cost_what_each_was_used() -> None:
    books = Books(MONTHLY)
    for number, amount in ((1, 30_00), (11, 60_00), (21, 90_00)):
        books.change("plan", day(number), flat(amount))

    assert books.net == 10_00 + 20_00 + 30_00


def test_there_and_back_at_different_times_restores_what_was_recorded() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))
    books.change("plan", day(11), flat(60_00))

    lines = books.change("plan", day(21), flat(30_00))

    assert [(line.kind, line.net) for line in lines] == [(Kind.CREDIT, usd(-20_00)), (Kind.RESTORED, usd(10_00))]
    assert [line.span for line in lines] == [Period(day(21), JUNE.end)] * 2


def test_an_unchanged_plan_renews_at_its_price() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))

    assert books.run(JUNE.end - timedelta(seconds=1)) == []
    assert nets(books.run(JUNE.end)) == [30_00]


def test_periods_that_were_missed_are_caught_up_with() -> None:
    agreement = MONTHLY.stepped("plan", Step(day(1), flat(30_00)))

    lines = bill(agreement, now=instant("2024-09-15"))

    assert [line.period.month for line in lines] == [6, 7, 8, 9]


def test_a_run_from_a_later_time_leaves_earlier_periods_alone() -> None:
    books = Books(MONTHLY.stepped("plan", Step(day(1), flat(30_00))))
    books.run(day(1))
    books.agreement = books.agreement.stepped("plan", Step(day(1), flat(40_00)))

    lines = bill(books.agreement, books.issued, now=instant("2024-08-02"), since=instant("2024-07-01"))

    assert [(line.period.month, line.net.minor) for line in lines] == [(7, 40_00), (8, 40_00)]


def test_a_step_after_now_is_not_a_fact_yet() -> None:
    agreement = MONTHLY.stepped("plan", Step(day(1), flat(30_00))).stepped("plan", Step(day(16), flat(60_00)))

    assert nets(bill(agreement, now=day(15))) == [30_00]
    assert nets(bill(agreement, now=day(16))) == [15_00, 30_00]


def test_a_scheduled_change_survives_an_unrelated_one() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))
    books.agreement = books.agreement.stepped("plan", Step(JUNE.end, flat(10_00)))

    books.change("extra", day(16), flat(20_00))

    assert nets(books.run(JUNE.end)) == [10_00, 20_00]


def test_two_items_are_billed_in_their_order_and_by_period() -> None:
    agreement = MONTHLY.stepped("b", Step(day(1), flat(1))).stepped("a", Step(day(1), flat(2)))

    lines = bill(agreement, now=JUNE.end)

    assert [(line.period.month, line.item) for line in lines] == [(6, "b"), (6, "a"), (7, "b"), (7, "a")]


# Seats


def test_five_more_seats_are_one_line_for_the_rest_of_the_month() -> None:
    books = Books(MONTHLY)
    books.change("seats", day(1), per_unit(10_00), 10)

    (line,) = books.change("seats", day(16), per_unit(10_00), 15)

    assert (line.net, line.quantity, line.above) == (usd(25_00), 15, 10)


@pytest.mark.parametrize(("model", "amount"), [("volume", 6_00), ("graduated", 16_00)])
def test_four_more_seats_across_a_tier_cost_the_difference_of_the_totals(model: str, amount: int) -> None:
    price = tiered(model, [{"up_to": 10, "unit": 10_00}, {"unit": 8_00}])
    books = Books(MONTHLY)
    books.change("seats", day(1), price, 10)

    assert nets(books.change("seats", day(16), price, 14)) == [amount]


def test_seats_given_back_are_paid_and_can_be_used_until_renewal() -> None:
    books = Books(MONTHLY)
    books.change("seats", day(1), per_unit(10_00), 10)

    assert nets(books.change("seats", day(6), per_unit(10_00), 5)) == []
    assert nets(books.change("seats", day(11), per_unit(10_00), 10)) == []
    assert nets(books.change("seats", day(16), per_unit(10_00), 15)) == [25_00]
    assert nets(books.change("seats", day(21), per_unit(10_00), 4)) == []
    assert nets(books.run(JUNE.end)) == [40_00]


def test_seats_given_back_are_credited_at_once_where_the_plan_says_so() -> None:
    price = per_unit(10_00, decrease=Decrease.NOW)
    books = Books(MONTHLY)
    books.change("seats", day(1), price, 10)
    books.change("seats", day(11), price, 15)

    lines = books.change("seats", day(21), price, 12)

    assert sum(nets(lines)) == -10_00
    assert [(line.kind, line.quantity, line.above) for line in lines] == [
        (Kind.CREDIT, 15, 10),
        (Kind.CHARGE, 12, 10),
    ]


def test_removing_an_item_and_adding_it_again_in_a_paid_month_costs_nothing_more() -> None:
    books = Books(MONTHLY)
    books.change("seats", day(1), per_unit(10_00), 1)

    books.change("seats", day(6), per_unit(10_00), 0)
    books.change("seats", day(7), per_unit(10_00), 1)

    assert books.net == 10_00


def test_without_proration_a_begun_month_costs_the_whole_and_gives_nothing_back() -> None:
    price = flat(20_00, proration=Proration.NONE)
    books = Books(MONTHLY)

    assert nets(books.change("plan", day(16), price)) == [20_00]
    assert nets(books.change("plan", day(20), None)) == []
    assert nets(books.change("plan", day(25), price)) == []
    assert nets(books.run(JUNE.end)) == [20_00]


def test_without_proration_a_corrected_instant_costs_nothing_more() -> None:
    price = flat(20_00, proration=Proration.NONE)
    books = Books(MONTHLY)
    books.change("plan", day(16), price)

    books.agreement = MONTHLY.stepped("plan", Step(day(12), price))

    assert books.run(day(17)) == []


# Trials, pauses and ends


def test_a_trial_is_free_and_what_follows_is_a_share_of_the_period() -> None:
    agreement = replace(MONTHLY, trial_until=day(16)).stepped("plan", Step(day(1), flat(30_00)))

    assert bill(agreement, now=day(16) - timedelta(seconds=1)) == []
    assert nets(bill(agreement, now=day(16))) == [15_00]


def test_a_pause_gives_back_the_rest_and_resuming_takes_it_again() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))
    books.agreement = replace(books.agreement, pauses=(Pause(day(11)),))
    paused = books.run(day(11))
    books.agreement = replace(books.agreement, pauses=(Pause(day(11), day(21)),))
    resumed = books.run(day(21))

    assert [(line.kind, line.net.minor) for line in paused] == [(Kind.CREDIT, -20_00)]
    assert [(line.kind, line.net.minor) for line in resumed] == [(Kind.RESTORED, 10_00)]


def test_a_pause_that_will_end_is_a_pause_until_it_does() -> None:
    agreement = replace(MONTHLY, pauses=(Pause(day(11), day(21)),)).stepped("plan", Step(day(1), flat(30_00)))

    assert nets(bill(agreement, now=day(20))) == [10_00]
    assert nets(bill(agreement, now=day(21))) == [10_00, 10_00]


def test_a_pause_to_come_changes_nothing_yet() -> None:
    agreement = replace(MONTHLY, pauses=(Pause(day(11)),)).stepped("plan", Step(day(1), flat(30_00)))

    assert nets(bill(agreement, now=day(10))) == [30_00]


def test_an_agreed_end_is_never_charged_beyond() -> None:
    agreement = replace(MONTHLY, ended_at=day(16)).stepped("plan", Step(day(1), flat(30_00)))

    assert nets(bill(agreement, now=day(1))) == [15_00]
    assert nets(bill(agreement, now=instant("2024-08-01"))) == [15_00]


def test_an_end_at_the_end_of_the_period_gives_nothing_back() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00))
    books.agreement = replace(books.agreement, ended_at=JUNE.end)

    assert books.run(JUNE.end) == []


def test_in_arrears_a_period_is_billed_when_it_or_everything_is_over() -> None:
    price = flat(30_00, timing=Timing.ARREARS)
    agreement = MONTHLY.stepped("plan", Step(day(1), price))

    assert bill(agreement, now=JUNE.end - timedelta(seconds=1)) == []
    assert nets(bill(agreement, now=JUNE.end)) == [30_00]
    assert nets(bill(replace(agreement, ended_at=day(16)), now=day(16))) == [15_00]
    assert bill(replace(agreement, ended_at=day(16)), now=day(15)) == []


def test_a_reactivation_in_arrears_gives_nothing_back() -> None:
    books = Books(replace(MONTHLY, ended_at=day(16)).stepped("plan", Step(day(1), flat(30_00, timing=Timing.ARREARS))))
    books.run(day(16))

    books.agreement = replace(books.agreement, ended_at=None)

    assert books.run(day(17)) == []
    assert nets(books.run(JUNE.end)) == [15_00]


def test_another_interval_begins_a_period_and_bills_at_once() -> None:
    monthly, yearly = flat(30_00), flat(300_00, interval=Interval.YEAR)
    books = Books(MONTHLY)
    books.change("plan", day(1), monthly)
    books.agreement = replace(books.agreement, cycles=changed(books.agreement.cycles, day(16), monthly, yearly))

    lines = books.change("plan", day(16), yearly)

    assert nets(lines) == [-15_00, 300_00]
    assert lines[1].span == span("2024-06-16", "2025-06-16")
    assert books.run(instant("2025-06-15")) == []
    assert nets(books.run(instant("2025-06-16"))) == [300_00]


# Days


def test_by_day_the_day_of_a_change_belongs_to_the_new_plan() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00, proration=Proration.DAY))

    lines = books.change("plan", day(16) + timedelta(hours=20), flat(60_00, proration=Proration.DAY))

    assert nets(lines) == [-15_00, 30_00]


def test_by_day_the_day_of_an_end_is_used() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00, proration=Proration.DAY))
    books.agreement = replace(books.agreement, ended_at=day(15) + timedelta(hours=4))

    assert nets(books.run(day(15) + timedelta(hours=4))) == [-15_00]


def test_by_day_an_item_that_goes_twice_is_used_once() -> None:
    price = flat(30_00, proration=Proration.DAY)
    books = Books(MONTHLY)
    books.change("plan", day(1), price)
    for hour in (1, 2):
        books.change("plan", day(15) + timedelta(hours=hour), None)

    assert books.net == 15_00


def test_from_days_to_seconds_the_day_of_the_change_is_charged_once() -> None:
    books = Books(MONTHLY)
    books.change("plan", day(1), flat(30_00, proration=Proration.DAY))

    books.change("plan", day(16) + timedelta(hours=12), flat(60_00))

    assert books.net == 15_00 + 30_00
