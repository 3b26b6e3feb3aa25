"""Plan changes, trials, ends and billing days, within and at the end of a period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from billing.agreement import Agreement, Item, Step
from billing.discounts import Discount
from billing.lines import Kind, Line
from billing.periods import Cycle, anniversary, at, calendar, changed, trial_end
from billing.pricing import Price, Timing
from billing.proration import Proration
from billing.tax import Rate, taxed
from kernel.time import Anchor, Interval
from tests.billing.golden import CASES, Case, rule
from tests.billing.golden.periods import INTERVALS, on_day_of_month
from tests.billing.world import Books, flat, instant, minor, nets, per_unit, span, usd

# Stories that a case builds on, and that are not among the cases themselves.
STORIES: dict[str, dict[str, Any]] = {
    "LAGO-PRO-01": {
        "plan": {"amount": 1000, "interval": "month", "billing": "calendar", "timing": "in_advance"},
        "start": "2024-03-05T12:12:00Z",
    }
}

POLICIES = (Proration.DAY, Proration.SECOND)


def told(case: Case) -> dict[str, Any]:
    """What is given, with the story it builds on."""
    if "given_case" not in case.given:
        return case.given
    earlier = case.given["given_case"]
    return {**(told(CASES[earlier]) if earlier in CASES else STORIES[earlier]), **case.given}


def cycle_of(plan: dict[str, Any], start: datetime) -> Cycle:
    make = calendar if plan.get("billing") == "calendar" else anniversary
    return make(start, *INTERVALS[plan.get("interval", "month")])


def price_of(plan: dict[str, Any], proration: Proration) -> Price:
    timing = Timing.ARREARS if plan.get("timing") == "in_arrears" else Timing.ADVANCE
    return flat(plan["amount"], proration=proration, timing=timing)


def of_kind(lines: list[Line], kind: Kind) -> list[int]:
    return [line.net.minor for line in lines if line.kind is kind]


def within_month(start: str, end: str) -> Cycle:
    """A single period between two dates, however long."""
    whole = span(start, end)
    return Cycle(whole.start, Anchor.at(whole.start), Interval.DAY, whole.length.days)


@rule("proration.upgrade.calendar", "proration.upgrade.anniversary")
def an_upgrade(case: Case) -> None:
    given = told(case)
    start, change = instant(given["start"]), instant(given["change"]["at"])
    rate = Rate(Fraction(given["tax_percent"]))
    for proration, expected in zip(POLICIES, (case.expect, case.exact), strict=True):
        books = Books(Agreement((cycle_of(given["plan"], start),)))
        first = books.change("plan", start, price_of(given["plan"], proration))

        lines = books.change("plan", change, price_of(given["change"]["to_plan"], proration))

        (credit,) = [line.net for line in lines if line.kind is Kind.CREDIT]
        (tax,) = taxed([(credit, rate)])
        assert nets(first) == [expected.get("first_fee", nets(first)[0])]
        assert of_kind(lines, Kind.CHARGE) == [expected["new_fee"]]
        assert -credit.minor == expected.get("credit_ex_tax", -credit.minor)
        assert -(credit + tax.tax).minor == expected.get("credit_note_incl_tax", -(credit + tax.tax).minor)


@rule("proration.quantity_line.first_period")
def quantities_from_mid_month(case: Case) -> None:
    start = instant(case.given["start"])
    for proration, expected in zip(POLICIES, (case.expect, case.exact), strict=True):
        books = Books(Agreement((cycle_of(case.given, start),)))
        fees = [
            books.change(f"line {place}", start, per_unit(line["unit_amount"], proration=proration), line["units"])
            for place, line in enumerate(case.given["lines"])
        ]

        assert [nets(lines) for lines in fees] == [[fee] for fee in expected["fees"]]


@rule("proration.termination.denominator_is_whole_period")
def an_end_inside_a_period(case: Case) -> None:
    """By day, a begun day is a used one."""
    given = case.given
    start, end = instant(given["subscription_started_by_upgrade_at"]), instant(given["terminated_at"])
    cycle = replace(cycle_of(given["plan"], instant(given["anchor"])), since=start)
    items = (Item("plan", (Step(start, price_of(given["plan"], Proration.DAY)),)),)

    assert nets(Books(Agreement((cycle,), items, ended_at=end)).run(end)) == [case.expect["fee"]]


@rule("plan_change.downgrade_at_period_end.leap_year")
def a_downgrade_to_another_interval(case: Case) -> None:
    """The peer keeps the anniversary. Our law begins a whole new period; the old anchor can be kept too."""
    given = case.given
    start, requested = instant(given["start"]), instant(given["downgrade_requested"])
    old, new = (price_of(given[key], Proration.DAY) for key in ("old", "new"))
    yearly = replace(new, interval=Interval.YEAR)
    books = Books(Agreement((cycle_of(given["old"], start),)))
    books.change("plan", start, old)
    books.run(requested)
    effective = at(books.agreement.cycles, requested).span.end
    assert effective.date() == instant(given["effective"]).date()
    scheduled = books.agreement.stepped("plan", Step(effective, yearly))

    kept, ours = Books(scheduled), Books(scheduled)
    kept.issued, ours.issued = list(books.issued), list(books.issued)
    kept.agreement = replace(scheduled, cycles=(*scheduled.cycles, Cycle(effective, Anchor.at(start), Interval.YEAR)))
    ours.agreement = replace(scheduled, cycles=changed(scheduled.cycles, effective, old, yearly))

    assert sum(nets(kept.run(requested))) == case.expect["requested_day_effect"]
    assert nets(kept.run(effective)) == [case.expect["new_fee"]]
    assert nets(ours.run(effective)) == [given["new"]["amount"]]


@rule("termination.arrears")
def an_end_in_arrears(case: Case) -> None:
    """A date without a time is some time of that day, and a begun day is a used one."""
    given = case.given
    start, end = instant(given["start"]), instant(given["terminated_at"]) + timedelta(hours=12)
    items = (Item("plan", (Step(start, price_of(given["plan"], Proration.DAY)),)),)
    books = Books(Agreement((cycle_of(given["plan"], start),), items, ended_at=end))

    (base,) = books.run(end)

    rate = Rate(Fraction(given["tax_percent"]))
    (group,) = taxed([(base.net, rate), (usd(given["usage_fee"]), rate)])
    assert base.net.minor == case.expect["base_fee"]
    assert group.base.minor == case.expect["subtotal"]
    assert group.tax.minor == case.expect["tax"]
    assert (group.base + group.tax).minor == case.expect["total"]
    assert not of_kind([base], Kind.CREDIT)


@rule("trial.mid_month_end", "trial.longer_than_period", "trial.upgrade_during_trial_not_restarted")
def a_trial(case: Case) -> None:
    """Nothing is due before it ends; then what remains of the calendar month, by day and to the second."""
    given = told(case)
    start = instant(given["start"])
    plan = {**given["plan"], **given.get("to_plan", {})}
    ends = trial_end(start, {**given, **plan}["trial_days"])
    (fee,) = [amount for key, amount in case.expect.items() if key.startswith("fee_")]
    for proration in POLICIES if case.exact else POLICIES[:1]:
        books = Books(Agreement((cycle_of(given["plan"], start),), trial_until=ends))
        books.change("plan", start, price_of(given["plan"], proration))
        if "to_plan" in given:
            books.change("plan", instant(given["upgrade_at"]), price_of(plan, proration))

        before, lines = books.run(ends - timedelta(seconds=1)), books.run(ends)

        assert before == []
        assert nets(lines) == [fee if proration is Proration.DAY else case.exact["fee_at_trial_end"]]
    assert ends == instant(case.expect.get("trial_ends", case.expect.get("no_invoice_before", str(ends))))


@rule("proration.bcd31_after_trial")
def the_first_days_before_the_31st(case: Case) -> None:
    start = instant(case.given["billing_starts"])
    books = Books(Agreement((on_day_of_month(case.given["bill_cycle_day"], start),)))

    (line,) = books.change("plan", start, flat(minor(case.given["plan"])))

    assert line.net == usd(minor(case.expect["amount"]))
    assert line.span == span(*case.expect["period"])


@rule("proration.add_item", "proration.remove_item")
def an_item_of_a_month(case: Case) -> None:
    """The peer counts both the first and the last day of its period: a calendar month in ours, by day."""
    given = case.given
    change = instant(given["change"])
    month = calendar(instant(given["period"][0]), Interval.MONTH)
    thirty_days = within_month(*given["period"])
    for cycle, proration, expected in zip((month, thirty_days), POLICIES, (case.expect, case.exact), strict=True):
        books = Books(Agreement((cycle,)))
        if "old" in given:
            books.change("item", cycle.since, flat(minor(given["old"]), proration=proration))

        price = flat(minor(given["new"]), proration=proration) if "new" in given else None
        lines = books.change("item", change, price)

        (amount,) = expected.values()
        assert nets(lines) == [minor(amount)]


@rule("proration.last_day", "proration.on_period_end")
def a_change_close_to_the_end(case: Case) -> None:
    given = case.given
    cycle = within_month(*given["period"])
    books = Books(Agreement((cycle,)))
    books.change("plan", cycle.since, flat(given["old"]))

    lines = [
        line
        for line in books.change("plan", instant(given["change"]), flat(given["new"]))
        if line.period == cycle.since
    ]

    assert sum(nets(lines)) == case.expect["net"]
    if lines:
        assert nets(lines) == [case.expect["credit"], case.expect["charge"]]
    else:
        assert case.expect["lines"] == 0


@rule("proration.mixed_add_remove")
def several_items_change_at_once(case: Case) -> None:
    given = case.given
    cycle, change = within_month(*given["period"]), instant(given["change"])
    steps = {
        "matched": (Step(cycle.since, flat(given["matched"][0])), Step(change, flat(given["matched"][1]))),
        "removed": (Step(cycle.since, flat(given["removed"])), Step(change, None)),
        "added": (Step(change, flat(given["added"])),),
    }
    books = Books(Agreement((cycle,), tuple(Item(key, item) for key, item in steps.items())))
    books.run(cycle.since)

    lines = nets(books.run(change))

    assert lines == case.expect["lines"]
    assert sum(lines) == case.expect["net"]


@rule("proration.upgrade")
def an_upgrade_to_the_second(case: Case) -> None:
    given = case.given
    whole = span(*given["period"])
    interval = Interval.YEAR if whole.length > timedelta(days=31) else Interval.MONTH
    books = Books(Agreement((anniversary(whole.start, interval),)))
    books.change("plan", whole.start, flat(given["old"]))

    lines = books.change("plan", instant(given["change"]), flat(given["new"]))

    assert nets(lines) == [-case.expect["credit"], case.expect["charge"]]


@rule("proration.interval_change")
def another_interval_begins_a_period(case: Case) -> None:
    given = case.given
    whole, change = span(*given["period"]), instant(given["change"])
    old, new = (flat(given[key]["amount"], interval=Interval(given[key]["interval"])) for key in ("old", "new"))
    books = Books(Agreement((anniversary(whole.start, old.interval),)))
    books.change("plan", whole.start, old)
    books.agreement = replace(books.agreement, cycles=changed(books.agreement.cycles, change, old, new))

    lines = books.change("plan", change, new)

    assert nets(lines) == [-case.expect["credit"], case.expect["charge"]]
    assert lines[1].span == anniversary(change, new.interval).anchor.period(0, new.interval)


@rule("proration.with_discount_change")
def a_change_of_discount(case: Case) -> None:
    given = case.given
    cycle, change = within_month(*given["period"]), instant(given["change"])
    discounts = tuple(_percentages(given, cycle.since, change))
    books = Books(Agreement((cycle,), discounts=discounts))
    books.change("plan", cycle.since, flat(given["old"]))

    lines = books.change("plan", change, flat(given["new"]))

    assert nets(lines) == [-case.expect["credit"], case.expect["charge"]]


def _percentages(given: dict[str, Any], start: datetime, change: datetime) -> Iterator[Discount]:
    for key, since, until in (("old_discount", start, change), ("new_discount", change, None)):
        if given[key]:
            yield Discount(key, since, Fraction(given[key].rstrip("%")), until=until)


@rule("proration.documented_example")
def a_documented_example(case: Case) -> None:
    given = case.given
    whole = timedelta(seconds=given.get("period_seconds", 30 * 24 * 3600))
    left = Fraction(given.get("remaining", 1 - Fraction(given.get("elapsed_seconds", 0), whole.days * 24 * 3600)))
    start = instant("2024-01-01")
    change = start + timedelta(seconds=int((1 - left) * whole.days * 24 * 3600))
    books = Books(Agreement((Cycle(start, Anchor.at(start), Interval.DAY, whole.days),)))
    books.change("plan", start, flat(given["old"]))

    lines = nets(books.change("plan", change, flat(given["new"])))

    assert [abs(amount) for amount in lines] == [abs(case.expect["credit"]), case.expect["charge"]]
    assert sum(lines) == case.expect["net"]


@rule("proration.second_upgrade_same_period")
def each_upgrade_begins_a_period(case: Case) -> None:
    """The credit is a share of all that was recorded for the plan, not of what was paid after the last credit.

    The instants follow from the amounts, which are exact, where the printed shares are not.
    """
    given, month = case.given, 30 * 24 * 3600
    amount, moment = given["first_plan"], instant("2024-01-01")
    books = Books(Agreement((Cycle(moment, Anchor.at(moment), Interval.DAY, 30),)))
    books.change("plan", moment, flat(amount))
    for upgrade, charge in (("upgrade1", "charge1"), ("upgrade2", "charge2")):
        following = given[upgrade]["to"]
        unused = Fraction(following - case.expect[charge], amount)
        moment += timedelta(seconds=round((1 - unused) * month))
        cycle = Cycle(moment, Anchor.at(moment), Interval.DAY, 30)
        books.agreement = replace(books.agreement, cycles=(*books.agreement.cycles, cycle))

        lines = books.change("plan", moment, flat(following))

        assert sum(nets(lines)) == case.expect[charge]
        assert abs(unused - Fraction(given[upgrade]["unused"])) < Fraction(1, 10_000)
        amount = following


# Billing days


@rule(
    "billing_day_change.after_trial",
    "billing_day_change.later",
    "billing_day_change.earlier",
    "billing_day_change.annual",
)
def another_billing_day(case: Case) -> None:
    """The days up to the new billing day are a share of the whole period that ends on it."""
    given = case.given
    since = instant(given.get("billing_starts") or given["paid_to"])
    cycle = on_day_of_month(given["new_bill_cycle_day"], since, Interval(given.get("interval", "month")))
    books = Books(Agreement((cycle,)))

    (stub,) = books.change("plan", since, flat(minor(given["plan"])))
    following = books.run(stub.span.end)

    assert stub.net == usd(minor(case.expect["stub"]))
    assert stub.span == span(*case.expect.get("stub_period", (str(stub.span.start), str(stub.span.end))))
    assert nets(following) == [minor(case.expect.get("next", given["plan"]))]


@rule("billing_day_change.with_upgrade")
def another_billing_day_and_plan(case: Case) -> None:
    given = case.given
    start, change = instant(given["paid"][0]), instant(given["change_on"])
    first, second = on_day_of_month(start.day, start), on_day_of_month(given["pending_bill_cycle_day"], change)
    books = Books(Agreement((first,)))
    books.change("plan", start, flat(minor(given["old"])))
    books.agreement = replace(books.agreement, cycles=(first, second))

    lines = books.change("plan", change, flat(minor(given["new"])))
    following = books.run(lines[-1].span.end)

    assert nets(lines) == [minor(case.expect["repair"]), minor(case.expect["stub"])]
    assert -sum(nets(lines)) == minor(case.expect["credit"])
    assert nets(following) == [minor(case.expect["next_invoice"]["charge"])]
