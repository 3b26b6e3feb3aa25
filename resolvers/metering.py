"""Reporting usage, and taking reports back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import strawberry
from strawberry import ID
from strawberry.scalars import JSON

from auth.policy import Permission
from billing import usage, usage_reading
from billing.metering import Report
from billing.subscriptions import reason_of
from billing.usage import Batch
from kernel import ids, pages
from kernel.errors import InvalidInput
from kernel.time import Period
from resolvers.info import Info

_LONGEST = timedelta(days=400)


@strawberry.input(description="One use, as your program saw it.")
class UsageEventInput:
    """A reported use."""

    meter: str = strawberry.field(description="What was used, by its meter: `searches`.")
    key: str = strawberry.field(description="Yours for this use, such as a UUID. A retry sends the same key and `at`.")
    at: datetime = strawberry.field(description="When it was used, by your clock.")
    quantity: str | None = strawberry.field(
        description='How much, as an exact decimal in a text: "0.25"; 1 when left out.', default=strawberry.UNSET
    )
    subscription: ID | None = strawberry.field(
        description="Which subscription it counts to, where several count this meter.", default=strawberry.UNSET
    )
    properties: JSON | None = strawberry.field(
        description="Texts, numbers and truths by name, such as the model that was used: up to 2,048 bytes.",
        default=strawberry.UNSET,
    )


async def record_usage(
    info: Info,
    account: Annotated[ID, "Whose use it is: a person's account, or a workspace's."],
    events: Annotated[list[UsageEventInput], "What was used: 1 to 1,000 events."],
    all_or_nothing: Annotated[bool, "Whether one refused event keeps all others from being recorded."] = False,
) -> Batch:
    """Report what was used. Each event is recorded, or told why not; one that is sent again counts once."""
    found = await info.context.permitted(Permission.REPORT_USAGE, "account", account)
    reports = [_report(event) for event in events]
    return await usage.record(info.context.work, found.id, reports, whole=all_or_nothing)


async def void_usage(
    info: Info,
    account: Annotated[ID, "Whose use it was."],
    meter: Annotated[str, "The meter it was reported for."],
    at: Annotated[datetime, "The instant it was reported with."],
    key: Annotated[str, "The key it was reported with."],
    reason: Annotated[str | None, "Why: up to 1,000 characters."] = None,
) -> Batch:
    """Take a reported use back. Nothing is deleted: another record says the opposite, and the next bill counts both."""
    found = await info.context.permitted(Permission.REPORT_USAGE, "account", account)
    info.context.because(reason_of(reason))
    return await usage.void(info.context.work, found.id, meter, at, key)


def _report(event: UsageEventInput) -> Report:
    quantity = 1 if event.quantity in {strawberry.UNSET, None} else event.quantity
    named = event.subscription if event.subscription is not strawberry.UNSET else None
    properties = event.properties if event.properties is not strawberry.UNSET else None
    return Report(
        key=event.key,
        meter=event.meter,
        at=event.at,
        quantity=quantity,
        subscription_id=ids.decode("sub", named) if named else None,
        properties=properties,
    )


@dataclass(frozen=True, slots=True)
class Reports:
    """One page of reports, and where to go on; None after the last one."""

    nodes: list[usage_reading.Reported]
    end_cursor: str | None


async def running(row: Any, info: Info) -> Any:
    """What the metered items of a subscription have reached in the period that runs."""
    return await info.context.used(row.id)


async def days(row: usage_reading.Running, info: Info) -> Any:
    """The same, day by day."""
    return await info.context.used_by_day(row)


async def usage_events(
    info: Info,
    account: Annotated[ID, strawberry.argument(description="Whose.")],
    meter: Annotated[str, strawberry.argument(description="Of which meter, such as `searches`.")],
    since: Annotated[datetime, strawberry.argument(description="From this instant on.")],
    until: Annotated[datetime, strawberry.argument(description="Before this instant; at most 400 days later.")],
    first: Annotated[int, strawberry.argument(description="How many: 1 to 100.")] = pages.USUAL,
    after: Annotated[str | None, strawberry.argument(description="The cursor behind which to go on.")] = None,
) -> Any:
    """What was reported for an account."""
    context = info.context
    found = await context.found("account", account)
    context.actor.require(Permission.SEE_BILLING, found.id)
    if not since <= until <= since + _LONGEST:
        raise InvalidInput("A span runs forward, over at most 400 days.")
    named = f"usage:{found.id}:{meter[:63]}"
    slice_ = pages.wanted(named, first, after, None, None)
    asked = usage_reading.reported(
        context.work, found.id, meter.replace("\x00", ""), Period(since, until), (slice_.size + 1, _place(slice_.place))
    )
    rows = list(await asked)
    more = len(rows) > slice_.size
    rows = rows[: slice_.size]
    return Reports(rows, pages.write(named, (rows[-1].at, rows[-1].key)) if more else None)


def _place(place: tuple[Any, ...] | None) -> tuple[datetime, str] | None:
    match place:
        case None:
            return None
        case (str(at), str(key)) if "\x00" not in key:
            with suppress(ValueError):
                return pages.instant_of(at).astimezone(UTC), key
    raise InvalidInput("That is not a cursor of ours.")
