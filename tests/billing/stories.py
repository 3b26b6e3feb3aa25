"""Stories that could happen to a subscription, for properties that must hold of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from billing import price_rules
from billing.agreement import Agreement, Item, Pause, Step
from billing.discounts import Discount
from billing.periods import BillingPeriod, Cycle, anniversary, begun, calendar
from billing.pricing import Decrease, Price
from billing.proration import Proration, local_date
from kernel.money import Money
from kernel.time import Interval, zone

CURRENCIES = ("USD", "JPY", "KWD")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "America/St_Johns", "Asia/Kolkata")

# The 31st, a leap day, and the days on which clocks go forward and back, north and south.
DAYS = (
    datetime(2024, 1, 31, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 30, tzinfo=UTC),
    datetime(2024, 3, 10, 6, 59, tzinfo=UTC),
    datetime(2024, 3, 31, 1, tzinfo=UTC),
    datetime(2024, 4, 6, 16, tzinfo=UTC),
    datetime(2024, 10, 26, 22, 15, tzinfo=UTC),
    datetime(2024, 11, 3, 5, 30, tzinfo=UTC),
    datetime(2025, 12, 31, 12, tzinfo=UTC),
)

currencies = st.sampled_from(CURRENCIES)
zones = st.sampled_from(ZONES)
minors = st.integers(0, 500_000)
quantities = st.integers(0, 40)
monies = st.builds(Money, st.integers(-1_000_000, 1_000_000), currencies)
moments = st.builds(
    lambda day, seconds: day + timedelta(seconds=seconds), st.sampled_from(DAYS), st.integers(0, 40 * 24 * 3600)
)
amounts = st.one_of(minors, st.decimals("0", "5000", places=4, allow_nan=False).map(lambda number: f"{number:f}"))


@st.composite
def ladders(draw: st.DrawFn) -> list[dict[str, Any]]:
    ends = sorted(draw(st.sets(st.integers(1, 50), max_size=3)))
    return [
        {"unit": draw(amounts), "flat": draw(st.sampled_from([0, 0, 500])), **({"up_to": end} if end else {})}
        for end in (*ends, None)
    ]


written_rules: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda amount: {"model": "flat", "amount": amount}, amounts),
    st.builds(lambda amount, free: {"model": "per_unit", "amount": amount, "included": free}, amounts, quantities),
    st.builds(lambda tiers: {"model": "graduated", "tiers": tiers}, ladders()),
    st.builds(lambda tiers: {"model": "volume", "tiers": tiers}, ladders()),
    st.builds(lambda amount, size: {"model": "package", "amount": amount, "size": size}, amounts, st.integers(1, 12)),
    st.builds(lambda percent: {"model": "percentage", "percent": percent}, st.integers(0, 300)),
)


def prices(currency: str, prorations: Sequence[Proration], decreases: Sequence[Decrease]) -> st.SearchStrategy[Price]:
    return st.builds(
        lambda rule, proration, decrease: Price(
            f"{rule} {proration} {decrease}", currency, price_rules.read(rule), proration=proration, decrease=decrease
        ),
        written_rules,
        st.sampled_from(prorations),
        st.sampled_from(decreases),
    )


@dataclass(frozen=True)
class Story:
    """A subscription of one item, and its steps in order; the last of all periods is over at `end`."""

    cycle: Cycle
    steps: tuple[Step, ...]

    @property
    def agreement(self) -> Agreement:
        return Agreement((self.cycle,), (Item("item", self.steps),))

    @property
    def periods(self) -> list[BillingPeriod]:
        return list(begun([self.cycle], self.steps[-1].at))

    @property
    def currency(self) -> str:
        assert self.steps[0].price, "a story begins with a price"
        return self.steps[0].price.currency

    @property
    def last(self) -> datetime:
        return self.steps[-1].at


@st.composite
def stories(
    draw: st.DrawFn,
    prorations: Sequence[Proration] = tuple(Proration),
    decreases: Sequence[Decrease] = tuple(Decrease),
    *,
    gaps: bool = True,
    currency: str | None = None,
) -> Story:
    start, zone_name, currency = draw(moments), draw(zones), currency or draw(currencies)
    make = draw(st.sampled_from([anniversary, calendar]))
    cycle = make(start, draw(st.sampled_from([Interval.MONTH, Interval.WEEK])), 1, zone_name)
    pool = draw(st.lists(prices(currency, prorations, decreases), min_size=1, max_size=3))
    offsets = sorted(draw(st.lists(st.integers(0, 70 * 24 * 3600), max_size=6)))
    choices = st.sampled_from([*pool, None] if gaps else pool)
    steps = [Step(start, pool[0], draw(quantities))]
    steps += [Step(start + timedelta(seconds=offset), draw(choices), draw(quantities)) for offset in offsets]
    return Story(cycle, tuple(steps))


# What a story should cost, computed another way: moment by moment, or day by day


def worth(story: Story) -> Fraction:
    """The exact cost of all its periods, of prices that are prorated to the second."""
    cost = Fraction(0)
    for period in story.periods:
        edges = [period.span.start, *(step.at for step in story.steps if step.at in period.span), period.span.end]
        standing: Step | None = None
        for begin, end in pairwise(edges):
            standing = _standing(story.steps, begin, standing)
            if standing and standing.price:
                seconds = Fraction((end - begin) // timedelta(microseconds=1))
                whole = Fraction(period.whole.length // timedelta(microseconds=1))
                cost += standing.price.cost(standing.quantity) * seconds / whole
    return cost


def _standing(steps: Sequence[Step], moment: datetime, before: Step | None) -> Step | None:
    """The state that is paid for at a moment: seats that were given back are paid until renewal."""
    past = [step for step in steps if step.at <= moment]
    if not past or not past[-1].price:
        return None
    step = past[-1]
    paid = before and before.price == step.price and step.price and step.price.decrease is Decrease.AT_RENEWAL
    return replace(step, quantity=max(step.quantity, before.quantity)) if paid and before else step


def worth_by_day(story: Story) -> Fraction:
    """The same, of prices that are prorated by day: a day goes to the last state that charges in it."""
    cost = Fraction(0)
    for period in story.periods:
        days = _days(period.whole.start, period.whole.end, period.zone)
        standing: Step | None = None
        for day in _days(period.span.start, period.span.end, period.zone):
            standing = _standing_on(story, day, period, standing)
            if standing and standing.price:
                cost += standing.price.cost(standing.quantity) / len(days)
    return cost


def _days(start: datetime, end: datetime, zone_name: str) -> list[date]:
    first, last = local_date(start, zone_name), local_date(end, zone_name)
    return [first + timedelta(days=number) for number in range((last - first).days)]


def _standing_on(story: Story, day: date, period: BillingPeriod, before: Step | None) -> Step | None:
    """The last state of a local day that charges; a step at an instant replaces those before it there."""
    moments = [period.span.start, *(step.at for step in story.steps if step.at in period.span)]
    midnight = datetime.combine(day, time(), zone(period.zone)).astimezone(UTC)
    today = [moment for moment in moments if local_date(moment, period.zone) == day]
    for moment in sorted({*today, midnight} - ({midnight} if midnight < period.span.start else set()), reverse=True):
        if standing := _standing(story.steps, moment, before):
            return standing
    return None


@st.composite
def agreements(draw: st.DrawFn, currency: str | None = None) -> Agreement:
    """Two items of one currency, with trials, pauses, ends, discounts and another cycle, as they may come."""
    story = draw(stories(currency=currency))
    start, currency = story.cycle.since, story.currency
    sometime = st.integers(0, 70 * 24 * 3600).map(lambda seconds: start + timedelta(seconds=seconds))
    other = prices(currency, tuple(Proration), tuple(Decrease)).map(
        lambda price: replace(price, key=f"other {price.key}")
    )
    steps = st.builds(Step, sometime, st.one_of(st.none(), other), quantities)
    pauses = st.builds(lambda moment, end: Pause(min(moment, end or moment), end), sometime, st.none() | sometime)
    intervals = st.sampled_from([Interval.MONTH, Interval.YEAR, Interval.DAY])
    cycles = st.builds(anniversary, sometime, intervals, st.just(1), st.just(story.cycle.anchor.zone))
    return Agreement(
        (story.cycle, *draw(st.lists(cycles, max_size=1))),
        (Item("item", story.steps), Item("other", tuple(draw(st.lists(steps, max_size=4))))),
        trial_until=draw(st.none() | sometime),
        pauses=tuple(draw(st.lists(pauses, max_size=2))),
        ended_at=draw(st.none() | sometime),
        discounts=tuple(draw(_discounts(f"discount {number}", currency, start)) for number in range(draw(_few))),
    )


_few = st.integers(0, 3)


def _discounts(key: str, currency: str, start: datetime) -> st.SearchStrategy[Discount]:
    since = st.integers(0, 30 * 24 * 3600).map(lambda seconds: start + timedelta(seconds=seconds))
    periods = st.sampled_from([None, 1, 2])
    percentages = st.builds(
        lambda since, percent, periods: Discount(key, since, Fraction(percent), periods=periods),
        st.just(start) | since,
        st.integers(1, 100),
        periods,
    )
    fixed = st.builds(
        lambda since, minor, periods: Discount(key, since, fixed=Money(minor, currency), periods=periods),
        st.just(start) | since,
        st.integers(1, 30_000),
        periods,
    )
    return percentages | fixed
