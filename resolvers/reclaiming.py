"""Seats that nobody uses, and are taken back."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import ID

from auth.policy import Permission
from auth.tables import Workspace
from resolvers.info import Info
from seats import taking_back
from seats.taking_back import ReclaimPreview


async def preview_reclaim(
    info: Info,
    workspace: Annotated[ID, strawberry.argument(description="Whose seats.")],
    after_days: Annotated[
        int | None, strawberry.argument(description="After how many days: 14 to 730; left out, as the workspace says.")
    ] = None,
) -> ReclaimPreview:
    """Whose seats would be taken back because nobody uses them; nothing changes."""
    row = await info.context.found("workspace", workspace)
    info.context.actor.require(Permission.SEE_SEATS, row["id"])
    return await taking_back.preview(info.context.work, row["id"], after_days)


async def change_reclaim(
    info: Info,
    workspace: Annotated[ID, "Which workspace."],
    after_days: Annotated[
        int | None, "After how many days without use: 14 to 730; left out, no seat is taken back any more."
    ] = None,
) -> Workspace:
    """Say after how many days without use seats are taken back, if they are. Holders are told two weeks before."""
    found = await info.context.permitted(Permission.MANAGE_MEMBERS, "workspace", workspace)
    return await taking_back.change_policy(info.context.work, found.id, after_days)
