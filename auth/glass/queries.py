"""What we ask about break-glass."""

from __future__ import annotations

from sqlmodel import col, select

from auth.glass.tables import BreakGlass
from auth.policy import Role
from auth.queries import there
from auth.tables import Member, MemberState
from kernel.work import Work


async def mine(work: Work, account_id: int, person_id: int, *, lock: bool = True) -> BreakGlass:
    """The second factor of a person that counts for a workspace, locked for a change. Raises NotFound."""
    return there(await former(work, account_id, person_id, lock=lock))


async def former(work: Work, account_id: int, person_id: int, *, lock: bool = True) -> BreakGlass | None:
    """The same, or None where none counts yet."""
    return await _of(work, account_id, person_id, confirmed=True, lock=lock)


async def unconfirmed(work: Work, account_id: int, person_id: int) -> BreakGlass:
    """The second factor that a person has yet to confirm, locked for that. Raises NotFound."""
    return there(await _of(work, account_id, person_id, confirmed=False, lock=True))


async def enrolled(work: Work, account_id: int) -> list[BreakGlass]:
    """Everybody's of a workspace, locked, the oldest first."""
    asked = select(BreakGlass).where(col(BreakGlass.account_id) == account_id, col(BreakGlass.removed_at).is_(None))
    return list(await work.all(asked.order_by(col(BreakGlass.id)).with_for_update()))


async def owners(work: Work, account_id: int) -> frozenset[int]:
    """The people who own a workspace."""
    active = (col(Member.account_id) == account_id, col(Member.state) == MemberState.ACTIVE)
    return frozenset(await work.all(select(Member.person_id).where(*active, col(Member.role) == Role.OWNER)))


async def _of(work: Work, account_id: int, person_id: int, *, confirmed: bool, lock: bool) -> BreakGlass | None:
    shown = col(BreakGlass.confirmed_at)
    asked = select(BreakGlass).where(
        col(BreakGlass.account_id) == account_id,
        col(BreakGlass.person_id) == person_id,
        col(BreakGlass.removed_at).is_(None),
        shown.is_not(None) if confirmed else shown.is_(None),
    )
    found: BreakGlass | None = await work.one(asked.with_for_update() if lock else asked)
    return found
