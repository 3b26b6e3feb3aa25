from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.agreement import Agreement, Item, Pause, Step
from billing.discounts import Discount
from billing.lines import Issued, Kind, Line
from billing.periods import anniversary, calendar, changed
from billing.pricing import Decrease, Price, Timing
from billing.proration import Proration
from billing.rating import Usage
from billing.timeline import bill
from kernel.money import Money
from kernel.time import Interval, Period
from tests.billing.stories import (
    Story,
    agreements,
    currencies,
    moments,
    prices,
    quantities,
    stories,
    worth,
    worth_by_day,
)
from tests.billing.world import Books, flat, instant, nets, per_unit, span, tiered, usd

JUNE = span("2024-06-01", "2024-07-01")
MONTHLY = Agreement((anniversary(JUNE.start, Interval.MONTH),))


def day(number: int) -> datetime:
    return JUNE.start + timedelta(days=number - 1)


def told(story: Story) -> Books:
    """The books when each step was billed as it happened."""
    books = Books(Agreement((story.cycle,)))
    for step in story.steps:
        books.change("item", step.at, step.price, step.quantity)
    return books


def roundings(story: Story, lines: Sequence[object]) -> Fraction:
    """Half a unit for each line, and for each that came to nothing and was not written."""
    return Fraction(len(lines) + 2 * len(story.steps) + len(story.periods), 2)


# Changes of a plan


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


# Discounts


def test_a_credit_gives_back_what_was_recorded_after_discounts() -> None:
    books = Books(replace(MONTHLY, discounts=(Discount("half", day(1), Fraction(50), periods=1),)))
    (charge,) = books.change("plan", day(1), flat(30_00))

    (credit,) = books.change("plan", day(16), None)

    assert (charge.amount, charge.net) == (usd(30_00), usd(15_00))
    assert (credit.amount, credit.discount, credit.net) == (usd(-15_00), usd(-7_50), usd(-7_50))


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


# What holds of every story


@given(stories(prorations=[Proration.SECOND]))
def test_any_changes_cost_the_integral_of_the_price_over_time(story: Story) -> None:
    books = told(story)
    replayed = bill(story.agreement, now=story.last)

    assert abs(books.net - worth(story)) <= roundings(story, books.issued)
    assert abs(sum(nets(replayed)) - worth(story)) <= roundings(story, replayed)


@given(stories(prorations=[Proration.DAY]))
def test_by_day_any_changes_cost_the_sum_of_the_days(story: Story) -> None:
    books = told(story)

    assert abs(books.net - worth_by_day(story)) <= roundings(story, books.issued)


@given(stories())
def test_what_was_billed_is_not_billed_again(story: Story) -> None:
    books = told(story)

    assert books.run(story.last) == []


@given(stories(), moments)
def test_a_preview_is_what_is_charged_later(story: Story, now: datetime) -> None:
    books = told(story)
    moment = max(now, story.last)

    preview = bill(books.agreement, books.issued, now=moment)

    assert books.run(moment) == preview


@given(stories(), quantities, st.data())
def test_going_there_and_back_at_the_same_instant_is_free(story: Story, quantity: int, data: st.DataObject) -> None:
    books = told(story)
    before, state = books.net, story.steps[-1]
    there = data.draw(prices(story.currency, list(Proration), list(Decrease)))

    books.change("item", story.last, there, quantity)
    books.change("item", story.last, state.price, state.quantity)

    assert books.net == before


@given(stories(gaps=False, prorations=[Proration.SECOND]))
def test_the_lowest_lines_of_an_item_tile_its_periods(story: Story) -> None:
    lines = [line for line in bill(_priced(story), now=story.last) if line.above is None]

    for period in story.periods:
        spans = [line.span for line in lines if line.period == period.span.start]
        assert [spans[0].start, *(span.end for span in spans)] == [
            *(span.start for span in spans),
            period.span.end,
        ]


def _priced(story: Story) -> Agreement:
    """The story with a price so high that no line of it comes to nothing."""
    steps = tuple(replace(step, price=_dear(step.price)) if step.price else step for step in story.steps)
    return replace(story.agreement, items=(Item("item", steps),))


def _dear(price: Price) -> Price:
    return replace(price, rule=flat(10**12).rule)


@given(stories(), st.integers(0, 40 * 24 * 3600))
def test_what_is_given_back_and_what_is_kept_are_the_whole(story: Story, seconds: int) -> None:
    books = told(story)
    charged = {entry.id: entry.line for entry in books.issued if entry.line.kind is Kind.CHARGE}
    end = story.last + timedelta(seconds=seconds)
    books.agreement = replace(books.agreement, ended_at=end)

    books.run(end)

    for number, charge in charged.items():
        moved = sum(entry.line.net.minor for entry in books.issued if entry.line.reverses == number)
        assert min(0, charge.net.minor) <= charge.net.minor + moved <= max(0, charge.net.minor)


@given(quantities, st.integers(0, 29 * 24 * 3600), st.sampled_from([Proration.SECOND, Proration.DAY]))
def test_an_end_gives_back_the_unused_share_of_what_was_recorded(
    quantity: int, seconds: int, proration: Proration
) -> None:
    end = day(1) + timedelta(seconds=seconds)
    books = Books(MONTHLY)
    charges = books.change("seats", day(1), per_unit("12.3456", proration=proration), quantity)
    books.agreement = replace(books.agreement, ended_at=end)

    given_back = books.run(end)

    unused = Period(end, JUNE.end).length
    if proration is Proration.DAY:
        unused = timedelta(days=unused.days)
    share = Fraction(unused // timedelta(seconds=1), 30 * 24 * 3600)
    assert sum(nets(given_back)) == -sum(charge.net.times(share).minor for charge in charges)


@given(
    currencies.flatmap(lambda code: st.tuples(agreements(code), agreements(code))),
    st.lists(st.integers(0, 75 * 24 * 3600), min_size=1, max_size=4),
)
def test_whatever_was_billed_before_corrected_facts_are_billed_in_the_end(
    facts: tuple[Agreement, Agreement], seconds: list[int]
) -> None:
    before, after = facts
    start = before.cycles[0].since
    books = Books(before)
    for second in sorted(seconds):
        books.run(start + timedelta(seconds=second))
    now = start + timedelta(days=80)
    books.agreement = replace(after, cycles=before.cycles, discounts=before.discounts)
    books.run(now)

    assert books.run(now) == []
    assert bill(books.agreement, books.issued, now=now, since=now - timedelta(days=40)) == []
    books.agreement = replace(before, items=())
    books.run(now)
    assert books.net == 0


@given(agreements(), st.lists(st.integers(0, 75 * 24 * 3600), min_size=1, max_size=4))
def test_a_fixed_discount_is_never_spent_twice_in_a_period(agreement: Agreement, seconds: list[int]) -> None:
    books = Books(agreement)
    for second in sorted(seconds):
        books.run(agreement.cycles[0].since + timedelta(seconds=second))

    for discount in agreement.discounts:
        for period in {entry.line.period for entry in books.issued}:
            spent = [
                taken.amount.minor
                for entry in books.issued
                for taken in entry.line.discounts
                if entry.line.period == period and taken.discount == discount.key
            ]
            assert discount.fixed is None or 0 <= sum(spent) <= discount.fixed.minor


@given(agreements(), st.integers(0, 75 * 24 * 3600))
def test_discounts_never_make_a_line_negative(agreement: Agreement, seconds: int) -> None:
    lines: list[Line] = bill(agreement, now=agreement.cycles[0].since + timedelta(seconds=seconds))

    assert all(min(0, line.amount.minor) <= line.net.minor <= max(0, line.amount.minor) for line in lines)
