"""Reading usage: what runs up in the period that runs, what it costs so far, and what was reported.

It is measured and rated as the bill will be, so what is shown is what would be
billed if the period ended now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from billing import fact_queries, metered, queries, usage_queries
from billing.catalog import ListPrice
from billing.facts import Facts, agreement, metered_items
from billing.metered import Stretch
from billing.usage_queries import Reading
from kernel.money import Money
from kernel.time import Anchor, Interval, Period, zone
from kernel.work import Work

MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Running:
    """What a metered item has reached in the period that runs."""

    account_id: int
    subscription_id: int
    time_zone: str
    stretch: Stretch
    reading: Reading
    limit: int | None
    """The most that the plan allows, by an entitlement named like the meter."""

    @property
    def price(self) -> ListPrice:
        """What it is rated by."""
        return self.stretch.item.price

    @property
    def cost(self) -> Money:
        """What it would cost if the period ended now, before discounts and tax."""
        return self.price.amount(self.reading.quantity)

    @property
    def included(self) -> Fraction:
        """How much costs nothing."""
        return included(self.price)

    @property
    def percent(self) -> int | None:
        """How much of the limit, or else of what is included, is used; None where there is neither."""
        most = Fraction(self.limit) if self.limit is not None else self.included
        return int(self.reading.quantity * 100 / most) if most else None


@dataclass(frozen=True, slots=True)
class Day:
    """What was used on a day, where the account lives."""

    day: date
    reading: Reading


@dataclass(frozen=True, slots=True)
class Reported:
    """A report as it was recorded, or the record that takes one back."""

    meter: str
    at: datetime
    key: str
    quantity: Decimal
    voids: bool
    recorded_at: datetime
    properties: str | None
    """As JSON."""


def included(price: ListPrice) -> Fraction:
    """How much of a quantity costs nothing: what the price includes, or the tiers at its bottom that are free."""
    if price.rule.included:
        return price.rule.included
    reach = Fraction(0)
    for tier in price.rule.tiers:
        if tier.unit or tier.flat or tier.up_to is None:
            break
        reach = tier.up_to
    return reach


async def running(work: Work, subscriptions: Sequence[int]) -> list[list[Running]]:
    """What the metered items of each subscription have reached in the period that runs, in a few statements."""
    known = {one.id: one for one in await queries.subscriptions(work, subscriptions)}
    every = await fact_queries.all_facts(work, list(known.values()))
    asked = [
        (facts, stretch)
        for facts in every
        for stretch in metered.running(agreement(facts), metered_items(facts), work.now)
    ]
    told: dict[int, list[Running]] = {number: [] for number in subscriptions}
    for (facts, stretch), reading, limit in zip(asked, *await _read(work, asked), strict=True):
        one = facts.subscription
        told[one.id].append(Running(one.account_id, one.id, facts.cycles[-1].time_zone, stretch, reading, limit))
    return [told[number] for number in subscriptions]


async def _read(work: Work, asked: Sequence[tuple[Facts, Stretch]]) -> tuple[Sequence[Reading], list[int | None]]:
    """What each stretch came to, and how much the plan allows."""
    if not asked:
        return [], []
    meters, prices = await usage_queries.meters(work.fetch), [int(stretch.item.price.key) for _, stretch in asked]
    stretches = [(facts.subscription.account_id, facts.subscription.id, stretch) for facts, stretch in asked]
    found, _ = await usage_queries.readings(work.fetch, stretches, meters)
    limits = await usage_queries.limits(work, prices)
    return found, [limits.get(price) for price in prices]


async def days(work: Work, every: Sequence[Running]) -> list[list[Day]]:
    """The same day by day, up to now, each in the time zone of its subscription, in a few statements."""
    spans = [list(_days(used.stretch.span, used.time_zone, work.now)) for used in every]
    asked = [
        (used.account_id, used.subscription_id, _part(used.stretch, span))
        for used, its in zip(every, spans, strict=True)
        for span in its
    ]
    readings = iter((await usage_queries.readings(work.fetch, asked, await usage_queries.meters(work.fetch)))[0])
    return [
        [Day(span.start.astimezone(zone(used.time_zone)).date(), next(readings)) for span in its]
        for used, its in zip(every, spans, strict=True)
    ]


def _part(stretch: Stretch, span: Period) -> Stretch:
    counted = tuple(part for each in stretch.counted if (part := span.overlap(each)))
    return Stretch(stretch.item, span, counted)


async def reported(
    work: Work, account_id: int, meter: str, span: Period, page: tuple[int, tuple[datetime, str] | None]
) -> Sequence[Reported]:
    """So many reports of a meter in a span, in order of their instants, from a place on."""
    rows = await usage_queries.listed(work, account_id, meter, span, page)
    return [Reported(**row) for row in rows]


def _days(span: Period, time_zone: str, now: datetime) -> Iterator[Period]:
    """The local days that a span has seen so far, the first and the last as far as they lie in it."""
    midnight = span.start.astimezone(zone(time_zone)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    anchor, end = Anchor(midnight, time_zone), min(span.end, now + timedelta(microseconds=1))
    for number in range(MOST_DAYS):
        day = span.overlap(anchor.period(number, Interval.DAY))
        if day.start >= end:
            return
        yield day
