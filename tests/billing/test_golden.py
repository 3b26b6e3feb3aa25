from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.agreement import Agreement, Item, Step
from billing.discounts import Discount
from billing.periods import anniversary
from kernel.time import Anchor, Interval
from tests.billing.golden import CASES, RULES, STRIPE, changes, given_back, invoices, periods, rating, seats
from tests.billing.world import Books, flat, instant, nets, usd

MODULES = (changes, given_back, invoices, periods, rating, seats)


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_a_peer_comes_out_as_our_law_says(name: str) -> None:
    RULES[CASES[name].topic](CASES[name])


def test_every_topic_has_a_rule() -> None:
    assert {case.topic for case in CASES.values()} <= set(RULES)
    assert {rule.__module__ for rule in RULES.values()} == {module.__name__ for module in MODULES}


# Stripe's published figures

STRIPE_ELSEWHERE = {
    "currencies": "How Stripe writes amounts, and its smallest and largest charges, are known to payments alone.",
    "limits": "Rates of calls to Stripe belong to payments.",
    "disputes": "Deadlines and evidence of disputes belong to payments.",
    "dunning": "Retries of an unpaid invoice are a module of their own.",
}

JANUARY = instant("2024-01-01")


@pytest.mark.parametrize("figure", STRIPE["anchors"], ids=lambda figure: figure["anchor"])
def test_anchors_clamp_and_recover(figure: dict[str, Any]) -> None:
    anchor = Anchor.at(instant(figure["anchor"]))

    boundaries = [anchor.boundary(number, Interval(figure["interval"])) for number in (1, 2, 3)]

    assert [str(boundary.date()) for boundary in boundaries] == figure["expect"]


def test_an_upgrade_costs_what_stripe_documents_to_the_cent() -> None:
    figure = STRIPE["proration"][0]
    start, end, change = (
        datetime.fromtimestamp(second, UTC) for second in (*figure["period"], figure["proration_date"])
    )
    books = Books(Agreement((anniversary(start, Interval.MONTH),)))
    books.change("plan", start, flat(figure["old_unit_amount"]))

    lines = books.change("plan", change, flat(figure["new_unit_amount"])) + books.run(end)

    assert nets(lines) == figure["expect_lines"]
    assert sum(nets(lines)) == figure["expect_total"]


def test_half_a_month_costs_half_the_difference() -> None:
    figure = STRIPE["proration"][1]
    books = Books(Agreement((anniversary(JANUARY, Interval.MONTH),)))
    books.change("plan", JANUARY, flat(figure["old_unit_amount"]))

    lines = books.change("plan", JANUARY + timedelta(days=31) / 2, flat(figure["new_unit_amount"]))

    assert nets(lines) == figure["expect_lines"]
    assert sum(nets(lines)) == figure["expect_net"]


def test_every_group_of_stripes_figures_is_judged_or_has_a_reason() -> None:
    assert set(STRIPE) == {"note", "proration", "anchors", *STRIPE_ELSEWHERE}
    assert len(STRIPE["proration"]) == 3


def test_a_fixed_discount_is_split_by_largest_remainder_where_stripe_rounds_down() -> None:
    """Stripe takes 166 and 334 off; by our law leftovers go to the largest remainder: 167 and 333."""
    books = _with_a_coupon()

    lines = books.run(JANUARY)

    assert [line.discount.minor for line in lines] == [167, 333]
    assert [taken - stripes for taken, stripes in zip([167, 333], [166, 334], strict=True)] == [1, -1]


def test_half_of_a_discounted_line_gives_back_half_of_what_was_recorded() -> None:
    """417, as in Stripe's flexible mode; its classic mode gives back 250."""
    books = _with_a_coupon()
    books.run(JANUARY)

    lines = books.change("small", JANUARY + timedelta(days=31) / 2, None)

    assert nets(lines) == [-417]


def test_a_price_that_was_never_billed_gives_nothing_back() -> None:
    """A change without proration takes effect at renewal, so changing back before costs nothing.

    So it is in Stripe's flexible mode; the classic one credits 667 for a price that was never paid.
    """
    books = Books(Agreement((anniversary(JANUARY, Interval.MONTH),)))
    books.change("plan", JANUARY, flat(1000))
    renewal = JANUARY + timedelta(days=31)
    books.agreement = books.agreement.stepped("plan", Step(renewal, flat(2000)))
    assert books.run(JANUARY + timedelta(days=10)) == []
    books.agreement = books.agreement.stepped("plan", Step(renewal, flat(1000)))

    assert books.run(JANUARY + timedelta(days=20)) == []
    assert nets(books.run(renewal)) == [1000]


def _with_a_coupon() -> Books:
    items = tuple(Item(key, (Step(JANUARY, flat(amount)),)) for key, amount in (("small", 1000), ("large", 2000)))
    coupon = Discount("five off", JANUARY, fixed=usd(500))
    return Books(Agreement((anniversary(JANUARY, Interval.MONTH),), items, discounts=(coupon,)))
