from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing.agreement import Agreement, Item, Step
from billing.lines import Kind, Line
from billing.periods import renewal
from billing.pricing import Decrease, Price
from billing.proration import Proration
from billing.timeline import bill
from kernel.time import Period
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
from tests.billing.world import JUNE, MONTHLY, Books, day, flat, nets, per_unit


def told(story: Story) -> Books:
    """The books when each step was billed as it happened."""
    books = Books(Agreement((story.cycle,)))
    for step in story.steps:
        books.change("item", step.at, step.price, step.quantity)
    return books


def roundings(story: Story, lines: Sequence[object]) -> Fraction:
    """Half a unit for each line, and for each that came to nothing and was not written."""
    return Fraction(len(lines) + 2 * len(story.steps) + len(story.periods), 2)


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


@given(stories())
def test_a_replay_costs_what_was_billed_as_it_happened(story: Story) -> None:
    books = told(story)

    replayed = bill(story.agreement, now=story.last)

    assert abs(sum(nets(replayed)) - books.net) <= roundings(story, books.issued) + roundings(story, replayed)


@given(stories(), quantities)
def test_a_quiet_renewal_costs_the_amount_of_its_quantity(story: Story, quantity: int) -> None:
    price = story.steps[0].price
    assert price
    agreement = Agreement((story.cycle,)).stepped("item", Step(story.cycle.since, price, quantity))
    renewed_at = renewal(agreement.cycles, story.cycle.since + timedelta(seconds=1))

    lines = bill(agreement, now=renewed_at, since=renewed_at)

    assert [line.amount for line in lines] == [amount for amount in [price.amount(quantity)] if amount]
    assert all(line.formula == price.formula(quantity) for line in lines)


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
