"""Reporting usage, and taking reports back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import ID
from strawberry.scalars import JSON

from auth.policy import Permission
from billing import usage
from billing.metering import Report
from billing.subscriptions import reason_of
from billing.usage import Batch
from kernel import ids
from resolvers.info import Info


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
