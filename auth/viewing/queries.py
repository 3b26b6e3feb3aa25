"""What we ask about those who look."""

from __future__ import annotations

from sqlmodel import col, select

from auth.queries import there
from auth.viewing.tables import Viewing
from kernel.work import Work


async def viewing_with(work: Work, digest: bytes) -> Viewing | None:
    """The look whose text has this digest."""
    found: Viewing | None = await work.one(select(Viewing).where(col(Viewing.hash) == digest))
    return found


async def viewing(work: Work, account_id: int, viewing_id: int) -> Viewing:
    """A look at an account, locked for its end. Raises NotFound."""
    named = (col(Viewing.account_id) == account_id, col(Viewing.id) == viewing_id)
    found: Viewing | None = await work.one(select(Viewing).where(*named).with_for_update())
    return there(found)


async def belongs(work: Work, account_id: int, person_id: int) -> bool:
    """Whether an account is a person's own, or that of a workspace they are in."""
    return bool(
        await work.fetch(
            "select from account where id = $1 and person_id = $2 union all"
            " select from member where account_id = $1 and person_id = $2 and state = 'active'",
            account_id,
            person_id,
        )
    )
