"""Anchors, calendar months, and the days between."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from billing.agreement import Agreement
from billing.periods import Cycle, anniversary, at, begun, renewal
from billing.proration import Proration, local_days, share
from kernel.time import Anchor, Interval, Period, zone
from tests.billing.golden import Case, rule
from tests.billing.world import Books, flat, instant, minor, span

INTERVALS = {
    "week": (Interval.WEEK, 1),
    "month": (Interval.MONTH, 1),
    "quarter": (Interval.MONTH, 3),
    "year": (Interval.YEAR, 1),
}


def on_day_of_month(day: int, since: datetime, interval: Interval = Interval.MONTH) -> Cycle:
    """Months, or years, that are billed on a day of the month."""
    month = since.month if interval is Interval.YEAR else 1
    return Cycle(since, Anchor(datetime(since.year, month, day)), interval)  # noqa: DTZ001 - wall-clock


@rule("period.anniversary_clamp")
def the_period_around_a_moment(case: Case) -> None:
    """Ours end where the next begins; a peer's end a second before."""
    given = case.given
    cycle = anniversary(instant(given["start"]), *INTERVALS[given["interval"]], given["timezone"])

    period = at([cycle], instant(given["period_containing"])).span

    assert period.start == instant(case.expect["from"])
    if case.expect["to"]:
        assert period.end - timedelta(seconds=1) == instant(case.expect["to"])


@rule("period.bcd31_sequence")
def months_that_end_on_the_last_day(case: Case) -> None:
    start = instant(case.given["from"])
    cycle = on_day_of_month(case.given["bill_cycle_day"], start)
    expected = [span(*ends) for ends in case.expect["periods"]]
    books = Books(Agreement((cycle,)))
    books.change("plan", start, flat(minor(case.given["plan"])))

    books.run(expected[-1].start)

    assert [period.span for period in begun([cycle], expected[-1].start)] == expected
    assert [entry.line.net.minor for entry in books.issued] == [minor(case.expect["amount_each"])] * len(expected)


@rule("period.anchor_31")
def an_anchor_before_the_start(case: Case) -> None:
    cycle = Cycle(instant(case.given["start"]), Anchor.at(instant(case.given["anchor"])), Interval.MONTH)
    expected = [span(*ends) for ends in case.expect["periods"]]

    assert [period.span for period in begun([cycle], expected[-1].start)] == expected


@rule("period.next_anniversary")
def the_next_boundary(case: Case) -> None:
    given = case.given
    anchor = Anchor(datetime.fromisoformat(given["from"]), given["timezone"])

    following = anchor.boundary(1, Interval(given["interval"]), given["count"]).astimezone(zone(given["timezone"]))

    assert following.replace(tzinfo=None).isoformat().startswith(case.expect["next"])


@rule("period.reference_time_in_dst_gap")
def a_time_that_does_not_exist(case: Case) -> None:
    name = case.given["timezone"]
    anchor = Anchor(datetime.fromisoformat(case.given["start_local"].split()[0]), name)

    boundaries = [anchor.boundary(number, Interval.MONTH).astimezone(zone(name)) for number in (1, 2, 3)]

    assert [str(boundary.date()) for boundary in boundaries] == case.expect["charged_through"]
    assert {boundary.time() for boundary in boundaries} == {anchor.local.time()}


@rule("period.local_days")
def days_on_a_local_calendar(case: Case) -> None:
    days = local_days(span(case.given["from"], case.given["to"]), case.given["timezone"])

    assert days == case.expect["local_days"]


@rule("proration.factor.leap_february")
def a_share_of_a_leap_february(case: Case) -> None:
    part = span(case.given["from"], case.given["to"])
    whole = at([on_day_of_month(case.given["bill_cycle_day"], part.start)], part.start).whole

    assert share([part], whole, Proration.SECOND, "UTC") == Fraction(case.expect["factor"])
    assert share([part], whole, Proration.DAY, "UTC") == Fraction(case.expect["factor"])


@rule("proration.factor.annual_across_leap")
def years_of_two_lengths(case: Case) -> None:
    used = span(case.given["start"], case.given["end"])
    cycle = on_day_of_month(case.given["bcd"], used.start, Interval(case.given["interval"]))

    factor = sum(
        share([period.span.overlap(used)], period.whole, Proration.DAY, "UTC") for period in begun([cycle], used.end)
    )

    assert factor == sum(Fraction(part) for part in case.expect["factor"].split("+"))


@rule("proration.fixed_30_day_month")
def months_are_as_long_as_they_are(case: Case) -> None:
    """The peer's months have 30 days. Ours have their own: 23 of 31 days, and 20 of 28."""
    part = span(case.given["from"], case.given["to"])
    whole = Period(part.end.replace(month=part.end.month - 1), part.end)

    ours = share([part], whole, Proration.DAY, "UTC")

    assert ours == Fraction(part.length.days, whole.length.days)
    assert abs(ours - Fraction(case.expect["factor"])) < Fraction(1, 10)


def _versioned(versions: list[dict[str, Any]], start: datetime) -> Books:
    """A version takes effect for those who have the plan at their first renewal from its date on."""
    books = Books(Agreement((anniversary(start, Interval.MONTH),)))
    books.change("plan", start, flat("1"))
    for number, version in enumerate(versions, 2):
        moment = renewal(books.agreement.cycles, instant(version["effective_for_existing"]))
        books.change("plan", moment, flat(number))
    return books


@rule("catalog.versions_effective_for_existing")
def a_new_version_waits_for_renewal(case: Case) -> None:
    books = _versioned([case.given["v2"]], instant(case.given["subscription_start"]))

    paid = {entry.line.period.date(): entry.line.net.minor for entry in books.issued}

    for key, version in case.expect.items():
        assert paid[instant(key.split("_")[1]).date()] == int(version.removeprefix("v"))


@rule("catalog.two_versions_in_one_cycle")
def the_latest_version_counts(case: Case) -> None:
    """Both take effect at the same renewal, where the later of two steps counts."""
    start = instant("2024-01-05")
    versions = [{"effective_for_existing": "2024-01-10"}, {"effective_for_existing": "2024-01-20"}]

    books = _versioned(versions[: case.given["versions"] - 1], start)

    assert books.net == 1 + case.given["versions"]
