"""Which seats go when a pool becomes smaller than what is taken of it."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import ID

from auth.policy import Permission
from auth.tables import Workspace
from resolvers.info import Info
from seats import releasing
from seats.releasing import ReleasePreview
from seats.shrinking import DecreasePolicy
from seats.tables import Assignment


async def preview_release(
    info: Info,
    pool: Annotated[ID, strawberry.argument(description="Which pool.")],
    seats: Annotated[
        int | None,
        strawberry.argument(description="How many seats it shall have; left out, what waits, or what it has."),
    ] = None,
) -> ReleasePreview:
    """Which seats would go if a pool had so many now; nothing changes."""
    row = await info.context.found("pool", pool)
    info.context.actor.require(Permission.SEE_COUNTS, row.account_id)
    names, work = info.context.actor.may(Permission.SEE_SEATS, row.account_id), info.context.work
    # Whoever sees how full a pool is may know how many would go, and who that is only if they see people.
    await work.bind(row.account_id)
    try:
        return await releasing.preview(work, row.account_id, row.id, seats, names=names)
    finally:
        await work.unbind()


async def change_decrease(
    info: Info,
    workspace: Annotated[ID, "Which workspace."],
    decrease: Annotated[DecreasePolicy, "What becomes of taken seats when a pool is to have fewer."],
) -> Workspace:
    """Say what becomes of taken seats when a pool is to have fewer than are taken."""
    found = await info.context.permitted(Permission.BUY, "workspace", workspace)
    return await releasing.change_policy(info.context.work, found.id, decrease)


async def protect_seat(
    info: Info,
    seat: Annotated[ID, "Which seat."],
    protected: Annotated[bool, "Whether it is kept; false lets it go as others do."] = True,
) -> Assignment:
    """Keep a seat from being released by itself, whatever the workspace says about seats that are too many."""
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "seat", seat)
    return await releasing.protect(info.context.work, found.account_id, found.id, protected=protected)
