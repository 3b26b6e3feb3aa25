"""What was used, and what became of reports of it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import strawberry

from billing import usage, usage_reading
from billing.metering import UsageOutcome
from billing.pricing import plain
from resolvers import metering as resolve
from resolvers.graph import Column
from schema.base import Word, value, words
from schema.changes import mutation
from schema.scalars import Long

words(UsageOutcome, "What became of a reported use.")


@value(usage.Result)
class UsageResult:
    """What became of one event of a batch."""

    place: int
    """Its place in the batch, counted from 0."""

    key: str
    """Its key."""

    outcome: UsageOutcome
    """Whether it counts."""

    message: str | None
    """Why it doesn't count, or doesn't count again."""


@value(usage.Batch)
class UsageRecorded:
    """What became of a batch of events."""

    recorded: int
    """How many count."""

    duplicates: int
    """How many were recorded before, and count once."""

    refused: int
    """How many can't count."""

    results: list[UsageResult]
    """What became of each, in the order they were sent."""


def _number(value: Fraction | Decimal) -> str:
    return plain(Fraction(value))


@value(usage_reading.Day)
class UsageDay:
    """What was used on one day."""

    day = Word(Column("day"), "str", resolve=lambda row, _: row.day.isoformat())
    """The day, where the subscription lives: `2026-01-31`."""

    quantity = Word(Column("reading"), "str", resolve=lambda row, _: _number(row.reading.quantity))
    """What its events come to, as an exact decimal."""

    events = Word(Column("reading"), "Long", resolve=lambda row, _: row.reading.events)
    """How many events it has."""


@value(usage_reading.Running)
class MeterUsage:
    """What one meter has counted in the period that runs."""

    meter = Word(Column("price"), "str", resolve=lambda row, _: row.price.meter)
    """What is counted."""

    quantity = Word(Column("reading"), "str", resolve=lambda row, _: _number(row.reading.quantity))
    """What its events come to so far, as an exact decimal."""

    events = Word(Column("reading"), "Long", resolve=lambda row, _: row.reading.events)
    """How many events that are; those that were voided don't count."""

    cost = Word(Column("cost"), "Money", resolve=lambda row, _: row.cost)
    """What it would cost if the period ended now, before discounts and tax."""

    formula = Word(Column("price"), "str", resolve=lambda row, _: row.price.formula(row.reading.quantity))
    """How that is computed, to check by hand."""

    included = Word(Column("included"), "str", resolve=lambda row, _: _number(row.included))
    """How much costs nothing."""

    limit: Long | None
    """The most that the plan allows, if it says so."""

    percent: int | None
    """How much of the limit is used, or else of what is included; null where there is neither."""

    first_at = Word(Column("reading"), "datetime | None", resolve=lambda row, _: row.reading.first)
    """When the first event was."""

    last_at = Word(Column("reading"), "datetime | None", resolve=lambda row, _: row.reading.last)
    """When the last event was."""

    period_start = Word(Column("stretch"), "datetime", resolve=lambda row, _: row.stretch.span.start)
    """From when it is counted."""

    period_end = Word(Column("stretch"), "datetime", resolve=lambda row, _: row.stretch.span.end)
    """Until when; then it is billed."""

    days = Word(Column("days"), "list[UsageDay]", resolve=resolve.days)
    """The same, day by day, up to now."""


@value(usage_reading.Reported)
class UsageEvent:
    """A use as it was reported, or the record that takes one back."""

    meter: str
    """What was used."""

    at: datetime
    """When, by the client's clock."""

    key: str
    """The client's key; the record that voids one has `~` before it."""

    quantity = Word(Column("quantity"), "str", resolve=lambda row, _: _number(row.quantity))
    """How much, as an exact decimal; below zero where it is voided."""

    voids: bool
    """Whether this takes another event back."""

    recorded_at: datetime
    """When we got it."""

    properties = Word(
        Column("properties"),
        "JSON | None",
        resolve=lambda row, _: json.loads(row.properties) if row.properties else None,
    )
    """What else the client said."""


@value(resolve.Reports)
class UsageEvents:
    """One page of events, in order of their instants."""

    nodes = Word(Column("nodes"), "list[UsageEvent]", resolve=lambda row, _: row.nodes)
    """The events."""

    end_cursor: str | None
    """Where to go on; null after the last one."""


@strawberry.type
class UsageMutation:
    """Reporting what is used."""

    record_usage = mutation(resolve.record_usage, "UsageRecorded")
    void_usage = mutation(resolve.void_usage, "UsageRecorded", refusals=[usage.UsageClosed])
