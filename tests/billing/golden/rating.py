"""Price models and meters. Amounts are abstract units unless a rule says minor units."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from billing import price_rules
from billing.agreement import Agreement
from billing.periods import Cycle, at, calendar
from billing.pricing import Model, Price, PriceRule, Tier
from billing.proration import Proration, share
from billing.rating import Aggregation, Event, Usage, allowance, capped, committed, measured, rated, true_up
from kernel.money import rounded
from kernel.time import Anchor, Interval, Period, zone
from tests.billing.golden import Case, rule
from tests.billing.world import Books, exactly, flat, instant, per_unit, span, tiered, usd


def ladder(model: str, tiers: list[dict[str, Any]]) -> PriceRule:
    """The rule of a case's tiers. We insist on a last tier without an end; a peer's may have one."""
    known = [{key: tier[key] for key in ("up_to", "unit", "flat") if key in tier} for tier in _renamed(tiers)]
    known[-1].pop("up_to", None)
    return price_rules.read({"model": model, "tiers": known})


def _renamed(tiers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**tier, "up_to": tier["to"]} for tier in tiers]


@rule("rating.graduated", "rating.graduated.decimal_tiers", "rating.graduated.flat")
def graduated(case: Case) -> None:
    cost = ladder("graduated", case.given["tiers"]).cost(Decimal(case.given["units"]))

    assert cost == Fraction(case.expect["amount"])


@rule("rating.graduated_percentage")
def graduated_percentage(case: Case) -> None:
    """A rate of a tier is a unit amount of a hundredth."""
    tiers = [{**tier, "unit": exactly(Fraction(tier["rate_percent"]) / 100)} for tier in case.given["tiers"]]

    cost = ladder("graduated", tiers).cost(case.given["amount_base"])

    assert cost == Fraction(case.expect["amount"])


@rule("rating.volume")
def volume(case: Case) -> None:
    cost = ladder("volume", case.given["tiers"]).cost(Decimal(case.given["units"]))

    assert cost == Fraction(case.expect["amount"])


@rule("rating.package")
def package(case: Case) -> None:
    given = case.given
    size = given.get("package_size", given.get("package"))
    written = {"model": "package", "amount": given["package_amount"], "size": size}
    price = Price("package", "USD", price_rules.read({**written, "included": given.get("free_units", 0)}))

    cost = price.cost(given.get("previous_units", 0) + given["units"], above=given.get("previous_units"))

    assert cost == Fraction(case.expect["amount"])


@rule("rating.package_graduated")
def packages_in_tiers(case: Case) -> None:
    """A tier may sell its units by the block. We insist on a last tier without an end."""
    tiers, end = [], 0
    for tier in case.given["tiers"]:
        end += tier["block"] * tier["max_blocks"]
        tiers.append({"up_to": end, "unit": tier["block_price"], "size": tier["block"]})
    tiers[-1].pop("up_to")
    price_rule = price_rules.read({"model": "graduated", "tiers": tiers})

    assert price_rule.cost(case.given["units"]) == Fraction(case.expect["amount"])
    assert [exactly(part.amount) for part in price_rule.parts(case.given["units"])] == case.expect["per_tier"]


@rule("rating.percentage.free_total", "rating.percentage.no_free", "rating.percentage.sub_cent")
def percentage(case: Case) -> None:
    """A percentage of the volume and a fee for each event are two prices; the allowance is shared by both."""
    given, volume = case.given, Fraction(case.given["volume"])
    amounts = _events(given.get("running_totals", []), volume)
    free, free_events = allowance(amounts, Fraction(given.get("free_total", 0)), given.get("free_events", 0))
    of_volume = price_rules.read({"model": "percentage", "percent": given["rate_percent"]})
    of_events = price_rules.read({"model": "per_unit", "amount": given.get("fixed_per_event", "0")})

    parts = of_volume.cost(volume - free), of_events.cost(given["events"] - free_events)

    assert sum(parts) == Fraction(case.expect["amount"])
    assert free_events == case.expect.get("free_events_used", 0)
    if "percent_part" in case.expect:
        assert parts == (Fraction(case.expect["percent_part"]), Fraction(case.expect["fixed_part"]))


def _events(running_totals: list[int], volume: Fraction) -> list[Fraction]:
    totals = [Fraction(0), *map(Fraction, running_totals), volume]
    return [after - before for before, after in pairwise(totals)]


@rule("rating.graduated.mid_period_slice")
def a_slice_of_a_ladder(case: Case) -> None:
    """What is billed now is the difference of the totals, tier by tier."""
    before, after = case.given["previous_units"], case.given["previous_units"] + case.given["units"]

    lines = _slices(ladder("graduated", case.given["tiers"]), before, after)

    assert exactly(sum(lines, Fraction(0))) == case.expect["amount"]
    assert [exactly(line) for line in lines] == case.expect["lines"]


def _slices(price_rule: PriceRule, before: int, after: int) -> list[Fraction]:
    earlier = {part.tier: part.amount for part in price_rule.parts(before)}
    slices = [part.amount - earlier.get(part.tier, 0) for part in price_rule.parts(after)]
    return [amount for amount in slices if amount]


@rule("commitment.maximum_spend")
def a_maximum_leaves_room(case: Case) -> None:
    before, after = case.given["previous_units"], case.given["previous_units"] + case.given["units"]
    lines = [usd(int(line)) for line in _slices(ladder("graduated", case.given["tiers"]), before, after)]
    room = usd(int(case.given["maximum"]) - int(case.given["previously_billed"]))

    allowed = capped(lines, room)

    assert sum(line.minor for line in allowed) == int(case.expect["amount"])
    discounts = [line - part for line, part in zip(lines, allowed, strict=True)]
    assert [str(discount.minor) for discount in discounts] == case.expect["line_discounts"]


@rule("commitment.minimum.net_of_billed")
def a_minimum_is_billed_once(case: Case) -> None:
    missing = true_up(usd(int(case.given["minimum"])), usd(int(case.given["previously_billed"])))

    assert missing == usd(int(case.expect["true_up"]))


@rule("commitment.minimum.first_partial_period")
def a_minimum_of_a_part_of_a_period(case: Case) -> None:
    """By day, as the peer counts. Minor units."""
    start = instant(case.given["start"])
    price = flat(case.given["base"]["amount"], proration=Proration.DAY)
    cycle = calendar(start, Interval.MONTH)
    (base,) = Books(Agreement((cycle,))).change("base", start, price)
    period = at([cycle], start)
    minimum = usd(case.given["minimum_commitment"]).times(
        share([period.span], period.whole, Proration.DAY, period.zone)
    )

    assert true_up(minimum, base.net + usd(case.given["usage_fees"])) == usd(case.expect["true_up"])


@rule("commitment.windowed_with_overage")
def a_commitment_for_each_window(case: Case) -> None:
    given = case.given

    windows = [
        committed(
            Fraction(given["unit"]) * used, Fraction(given["commitment_per_window"]), Fraction(given["overage_factor"])
        )
        for used in given["window_usage"]
    ]

    assert [exactly(window) for window in windows] == case.expect["windows"]
    assert sum(windows) == Fraction(case.expect["amount"])


@rule("rating.dynamic_multiplier")
def a_multiplied_cost(case: Case) -> None:
    """A multiplier is a percentage of the cost, which is given in major units."""
    percent = exactly(Fraction(case.given["multiplier"]) * 100)
    price = Price("resold", "USD", price_rules.read({"model": "percentage", "percent": percent}))

    assert price.amount(rounded(Fraction(case.given["cost"]) * 100)) == usd(
        rounded(Fraction(case.expect["amount"]) * 100)
    )


@rule("rating.negative_usage", "rounding.metered")
def a_metered_amount(case: Case) -> None:
    """Rounded once, half away from zero; a negative quantity costs nothing. Minor units."""
    price = per_unit(case.given["unit_amount"])

    assert price.amount(Decimal(case.given["units"])) == usd(case.expect["amount"])


@rule("rounding.sub_cent_unit_price")
def a_unit_may_cost_almost_nothing(case: Case) -> None:
    price = per_unit(case.given["unit_amount_minor"])

    assert price.amount(case.given["units"]) == usd(case.expect["amount"])


# Meters


@rule("metering.weighted_sum")
def a_level_weighted_by_time(case: Case) -> None:
    month = _month(case.given["period"])
    events = [
        Event(str(place), instant(event["at"]), Decimal(event["delta"]))
        for place, event in enumerate(case.given["events"])
    ]

    units = measured(events, Aggregation.WEIGHTED, month)

    digits = len(case.expect["units"].partition(".")[2])
    assert rounded(units * 10**digits) == Fraction(case.expect["units"]) * 10**digits
    assert per_unit(rounded(Fraction(case.given["unit_amount"]) * 100)).amount(units) == usd(case.expect["amount"])
    assert measured(events, Aggregation.SUM, month) == Fraction(case.expect["carried_to_next_period"])


def _month(text: str) -> Period:
    return at([calendar(instant(f"{text}-01"), Interval.MONTH)], instant(f"{text}-01")).span


@rule("metering.recurring.negative_then_positive")
def a_level_below_zero(case: Case) -> None:
    """The level is carried on as it is, and costs nothing while it is negative."""
    price_rule = ladder("graduated", case.given["tiers"])
    first, second = _month("2024-01"), _month("2024-02")
    levels = [
        [Event(f"{month.start}{place}", month.start, value) for place, value in enumerate(case.given[key])]
        for month, key in ((first, "period1_events"), (second, "period2_events"))
    ]

    carried = measured(levels[0], Aggregation.SUM, first)
    units = measured(levels[1], Aggregation.SUM, second, opening=carried)

    assert price_rule.cost(carried) == case.expect["period1_total"]
    assert units == Fraction(case.expect["period2_units"])
    assert price_rule.cost(units) == case.expect["period2_amount"]


@rule("metering.pay_in_advance.same_timestamp")
def events_of_one_instant(case: Case) -> None:
    """Each event is billed as the difference it makes, in order of time and id."""
    tiers = [{"up_to": tier["to"], "unit": exactly(Fraction(tier["unit"]) * 100)} for tier in case.given["tiers"]]
    price = tiered("graduated", tiers)

    fees = [price.cost(count, above=count - 1) for count in range(1, case.given["events"] + 1)]

    assert fees == case.expect["fees"]


@rule("metering.unique_count.prorated_same_day_flapping")
def a_day_is_billed_once(case: Case) -> None:
    """A user who comes and goes within one day is used on that day, and costs a unit a day."""
    events = [(instant(moment), action) for moment, action in case.given["events"]]
    cycle = calendar(events[0][0], Interval.MONTH)
    days = at([cycle], events[0][0]).whole.length // timedelta(days=1)
    price = flat(days, proration=Proration.DAY)
    books = Books(Agreement((cycle,)))

    for moment, action in events:
        books.change("user", moment, price if action == "add" else None)

    assert books.net == case.expect["billed_days"]


@rule("metering.cumulative_minus_billed")
def what_is_billed_is_taken_off(case: Case) -> None:
    january = span("2024-01-01", "2024-02-01")
    written = {"model": "package", "amount": int(case.given["block_price"]) * 100, "size": case.given["block"]}
    price = Price("blocks", "USD", price_rules.read(written))
    billed = int(case.given["already_billed"]) * case.given["block"]
    before = rated(Usage("usage", price, january, billed), [], january.start)
    assert before

    line = rated(Usage("usage", price, january, sum(case.given["usage"])), [before], january.start)

    assert line
    assert line.amount == usd(int(case.expect["to_bill"]) * 100)


@rule("invoice.progressive_threshold")
def usage_billed_at_a_threshold(case: Case) -> None:
    """What the threshold billed is taken off at the end of the period."""
    given, month = case.given, _month(case.given["period"])
    price = per_unit(exactly(Fraction(given["unit_amount"]) * 100))
    books = Books(Agreement((Cycle(month.start, Anchor.at(month.start), Interval.MONTH),)))
    reached = 0
    billed = []
    for event in given["events"]:
        reached += event["units"]
        books.agreement = Agreement(books.agreement.cycles, usage=(Usage("usage", price, month, reached),))
        if price.amount(reached).minor >= given["threshold"]:
            billed.append(books.run(month.start + timedelta(days=event["day"])))
    final = case.expect["final_invoice"]

    assert sum(line.amount.minor for line in billed[0]) == case.expect["threshold_invoice"]
    assert given["base"] + price.amount(reached).minor == final["fees"]
    assert given["base"] + books.net - final["progressive_credit"] == final["total"]


@rule("usage.dst_boundary")
def usage_falls_into_local_months(case: Case) -> None:
    """Whenever the account was created, before or after the clocks changed."""
    name = case.given["timezone"]
    events = [
        Event(text, instant(f"{text}Z").replace(tzinfo=zone(name)).astimezone(zone("UTC")))
        for text in case.given["usage_local"]
    ]

    for created in case.given["account_created_any_of"]:
        cycle = Cycle(instant(created), Anchor(instant("2023-01-01").replace(tzinfo=None), name), Interval.MONTH)
        for month, count in case.expect["units"].items():
            period = at([cycle], instant(f"{month}-15")).whole
            assert measured(events, Aggregation.COUNT, period) == count


# Seats by the ladder


@rule("seats.volume")
def seats_by_volume(case: Case) -> None:
    assert ladder("volume", case.given["tiers"]).cost(case.given["seats"]) == case.expect["amount"]


@rule("seats.graduated_vs_volume")
def seats_both_ways(case: Case) -> None:
    for model, amount in case.expect.items():
        assert ladder(model, case.given["tiers"]).cost(case.given["seats"]) == amount


@rule("seats.graduated_minimum_order")
def a_minimum_order_shrinks_no_tier(case: Case) -> None:
    """How many seats must be bought at least is no part of the price."""
    assert case.given["seats"] >= case.given["minimum_order"]
    assert ladder("graduated", case.given["tiers"]).cost(case.given["seats"]) == case.expect["amount"]


@rule("seats.graduated_plus_base")
def seats_and_a_base_fee(case: Case) -> None:
    base = PriceRule(Model.FLAT, (Tier(flat=Fraction(case.given["base"])),))

    assert base.cost(1) + ladder("graduated", case.given["tiers"]).cost(case.given["seats"]) == case.expect["amount"]


@rule("credits.prorated_grant")
def a_grant_for_a_part_of_a_period(case: Case) -> None:
    """A first grant of credits is cut like the price of the same time."""
    whole = span(*case.given["period"])
    used = share([Period(instant(case.given["start"]), whole.end)], whole, Proration(case.given["strategy"]), "UTC")

    assert Fraction(case.given["credits"]) * used == Fraction(case.expect["credits"])
