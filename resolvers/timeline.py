"""Timelines: where a member sat, and what it has cost."""

from __future__ import annotations

from typing import Annotated

from strawberry import ID, argument

from resolvers.info import Info
from seats import timeline
from seats.timeline import Stay


async def seat_timeline(info: Info, member: Annotated[ID, argument(description="Who: a membership.")]) -> list[Stay]:
    """Where a member sat, the latest stay first, and what each has cost: up to 100 stays."""
    row = await info.context.found("member", member)
    return await timeline.of_person(info.context.work, row["account_id"], row["person_id"])
