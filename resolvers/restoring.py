"""People whose seats went with a subscription, or because nobody used them, and who sit again."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import ID

from auth.policy import Permission
from kernel import ids
from kernel.errors import NotFound
from resolvers.info import Info
from seats import bringing_back, queries
from seats.bringing_back import Restored


async def preview_restore(
    info: Info,
    sat_in: Annotated[ID, strawberry.argument(description="The pool they sat in.")],
    pool: Annotated[
        ID | None, strawberry.argument(description="The pool that would seat them; left out, one with room for all.")
    ] = None,
) -> Restored:
    """Who would be seated again; nothing changes."""
    context = info.context
    row = await context.found("pool", sat_in)
    context.actor.require(Permission.SEE_SEATS, row.account_id)
    into = None if pool is None else await context.found("pool", pool)
    if into is not None and into.account_id != row.account_id:
        raise NotFound
    await context.work.bind(row.account_id)
    try:
        return await bringing_back.preview(context.work, row.account_id, row.id, into and into.id)
    finally:
        await context.work.unbind()


async def restore_seats(
    info: Info,
    sat_in: Annotated[ID, "The pool they sat in: one whose subscription has ended, or the same pool."],
    pool: Annotated[ID, "The pool that seats them."],
) -> Restored:
    """Seat people again who lost a seat with a subscription in the last 30 days, or in the last 7 for not using it.

    As many get a seat as the pool has room for, whoever sat longest first; none is bought.
    """
    found = await info.context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
    work = info.context.work
    sat = await queries.pool(work, found.account_id, ids.decode("pool", sat_in))
    return await bringing_back.restore(work, found.account_id, sat.id, found.id)
