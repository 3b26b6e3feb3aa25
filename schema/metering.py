"""What was used, and what became of reports of it."""

from __future__ import annotations

import strawberry

from billing import usage
from billing.metering import UsageOutcome
from resolvers import metering as resolve
from schema.base import value, words
from schema.changes import mutation

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


@strawberry.type
class UsageMutation:
    """Reporting what is used."""

    record_usage = mutation(resolve.record_usage, "UsageRecorded")
    void_usage = mutation(resolve.void_usage, "UsageRecorded", refusals=[usage.UsageClosed])
