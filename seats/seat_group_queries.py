"""What we ask about seat groups."""

from __future__ import annotations

from sqlmodel import col, select

from kernel.errors import NotFound
from kernel.work import Work
from seats.seating import CONSUMING
from seats.tables import Assignment, GroupAdmin, SeatGroup


async def group(work: Work, account_id: int, group_id: int, *, lock: bool = False) -> SeatGroup:
    """A seat group as it stands now. Raises NotFound."""
    asked = select(SeatGroup).where(col(SeatGroup.account_id) == account_id, col(SeatGroup.id) == group_id)
    asked = asked.with_for_update(key_share=True) if lock else asked
    found: SeatGroup | None = await work.one(asked.execution_options(populate_existing=True))
    if found is None:
        raise NotFound
    return found


async def groups_of(work: Work, account_id: int, pool_id: int) -> list[SeatGroup]:
    """The seat groups of a pool, locked for a change in the order of their numbers."""
    asked = select(SeatGroup).where(
        col(SeatGroup.account_id) == account_id, col(SeatGroup.pool_id) == pool_id, col(SeatGroup.removed_at).is_(None)
    )
    asked = asked.order_by(col(SeatGroup.id)).with_for_update(key_share=True)
    return list(await work.all(asked.execution_options(populate_existing=True)))


async def allocated(work: Work, account_id: int, pool_id: int) -> tuple[int, int]:
    """How many seats the groups of a pool have together, and how many groups there are."""
    rows = await work.fetch(
        "select coalesce(sum(allocation), 0)::bigint as seats, count(*) as groups from seat_group"
        " where account_id = $1 and pool_id = $2 and removed_at is null",
        account_id,
        pool_id,
    )
    return rows[0]["seats"], rows[0]["groups"]


async def count_seats(work: Work, account_id: int, group_id: int, more: int) -> bool:
    """Count more seats of a group as taken, or fewer, unless it has no room for all of them."""
    sql = (
        "update seat_group set assigned = assigned + $3"
        " where account_id = $1 and id = $2 and assigned + $3 <= allocation"
    )
    return await work.execute(sql, account_id, group_id, more) == 1


async def seats_in(work: Work, account_id: int, group_id: int) -> list[Assignment]:
    """The seats of a group that somebody has, locked for a change in the order of their numbers."""
    asked = select(Assignment).where(
        col(Assignment.account_id) == account_id,
        col(Assignment.seat_group_id) == group_id,
        col(Assignment.state).in_(CONSUMING),
    )
    return list(await work.all(asked.order_by(col(Assignment.id)).with_for_update()))


async def admin(work: Work, account_id: int, admin_id: int) -> GroupAdmin:
    """An admin of a seat group, locked for a change. Raises NotFound."""
    asked = select(GroupAdmin).where(col(GroupAdmin.account_id) == account_id, col(GroupAdmin.id) == admin_id)
    found: GroupAdmin | None = await work.one(asked.with_for_update())
    if found is None:
        raise NotFound
    return found


async def admins(work: Work, account_id: int, group_id: int) -> int:
    """How many admins a seat group has."""
    rows = await work.fetch(
        "select count(*) from group_admin where account_id = $1 and seat_group_id = $2 and dismissed_at is null",
        account_id,
        group_id,
    )
    count: int = rows[0]["count"]
    return count


async def dismiss_all(
    work: Work, account_id: int, *, group_id: int | None = None, member_id: int | None = None
) -> None:
    """Dismiss every admin of a group that is no more, or a member who leaves from all of theirs."""
    await work.execute(
        "update group_admin set dismissed_at = $2 where account_id = $1 and dismissed_at is null"
        " and (seat_group_id = $3 or member_id = $4)",
        account_id,
        work.now,
        group_id,
        member_id,
    )
