"""What we ask about the grants of apps."""

from __future__ import annotations

from sqlmodel import col, select

from auth.apps.tables import AppGrant
from auth.queries import there
from auth.tables import Session
from kernel.work import Work


async def grant(work: Work, digest: bytes, *, lock: bool = False) -> AppGrant | None:
    """The grant with this digest; locked, so that its uses take turns."""
    asked = select(AppGrant).where(col(AppGrant.hash) == digest)
    found: AppGrant | None = await work.one(asked.with_for_update() if lock else asked)
    return found


async def answered(work: Work, digest: bytes) -> bool:
    """Whether what a refresh token gave was used since."""
    asked = "select exists (select from app_grant where parent = $1 and used_at is not null) as used"
    return bool((await work.fetch(asked, digest))[0]["used"])


async def rivaled(work: Work, row: AppGrant) -> bool:
    """Whether another answer to the token that gave this one was used."""
    asked = "select exists (select from app_grant where parent = $1 and hash <> $2 and used_at is not null) as used"
    return row.parent is not None and bool((await work.fetch(asked, row.parent, row.hash))[0]["used"])


async def session(work: Work, session_id: int) -> Session:
    """A session, locked. Raises NotFound."""
    found: Session | None = await work.one(select(Session).where(col(Session.id) == session_id).with_for_update())
    return there(found)


async def epoch(work: Work, person_id: int) -> int:
    """The epoch of a person, which their tokens carry."""
    return int((await work.fetch("select epoch from person where id = $1", person_id))[0]["epoch"])
