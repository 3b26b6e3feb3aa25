"""What an import decides: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import timeline
from billing.amendments import Unsaved
from billing.catalog import Audience, ListPrice
from billing.facts import agreement
from billing.importing import matching_file
from billing.importing.agreeing import agreed, anchored, paid_there
from billing.importing.comparing import compared
from billing.importing.costs import rule_of, same
from billing.importing.deciding import Decision, Shelf, decided
from billing.importing.matching import Customer, Kind, Matching, Offer, Target, suggested
from billing.lines import Issued
from billing.pricing import NOTHING, Model, PriceRule, Tier
from billing.tax import Rate
from kernel.errors import InvalidInput
from kernel.money import Money
from kernel.time import Anchor, Interval, Period
from payments.rail.billing_values import (
    TheirCoupon,
    TheirCustomer,
    TheirDiscount,
    TheirItem,
    TheirPrice,
    TheirRate,
    TheirSubscription,
    TheirTier,
)
from tests.billing.stories import zones
from tests.billing.world import instant

NOW = instant("2026-01-10T12:00")
JANUARY = Period(instant("2026-01-01T00:00"), instant("2026-02-01T00:00"))
PRO, TEAM = Target("pro", 1, "month-usd"), Target("team", 2, "month-usd")
TIERS = (Tier(Fraction(10), Fraction(4000)), Tier(None, Fraction(3600)))
CUSTOMER = TheirCustomer("cus_1", "Ada", "ada@example.test", "US", (), None, ())
PLAIN = TheirPrice(
    "price_1", "Pro", "prod_1", "USD", "month", 1, False, "per_unit", (TheirTier(None, Fraction(2000), NOTHING),)
)


def offer(target: Target, rule: PriceRule, number: int, **more: Any) -> Offer:
    price = ListPrice(target.price, "USD", rule)
    told: dict[str, Any] = {"audience": Audience.ANYONE, "name": target.plan.title(), "least": None, "most": None}
    return Offer(target, number, number, number, price, sold=True, **told | more)


OFFERS = {
    PRO: offer(PRO, PriceRule(Model.FLAT, (Tier(flat=Fraction(2000)),)), 1),
    TEAM: offer(TEAM, PriceRule(Model.VOLUME, TIERS), 2, audience=Audience.WORKSPACE, least=1, most=500),
}


def theirs(price: str = "price_1", quantity: int = 1, **more: Any) -> TheirSubscription:
    item = TheirItem(f"si_{price}", price, "prod_1", quantity, JANUARY)
    told: dict[str, Any] = {"id": "sub_1", "customer": "cus_1", "status": "active", "currency": "USD", "items": (item,)}
    return TheirSubscription(**told | {"anchor": JANUARY.start, "started": JANUARY.start} | more)


def decision(
    *subscriptions: TheirSubscription, matched: Mapping[str, Target | None] | None = None, **customer: Any
) -> Decision:
    prices = {"price_1": PLAIN, "price_2": replace(PLAIN, id="price_2", mode="volume", tiers=VOLUME)}
    matching = Matching({"price_1": PRO, "price_2": TEAM} if matched is None else matched)
    shelf = Shelf(matching, OFFERS, prices, NOW)
    return decided(shelf, replace(CUSTOMER, **customer), subscriptions, ())


VOLUME = (TheirTier(10, Fraction(4000), NOTHING), TheirTier(None, Fraction(3600), NOTHING))


# Costs


def test_a_price_that_is_read_back_costs_the_same() -> None:
    rule = rule_of(replace(PLAIN, mode="volume", tiers=VOLUME))

    assert rule == PriceRule(Model.VOLUME, TIERS)
    assert same(PriceRule(Model.VOLUME, TIERS), rule)
    assert not same(PriceRule(Model.GRADUATED, TIERS), rule)


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 9_999)), min_size=1, max_size=4, unique_by=lambda t: t[0])
)
def test_two_ladders_are_the_same_only_if_every_quantity_costs_the_same(steps: list[tuple[int, int]]) -> None:
    ordered = sorted(steps)
    last = ordered[-1][1]
    tiers = (*(Tier(Fraction(up_to), Fraction(unit)) for up_to, unit in ordered), Tier(None, Fraction(last)))
    ours, other = PriceRule(Model.GRADUATED, tiers), PriceRule(Model.VOLUME, tiers)

    alike = all(ours.cost(quantity) == other.cost(quantity) for quantity in range(1, 600))

    assert same(ours, other) == alike
    assert same(ours, ours)


@pytest.mark.parametrize(
    "change", [{"rounds_up": False, "package": 10}, {"tiers": ()}, {"mode": "volume", "package": 5}]
)
def test_what_our_rules_cannot_say_is_no_rule(change: dict[str, Any]) -> None:
    assert rule_of(replace(PLAIN, **change)) is None


# Matching


def test_what_costs_the_same_is_suggested_before_what_is_called_the_same() -> None:
    cheap = offer(Target("cheap", 1, "month-usd"), PriceRule(Model.PER_UNIT, (Tier(unit=Fraction(2000)),)), 3)

    found = suggested(replace(PLAIN, name="Cheap"), [*OFFERS.values(), cheap])
    called = suggested(replace(PLAIN, name="Team"), OFFERS.values())
    dearer = suggested(replace(PLAIN, tiers=(TheirTier(None, Fraction(1999), NOTHING),)), OFFERS.values())
    foreign = suggested(replace(PLAIN, currency="CHF"), OFFERS.values())

    assert (found.target, called.target) == (cheap.target, PRO)
    assert (dearer.target, dearer.says) == (PRO, "Ours costs something else: 20.00 USD a month.")
    assert (foreign.target, foreign.says) == (None, "Nothing of ours is sold by the month in CHF.")


def test_a_proposal_reads_back_as_it_was_written(tmp_path: Path) -> None:
    odd = replace(PLAIN, id='price_"2"', name="Two\nlines", currency="CHF")
    file = tmp_path / "import.toml"
    file.write_text(matching_file.written([suggested(each, OFFERS.values()) for each in (PLAIN, odd)], {"price_1": 1}))

    found = matching_file.read(file, OFFERS)

    assert found == Matching({"price_1": PRO, 'price_"2"': None})


def test_each_mistake_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "import.toml"
    file.write_text(
        'time_zone = "Mars"\n[prices]\nprice_1 = "pro"\nprice_2 = "pro/9/month-usd"\n'
        '[customers.cus_1]\nkind = "robot"\nzone = "UTC"\n[identity]\nissuer = "x"\n'
    )

    with pytest.raises(InvalidInput) as refusal:
        matching_file.read(file, OFFERS)

    told = [line.partition("import.toml:")[2].partition(": ")[0] for line in refusal.value.message.splitlines()]
    assert told == ["1", "3", "4", "6", "7", "8"]


# Deciding


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": "unpaid"}, "given up collecting"),
        ({"status": "incomplete"}, "first invoice"),
        ({"status": "paused"}, "trial ended"),
        ({"pausing": True}, "collection is paused"),
        ({"awaits": "a schedule"}, "a schedule"),
        ({"cancel_at": instant("2026-02-10T00:00")}, "inside a period"),
        ({"items": (TheirItem("si_1", "price_1", "prod_1", 2, JANUARY),)}, "has no quantity"),
        ({"items": (TheirItem("si_2", "price_2", "prod_1", 501, JANUARY),)}, "1 to 500"),
        ({"discounts": (TheirDiscount("di_1", TheirCoupon("GONE")),)}, "GONE"),
    ],
)
def test_what_stays_says_why(change: dict[str, Any], why: str) -> None:
    found = decision(theirs(**change))

    assert found.wanted == []
    assert [why in left.why and left.why.endswith(".") for left in found.left] == [True]


def test_an_item_that_is_held_no_times_is_not_billed_once_here() -> None:
    extra = offer(Target("extra", 1, "month-usd"), PriceRule(Model.PER_UNIT, (Tier(unit=Fraction(2000)),)), 3)
    shelf = Shelf(Matching({"price_1": extra.target}), {extra.target: extra}, {"price_1": PLAIN}, NOW)

    none, one = (decided(shelf, CUSTOMER, [theirs(quantity=quantity)], ()) for quantity in (0, 1))

    assert (none.wanted, [each.theirs.items[0].quantity for each in one.wanted]) == ([], [1])
    assert "held 0 times" in none.left[0].why


def test_one_that_is_past_due_comes_over_for_its_unpaid_invoice_does() -> None:
    found = decision(theirs(status="past_due"))

    assert ([each.theirs.status for each in found.wanted], found.left) == (["past_due"], [])


def test_a_price_that_the_file_does_not_name_or_leaves_out_stays() -> None:
    unknown, without = decision(theirs(), matched={}), decision(theirs(), matched={"price_1": None})

    assert "is not in the file" in unknown.left[0].why
    assert "matched with nothing" in without.left[0].why


def test_a_period_that_is_over_waits_for_stripe() -> None:
    item = TheirItem("si_1", "price_1", "prod_1", 1, Period(JANUARY.start, NOW))

    assert "just ended" in decision(theirs(items=(item,))).left[0].why


def test_what_is_over_is_not_spoken_of() -> None:
    found = decision(theirs(status="canceled"), theirs(status="incomplete_expired"))

    assert (found.wanted, found.left) == ([], [])


def test_a_second_subscription_to_a_plan_without_seats_stays() -> None:
    found = decision(theirs(), theirs(id="sub_2"))

    assert [each.theirs.id for each in found.wanted] == ["sub_1"]
    assert "twice" in found.left[0].why


def test_what_is_sold_to_workspaces_makes_a_workspace_unless_the_file_says_otherwise() -> None:
    team = theirs("price_2", 12)
    shelf = Shelf(
        Matching({"price_2": TEAM}, {"cus_1": Customer(kind=Kind.PERSON)}),
        OFFERS,
        {"price_2": replace(PLAIN, id="price_2", mode="volume", tiers=VOLUME)},
        NOW,
    )

    assert decision(team).kind is Kind.WORKSPACE
    assert decision(theirs()).kind is Kind.PERSON
    assert "not sold to a person" in decided(shelf, CUSTOMER, [team], ()).left[0].why


def test_credit_stays_where_something_stays_that_uses_it() -> None:
    balances = (Money(-500, "USD"), Money(300, "EUR"))

    free, bound = decision(theirs(), balances=balances), decision(theirs(pausing=True), balances=balances)

    assert (free.credit, bound.credit) == ([Money(500, "USD")], ())
    assert [note.partition(" on ")[0].partition(" stays")[0] for note in bound.notes] == [
        "Their credit of 5.00 USD",
        "They owe 3.00 EUR",
    ]


def test_what_an_account_cannot_be_told_is_left_out_and_said() -> None:
    found = decision(theirs(), country="XX", vat_ids=("DE000000000",), locale="klingon")

    assert found.columns["country"] == "US"
    assert len(found.notes) == 3


# Agreeing


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - made aware below
    zones,
    st.sampled_from(list(Interval)),
    st.integers(1, 3),
    st.integers(1, 40),
)
def test_the_first_period_here_begins_when_theirs_ends(
    local: datetime, zone: str, interval: Interval, count: int, number: int
) -> None:
    there = Anchor(local.replace(microsecond=0), "UTC")
    end = there.boundary(number, interval, count)

    here = anchored(there.boundary(0, interval, count), end, zone, interval, count)

    assert here.period_at(end, interval, count)[1].start == end


def test_the_last_of_a_month_stays_the_last() -> None:
    anchor, end = instant("2026-01-31T10:00"), instant("2026-02-28T10:00")

    here = anchored(anchor, end, "Europe/Berlin", Interval.MONTH, 1)

    assert here.boundary(2, Interval.MONTH) == instant("2026-03-31T09:00")


@given(st.integers(1, 500), st.integers(0, 30 * 86_400))
def test_nothing_of_the_span_that_is_paid_there_is_billed_again(quantity: int, second: int) -> None:
    (wanted,) = decision(theirs("price_2", quantity)).wanted
    terms = agreed(wanted, 1, "UTC", Unsaved())
    paid = paid_there(terms.there, (), NOW)
    issued = [Issued(number, line) for number, line in enumerate(paid, 1)]

    again = timeline.bill(agreement(terms.facts), issued, now=JANUARY.start + timedelta(seconds=second))

    assert sum(line.net.minor for line in paid) == PriceRule(Model.VOLUME, TIERS).cost(quantity)
    assert again == []


def test_a_trial_is_paid_by_nobody_and_goes_on() -> None:
    (wanted,) = decision(theirs(status="trialing", trial_end=JANUARY.end, anchor=JANUARY.end)).wanted
    terms = agreed(wanted, 1, "Europe/Berlin", Unsaved())

    found = compared(terms, wanted, paid_there(terms.there, (), NOW), Rate(NOTHING))

    assert paid_there(terms.there, (), NOW) == []
    assert terms.facts.subscription.trial_end == JANUARY.end
    assert found
    assert (found.at, found.here) == (JANUARY.end, Money(2000, "USD"))


@pytest.mark.parametrize(
    ("duration", "end", "paid", "next_one"),
    [
        ("forever", None, 1500, 1500),
        ("repeating", JANUARY.end, 1500, 2000),
        ("once", None, 2000, 1500),
    ],
)
def test_a_coupon_takes_off_here_what_it_would_there(
    duration: str, end: datetime | None, paid: int, next_one: int
) -> None:
    coupon = TheirDiscount("di_1", TheirCoupon("C", "C", duration, percent=Fraction(25)), end)
    (wanted,) = decision(theirs(discounts=(coupon,))).wanted
    terms = agreed(wanted, 1, "UTC", Unsaved())
    lines = paid_there(terms.there, (), NOW)

    found = compared(terms, wanted, lines, Rate(NOTHING))

    assert [line.net.minor for line in lines] == [paid]
    assert found
    assert (found.there.minor, found.here.minor) == (next_one, next_one)


def test_their_taxes_are_compared_with_ours_and_those_of_stripe_are_left_out() -> None:
    (manual,) = decision(theirs(rates=(TheirRate(Fraction(19), inclusive=False),))).wanted
    (computed,) = decision(theirs(computed_tax=True)).wanted
    told = []
    for wanted in (manual, computed):
        terms = agreed(wanted, 1, "UTC", Unsaved())
        told.append(compared(terms, wanted, paid_there(terms.there, (), NOW), Rate(Fraction(10))))

    first, second = told
    assert first
    assert second
    assert (first.there.minor, first.here.minor, first.difference.minor) == (2380, 2200, -180)
    assert (second.there.minor, second.here.minor, second.taxed) == (2000, 2000, False)
